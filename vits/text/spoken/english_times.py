"""English times of day and durations in words: 9:05 a.m., 14:30, 5-7 p.m., 1800 hours, 2h 30m."""

import re

from vits.text.spoken.english_context import ends_sentence
from vits.text.spoken.english_numbers import ONES, cardinal, two_digits

_HOUR = r"(?:2[0-4]|1\d|0?\d)"
_HALF = r"(?P<half>[ap]\.?\s?m\b\.?|[AP]\.?\s?M\b\.?)(?![A-Za-z])"
_TO = r"\s?(?:[–—-]|to)\s?"
_CLOCK = re.compile(
    rf"(?<![\w:.,$£€])(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-5]\d))?(?::(?P<second>[0-5]\d))?\s?"
    + _HALF
)
_TWO_CLOCKS = re.compile(
    rf"(?<![\w:.,$£€])({_HOUR})(?:[:.]([0-5]\d))?{_TO}(?={_HOUR}(?:[:.][0-5]\d)?\s?{_HALF})"
)
_COLONED = re.compile(rf"(?<![\w:.,])({_HOUR}):([0-5]\d)(?::([0-5]\d))?(?:h\b)?(?![\d:])")
_TWO_COLONED = re.compile(
    rf"(?<![\w:.,])({_HOUR}):([0-5]\d)\s?[–—-]\s?(?={_HOUR}:[0-5]\d(?![\d:]))"
)
_DURATION = re.compile(r"(?<![\w:.,])(\d):([0-5]\d):([0-5]\d)(?![\d:.,]|\s?[AaPp]\.?[Mm]\b)")
_HOURS_MINUTES = re.compile(
    r"(?<![\w:.,])(\d{1,3})\s?h(?:rs?)?\.?\s?([0-5]?\d)\s?m(?:in)?\b(?:\.?\s?([0-5]?\d)\s?s\b)?"
)
_HOUR_MARK = re.compile(r"\b(1[0-2]|[1-9]) ?o['’]clock", re.IGNORECASE)
_MILITARY = re.compile(r"(?<![\w:.,$£€])([01]\d|2[0-4])([0-5]\d) (?:hours|hrs|h)\b")
_BETWEEN = re.compile(
    r"(?<=a-m|p m)\s?[–—-]\s?(?=[a-z]+(?: |-)(?:[a-z]+(?: |-)){0,3}?(?:a-m|p m)\b)"
)
_VERSE = re.compile(
    r"\b(Genesis|Exodus|Leviticus|Deuteronomy|Joshua|Samuel|Kings|Job|Psalms?|Proverbs|Isaiah|"
    r"Jeremiah|Ezekiel|Daniel|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians|"
    r"Hebrews|James|Peter|Revelation|Surah|Quran) (\d{1,3}):(\d{1,3})(?![\d:])"
)


def times_spoken(text: str) -> str:
    """Times of day, with a.m. or p.m., with a colon, or of four digits before "hours"; durations
    of hours and minutes; chapter and verse.
    """
    if ":" in text:
        text = _VERSE.sub(lambda m: f"{m[1]} {cardinal(int(m[2]))} {cardinal(int(m[3]))}", text)
        text = _DURATION.sub(_duration, text)
    text = _TWO_CLOCKS.sub(lambda m: f"{_hours(m[1], m[2], None)} to ", text)
    text = _CLOCK.sub(_clock, text)
    text = _BETWEEN.sub(" to ", text)
    text = _TWO_COLONED.sub(lambda m: f"{_of_day(m[1], m[2], None)} to ", text)
    text = _HOUR_MARK.sub(lambda m: f"{cardinal(int(m[1]))} o'clock", text)
    text = _MILITARY.sub(_military, text)
    text = _HOURS_MINUTES.sub(_hours_and_minutes, text)
    return _COLONED.sub(lambda m: _of_day(m[1], m[2], m[3]), text)


def _clock(match: re.Match[str]) -> str:
    half = "a-m" if match["half"][0] in "aA" else "p m"
    # The dot of "p.m." ends the sentence, too, where nothing or a capital follows; "ET" does not.
    dotted = match["half"].endswith(".") and ends_sentence(match)
    ends = dotted and not re.match(r" [A-Z]{2,3}\b", match.string[match.end() :])
    return f"{_hours(match['hour'], match['minute'], match['second'])} {half}{'.' if ends else ''}"


def _of_day(hour: str, minute: str, second: str | None) -> str:
    if minute != "00" or second:
        return _hours(hour, minute, second)
    if 0 < int(hour) < 13:
        return f"{cardinal(int(hour))} o'clock"
    return "midnight" if int(hour) == 0 else f"{cardinal(int(hour))} hundred"


def _hours(hour: str, minute: str | None, second: str | None) -> str:
    said = cardinal(int(hour))
    if minute and (minute != "00" or second):
        said += f" {two_digits(int(minute))}"
    if second:
        said += f" and {_counted(second, 'second')}"
    return said


def _duration(match: re.Match[str]) -> str:
    hours, minutes, seconds = match.groups()
    return (
        f"{_counted(hours, 'hour')}, {_counted(minutes, 'minute')} and "
        f"{_counted(seconds, 'second')}"
    )


def _hours_and_minutes(match: re.Match[str]) -> str:
    said = f"{_counted(match[1], 'hour')} {_counted(match[2], 'minute')}"
    return f"{said} {_counted(match[3], 'second')}" if match[3] else said


def _counted(written: str, noun: str) -> str:
    number = int(written)
    return f"{cardinal(number)} {noun}{'' if number == 1 else 's'}"


def _military(match: re.Match[str]) -> str:
    hour, minute = match[1], int(match[2])
    said = f"oh {ONES[int(hour[1])]}" if hour.startswith("0") else cardinal(int(hour))
    return f"{said} {two_digits(minute) if minute else 'hundred'} hours"
