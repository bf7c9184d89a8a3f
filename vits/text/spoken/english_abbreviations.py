"""English abbreviations in words.

"Dr." is Doctor before a name and Drive after one, "St." Saint or Street likewise. What is not
decided stays. An abbreviation's dot that also ends a sentence is kept: nothing or a capital follows
it there.
"""

import re

from vits.text.spoken.english_abbreviation_lists import (
    BEFORE_NUMBER,
    DAYS,
    MONTHS,
    NEVER_LAST,
    PHRASES,
    PLAIN,
    STATES,
    STREETS,
    STROKES,
    TITLES,
)
from vits.text.spoken.english_context import ends_sentence, spelt, starts_sentence


def _any_of(names: dict[str, str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_SIGNS = ("/", "#", "№", "@", "Mr", "Ms", "Dr", "vs", " v ")
_SHORT_NAME = re.compile(rf"(?:{'|'.join(DAYS)})(?![a-z])|, [A-Z]{{2}} \d{{5}}")
_DOTTED_WORD = re.compile(r"([A-Za-z]+)\.")
_INSIDE = re.compile(r"\w\.[A-Za-z0-9]")
_ENDS_OF_PHRASES = frozenset("g e a cf al c ca m p".split())
_ABBREVIATED = frozenset(
    {*TITLES, *PLAIN, *BEFORE_NUMBER, *STREETS, *MONTHS, *DAYS, *_ENDS_OF_PHRASES, "v", "Co"}
    | {"No", "Nos", "no", "nos", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
)
_TITLE = re.compile(rf"\b({_any_of(TITLES)})\.(?= ?(?:[A-Z]|and\b))")
_PLAIN = re.compile(rf"\b({_any_of(PLAIN)})\.")
_WITHOUT_DOT = re.compile(r"\b(Mr|Mrs|Ms|Dr)(?= (?:[A-Z]|and (?:Mr|Mrs|Ms|Dr)\b))")
_VERSUS = re.compile(r"\bvs\b(?!\.)|(?<=[A-Za-z]) v\.?(?= [A-Z][a-z])")
_PHRASE = re.compile(
    r"(?<![\w.])(e\.\s?g\.|i\.\s?e\.|a\.k\.a\.|cf\.|et al\.|(?:c|ca)\.(?=\s?1\d{3}\b))(?=[\s,;)]|$)"
)
_HALF_OF_DAY = re.compile(r"\b(?<![\d.] )(?<![\d.])([ap])\.m\.(?!\w)")
_COMPANY = re.compile(r"(?<=[A-Z&][\w&]|[a-z]{2}) Co\.")
_DOCTOR_OR_SAINT = re.compile(r"\b(Dr|St)\.(?= [A-Z])")
_STREET = re.compile(rf"\b([A-Z][\w'’]*|\d+(?:st|nd|rd|th)) ({'|'.join(STREETS)})\.")
_BEGINS = re.compile(r"(?:^|[.!?:]\s+|[\"“(])\Z")
_ADDRESSED = re.compile(
    r"(?:\b(?:on|at|from|near|along|down|up|of|between)|\d\w*|\b[A-Z]\.?)(?: [A-Z]\w+)* $"
)
_COMPASS = re.compile(r"(?<=\d )([NSEW])\.(?= (?:[A-Z][a-z]|\d))")
_COMPASS_NAMES = {"N": "North", "S": "South", "E": "East", "W": "West"}
_NUMBER = re.compile(r"\b(?:No|Nos|no|nos)\.\s?(?=\d)|№\s?(?=\d)|#(?=\d)")
_BEFORE_NUMBER = re.compile(rf"\b({_any_of(BEFORE_NUMBER)})\.\s?(?=\d)")
_DEGREES = re.compile(r"\b(Ph\.D|M\.Sc|B\.Sc|Ed\.D|D\.Phil)\.(s\b)?")
_INITIALS = re.compile(r"(?<![\w.])((?:[A-Z]\.){2,})")
_DAY = re.compile(rf"\b({_any_of(DAYS)})\.(?=,? (?:\d|{'|'.join(MONTHS)}|May\b|at\b))")
_DAYS = re.compile(rf"\b({_any_of(DAYS)})\.?\s?[–—-]\s?({_any_of(DAYS)})\b(\.(?=,|\s[a-z]))?")
_DAY_OF_DATE = re.compile(
    rf"\b({_any_of(DAYS)})(?=,? (?:\d{{1,2}}(?:st|nd|rd|th)? )?(?:{_any_of(MONTHS)}|"
    rf"{'|'.join(MONTHS.values())}|May)\b)"
)
_MONTH = re.compile(
    rf"\b({_any_of(MONTHS)})\.(?=,? ['’]?\d|,? [a-z])|"
    rf"(?<=\d )({_any_of(MONTHS)})\.|"
    rf"(?<=of )({_any_of(MONTHS)})\.|(?<=[Ii]n )({_any_of(MONTHS)})\."
)
_STATE = re.compile(rf"(?<=[a-z], )({'|'.join(STATES)})(?= \d{{5}}\b)")
_STROKE = re.compile(
    rf"(?<![\w/])(?:{_any_of({k: v for k, v in STROKES.items() if k != 'w/'})})(?![\w/])|"
    r"(?<![\w/])w/(?=\s|[A-Za-z])",
    re.IGNORECASE,
)


def is_abbreviated(text: str) -> bool:
    """Whether there may be an abbreviation, an address or a stroke: quick, for most have none."""
    if any(sign in text for sign in _SIGNS) or _SHORT_NAME.search(text):
        return True
    dots = text.count(".")
    if not dots:
        return False
    return not _ABBREVIATED.isdisjoint(_DOTTED_WORD.findall(text)) or (
        dots > 1 and _INSIDE.search(text) is not None
    )


def abbreviations_spoken(text: str) -> str:
    """The text with its abbreviations in words."""
    if "/" in text:
        text = _STROKE.sub(_stroke, text)
    if "-" in text or "–" in text:
        text = _DAYS.sub(lambda m: f"{DAYS[m[1]]} to {DAYS[m[2]]}", text)
    text = _DAY_OF_DATE.sub(lambda m: DAYS[m[1]], text)
    text = _VERSUS.sub(lambda m: f"{' ' if m[0].startswith(' ') else ''}versus", text)
    text = _WITHOUT_DOT.sub(lambda m: {**TITLES, "Dr": "Doctor"}[m[1]], text)
    if "#" in text or "№" in text or "o." in text or "os." in text:
        text = _NUMBER.sub(_number, text)
    if "." in text:
        text = _dotted(text, set(_DOTTED_WORD.findall(text)))
    return _STATE.sub(lambda m: STATES[m[1]].replace("_", " "), text)


def _dotted(text: str, words: set[str]) -> str:
    """words: what stands before the dots of the text."""

    def plain(match: re.Match[str]) -> str:
        return PLAIN[match[1]] + ("" if match[1] in NEVER_LAST else _stop(match))

    def month(match: re.Match[str]) -> str:
        short = next(filter(None, match.groups()))
        return MONTHS[short] + ("" if match[1] else _stop(match))

    if not words.isdisjoint(_ENDS_OF_PHRASES):
        text = _PHRASE.sub(_phrase, text)
        text = _HALF_OF_DAY.sub(lambda m: spelt(f"{m[1]}m") + _stop(m), text)
    if not words.isdisjoint(BEFORE_NUMBER):
        text = _BEFORE_NUMBER.sub(lambda m: f"{BEFORE_NUMBER[m[1]]} ", text)
    if not words.isdisjoint(DAYS):
        text = _DAY.sub(lambda m: DAYS[m[1]], text)
    if not words.isdisjoint(MONTHS):
        text = _MONTH.sub(month, text)
    if not words.isdisjoint(STREETS):
        text = _COMPASS.sub(lambda m: _COMPASS_NAMES[m[1]], text)
        text = _STREET.sub(_street, text)
        text = _DOCTOR_OR_SAINT.sub(lambda m: {"Dr": "Doctor", "St": "Saint"}[m[1]], text)
    if "Co" in words:
        text = _COMPANY.sub(lambda m: f" Company{_stop(m)}", text)
    if not words.isdisjoint(TITLES):
        text = _TITLE.sub(lambda m: TITLES[m[1]], text)
    if not words.isdisjoint(PLAIN):
        text = _PLAIN.sub(plain, text)
    text = _DEGREES.sub(_degree, text)
    return _INITIALS.sub(_initials, text)


def _number(match: re.Match[str]) -> str:
    return "numbers " if match[0].lower().startswith("nos") else "number "


def _phrase(match: re.Match[str]) -> str:
    said = PHRASES[match[1].replace(" ", "") if match[1] != "et al." else match[1]]
    return said + (_stop(match) if match[1] == "et al." else "")


def _stroke(match: re.Match[str]) -> str:
    short = match[0]
    said = STROKES.get(short) or STROKES[short.lower()]
    if short[0].isupper() and short.lower() != "n/a":
        said = said[0].upper() + said[1:]
    behind = match.string[match.end() : match.end() + 1]
    return said + (" " if short.endswith("/") and behind.isalpha() else "")


def _street(match: re.Match[str]) -> str:
    """Elm Dr., Main St.; but not where a sentence begins so: "Dear Dr. Smith", "In St. Paul"."""
    before, short = match.groups()
    is_followed = re.match(r" [A-Z]", match.string[match.end() : match.end() + 2])
    if is_followed and (short == "Dr" or not starts_sentence(match)):
        front = match.string[max(match.start() - 40, 0) : match.start()]
        if _BEGINS.search(front) or not _ADDRESSED.search(front):
            return match[0]
    return f"{before} {STREETS[short]}{_stop(match)}"


def _degree(match: re.Match[str]) -> str:
    letters = match[1].replace(".", "")
    said = spelt(letters.upper() if letters == "PhD" else letters)
    return f"{said}s" if match[2] else said + _stop(match)


def _initials(match: re.Match[str]) -> str:
    """U.S. is U S, and J.R.R. Tolkien J R R Tolkien: a capital behind them tells nothing."""
    letters = match[1].replace(".", "")
    return spelt(letters) + ("." if starts_sentence(match) else "")


def _stop(match: re.Match[str]) -> str:
    """The dot that ends the sentence, if it does."""
    return "." if ends_sentence(match) else ""
