"""The numbers that are left, in Bulgarian words: beside nouns, in sums, in codes, alone.

A number agrees with the noun behind it (две книги, два града, двама ученици); before a singular
such as "клас" it is an ordinal. Numbers joined by dots (3.2.1) are read with "точка" between,
numbers that touch letters (А4, Ту-154) or each other (Боинг 737-800) lose the hyphen, and signs
of arithmetic are said between numbers.
"""

import re

from vits.text.spoken.bulgarian_nouns import NUMBERED, gender_after, ordinal_gender_after
from vits.text.spoken.bulgarian_numbers import Gender, digits, ordinal
from vits.text.spoken.bulgarian_reading import (
    DASH,
    INTEGER,
    NUMBER,
    RANGE_MARK,
    SPACE,
    WORD_START,
    number_range,
    number_words,
    range_words,
    text_after,
    text_before,
)

_SUM_SIGN = {
    "+": "плюс",
    "-": "минус",
    "–": "минус",
    "−": "минус",
    "=": "е равно на",
    "±": "плюс минус",
}
_SUM_SIGN |= dict.fromkeys("x×хХ*·", "по") | dict.fromkeys(":÷/", "делено на")
_SUM_SIGN |= {"<": "е по-малко от", ">": "е по-голямо от", "≈": "е приблизително"}
_SUM_SIGN |= {"≤": "е по-малко или равно на", "≥": "е по-голямо или равно на", "≠": "не е равно на"}
_OPERATOR = rf"{SPACE}?[-+–−x×хХ*·:÷/]{SPACE}?"
_COMPARISON = rf"{SPACE}?[=<>≈≤≥≠]{SPACE}?"
_SUM = re.compile(
    rf"{WORD_START}[-−]?{NUMBER}(?:{_OPERATOR}{NUMBER})*{_COMPARISON}[-−]?{NUMBER}(?!\w)"
)
_TIMES = re.compile(rf"(?<=\d){SPACE}?[x×хХ*]{SPACE}?(?=\d)")
_POWER = re.compile(rf"(?<=\d)[²³]|(?<=\d){SPACE}?\^{SPACE}?(?=\d)")
_POWERS = {"²": " на квадрат", "³": " на трета степен", "^": " на степен "}
_PLUS = re.compile(rf"(?<=\d){SPACE}?\+{SPACE}?(?=\d)")
_SIGNED = re.compile(r"(?<![^\s(„\"“«=:])(?<!\d )([-−–+±])(?=\d)|(?<=\s)([−±]) (?=\d)")
_APPROXIMATELY = re.compile(r"(?<!\w)[~≈]\s?(?=\d)")
_DOTTED = re.compile(r"(?<![\d.,])\d+(?:\.\d+)+(?![,\d])")
_RANGE = re.compile(rf"{WORD_START}({INTEGER}|{NUMBER})({RANGE_MARK})({NUMBER})(?!\w|{DASH}\d)")
_MODEL = re.compile(r"((?<!\w)[A-ZА-Я]\w* )(\d{3,4})-(\d{3,4})(?!\w|\s[а-я])")
_NUMBER = re.compile(rf"{WORD_START}({NUMBER})(?!\w)")
_LETTER_THEN_NUMBER = re.compile(r"(?<=[^\W\d_])[-\u2011]?(\d+(?:[.,]\d+)*)(?=([^\W\d_])?)")
_NUMBER_THEN_LETTER = re.compile(rf"({NUMBER})-?(?=[^\W\d_])")
_ANY_NUMBER = re.compile(r"\d+")
_JOINED_NUMBERS = re.compile(r"(?<=\d)[-/](?=\d)")


def sums_spoken(text: str) -> str:
    """The text with sums (2 + 3 = 5), products (3 x 4) and signed numbers (-5) in words.

    Numbers are left in digits: they are said later, beside their nouns.
    """
    text = _POWER.sub(lambda m: _POWERS[m[0].strip()], text)
    text = _SUM.sub(_sum, text)
    text = _TIMES.sub(" по ", text)
    text = _PLUS.sub(" плюс ", text)
    text = _SIGNED.sub(lambda m: _SUM_SIGN[(m[1] or m[2])] + " ", text)
    return _APPROXIMATELY.sub("около ", text)


def counting_spoken(text: str) -> str:
    """The text with every number that is left in words."""
    text = _DOTTED.sub(_dotted, text)
    text = _LETTER_THEN_NUMBER.sub(lambda m: f" {_plain(m[1])}{' ' if m[2] else ''}", text)
    text = _MODEL.sub(lambda m: f"{m[1]}{_plain(m[2])} {_plain(m[3])}", text)
    text = _RANGE.sub(_range, text)
    text = _NUMBER.sub(_number, text)
    text = _NUMBER_THEN_LETTER.sub(lambda m: _plain(m[1]) + " ", text)
    text = _JOINED_NUMBERS.sub(" ", text)
    return _ANY_NUMBER.sub(lambda m: _plain(m[0]), text)


def _sum(match: re.Match[str]) -> str:
    words = []
    for number, sign in re.findall(rf"({NUMBER})|([^\d\s])", match.group()):
        words.append(number_words(number) if number else _SUM_SIGN[sign])
    return " ".join(words)


def _dotted(match: re.Match[str]) -> str:
    """A section or version, 3.2.1; but thousands, 1.500, are one number."""
    written = match.group()
    if re.fullmatch(INTEGER, written):
        return written
    return " точка ".join(number_words(part) for part in written.split("."))


def _range(match: re.Match[str]) -> str:
    first, mark, second = match.groups()
    before, following = text_before(match), text_after(match)
    asked = (
        None if "," in second else ordinal_gender_after(following, int(re.sub(r"\D", "", second)))
    )
    if asked and first.isdigit() and second.isdigit() and asked != "plural":
        rising = int(first) < int(second)
        words = ordinal(int(first), asked), ordinal(int(second), asked)
        return range_words(words[0], mark, words[1], before, rising)
    return number_range(first, mark, second, _gender(before, following, second), before)


def _number(match: re.Match[str]) -> str:
    written = match[1]
    before, following = text_before(match), text_after(match)
    if written.isdigit() and written[0] != "0" and not NUMBERED.search(before):
        asked = ordinal_gender_after(following, int(written))
        if asked:
            return ordinal(int(written), asked)
    return number_words(written, _gender(before, following, written))


def _gender(before: str, following: str, written: str) -> Gender:
    if NUMBERED.search(before):
        return "neuter"
    return gender_after(following, singular=written == "1")


def _plain(written: str) -> str:
    if written.isdigit() and len(written) > 6:  # beside letters it is a code: BG80BNBA96611020
        return digits(written)
    if re.fullmatch(NUMBER, written):
        return number_words(written)
    return " точка ".join(number_words(part) for part in re.split("[.,]", written))
