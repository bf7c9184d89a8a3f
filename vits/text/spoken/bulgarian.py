"""Bulgarian texts written out: numbers, dates, times, money, units and abbreviations as words.

The order matters: what has the most context is read first (addresses, dates, times, amounts), and
whatever number is left is said last. Letters and punctuation stay as they are, and so does what
cannot be decided; a text with nothing to write out comes back unchanged. Words are written in lower
case, also at the start of a sentence.
"""

import re

from vits.text.spoken.bulgarian_abbreviations import (
    abbreviations_spoken,
    numbered_abbreviations_spoken,
    signs_spoken,
)
from vits.text.spoken.bulgarian_addresses import addresses_spoken, telephones_spoken
from vits.text.spoken.bulgarian_counting import counting_spoken, sums_spoken
from vits.text.spoken.bulgarian_dates import dates_spoken
from vits.text.spoken.bulgarian_numbers import cardinal, ordinal
from vits.text.spoken.bulgarian_quantities import quantities_spoken
from vits.text.spoken.bulgarian_roman import roman_spoken
from vits.text.spoken.bulgarian_suffixes import fractions_spoken, suffixes_spoken
from vits.text.spoken.bulgarian_times import times_spoken

__all__ = ["cardinal", "ordinal", "spoken"]

_BEFORE_NUMBER = re.compile(r"[№§]|\w\.\s?[А-ЕIVXІХ\d]")
_DIGIT = re.compile(r"[0-9½¼¾⅓⅔⅛]")
_ROMAN_NUMERAL = re.compile(r"(?<!\w)[IVXLCDMХІ][IVXLCDMХІСМ]*(?!\w)|\d")
_ABBREVIATED = re.compile(
    r"\w\.(?=.*\w)|\w\.\w\.|\b(?:др|пл|пр|под|Хр|н|е|г|напр|вкл|ред|авт)\.|\w-\w"
)
_SIGN = re.compile(r"[№§&+=€%°£@×÷²]|www|\.(?:bg|com|org|net|eu|info)\b")


def spoken(text: str) -> str:
    """The text as it is said in Bulgarian: "Струва 5 лв." → "Струва пет лева."."""
    if _SIGN.search(text):
        text = addresses_spoken(text)
    if _BEFORE_NUMBER.search(text):
        text = numbered_abbreviations_spoken(text)
    if _ROMAN_NUMERAL.search(text):
        text = roman_spoken(text)
    if _DIGIT.search(text):
        text = _numbers_spoken(text)
    if _ABBREVIATED.search(text):
        text = abbreviations_spoken(text)
    return signs_spoken(text) if _SIGN.search(text) else text


def _numbers_spoken(text: str) -> str:
    text = dates_spoken(text)
    text = telephones_spoken(text)
    text = times_spoken(text)
    text = suffixes_spoken(text)
    text = sums_spoken(text)
    text = quantities_spoken(text)
    text = fractions_spoken(text)
    return counting_spoken(text)
