"""English dates, years, decades and times of day in words.

"March 3, 1878" is "March third, eighteen seventy-eight", "3 March 1878" "the third of March...".
3/4/1878 is March fourth in American English and the third of April in British, unless only one of
the two can be a month. A number of four digits from 1100 to 2099 is a year where a word such as
"in" or "since" stands before it, or where it stands alone among words without a unit.
"""

import re

from vits.text.spoken.english_numbers import (
    ONES,
    cardinal,
    decade,
    ordinal,
    plural,
    year,
)

MONTHS = (
    "January February March April May June July August September October November December"
).split()
_SHORT = {month[:3]: month for month in MONTHS if month != "May"} | {"Sept": "September"}
_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|(?:{'|'.join(_SHORT)})\b\.?)"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>1\d{3}|20\d{2})"
_NO_MORE = r"(?![\d/]|[.,:]\d|-\d)"
_ISO = re.compile(r"(?<![\d/.\-])([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])" + _NO_MORE)
_SLASHED = re.compile(
    r"(?<![\d/.])(0?[1-9]|[12]\d|3[01])/(0?[1-9]|[12]\d|3[01])/((?:1[5-9]|20)\d{2}|\d{2})"
    + _NO_MORE
)
_MONTH_FIRST = re.compile(rf"\b{_MONTH} {_DAY}\b(?:(?P<comma>,)? {_YEAR})?{_NO_MORE}")
_DAY_FIRST = re.compile(rf"\b(?P<the>the )?{_DAY} (?:of )?{_MONTH}\b(?:,? {_YEAR})?{_NO_MORE}")
_MONTH_YEAR = re.compile(rf"\b{_MONTH},? {_YEAR}\b{_NO_MORE}")
_SHORT_MONTH = re.compile(rf"\b({'|'.join(_SHORT)})\.(?=\s\d)")

_DECADE = re.compile(r"(?<![\d$£€.,])(1\d|20)(\d)0['’]?s\b")
_SHORT_DECADE = re.compile(r"(?<!\w)['’‘]?([2-9])0['’]?s\b")
_ERA = re.compile(r"\b(\d{1,4})\s?(BC|AD|BCE|CE|B\.C\.|A\.D\.)(?![A-Za-z])")
_AD = re.compile(r"\bAD (\d{1,4})\b")
_YEARS = re.compile(
    r"(?<![\d$£€.,\-–/#])\b(1[1-9]\d\d|20\d\d)\s?([–-])\s?(1[1-9]\d\d|20\d\d|\d\d)\b" + _NO_MORE
)
_AFTER_CUE = re.compile(
    r"\b((?:in|since|until|till|by|before|after|from|to|of|during|around|circa|and|or|between|year|"
    r"spring|summer|autumn|fall|winter|early|late|mid|class of)[ -])"
    r"(1[1-9]\d\d|20\d\d)(?![\d%°]|[.,:/-]\d|"
    r"\s(?:people|men|women|children|soldiers|dollars|pounds|euros|copies|miles|feet|km|kg|tons|"
    r"votes|employees|students|members|pages|words|years|days|hours|of\b|million|thousand))",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"(?:(?<=^)|(?<=[.!?] )|(?<=\())(1[1-9]\d\d|20\d\d)(?=,? (?:was|is|saw|will|brought)\b|\))"
)
_CENTURY = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)[ -]centur")

_CLOCK = re.compile(
    r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d))?(?::(?P<second>[0-5]\d))?\s?"
    r"(?P<half>[ap]\.?\s?m\b\.?|[AP]\.?\s?M\b\.?)(?![A-Za-z])"
)
_COLONED = re.compile(r"(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_OCLOCK = re.compile(r"\b(1[0-2]|[1-9]) ?o['’]clock", re.IGNORECASE)


def dates_spoken(text: str, british: bool) -> str:
    """Dates of day and month, or of month and year."""

    def numbers(match: re.Match[str]) -> str:
        first, second, written = int(match[1]), int(match[2]), match[3]
        month, day = (second, first) if british else (first, second)
        if month > 12:
            month, day = day, month
        if month > 12:
            return match[0]
        return _said(day, month, _full_year(written), british)

    text = _ISO.sub(lambda m: _said(int(m[3]), int(m[2]), int(m[1]), british), text)
    text = _SLASHED.sub(numbers, text)
    text = _MONTH_FIRST.sub(_month_first, text)
    text = _DAY_FIRST.sub(_day_first, text)
    text = _MONTH_YEAR.sub(lambda m: f"{_name(m['month'])} {year(int(m['year']))}", text)
    return _SHORT_MONTH.sub(lambda m: _SHORT[m[1]], text)


def years_spoken(text: str, british: bool) -> str:
    """Decades, eras, spans of years, and years that a word before them tells."""

    def short_decade(match: re.Match[str]) -> str:
        return plural(cardinal(10 * int(match[1])))

    def span(match: re.Match[str]) -> str:
        first, second = int(match[1]), match[3]
        last = int(second) if len(second) == 4 else first - first % 100 + int(second)
        if last <= first:
            return match[0]
        said = year(int(second)) if len(second) == 4 else cardinal(int(second))
        return f"{year(first)} to {said}"

    def era(match: re.Match[str]) -> str:
        number = int(match[1])
        said = year(number) if number > 1000 else cardinal(number, british)
        return f"{said} {' '.join(match[2].replace('.', ''))}"

    text = _DECADE.sub(lambda m: decade(int(f"{m[1]}{m[2]}0")), text)
    text = _SHORT_DECADE.sub(short_decade, text)
    text = _ERA.sub(era, text)
    text = _AD.sub(lambda m: f"A D {cardinal(int(m[1]), british)}", text)
    text = _YEARS.sub(span, text)
    text = _AFTER_CUE.sub(lambda m: m[1] + year(int(m[2]), british), text)
    return _BEGINS.sub(lambda m: year(int(m[1]), british), text)


def times_spoken(text: str) -> str:
    """Times of day, with a.m. or p.m. or with a colon."""

    def clock(match: re.Match[str]) -> str:
        half = "a m" if match["half"][0] in "aA" else "p m"
        # A dot that ends the sentence, too, stays: nothing or a capital follows.
        rest = match.string[match.end() :]
        ends = match["half"].endswith(".") and re.match(r"\s*$|\s+[A-Z\"“]", rest)
        said = _hours(int(match["hour"]), match["minute"], match["second"])
        return f"{said} {half}{'.' if ends else ''}"

    def coloned(match: re.Match[str]) -> str:
        hour, minute = int(match[1]), int(match[2])
        if minute == 0 and not match[3]:
            return f"{cardinal(hour)} o'clock" if 0 < hour < 13 else f"{cardinal(hour)} hundred"
        return _hours(hour, match[2], match[3])

    text = _CLOCK.sub(clock, text)
    text = _OCLOCK.sub(lambda m: f"{cardinal(int(m[1]))} o'clock", text)
    return _COLONED.sub(coloned, text)


def _hours(hour: int, minute: str | None, second: str | None) -> str:
    said = cardinal(hour)
    if minute and minute != "00":
        number = int(minute)
        said += f" oh {ONES[number]}" if number < 10 else f" {cardinal(number)}"
    if second:
        number = int(second)
        said += f" and {cardinal(number)} second{'' if number == 1 else 's'}"
    return said


def _said(day: int, month: int, number: int, british: bool) -> str:
    name = MONTHS[month - 1]
    if british:
        return f"the {ordinal(day)} of {name} {year(number, british)}"
    return f"{name} {ordinal(day)}, {year(number)}"


def _month_first(match: re.Match[str]) -> str:
    said = f"{_name(match['month'])} {ordinal(int(match['day']))}"
    return f"{said}, {year(int(match['year']))}" if match["year"] else said


def _day_first(match: re.Match[str]) -> str:
    said = f"the {ordinal(int(match['day']))} of {_name(match['month'])}"
    return f"{said} {year(int(match['year']))}" if match["year"] else said


def _name(month: str) -> str:
    return _SHORT.get(month.rstrip("."), month)


def _full_year(written: str) -> int:
    number = int(written)
    if len(written) == 4:
        return number
    return number + (2000 if number < 50 else 1900)
