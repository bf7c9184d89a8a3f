"""What can be odd about one text, looked for quickly: most texts pass on the first look."""

import re
import unicodedata
from collections.abc import Callable, Sequence

from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding
from vits.sources.entry import Entry

N_CASES = 200  # that a finding keeps
ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\uffff"
    "\ue000-\uf8ff\U0001f000-\U0001ffff\u2600-\u27bf<>{}\\[\\]~^\\\\*@#|=_/]|&\\w+;|&#\\d+;"
    "|https?:|www\\.|  |\t|[!?.,;:]{4,}|\\d{1,2}:\\d{2}:\\d{2}"
)
MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|&(?:amp|lt|gt|quot|nbsp|apos|#\d+);")
ADDRESS = re.compile(r"https?:\S+|www\.\S+|\S+@\S+\.\w+")
NOISE = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|\*[^*]+\*|<[^<>]*>")
TIMESTAMP = re.compile(r"\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b")
REPEATED = re.compile(r"([!?,;:])\1{3,}|\.{5,}")
SPACES = re.compile(r"  |\t")
DIGIT = re.compile(r"\d")
MIXED_WORD = re.compile(r"[^\W\d_]+")
CYRILLIC = re.compile("[\u0400-\u04ff]")
LATIN = re.compile("[A-Za-z]")
LOOK_ALIKES = dict(zip("aceopxyABCEHKMOPTXyiIjJsS", "асеорхуАВСЕНКМОРТХуіІјЈѕЅ"))
TO_LATIN = {cyrillic: latin for latin, cyrillic in LOOK_ALIKES.items()}
# UTF-8 that was read as cp1252, latin-1 or cp1251 and saved again: pairs that no text has.
MOJIBAKE = re.compile(
    "[\u00c3\u00c2\u00d0\u00d1][\u0080-\u00bf\u2018-\u203a\u0152-\u0178\u02c6\u02dc\u2020-\u2026\u20ac\u2122]"
    "|(?:[РС][\u0080-\u00bf\u0402-\u040f\u0450-\u045f\u2018-\u203a\u2020-\u2026\u20ac\u2116\u2122°µ±»«]){1}|вЂ"
)
SCRIPTS = {  # of espeak's languages, where it is not Latin
    "bg": "CYRILLIC",
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "mk": "CYRILLIC",
    "sr": "CYRILLIC",
    "el": "GREEK",
    "hi": "DEVANAGARI",
    "ar": "ARABIC",
    "fa": "ARABIC",
    "he": "HEBREW",
    "ka": "GEORGIAN",
    "hy": "ARMENIAN",
    "ko": "HANGUL",
    "th": "THAI",
}

Rule = tuple[str, str, str, str, str, Callable[[str], str]]


def odd_texts() -> list[Rule]:
    """Kind, severity, what, why, fix, and what tells the oddity of a text ("" if it has none)."""
    text_fix = "change the text to what is said, or leave the line out"
    return [
        (
            "mojibake",
            ERROR,
            "texts were saved in one encoding and read in another",
            "The voice learns sounds for letters that are not there.",
            "make the list again, reading it as UTF-8; the repaired text stands beside each",
            mojibake,
        ),
        (
            "replacement_character",
            ERROR,
            "texts have the mark of a lost character (U+FFFD)",
            "A letter is missing in them.",
            "make the list again from its source, as UTF-8",
            lambda t: _at(t, re.compile("\ufffd")),
        ),
        (
            "control_characters",
            WARNING,
            "texts have control, private or invisible characters",
            "They become symbols of their own, or cut words apart.",
            "remove them; python -m vits.text shows what is read",
            invisible,
        ),
        (
            "markup",
            WARNING,
            "texts have HTML tags or entities",
            "Their letters are learnt as if they were spoken.",
            text_fix,
            lambda t: _at(t, MARKUP),
        ),
        (
            "address",
            WARNING,
            "texts have web or mail addresses",
            "Who reads them aloud says other words.",
            text_fix,
            lambda t: _at(t, ADDRESS),
        ),
        (
            "noise_marks",
            WARNING,
            "texts have marks of noises or notes in brackets",
            "Their letters are learnt as if they were spoken.",
            text_fix,
            noise_marks,
        ),
        (
            "timestamp",
            WARNING,
            "texts have timestamps of subtitles",
            "They are not spoken.",
            text_fix,
            lambda t: _at(t, TIMESTAMP),
        ),
        (
            "emoji",
            WARNING,
            "texts have emoji or pictures",
            "Nobody says them.",
            text_fix,
            emoji,
        ),
        (
            "repeated_marks",
            NOTE,
            "texts repeat a mark many times",
            "Such runs are too rare to be learnt.",
            "write one mark, or three dots",
            lambda t: _at(t, REPEATED),
        ),
        (
            "spaces",
            NOTE,
            "texts have tabs or several spaces in a row",
            "They are read as one; other programs may stumble.",
            "nothing to do for training here",
            lambda t: _at(t, SPACES),
        ),
    ]


def mojibake(text: str) -> str:
    found = MOJIBAKE.findall(text)
    if not found:
        return ""
    for encoding in ("cp1252", "latin-1", "cp1251"):
        try:
            repaired = text.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if repaired != text:
            return f"was it {repaired[:60]!r}?"
    return f"{found[0]!r} is no pair of letters" if len(found) > 2 else ""


def invisible(text: str) -> str:
    odd = [
        c
        for c in text
        if unicodedata.category(c) in ("Cc", "Co", "Cn", "Cf") and c not in "\t\u200c\u200d"
    ]
    return f"{_named(odd[0])} at character {text.index(odd[0]) + 1}" if odd else ""


def noise_marks(text: str) -> str:
    plain = re.sub(r"\[\[.*?\]\]|<pause[^<>]*>", "", text)  # marks that training reads
    found = [m[0] for m in NOISE.finditer(plain) if not MARKUP.fullmatch(m[0])]
    return f"{found[0]!r}" if found else ""


def emoji(text: str) -> str:
    odd = [c for c in text if unicodedata.category(c) == "So" and c not in "°©®№"]
    return _named(odd[0]) if odd else ""


def mixed_words(text: str) -> str:
    """Words with Latin and Cyrillic letters, where the odd ones look alike; and the right word."""
    told = []
    for match in MIXED_WORD.finditer(text):
        word = match[0]
        latin, cyrillic = LATIN.findall(word), CYRILLIC.findall(word)
        if not latin or not cyrillic:
            continue
        few, table = (latin, LOOK_ALIKES) if len(latin) <= len(cyrillic) else (cyrillic, TO_LATIN)
        odd = ", ".join(f"{c} (letter {word.index(c) + 1})" for c in dict.fromkeys(few))
        script = "Latin" if few is latin else "Cyrillic"
        right = "".join(table.get(c, c) if c in few else c for c in word)
        alike = all(c in table for c in few)
        told.append(f"{word!r}: {odd} {script}" + (f", expected {right!r}" if alike else ""))
    return "; ".join(told)


def script_of(text: str) -> str:
    """The script of most of its letters: "LATIN", "CYRILLIC"; "" without letters."""
    n_latin = n_cyrillic = n = 0
    for c in text:
        if c.isalpha():
            n += 1
            n_latin += c < "\u0250"
            n_cyrillic += "\u0400" <= c <= "\u052f"
    if 2 * n_latin > n:
        return "LATIN"
    if 2 * n_cyrillic > n:
        return "CYRILLIC"
    letters = [unicodedata.name(c, "?").split()[0] for c in text if c.isalpha()]
    return max(set(letters), key=letters.count) if letters else ""


def case_of(entry: Entry, detail: str, badness: float = 0.0) -> Case:
    """One utterance with what was found in it; larger badness is worse."""
    path = None if entry.path is None else str(entry.path)
    return Case(entry.place, entry.id, detail, badness, path, entry.text)


def finding(
    kind: str, severity: str, title: str, why: str, fix: str, cases: Sequence[Case]
) -> Finding:
    """Worst first, no more than N_CASES of them kept."""
    ordered = sorted(cases, key=lambda case: -case.badness)
    return Finding(kind, severity, title, why, fix, ordered[:N_CASES], len(cases))


def some_of(n: int, what: str, n_all: int | None = None) -> str:
    """ "3 of 400 texts have ..."; of one thing in the singular."""
    if n == 1:
        for many, one in (
            ("lines name", "line names"),
            ("lines are no JSON objects", "line is no JSON object"),
            ("lines are", "line is"),
            ("lines have", "line has"),
            ("lists have", "list has"),
            ("texts were", "text was"),
            ("texts have", "text has"),
            ("texts are", "text is"),
            ("texts repeat", "text repeats"),
            ("recordings are", "recording is"),
            ("recordings have", "recording has"),
            ("utterances held out have", "utterance held out has"),
            ("utterances have", "utterance has"),
            ("utterances are", "utterance is"),
            ("symbols are", "symbol is"),
            ("speakers have", "speaker has"),
            ("sentences are", "sentence is"),
        ):
            if what.startswith(many):
                what = one + what[len(many) :]
                break
    of = f" of {n_all:,}" if n_all else ""
    return f"{n:,}{of} {what}"


def _at(text: str, pattern: re.Pattern[str]) -> str:
    match = pattern.search(text)
    return f"{match[0][:40]!r} at character {match.start() + 1}" if match else ""


def _named(c: str) -> str:
    return f"U+{ord(c):04X} {unicodedata.name(c, 'unnamed')}"
