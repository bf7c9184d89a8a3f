"""English numbers, dates, money, units and abbreviations are written out as they are said."""

import datetime
import random
import re
import time
from pathlib import Path

import pytest
from num2words import num2words

from tests.english_cases import AMERICAN, BRITISH
from vits.text.spoken import spoken as spoken_in
from vits.text.spoken.english import spoken
from vits.text.spoken.english_numbers import ONES, SCALES, TENS, cardinal, digits, ordinal, year

SENTENCES = Path(__file__).parent.parent / "data/ljspeech-mini/metadata.csv"
MONTHS = (
    "January February March April May June July August September October November December"
).split()
ENGLISHES = ("en-us", "en-gb")


def cases_of(table):
    return [(text, text if said is None else said) for of in table.values() for text, said in of]


ALL_CASES = [*cases_of(AMERICAN), *cases_of(BRITISH)]


def some_numbers(n: int) -> list[int]:
    """Every number of up to four digits that has its own form, and n longer ones of all lengths."""
    draw = random.Random(1)
    return [*range(2200), *(draw.randrange(10 ** draw.randint(4, 16)) for _ in range(n))]


@pytest.mark.parametrize("text, said", cases_of(AMERICAN))
def test_an_american_reads(text, said):
    assert spoken(text, "en-us") == said


@pytest.mark.parametrize("text, said", cases_of(BRITISH))
def test_a_briton_reads(text, said):
    assert spoken(text, "en-gb") == said


def test_the_tables_are_long_and_say_nothing_twice():
    for table, least in ((AMERICAN, 500), (BRITISH, 45)):
        texts = [text for text, _ in cases_of(table)]
        assert len(texts) >= least and len(set(texts)) == len(texts)


def test_the_language_chooses_these_rules():
    assert spoken_in("It has 105 rooms.", "en-us") == "It has one hundred five rooms."
    assert spoken_in("It has 105 rooms.", "en-gb-x-rp") == "It has one hundred and five rooms."


def test_reading_twice_changes_nothing_and_leaves_no_digit():
    for text, _ in ALL_CASES:
        for language in ENGLISHES:
            once = spoken(text, language)
            assert spoken(once, language) == once and not re.search(r"\d", once)


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
    for number in some_numbers(3000):
        for british in (False, True):
            assert number_of(cardinal(number, british)) == number
    assert len({ordinal(n) for n in range(3000)}) == 3000
    assert len({year(n) for n in range(1000, 3000)}) == 2000


def test_numbers_are_those_of_num2words():
    for number in some_numbers(500):
        for to, ours in (("cardinal", cardinal), ("ordinal", ordinal)):
            theirs = num2words(number, lang="en", to=to).replace(",", "")  # British
            assert ours(number, british=True) == theirs
            assert ours(number) == theirs.replace(" and ", " ")


def test_a_number_is_said_in_a_sentence_as_alone_with_and_without_commas():
    for number in some_numbers(500):
        assert spoken(f"Exactly {number:,} came.") == f"Exactly {cardinal(number)} came."
        if number < 10**15:
            assert spoken(f"Exactly {number} came.") == f"Exactly {cardinal(number)} came."


@pytest.mark.parametrize("written", [1878, 1900, 1999, 2000, 2004, 2024])
def test_every_way_to_write_a_date_is_said_as_its_country_says_it(written):
    day = datetime.date(written, 1, 1)
    for _ in range(12):
        d, m, name = day.day, day.month, MONTHS[day.month - 1]
        said = f"On {name} {ordinal(d)}, {year(written)} it rained."
        ways = [f"{name} {d}, {written}", f"{name[:3]} {d}, {written}", f"{m}/{d}/{written}"]
        ways += [day.isoformat(), f"{m:02}/{d:02}/{written}", f"{written}/{m:02}/{d:02}"]
        for way in ways:
            assert spoken(f"On {way} it rained.", "en-us") == said, way
        said = f"On the {ordinal(d)} of {name} {year(written, british=True)} it rained."
        ways = [f"{d} {name} {written}", f"the {d}{ending(d)} of {name} {written}"]
        ways += [f"{d}/{m}/{written}", f"{d:02}.{m:02}.{written}", f"{d} {name[:3]} {written}"]
        for way in [*ways, day.isoformat()]:
            assert spoken(f"On {way} it rained.", "en-gb") == said, way
        day += datetime.timedelta(days=31)


def ending(number: int) -> str:
    last = 0 if 10 < number < 20 else number % 10
    return {1: "st", 2: "nd", 3: "rd"}.get(last, "th")


def test_every_minute_of_the_day_is_said_in_hours_and_minutes():
    for minute in range(24 * 60):
        hour, minute = divmod(minute, 60)
        twelve = hour % 12 or 12
        half = "a-m" if hour < 12 else "p m"
        past = f" {cardinal(minute)}" if minute > 9 else f" oh {cardinal(minute)}"
        said = f"Come at {cardinal(twelve)}{past if minute else ''} {half} today."
        for way in (f"{half[0]}.m.", f"{half[0]}m", f"{half[0].upper()}M"):
            assert spoken(f"Come at {twelve}:{minute:02} {way} today.") == said
        if minute:
            assert spoken(f"At {hour}:{minute:02} it is.") == f"At {cardinal(hour)}{past} it is."


def test_every_amount_of_money_is_said_in_dollars_and_cents():
    for coins in range(0, 12000, 7):
        whole, cents = divmod(coins, 100)
        parts = []
        if whole or not cents:
            parts.append(f"{cardinal(whole)} dollar{'' if whole == 1 else 's'}")
        if cents:
            parts.append(f"{cardinal(cents)} cent{'' if cents == 1 else 's'}")
        assert spoken(f"It costs ${whole}.{cents:02}.") == f"It costs {' and '.join(parts)}."


def test_every_number_of_a_telephone_is_said():
    draw = random.Random(3)
    for _ in range(300):
        area, office, line = draw.randint(201, 799), draw.randint(200, 799), draw.randrange(10**4)
        said = f"Call {', '.join(map(digits, (str(area), str(office), f'{line:04}')))} now."
        for way in (f"({area}) {office}-{line:04}", f"{area}-{office}-{line:04}"):
            assert spoken(f"Call {way} now.") == said


def test_no_digit_is_left_whatever_is_written_and_a_second_time_changes_nothing():
    draw = random.Random(2)
    parts = """12 3.5 1,000 0 007 1999 ½ ² ₂ $ £ % ‰ - – / : _ km th 's s . A a ° , ( + = × ± ~ #
        No. x St. Dr. m ' " IV p.m. am Jan. March _20_ 31 12/25 ^ sq_ft @ .com & _of_ _to_ bn ¢ p B2
        CO v. vs. US$ in. lb. -10 > ! AD a.m. U.S. 2020 w/ c. 10⁶ N 5 Mon _won_ ５""".split()
    for _ in range(1000):
        chosen = [part.replace("_", " ") for part in draw.choices(parts, k=draw.randrange(1, 8))]
        for text in ("".join(chosen), " ".join(chosen)):
            for language in ENGLISHES:
                said = spoken(text, language)
                assert not re.search(r"[\d½²₂⁶]", said), text
                assert spoken(said, language) == said, text


def test_a_number_without_a_name_is_said_digit_by_digit_wherever_it_stands():
    for n_digits in (19, 40, 5000):
        said = " ".join(["one"] * n_digits)
        for around in ("It is {} now.", "${}", "{}%", "{} km", "See p. {}."):
            assert said in spoken(around.format("1" * n_digits)), around
    assert spoken("A" + "1" * 19 + "th") == f"A {' '.join(['one'] * 19)} th"


def test_a_sentence_takes_microseconds():
    start = time.process_time()
    for _ in range(2000):
        spoken("This is an ordinary sentence without anything to write out, as most are.", "en-us")
    plain = time.process_time() - start
    for _ in range(500):
        spoken("It cost $12.50 on March 3, 1878 at 5 p.m., about 50% of it.", "en-us")
    # A quiet machine says 110,000 and 6,000 a second; a busy one may take ten times as long.
    assert plain < 0.3 and time.process_time() - start - plain < 1


def test_the_time_for_a_long_text_grows_with_its_length_alone():
    chapter = " ".join(text for text, _ in ALL_CASES if "\n" not in text) * 8
    start = time.process_time()
    spoken(chapter)
    assert len(chapter) > 90_000 and time.process_time() - start < 9  # 0.9 on a quiet machine
