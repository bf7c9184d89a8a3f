"""Times of day, scores and ratios, said in Bulgarian: what stands around a colon.

"14:30 ч." and "14.30 ч." are "четиринадесет часа и тридесет минути", "14:30" alone "четиринадесет и
тридесет". "2:1" is a score, "две на едно"; after с, резултат and the like so is "21:15". With a
hundred or more behind the colon it is a scale: "едно към хиляда".
"""

import re

from vits.text.spoken.bulgarian_numbers import cardinal
from vits.text.spoken.bulgarian_quantities import counted_unit
from vits.text.spoken.bulgarian_reading import (
    DASH,
    INTEGER,
    SPACE,
    number_words,
    range_words,
    stop,
    stop_after_time,
    text_before,
)

_HOUR = r"(?:[01]?\d|2[0-4])"
_CLOCK = rf"{_HOUR}[:.][0-5]\d"
_HOUR_SIGN = rf"{SPACE}?(?:ч\.(?!\w)|ч(?![\w/.])|часът(?!\w)|часа(?!\w)|h(?![\w/]))"
_START = r"(?<!\w)(?<![\d.,:/])"
_WITH_SIGN = re.compile(
    rf"{_START}(?:({_CLOCK}|{_HOUR})({SPACE}?{DASH}{SPACE}?|{SPACE}(?:до|и|или){SPACE}))?"
    rf"({_CLOCK}|{_HOUR})(?:{_HOUR_SIGN})"
)
_AT_COMMA = re.compile(rf"(?<=\bв )({_HOUR}),([0-5]\d){_HOUR_SIGN}")
_WITH_COLON = re.compile(
    rf"{_START}(?:({_HOUR}:[0-5]\d){SPACE}?({DASH}){SPACE}?)?({_HOUR}:[0-5]\d)(?::([0-5]\d))?"
    rf"(?![:\d]|[.,]\d|{SPACE}\d{{3}}(?!\d))({_HOUR_SIGN})?"
)
_AT_DOT = re.compile(rf"(?<=\bв )({_HOUR})\.([0-5]\d)(?![\w.:%]|,\d|{SPACE}?(?:лв|%|€|см|м\b|к))")
_AT = re.compile(r"\b(?:в|във|към)\s$", re.IGNORECASE)
_PAIR = re.compile(
    rf"{_START}({INTEGER})(?P<space>{SPACE}?):{SPACE}?({INTEGER})(?![\w:]|[.,]\d|{SPACE}?=)"
)
_SCORE_BEFORE = re.compile(
    r"(?:(?<!\w)(?:с|със)|резултат\w*|поб[еи]д\w*|загуб\w*|повед[еоа]\w*|би|води|гейм\w*|сет\w*"
    r"|равенство|съотношение|мащаб|мач\w*|\d:\d+,|на \w+)\s$",
    re.IGNORECASE,
)


def times_spoken(text: str) -> str:
    """The text with times of day, scores and ratios in words."""
    text = _AT_COMMA.sub(lambda m: _clock(f"{m[1]}:{m[2]}") + stop(m), text)
    text = _WITH_SIGN.sub(_with_sign, text)
    text = _WITH_COLON.sub(_with_colon, text)
    text = _AT_DOT.sub(lambda m: _short(m[1], m[2]), text)
    return _PAIR.sub(_pair, text)


def _clock(written: str) -> str:
    """Hours and minutes in full: "14:30" → "четиринадесет часа и тридесет минути"."""
    hour, _, minute = written.replace(".", ":").partition(":")
    words = counted_unit(str(int(hour)), "ч")
    if not minute or minute == "00":
        return words
    return f"{words} и {counted_unit(str(int(minute)), 'мин')}"


def _short(hour: str, minute: str) -> str:
    if minute == "00":
        return _clock(hour)
    return f"{cardinal(int(hour), 'masculine')} и {cardinal(int(minute), 'feminine')}"


def _with_sign(match: re.Match[str]) -> str:
    first, mark, second = match.groups()
    words = _clock(second)
    if second == "1" and not first and _AT.search(text_before(match)):
        words = "един часа"  # of the day, not one hour long
    if first:
        at_full_hours = ":" not in first + second and "." not in first + second
        earlier = cardinal(int(first), "masculine") if at_full_hours else _clock(first)
        before = text_before(match)
        words = range_words(earlier, mark, words, before, _minutes(first) < _minutes(second))
    return words + stop_after_time(match)


def _minutes(written: str) -> int:
    hour, _, minute = written.replace(".", ":").partition(":")
    return int(hour) * 60 + int(minute or 0)


def _with_colon(match: re.Match[str]) -> str:
    first, mark, second, seconds, sign = match.groups()
    before = text_before(match)
    if not seconds and not first and _SCORE_BEFORE.search(before):
        return match.group()
    if seconds:
        hour, minute = second.split(":")
        words = (counted_unit(str(int(hour)), "ч"), counted_unit(str(int(minute)), "мин"))
        return f"{words[0]}, {words[1]} и {counted_unit(str(int(seconds)), 'сек')}{stop(match)}"
    words = _short(*second.split(":"))
    if first:
        rising = _minutes(first) < _minutes(second)
        return range_words(_short(*first.split(":")), mark, words, before, rising)
    return words


def _pair(match: re.Match[str]) -> str:
    """A score, "2:1", or a scale, "1:1000"."""
    first, second = match[1], match[3]
    joined = "към" if len(second) > 2 and first == "1" else "на"
    return f"{number_words(first)} {joined} {number_words(second)}"
