"""Numbers of other languages in words, by the package num2words.

Whole numbers, decimals, percent and simple money; all else stays. Of words that inflect (один,
одна; ein, eine) num2words gives the form of counting.
"""

import re
from functools import lru_cache

from num2words import num2words

CODES = {  # espeak's name without its region, and num2words' own
    code: code
    for code in (
        "am ar az be bn ca cs cy da de eo es fa fi fr he hu id is it ja kn ko lt lv nl no pl pt ro "
        "ru sk sl sr sv te th tr uk vi"
    ).split()
} | {"nb": "no", "kk": "kz"}
DECIMAL_POINT = frozenset("ar bn fa he ja ko th te kn".split())  # others write a comma
PERCENT = {
    "cs": "procent",
    "de": "Prozent",
    "es": "por ciento",
    "fr": "pour cent",
    "it": "per cento",
    "nl": "procent",
    "pl": "procent",
    "pt": "por cento",
    "ro": "la sută",
    "ru": "процентов",
    "sv": "procent",
    "uk": "відсотків",
}
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?![\d])")
_NUMBER = re.compile(r"(?<![\d.,])((?<!\w)[-−](?=\d))?(\d+)(?:([.,])(\d+))?(?![\d]|[.,]\d)(\s?%)?")
_RUSSIAN_YEAR = re.compile(
    r"\b((?:[вВоОкК]о?|[сСдД]о?|[оО]т|[пП]о) )?(\d{4}) (год|года|году|годом)\b"
)
_RUSSIAN_CASES = {"год": "n", "года": "g", "году": "p", "годом": "i"}
LONGEST = 15  # digits; more are said one by one


def spoken(text: str, language: str) -> str:
    family = language.split("-")[0]
    code = CODES.get(family)
    if code is None or not any(map(str.isdigit, text)):
        return text

    def number(match: re.Match[str]) -> str:
        minus, whole, point, decimals, percent = match.groups()
        name = PERCENT.get(family)
        if percent and name is None:
            return match[0]
        if point and point != ("." if family in DECIMAL_POINT else ","):
            return match[0]  # a date, a section, or thousands
        said = _whole(whole, code) if not point else _decimal(whole, decimals, code)
        if said is None:
            return match[0]
        before = match.string[match.start() - 1 : match.start()] if match.start() else ""
        if percent and family == "ru" and not point:
            name = _russian_percent(int(whole))
        behind = match.string[match.end() : match.end() + 1]
        return (
            (" " if before.isalpha() else "")
            + ("минус " if minus and family == "ru" else "minus " if minus else "")
            + said
            + (f" {name}" if percent else "")
            + (" " if behind.isalpha() else "")
        )

    if family == "ru":
        text = _RUSSIAN_YEAR.sub(_russian_year, text)
    text = _GROUPED.sub(lambda m: re.sub(r"\D", "", m[0]), text)
    return _NUMBER.sub(number, text)


@lru_cache(maxsize=4096)
def _whole(written: str, code: str) -> str | None:
    if len(written) > LONGEST or (len(written) > 1 and written.startswith("0")):
        parts = [_whole(digit, code) for digit in written]
        return None if None in parts else " ".join(parts)
    return _said(int(written), code)


@lru_cache(maxsize=4096)
def _decimal(whole: str, decimals: str, code: str) -> str | None:
    if len(whole) + len(decimals) > LONGEST:
        return None
    return _said(float(f"{whole}.{decimals}"), code)


def _said(number: float, code: str) -> str | None:
    """What num2words makes of it; None where it cannot, which the language decides."""
    try:
        return num2words(number, lang=code)
    except (NotImplementedError, OverflowError, IndexError, TypeError, KeyError):
        return None


def _russian_year(match: re.Match[str]) -> str:
    before, written, noun = match.groups()
    case = _RUSSIAN_CASES[noun]
    if noun == "году" and not (before or "").startswith(("в", "о", "В", "О")):
        case = "d"
    said = num2words(int(written), lang="ru", to="ordinal", case=case, gender="m")
    return f"{before or ''}{said} {noun}"


def _russian_percent(number: int) -> str:
    if number % 10 == 1 and number % 100 != 11:
        return "процент"
    if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14):
        return "процента"
    return "процентов"
