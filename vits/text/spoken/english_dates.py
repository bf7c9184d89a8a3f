"""English dates in words.

"March 3, 1878" is "March third, eighteen seventy-eight", "3 March 1878" "the third of March...".
3/4/1878 is March fourth in American English and the third of April in British, unless only one of
the two can be a month. Names of months have lost their dots by now (english_abbreviations.py).
"""

import re

from vits.text.spoken.english_numbers import ordinal, two_digits, year

MONTHS = (
    "January February March April May June July August September October November December"
).split()
SHORT_MONTHS = {month[:3]: month for month in MONTHS if month != "May"} | {"Sept": "September"}
_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|{'|'.join(SHORT_MONTHS)})"
_NUMBER_OF_DAY = r"3[01]|[12]\d|0?[1-9]"
_ENDING = r"(?:st|nd|rd|th)?"
_DAY = (
    rf"(?P<day>{_NUMBER_OF_DAY}){_ENDING}"
    rf"(?:\s?(?P<link>[–—-]|to|and|or|&)\s?(?P<last>{_NUMBER_OF_DAY}){_ENDING}(?!\d))?"
)
_YEAR = r"(?P<year>1\d{3}|20\d{2}|['’]\d\d)"
_NO_MORE = (
    r"(?![\d/%°]|[.,:]\d|-\d|\s?(?:percent|per cent|people|men|women|miles|more|times|years|days|"
    r"hours|minutes|million|thousand|km|kg|a\.?m|p\.?m)\b)"
)
_THINGS = re.compile(r" (?!(?:was|is|has|as|this|its|his)\b)[a-z]+s\b")
_ISO = re.compile(
    r"(?<![\w/.\-])([12]\d{3})([-/.])(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?:(T)(?=\d\d:)|(?![\w/]|[.:]\d|-\d))"
)
_NUMBERS = re.compile(
    r"(?<![\w/.\-])(0?[1-9]|[12]\d|3[01])(?:(?P<slash>/)|(?P<dash>-)|(?P<dot>\.))"
    r"(0?[1-9]|[12]\d|3[01])(?:(?(slash)/)(?(dash)-)(?(dot)\.))((?:1[5-9]|20)\d{2}|\d{2})"
    r"(?![\w/]|[.,:]\d|-\d)"
)
_MONTH_FIRST = re.compile(rf"\b{_MONTH} (?:the )?{_DAY}\b(?:(?P<comma>,)? {_YEAR}\b)?{_NO_MORE}")
_DAY_FIRST = re.compile(
    rf"(?<![\w$£€.,:/-])(?P<the>[Tt]he )?{_DAY}(?: of|-)?[ ]?\b{_MONTH}\b(?:(?:,? |-){_YEAR}\b)?"
    r"(?![\d/]|[.,:]\d|-\d)"
)
_MONTH_YEAR = re.compile(rf"\b{_MONTH},?(?: of)? {_YEAR}\b{_NO_MORE}")
_ON = re.compile(
    r"\b(?<=[Oo]n )(?!9/11|24/7)(0?[1-9]|[12]\d|3[01])/(0?[1-9]|[12]\d|3[01])(?![\w/]|[.,]\d| of\b)"
)


def dates_spoken(text: str, british: bool) -> str:
    """Dates of day and month, or of month and year."""

    def numbers(match: re.Match[str]) -> str:
        first, second, written = int(match[1]), int(match[5]), match[6]
        if len(written) == 2 and not match["slash"]:  # 3.4.19 may be a version, 3-4-19 a code
            return match[0]
        month, day = (second, first) if british or match["dot"] else (first, second)
        if month > 12:
            month, day = day, month
        if month > 12:
            return match[0]
        return _said(day, month, _full_year(written), british)

    def month_first(match: re.Match[str]) -> str:
        before = match.string[max(match.start() - 3, 0) : match.start()]
        if before.lower() == "in " and _THINGS.match(match.string, match.end()):
            return match[0]  # in March 3 ships sank
        the = "the " if british else ""
        said = f"{_name(match['month'])} {the}{_days(match)}"
        return f"{said}, {_year(match, british)}" if match["year"] else said

    def day_first(match: re.Match[str]) -> str:
        said = f"{match['the'] or 'the '}{_days(match)} of {_name(match['month'])}"
        return f"{said} {_year(match, british)}" if match["year"] else said

    def on(match: re.Match[str]) -> str:
        """12/25 behind "on": fractions hardly stand there, and "on 3/4 of it" is left out."""
        month, day = sorted((int(match[1]), int(match[2])), key=lambda n: n > 12)
        if british and int(match[2]) <= 12:
            month, day = int(match[2]), int(match[1])
        if month > 12:
            return match[0]
        name, said = MONTHS[month - 1], ordinal(day)
        return f"the {said} of {name}" if british else f"{name} {said}"

    def iso(match: re.Match[str]) -> str:
        said = _said(int(match[4]), int(match[3]), int(match[1]), british)
        return f"{said}, " if match[5] else said

    text = _ISO.sub(iso, text)
    text = _NUMBERS.sub(numbers, text)
    text = _MONTH_FIRST.sub(month_first, text)
    text = _DAY_FIRST.sub(day_first, text)
    text = _ON.sub(on, text)

    def month_year(match: re.Match[str]) -> str:
        of = " of" if " of " in match[0] else ""
        return f"{_name(match['month'])}{of} {_year(match, british)}"

    return _MONTH_YEAR.sub(month_year, text)


def _days(match: re.Match[str]) -> str:
    first = ordinal(int(match["day"]))
    if not match["last"]:
        return first
    link = {"and": "and", "&": "and", "or": "or"}.get(match["link"], "to")
    return f"{first} {link} {ordinal(int(match['last']))}"


def _said(day: int, month: int, number: int, british: bool) -> str:
    name = MONTHS[month - 1]
    if british:
        return f"the {ordinal(day)} of {name} {year(number, british)}"
    return f"{name} {ordinal(day)}, {year(number)}"


def _year(match: re.Match[str], british: bool) -> str:
    written = match["year"]
    if len(written) == 4:
        return year(int(written), british)
    return two_digits(int(written[1:]))  # March '68


def _name(month: str) -> str:
    return SHORT_MONTHS.get(month, month)


def _full_year(written: str) -> int:
    number = int(written)
    if len(written) == 4:
        return number
    return number + (2000 if number < 30 else 1900)
