"""Bulgarian numbers, dates, money, units and abbreviations are written out as they are said."""

import datetime
import random
import re
import time

import pytest

from tests.bulgarian_cases import CASES
from vits.text.spoken import spoken as spoken_in
from vits.text.spoken.bulgarian import cardinal, ordinal, spoken
from vits.text.spoken.bulgarian_numbers import N_MAX_DIGITS, definite_cardinal

GENDERS = ("masculine", "feminine", "neuter")
SENTENCES = [
    (text, text if said is None else said) for cases in CASES.values() for text, said in cases
]
MONTHS = "януари февруари март април май юни юли август септември октомври ноември декември".split()
ROMAN = "0 I II III IV V VI VII VIII IX X XI XII".split()

VALUES = {"нула": 0, "един": 1, "една": 1, "едно": 1, "два": 2, "две": 2, "три": 3, "четири": 4}
VALUES |= {"пет": 5, "шест": 6, "седем": 7, "осем": 8, "девет": 9, "десет": 10}
VALUES |= {"единадесет": 11, "дванадесет": 12, "сто": 100, "двеста": 200, "триста": 300}
VALUES |= {f"{word}надесет": 10 + value for word, value in [*VALUES.items()] if 3 <= value <= 9}
VALUES |= {f"{word}десет": 10 * value for word, value in [*VALUES.items()] if 2 <= value <= 9}
VALUES |= {f"{word}стотин": 100 * value for word, value in [*VALUES.items()] if 4 <= value <= 9}
SCALES = {"хиляда": 10**3, "хиляди": 10**3}
SCALES |= {"милион": 10**6, "милиард": 10**9, "трилион": 10**12, "квадрилион": 10**15}
SCALES |= {f"{word}а": value for word, value in [*SCALES.items()] if value > 1000}


def number_of(words: str) -> int:
    """The whole number that Bulgarian words say, read the other way round.

    Fails where "и" is missing or too many: it stands before the last word of a group of several,
    and before the last group where that is one word.
    """
    groups: list[tuple[list[str], int]] = []
    group: list[str] = []
    for word in words.split():
        if word in SCALES:
            groups.append((group, SCALES[word]))
            group = []
        else:
            group.append(word)
    groups += [(group, 1)] if group else []
    total = 0
    for position, (group, scale) in enumerate(groups):
        linked = group[:1] == ["и"]
        values = [VALUES[word] for word in group if word != "и"]
        is_last_of_several = position > 0 and position == len(groups) - 1
        assert linked == (is_last_of_several and len(values) <= 1), words
        if len(values) > 1:
            assert group[-2] == "и" and group.count("и") == 1, words
        assert values == sorted(values, reverse=True), words
        total += (sum(values) if values else 1) * scale
    return total


def numbers(n: int) -> list[int]:
    """Every number of up to four digits that has its own form, and n longer ones of all lengths."""
    draw = random.Random(1)
    return [*range(2200), *(draw.randrange(10 ** draw.randint(4, 16)) for _ in range(n))]


@pytest.mark.parametrize("text, said", SENTENCES)
def test_a_bulgarian_reads(text, said):
    assert spoken(text) == said


def test_the_table_is_long_and_says_nothing_twice():
    texts = [text for text, _ in SENTENCES]
    assert len(texts) >= 450 and len(set(texts)) == len(texts)


def test_what_is_written_out_stays_as_it_is():
    for _, said in SENTENCES:
        assert spoken(said) == said and not re.search(r"\d", said)


def test_the_language_chooses_these_rules():
    assert spoken_in("Имам 2 лв.", "bg") == "Имам два лева."


def test_every_number_says_its_value_in_every_gender():
    for number in numbers(3000):
        for gender in GENDERS:
            assert number_of(cardinal(number, gender)) == number, (number, gender)


def test_a_number_is_said_in_a_sentence_as_alone_with_and_without_spaces():
    for number in numbers(500):
        assert spoken(f"Броят е {number:,}.".replace(",", " ")) == f"Броят е {cardinal(number)}."
        if number < 10**12:
            assert spoken(f"Броят е {number}.") == f"Броят е {cardinal(number)}."


def test_different_numbers_are_said_differently():
    assert len({cardinal(number) for number in range(5000)}) == 5000
    for gender in GENDERS:
        assert len({ordinal(number, gender) for number in range(1, 5000)}) == 4999


def test_an_ordinal_changes_the_last_word_of_a_cardinal_alone():
    for number in range(1, 2000):
        front, _, last = cardinal(number).rpartition(" ")
        said_front, _, said_last = ordinal(number).rpartition(" ")
        assert said_front == front and said_last.endswith(("и", "ен"))
        assert said_last != last


@pytest.mark.parametrize(
    "number, masculine, feminine, neuter",
    [
        (1, "един", "една", "едно"),
        (2, "два", "две", "две"),
        (12, "дванадесет", "дванадесет", "дванадесет"),
        (21, "двадесет и един", "двадесет и една", "двадесет и едно"),
        (102, "сто и два", "сто и две", "сто и две"),
        (1000, "хиляда", "хиляда", "хиляда"),
        (2001, "две хиляди и един", "две хиляди и една", "две хиляди и едно"),
        (-1, "минус един", "минус една", "минус едно"),
    ],
)
def test_one_and_two_agree_with_their_noun(number, masculine, feminine, neuter):
    assert [cardinal(number, gender) for gender in GENDERS] == [masculine, feminine, neuter]


def test_men_and_people_have_numbers_of_their_own():
    assert [cardinal(n, "men") for n in (1, 2, 3, 4, 5, 6, 7)] == (
        "един двама трима четирима петима шестима седем".split()
    )
    assert [cardinal(n, "people") for n in (2, 5, 32)] == ["двама", "пет", "тридесет и двама"]


@pytest.mark.parametrize(
    "number, masculine, feminine, neuter",
    [
        (0, "нулев", "нулева", "нулево"),
        (1, "първи", "първа", "първо"),
        (2, "втори", "втора", "второ"),
        (3, "трети", "трета", "трето"),
        (4, "четвърти", "четвърта", "четвърто"),
        (6, "шести", "шеста", "шесто"),
        (7, "седми", "седма", "седмо"),
        (8, "осми", "осма", "осмо"),
        (10, "десети", "десета", "десето"),
        (11, "единадесети", "единадесета", "единадесето"),
        (20, "двадесети", "двадесета", "двадесето"),
        (45, "четиридесет и пети", "четиридесет и пета", "четиридесет и пето"),
        (100, "стотен", "стотна", "стотно"),
        (500, "петстотен", "петстотна", "петстотно"),
        (1000, "хиляден", "хилядна", "хилядно"),
        (2000, "двехиляден", "двехилядна", "двехилядно"),
        (10**6, "милионен", "милионна", "милионно"),
        (1878, *(f"хиляда осемстотин седемдесет и осм{ending}" for ending in "иао")),
    ],
)
def test_ordinals_agree_with_their_noun(number, masculine, feminine, neuter):
    assert [ordinal(number, gender) for gender in GENDERS] == [masculine, feminine, neuter]


@pytest.mark.parametrize(
    "number, short, full, feminine, neuter, plural",
    [
        (1, "първия", "първият", "първата", "първото", "първите"),
        (3, "третия", "третият", "третата", "третото", "третите"),
        (21, *(f"двадесет и първ{end}" for end in ("ия", "ият", "ата", "ото", "ите"))),
        (100, "стотния", "стотният", "стотната", "стотното", "стотните"),
    ],
)
def test_definite_ordinals_carry_the_article(number, short, full, feminine, neuter, plural):
    assert ordinal(number, "masculine", "short") == short
    said = [ordinal(number, gender, "full") for gender in (*GENDERS, "plural")]
    assert said == [full, feminine, neuter, plural]


@pytest.mark.parametrize(
    "number, gender, said",
    [
        (1, "masculine", "единия"),
        (1, "feminine", "едната"),
        (21, "neuter", "двадесет и едното"),
        (2, "masculine", "двата"),
        (2, "feminine", "двете"),
        (2, "men", "двамата"),
        (80, "neuter", "осемдесетте"),
        (1000, "neuter", "хилядата"),
    ],
)
def test_definite_cardinals_carry_the_article(number, gender, said):
    assert definite_cardinal(number, gender) == said


def test_a_number_without_a_name_is_an_error_alone_and_digits_in_a_text():
    with pytest.raises(ValueError, match="no name"):
        cardinal(10**N_MAX_DIGITS)
    assert spoken("1" + " 000" * 7) == " ".join(["едно", *["нула"] * 21])


@pytest.mark.parametrize("year", [681, 1878, 1900, 1999, 2000, 2024])
def test_every_way_to_write_a_date_is_said_the_same(year):
    day = datetime.date(year, 1, 1)
    for _ in range(12):
        d, m = day.day, day.month
        ways = [f"{d} {MONTHS[m - 1]} {year} г.", f"{d}-{ending(d)} {MONTHS[m - 1]} {year} г."]
        if year > 1000:
            ways += [f"{d:02}.{m:02}.{year} г.", f"{d}.{m}.{year} г.", f"{d:02}/{m:02}/{year}"]
            ways += [day.isoformat(), f"{d}.{ROMAN[m]}.{year} г."]
        said = f"{ordinal(d)} {MONTHS[m - 1]} {ordinal(year, 'feminine')} година"
        for way in ways:
            assert spoken(f"На {way} валя.") == f"На {said} валя.", way
        day += datetime.timedelta(days=31)


def ending(number: int) -> str:
    """What a Bulgarian writes behind the number of a day: 1-ви, 2-ри, 7-ми."""
    last = 0 if 10 < number < 20 else number % 10
    return {1: "ви", 2: "ри", 7: "ми", 8: "ми"}.get(last, "ти")


def test_every_minute_of_the_day_is_said_in_hours_and_minutes():
    for minute in range(24 * 60):
        hour, minute = divmod(minute, 60)
        hours = f"{cardinal(hour, 'masculine')} {'час' if hour == 1 else 'часа'}"
        minutes = f" и {cardinal(minute, 'feminine')} {'минута' if minute == 1 else 'минути'}"
        said = hours + (minutes if minute else "")
        for way in (f"{hour}:{minute:02} ч.", f"{hour:02}.{minute:02} ч."):
            assert spoken(f"Часът е {way}") == f"Часът е {said}."


def test_every_amount_of_money_is_said_in_leva_and_stotinki():
    for coins in range(0, 12000, 7):
        leva, stotinki = divmod(coins, 100)
        parts = []
        if leva or not stotinki:
            parts.append(f"{cardinal(leva, 'masculine')} {'лев' if leva == 1 else 'лева'}")
        if stotinki:
            noun = "стотинка" if stotinki == 1 else "стотинки"
            parts.append(f"{cardinal(stotinki, 'feminine')} {noun}")
        assert spoken(f"Струва {leva},{stotinki:02} лв.") == f"Струва {' и '.join(parts)}."


def test_no_digit_is_left_whatever_is_written_and_a_second_time_changes_nothing():
    draw = random.Random(2)
    parts = """12 3,5 1_000 0 007 1999 ½ лв. % - – / : _ км -ти . _г. _ч. А ° , ( ) + = № $ € x т.
        с. XIX м. -годишен 20 31.12. ² ^ кв._м @ .bg & _март_ от_ до_ и_ души_ книги_ 5""".split()
    for _ in range(2000):
        chosen = [part.replace("_", " ") for part in draw.choices(parts, k=draw.randrange(1, 9))]
        for text in ("".join(chosen), " ".join(chosen)):
            assert not re.search(r"[\d½]", spoken(text)), text
        assert spoken(said := spoken(text)) == said, text


def test_a_sentence_takes_microseconds():
    plain = "Това е обикновено изречение без числа в него, каквито са повечето."
    start = time.process_time()
    for _ in range(2000):
        spoken(plain)
    without_numbers = time.process_time() - start
    for _ in range(500):
        spoken("Това струва 5 лв. и 30 ст. на 3 март 1878 г.")
    with_numbers = time.process_time() - start - without_numbers
    # A quiet machine says 20,000 and 5,000 a second; a busy one may take ten times as long.
    assert without_numbers < 1 and with_numbers < 1


def test_the_time_for_a_long_text_grows_with_its_length_alone():
    chapter = " ".join(text for text, _ in SENTENCES if "\n" not in text) * 8
    start = time.process_time()
    spoken(chapter)
    assert len(chapter) > 90_000 and time.process_time() - start < 4  # 0.4 on a quiet machine
