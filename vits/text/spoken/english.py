"""English texts written out: numbers, dates, times, money, units and abbreviations as words.

The order matters: what has the most context is read first (addresses, dates, times, amounts), and
whatever number is left is said last. What cannot be decided stays; a text with nothing to write out
comes back unchanged.
"""

import re

from vits.text.spoken.english_dates import dates_spoken, times_spoken, years_spoken
from vits.text.spoken.english_numbers import cardinal, digits, number_words, ordinal
from vits.text.spoken.english_quantities import NUMBER, quantities_spoken
from vits.text.spoken.english_words import abbreviations_spoken, romans_spoken, signs_spoken

_DIGIT = re.compile(r"[0-9½¼¾⅓⅔⅛]")
_ODD = re.compile(
    r"[0-9½¼¾⅓⅔⅛&+=×÷≈@#%§©$£€№°]|\b[A-Z](?:\.[A-Z]|[a-z]{1,5})\.|\b(?:Mr|Mrs|Ms|Dr)\b|"
    r"\b(?:vs|etc|approx|dept|govt|est|cf)\.|\b[aei]\.\s?[a-z]\.|\bwww\.|\b[IVXLC]+\b"
)
_ADDRESS = re.compile(
    r"(?<!\w)(?:https?://)?(?:[\w.+-]+@)?(?:[\w-]+\.)+(?:com|org|net|edu|gov|io|uk|co|info|bg|de|eu|us)"
    r"(?:/[\w./#?=&%-]*[\w/])?(?![\w@]|\.\w)"
)
_TELEPHONE = re.compile(
    r"(?<![\w.,/-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?)?\d{2,4}"
    r"(?:[ .-]\d{2,4}){1,4}(?![\w/]|[.,]\d)"
)
_AFTER_TELEPHONE = re.compile(r"(?i)(?:call|phone|tel|telephone|dial|fax|number)\b\D{0,12}$")
_ORDINAL = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b")
_FRACTION = re.compile(r"(?<![\d/.,])(?:(\d+)[ -])?(\d{1,2})/(\d{1,3})(?![\d/]|[.,]\d)")
_SIGNED_FRACTION = re.compile(r"(?:(\d+)\s?)?([½¼¾⅓⅔⅛])")
_NAMES = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_SIGNS_OF_FRACTIONS = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}
_RANGE = re.compile(rf"(?<![\w.,])({NUMBER})\s?[–]\s?({NUMBER})(?![\w–]|[.,]\d|-\d)")
_HYPHENED = re.compile(r"(?<![\w.,-])(\d{1,4})-(\d{1,4})(?![\w-]|[.,]\d)")
_SCORE = re.compile(r"(?<![\d:])(\d{1,3}):(\d{1,3})(?![\d:])")
_SECTIONS = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\d,])")
_GLUED = re.compile(r"(?<=[A-Za-z])-?(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)(-?)(?=[A-Za-z])")
_LONG = re.compile(r"(?<![\w.,])\d{16,}(?!\w)|(?<![\w.,])0\d+(?!\w|\.\d)")
_MINUS = re.compile(r"(?:(?<=\s)|(?<=^)|(?<=\())[-−](?=\d)")
_LEFT = re.compile(NUMBER)


def spoken(text: str, language: str = "en-us") -> str:
    """The text in words. language: "en-us"; any other espeak English is read as British."""
    if not _ODD.search(text):
        return text
    british = language not in ("en", "en-us") and not language.startswith("en-us-")
    text = _ADDRESS.sub(_address, text)
    text = abbreviations_spoken(text)
    text = romans_spoken(text, british)
    if _DIGIT.search(text):
        text = _numbers_spoken(text, british)
    return signs_spoken(text)


def _numbers_spoken(text: str, british: bool) -> str:
    def number(match: re.Match[str]) -> str:
        return number_words(match[0], british)

    def said(written: str) -> str:
        return number_words(written, british)

    def hyphened(match: re.Match[str]) -> str:
        """A score or a range: 3-1 is three to one either way."""
        return f"{said(match[1])} to {said(match[2])}"

    text = dates_spoken(text, british)
    text = times_spoken(text)
    text = _TELEPHONE.sub(_telephone, text)
    text = quantities_spoken(text, british)
    text = years_spoken(text, british)
    text = _ORDINAL.sub(lambda m: ordinal(int(m[1].replace(",", "")), british), text)
    text = _FRACTION.sub(lambda m: _fraction(m, british), text)
    text = _SIGNED_FRACTION.sub(lambda m: _signed_fraction(m, british), text)
    text = _SECTIONS.sub(lambda m: " point ".join(map(said, m[0].split("."))), text)
    text = _LONG.sub(lambda m: digits(m[0]), text)
    text = _RANGE.sub(hyphened, text)
    text = _HYPHENED.sub(hyphened, text)
    text = _SCORE.sub(hyphened, text)
    text = signs_spoken(text)
    text = _MINUS.sub("minus ", text)
    text = _GLUED.sub(lambda m: _glued(m, british), text)
    return _LEFT.sub(number, text)


def _address(match: re.Match[str]) -> str:
    said = re.sub(r"^https?://", "", match[0]).rstrip("/")
    for sign, word in ((".", "dot"), ("@", "at"), ("/", "slash"), ("_", "underscore")):
        said = said.replace(sign, f" {word} ")
    said = re.sub(r"-", " dash ", said)
    return re.sub(r"\bwww\b", "w w w", " ".join(said.split()))


def _telephone(match: re.Match[str]) -> str:
    """Digits one by one, where a word before says so, or the groups are those of a telephone."""
    told = _AFTER_TELEPHONE.search(match.string[: match.start()])
    shape = re.fullmatch(r"(?:\+\d.*|\(\d.*|\d{3}[ .-]\d{3}[ .-]\d{4}|\d{3}-\d{4})", match[0])
    if not told and not shape:
        return match[0]
    plus = "plus " if match[0].startswith("+") else ""
    return plus + digits(match[0])


def _fraction(match: re.Match[str], british: bool) -> str:
    over, under = int(match[2]), int(match[3])
    if under < 2 or over >= under or under > 100 and under % 100:
        whole = f"{cardinal(int(match[1]), british)} " if match[1] else ""
        return f"{whole}{cardinal(over, british)} slash {cardinal(under, british)}"
    return _with_whole(match[1], over, under, british)


def _signed_fraction(match: re.Match[str], british: bool) -> str:
    return _with_whole(match[1], *_SIGNS_OF_FRACTIONS[match[2]], british)


def _with_whole(whole: str | None, over: int, under: int, british: bool) -> str:
    one, many = _NAMES.get(under, (ordinal(under, british), f"{ordinal(under, british)}s"))
    if whole and over == 1:
        return f"{cardinal(int(whole), british)} and a {one}"
    said = f"{cardinal(over, british)} {one if over == 1 else many}"
    return f"{cardinal(int(whole), british)} and {said}" if whole else said


def _glued(match: re.Match[str], british: bool) -> str:
    """A number beside letters: F-16 is F sixteen, B2B B two B; a hyphen before a word stays."""
    if match[1]:
        behind = match.string[match.end() : match.end() + 1]
        return f" {number_words(match[1], british)}" + (" " if behind.isalpha() else "")
    return number_words(match[2], british) + (match[3] or " ")
