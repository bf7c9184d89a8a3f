"""Bulgarian numbers, dates, money, units and abbreviations are written out as they are said."""

import random
import re
import time

import pytest

from tests.bulgarian_cases import CASES
from vits.text.spoken import spoken
from vits.text.spoken.bulgarian_numbers import cardinal, ordinal

GENDERS = ("masculine", "feminine", "neuter")
VALUES = {
    "нула": 0,
    "един": 1,
    "една": 1,
    "едно": 1,
    "два": 2,
    "две": 2,
    "три": 3,
    "четири": 4,
    "пет": 5,
    "шест": 6,
    "седем": 7,
    "осем": 8,
    "девет": 9,
    "десет": 10,
    "единадесет": 11,
    "дванадесет": 12,
    "двеста": 200,
    "триста": 300,
    "сто": 100,
}
VALUES |= {f"{word}надесет": 10 + value for word, value in [*VALUES.items()] if 3 <= value <= 9}
VALUES |= {f"{word}десет": 10 * value for word, value in [*VALUES.items()] if 2 <= value <= 9}
VALUES |= {f"{word}стотин": 100 * value for word, value in [*VALUES.items()] if 4 <= value <= 9}
SCALES = {"хиляд": 10**3, "милион": 10**6, "милиард": 10**9, "трилион": 10**12}


def number_of(words: str) -> int:
    """The whole number that Bulgarian words say, read the other way round."""
    total = group = 0
    for word in words.split():
        scale = next((value for stem, value in SCALES.items() if word.startswith(stem)), None)
        if scale:
            total, group = total + (group or 1) * scale, 0
        elif word != "и":
            group += VALUES[word]
    return total + group


@pytest.mark.parametrize("text, expected", CASES)
def test_a_bulgarian_reads(text, expected):
    assert spoken(text, "bg") == (text if expected is None else expected)


def test_there_are_over_a_hundred_cases_and_reading_twice_changes_nothing():
    assert len(CASES) > 120
    for text, _ in CASES:
        once = spoken(text, "bg")
        assert spoken(once, "bg") == once and not re.search("[0-9]", once)


def test_every_number_says_its_value_in_every_gender():
    draw = random.Random(1)
    numbers = [*range(2200), *(draw.randrange(10 ** draw.randrange(4, 15)) for _ in range(3000))]
    for number in numbers:
        for gender in GENDERS:
            assert number_of(cardinal(number, gender)) == number, (number, gender)


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
    ],
)
def test_one_and_two_agree_with_their_noun(number, masculine, feminine, neuter):
    assert [cardinal(number, gender) for gender in GENDERS] == [masculine, feminine, neuter]


@pytest.mark.parametrize(
    "number, masculine, feminine, neuter",
    [
        (1, "първи", "първа", "първо"),
        (3, "трети", "трета", "трето"),
        (6, "шести", "шеста", "шесто"),
        (7, "седми", "седма", "седмо"),
        (8, "осми", "осма", "осмо"),
        (10, "десети", "десета", "десето"),
        (11, "единадесети", "единадесета", "единадесето"),
        (20, "двадесети", "двадесета", "двадесето"),
        (45, "четиридесет и пети", "четиридесет и пета", "четиридесет и пето"),
        (100, "стотен", "стотна", "стотно"),
        (1000, "хиляден", "хилядна", "хилядно"),
        (1878, *(f"хиляда осемстотин седемдесет и осм{e}" for e in "иао")),
    ],
)
def test_ordinals_agree_with_their_noun(number, masculine, feminine, neuter):
    assert [ordinal(number, gender) for gender in GENDERS] == [masculine, feminine, neuter]


def test_numbers_read_apart_are_read_otherwise():
    assert len({cardinal(n) for n in range(5000)}) == 5000
    assert len({ordinal(n) for n in range(1, 5000)}) == 4999


def test_no_digit_is_left_in_whatever_is_written():
    draw = random.Random(2)
    parts = [
        "12",
        "3,5",
        "1 000",
        "лв.",
        "%",
        "-",
        "/",
        ":",
        " ",
        "км",
        "-ти",
        "1999",
        ".",
        " г.",
        "А",
        "°",
    ]
    for _ in range(3000):
        text = "".join(draw.choices(parts, k=draw.randrange(1, 9)))
        assert not re.search("[0-9]", spoken(text, "bg")), text


def test_a_sentence_takes_microseconds():
    start = time.process_time()
    for _ in range(2000):
        spoken("Това е обикновено изречение без числа в него, каквито са повечето.", "bg")
    plain = time.process_time() - start
    for _ in range(500):
        spoken("Това струва 5 лв. и 30 ст. на 3 март 1878 г.", "bg")
    assert plain < 1 and time.process_time() - start - plain < 1  # a tenth of a quiet machine's
