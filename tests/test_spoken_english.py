"""English numbers, dates, money, units and abbreviations are written out as they are said."""

import random
import re
import time
from pathlib import Path

import pytest

from tests.english_cases import BRITISH, CASES
from vits.text.spoken import spoken
from vits.text.spoken.english_numbers import ONES, SCALES, TENS, cardinal, ordinal, year

SENTENCES = Path(__file__).parent.parent / "data/ljspeech-mini/metadata.csv"


@pytest.mark.parametrize("text, expected", CASES)
def test_an_american_reads(text, expected):
    assert spoken(text, "en-us") == (text if expected is None else expected)


@pytest.mark.parametrize("text, expected", BRITISH)
def test_a_briton_reads(text, expected):
    assert spoken(text, "en-gb") == expected


def test_there_are_over_a_hundred_cases_and_reading_twice_changes_nothing():
    assert len(CASES) + len(BRITISH) > 130
    for text, _ in (*CASES, *BRITISH):
        for language in ("en-us", "en-gb"):
            once = spoken(text, language)
            assert spoken(once, language) == once and not re.search("[0-9]", once)


def test_normalised_texts_come_back_as_they_are():
    texts = [line.split("|")[-1] for line in SENTENCES.read_text("utf-8").splitlines()]
    changed = [t for t in texts if spoken(t, "en-us") != t]
    assert len(texts) == 49 and len(changed) == 2
    assert "i.e." in changed[0] and "etc." in changed[1]


def number_of(words: str) -> int:
    """The whole number that English words say, read the other way round."""
    values = {w: i for i, w in enumerate(ONES)} | {w: 10 * i for i, w in enumerate(TENS) if i > 1}
    total = group = 0
    for word in words.replace("-", " ").split():
        if word in values:
            group += values[word]
        elif word == "hundred":
            group *= 100
        elif word != "and":
            total, group = total + group * 1000 ** SCALES.index(word), 0
    return total + group


def test_every_number_says_its_value():
    draw = random.Random(1)
    numbers = [*range(2200), *(draw.randrange(10 ** draw.randrange(4, 18)) for _ in range(3000))]
    for number in numbers:
        for british in (False, True):
            assert number_of(cardinal(number, british)) == number
    assert len({ordinal(n) for n in range(3000)}) == 3000
    assert len({year(n) for n in range(1000, 3000)}) == 2000


def test_no_digit_is_left_in_whatever_is_written():
    draw = random.Random(2)
    parts = [
        "12",
        "3.5",
        "1,000",
        "$",
        "%",
        "-",
        "/",
        ":",
        " ",
        "km",
        "th",
        "1999",
        ".",
        "£",
        "A",
        "°",
        "'s",
    ]
    for _ in range(3000):
        text = "".join(draw.choices(parts, k=draw.randrange(1, 9)))
        for language in ("en-us", "en-gb"):
            assert not re.search("[0-9]", spoken(text, language)), text


def test_a_sentence_takes_microseconds():
    start = time.process_time()
    for _ in range(2000):
        spoken("This is an ordinary sentence without anything to write out, as most are.", "en-us")
    plain = time.process_time() - start
    for _ in range(500):
        spoken("It cost $12.50 on March 3, 1878 at 5 p.m., about 50% of it.", "en-us")
    assert plain < 1 and time.process_time() - start - plain < 1.7  # a tenth of a quiet machine's
