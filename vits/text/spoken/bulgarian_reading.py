"""How Bulgarian texts write numbers, ranges and ends of sentences, and how those are said.

The parts of `bulgarian` share this: patterns that find a number, and functions that read one out
beside its noun. Thousands are parted by spaces or dots, decimals by a comma or a dot.
"""

import re
from dataclasses import dataclass

from vits.text.spoken.bulgarian_numbers import (
    N_MAX_DIGITS,
    Gender,
    cardinal,
    decimal,
    digits,
)

N_CONTEXT = 150  # letters
SPACE = "[ \u00a0\u202f\u2009]"
DASH = "[-\u2010\u2011\u2013\u2014]"
WORD_START = r"(?<!\w)(?<!\d[.,:/\-])"
INTEGER = (
    rf"(?:[1-9]\d{{0,2}}(?:{SPACE}\d{{3}})+(?!\d)|[1-9]\d{{0,2}}(?:\.\d{{3}})+(?![.]?\d)"
    r"|[1-9]\d{0,2}(?:,\d{3}){2,}(?![,]?\d)|[1-9]\d{0,2}(?:,\d{3})+(?=\.\d\d?(?!\d))|\d+)"
)
NUMBER = rf"{INTEGER}(?:[.,]\d+)?"
# Between the two numbers of "5–10 лв.", "5 или 10 лв.", "от 5 до 10 лв.".
RANGE_MARK = rf"{SPACE}?{DASH}{SPACE}?|{SPACE}(?:до|или|и){SPACE}"

_PREPOSITION_BEFORE = re.compile(
    r"(?<!\w)(от|до|около|между|през|за|на|след|преди|над|под|с|със|в|във|към|по|при|без)\s$",
    re.IGNORECASE,
)
_ENDS_SENTENCE = re.compile(r"[”“»’\"']*(?:\s*$|\s*\n|\s+[„“«\"(–—]?\s?[А-ЯA-ZЁЫЭ])")
_OPENS_WITH_A_TIME = re.compile(
    r"(?:^|[.!?…:]\s+|[\n„“«(\"]\s?)(?:още |едва |чак |и |а |но )?"
    r"(?:през|на|от|до|след|преди|в|във|около|към|между)"
    r"(?:\s(?:на|от|в|във|до|през|края|началото|средата|лятото|есента|зимата|пролетта|месец|нощта"
    r"|деня|периода|годините|самия|самото|самата|първата|втората|половина|половината|далечната"
    r"|далечната|същата|януари|февруари|март|април|май|юни|юли|август|септември|октомври|ноември"
    r"|декември)){0,6}\s$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Noun:
    """What is counted: "лев", "лева" (the form after numbers), "masculine"."""

    one: str
    many: str
    gender: Gender


def is_one(written: str) -> bool:
    """Whether the noun after this number stands in the singular."""
    return written == "1"


def whole_and_fraction(written: str) -> tuple[str, str]:
    """The digits before and after the decimal sign: "1 200,50" → ("1200", "50")."""
    integer = re.match(INTEGER, written)
    assert integer is not None
    return re.sub(r"\D", "", integer.group()), written[integer.end() + 1 :]


def number_words(written: str, gender: Gender = "neuter") -> str:
    """A written number in words; a decimal is neuter (едно цяло, две цяло) whatever is counted.

    A number with a zero in front, or too long for a name, is said digit by digit; so is one of more
    than 12 digits without spaces, unless it is round: that is a code.
    """
    whole, fraction = whole_and_fraction(written)
    code = len(whole) > 12 and written.startswith(whole) and not whole.endswith("000")
    if code or len(whole) > N_MAX_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        after = f" цяло и {digits(fraction)}" if fraction else ""
        return digits(whole) + after
    return decimal(whole, fraction) if fraction else cardinal(int(whole), gender)


def counted(written: str, noun: Noun) -> str:
    """A number and its noun: "21", лев → "двадесет и един лева"."""
    return f"{number_words(written, noun.gender)} {noun.one if is_one(written) else noun.many}"


def range_words(first: str, mark: str, second: str, before: str, rising: bool) -> str:
    """Two numbers, already in words, with what stands between them and the text before.

    A dash is read "от ... до ..."; after a preposition the "от" goes: след десет до петнадесет.
    A range that does not rise is none, and keeps its dash.
    """
    if not re.search(DASH, mark):
        return first + mark + second
    if not rising:
        return f"{first}{mark}{second}"
    found = _PREPOSITION_BEFORE.search(before)
    preposition = found.group(1).lower() if found else ""
    if preposition == "между":
        return f"{first} и {second}"
    if preposition in ("до", "около"):
        return f"{first}-{second}"
    return f"{first} до {second}" if preposition else f"от {first} до {second}"


def number_range(first: str, mark: str, second: str, gender: Gender, before: str) -> str:
    """Two written numbers; neighbours joined by a hyphen are an estimate: 2-3 is "две-три"."""
    words = number_words(first, gender), number_words(second, gender)
    low, high = value(first), value(second)
    if mark in ("-", "\u2011") and low + 1 == high <= 10:
        return "-".join(words)
    return range_words(words[0], mark, words[1], before, low < high)


def value(written: str) -> float:
    """The number that is written."""
    whole, fraction = whole_and_fraction(written)
    return float(f"{whole}.{fraction or 0}")


def text_before(match: re.Match[str]) -> str:
    """The text in front of a match, as much as it takes to judge by (long texts stay quick)."""
    return match.string[max(0, match.start() - N_CONTEXT) : match.start()]


def text_after(match: re.Match[str]) -> str:
    """The text behind a match, as much as it takes to judge by."""
    return match.string[match.end() : match.end() + N_CONTEXT]


def ends_sentence(text: str, end: int) -> bool:
    """Whether the sentence ends at this place: the text does, or a capital letter follows."""
    return _ENDS_SENTENCE.match(text, end) is not None


def stop(match: re.Match[str]) -> str:
    """The dot that an abbreviation at the end of a match shares with its sentence, or ""."""
    return "." if match.group().endswith(".") and ends_sentence(match.string, match.end()) else ""


def stop_after_time(match: re.Match[str]) -> str:
    """Like `stop`, for a year or century: "През 1878 г. България" goes on after the dot."""
    if text_after(match).strip() and _OPENS_WITH_A_TIME.search(text_before(match)):
        return "." if re.match(r"\s*\n", text_after(match)) else ""
    return stop(match)
