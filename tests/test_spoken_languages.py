"""Other languages' numbers are written out by num2words, and what it cannot do stays."""

import pytest

from vits.config import TextConfig
from vits.text import build_front_end
from vits.text.spoken import spoken
from vits.text.spoken.languages import known_languages


@pytest.mark.parametrize(
    "language, text, expected",
    [
        ("ru", "Нажмите 1 или 22.", "Нажмите один или двадцать два."),
        ("ru", "Скорость 28,8 килобит.", "Скорость двадцать восемь целых восемь десятых килобит."),
        ("ru", "Это 1 %, 3% и 5 %.", "Это один процент, три процента и пять процентов."),
        (
            "ru",
            "В 1999 году, до 2004 года.",
            "В тысяча девятьсот девяносто девятом году, до две тысячи четвёртого года.",
        ),
        ("ru", "Мороз -5 и дом-3.", "Мороз минус пять и дом-три."),
        ("de", "Ich habe 21 Bücher.", "Ich habe einundzwanzig Bücher."),
        ("de", "Es sind 3,5 %.", "Es sind drei Komma fünf Prozent."),
        ("fr-fr", "Il a 80 ans.", "Il a quatre-vingts ans."),
        ("es", "Tiene 16 años.", "Tiene dieciséis años."),
        ("pl", "Mam 2 koty.", "Mam dwa koty."),
        ("de", "Am 3.4.2020 war es 007.", "Am 3.4.2020 war es null null sieben."),
        ("ru", "Без чисел.", "Без чисел."),
        ("la", "Anno 44.", "Anno 44."),  # num2words does not know it
    ],
)
def test_numbers_are_written_out_where_the_language_is_known(language, text, expected):
    assert spoken(text, language) == expected


def test_every_known_language_says_numbers_without_a_digit():
    for language in known_languages():
        said = spoken("12", language)
        assert said and not any(c in "0123456789" for c in said), (language, said)


def test_a_front_end_writes_out_in_the_texts_own_language():
    config = TextConfig("characters", "en-us", "from_data", True, expand=True)
    read = build_front_end(config)
    assert "".join(read("5 cats")) == "five cats"
    assert "".join(read("5 лева", "bg")) == "пет лева"
    plain = build_front_end(TextConfig("characters", "en-us", "from_data", True))
    assert "".join(plain("5 cats")) == "5 cats"
