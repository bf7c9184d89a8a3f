"""English texts written out: numbers, dates, times, money, units and abbreviations as words.

The order matters: what has the most context is read first (addresses, dates, times, amounts), and
whatever number is left is said last. What cannot be decided stays; a text with nothing to write out
comes back unchanged.
"""

import re

from vits.text.spoken.english_abbreviations import abbreviations_spoken, is_abbreviated
from vits.text.spoken.english_addresses import addresses_spoken
from vits.text.spoken.english_codes import codes_spoken, names_spoken
from vits.text.spoken.english_context import parted
from vits.text.spoken.english_counting import (
    letters_spoken,
    ordinals_and_fractions_spoken,
    plain_numbers_spoken,
    ratios_spoken,
    scores_and_ranges_spoken,
)
from vits.text.spoken.english_dates import dates_spoken
from vits.text.spoken.english_money import money_spoken
from vits.text.spoken.english_numbers import digits
from vits.text.spoken.english_quantities import percent_and_degrees_spoken
from vits.text.spoken.english_roman import romans_spoken
from vits.text.spoken.english_signs import signs_spoken
from vits.text.spoken.english_times import times_spoken
from vits.text.spoken.english_units import units_spoken
from vits.text.spoken.english_years import years_spoken

_DIGIT = re.compile("[0-9½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉０-９]")
_SIGN = re.compile("[&+=×÷≈~≠≥≤><±@#%‰§©√π∞№°]")
_ROMAN = re.compile("(?:[VXLC]|I[IVX]|M[MDCLXVI]{2}|(?<=[a-z] )I|(?<=WW)I)[IVXLC]*(?![A-Za-z0-9])")
# What each step needs to find anything, so that most sentences skip most steps.
_DATED = re.compile(
    r"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|\d[/.-]\d\d?[/.-]\d|[Oo]n \d\d?/\d"
)
_TIMED = re.compile(r":\d|\d\s?(?:[aApP]\.?\s?[mM]\b|h|o['’]clock)|\d{4} h", re.IGNORECASE)
_CODED = re.compile(
    r"\d[\d ().–-]{5,}\d|[A-Za-z:,] \d{3,}|\d\.\d+\.|(?:PIN|code|ZIP)\W+\w* ?\d|0\d"
)
_DATED_YEAR = re.compile(r"\d{4}|\d0['’]?s\b|\d\s?(?:AD|A-D|BC|B C|CE|C E)\b|(?:AD|A-D) \d|['’‘]\d")
_NAMED = re.compile(r"\d{3}|\d\.\d|[Vv]\.?\s?\d|\b0\d|ISBN")
_PARTED = re.compile(r"[/½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]|\d-\d|\d(?:st|nd|rd|th)\b", re.IGNORECASE)
_PAIRED = re.compile(r"\d\s?[–—:−-]\s?[\d.]")
_LETTERED = re.compile(r"[^\W\d_]-?\.?\d|\d-?[^\W\d_]|[\^⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉]|\d\s?[x×]|\d['’]")
_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:[\u00a0\u202f]\d{3})+|(?: \d{3})+ 000)(?!\d)")
_NAMELESS = re.compile(r"\d{19,}|(?<!\d)\d{1,3}(?:,\d{3}){6,}(?!\d)")  # beyond quadrillions
_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")
_MOST_ROUNDS = 6  # three were the most that random signs needed


def spoken(text: str, language: str = "en-us") -> str:
    """The text in words. language: "en-us"; any other espeak English is read as British.

    What a number hid shows when it is words: "U.S." behind "10U.S.". So it is read again until
    nothing changes, which for sentences is once.
    """
    british = language not in ("en", "en-us") and not language.startswith("en-us-")
    for _ in range(_MOST_ROUNDS):
        said = _read_once(text, british)
        if said == text:
            break
        text = said
    return text


def _read_once(text: str, british: bool) -> str:
    has_signs = _SIGN.search(text) is not None
    if is_abbreviated(text):
        text = abbreviations_spoken(addresses_spoken(text))
    if _ROMAN.search(text):
        text = romans_spoken(text, british)
    if _DIGIT.search(text):
        text = _numbers_spoken(text, british)
    return signs_spoken(text) if has_signs else text


def _numbers_spoken(text: str, british: bool) -> str:
    if not text.isascii():
        text = text.translate(_WIDE)
    text = _GROUPED.sub(lambda m: re.sub(r"\D", "", m[0]), text)
    text = _NAMELESS.sub(lambda m: parted(m, digits(m[0].replace(",", ""))), text)
    if _DATED.search(text):
        text = dates_spoken(text, british)
    if _TIMED.search(text):
        text = times_spoken(ratios_spoken(text, british))
    if _CODED.search(text):
        text = codes_spoken(text)
    text = money_spoken(text, british)
    text = percent_and_degrees_spoken(text, british)
    text = units_spoken(text, british)
    if not _DIGIT.search(text):
        return text
    if _DATED_YEAR.search(text):
        text = years_spoken(text, british)
    if _NAMED.search(text):
        text = names_spoken(text, british)
    if _PARTED.search(text):
        text = ordinals_and_fractions_spoken(text, british)
    if _PAIRED.search(text):
        text = scores_and_ranges_spoken(text, british)
    if _LETTERED.search(text):
        text = letters_spoken(text, british)
    return plain_numbers_spoken(signs_spoken(text), british)
