"""Numbers with a Bulgarian ending, and fractions, in words.

"1-ви", "2-ра", "21-вият" and "5-ото" are ordinals, and so is the form at school, "5А клас"; "80-те"
is "осемдесетте", "3-ма" "трима", "10-ина" "десетина"; "20-годишен" grows into one word. ½ before a
noun is "половин"; 2/3 is "две трети".
"""

import re

from vits.text.spoken.bulgarian_nouns import FUNCTION_WORDS, gender_after
from vits.text.spoken.bulgarian_numbers import (
    Definite,
    OrdinalGender,
    cardinal,
    compounded,
    definite_cardinal,
    fraction,
    ordinal,
)
from vits.text.spoken.bulgarian_reading import (
    SPACE,
    WORD_START,
    number_words,
    text_after,
)

_ENDINGS: dict[str, tuple[OrdinalGender, Definite]] = {
    **dict.fromkeys("ви ри ти и тен ен".split(), ("masculine", "no")),
    **dict.fromkeys("вият рият тият мият ият ят ният".split(), ("masculine", "full")),
    **dict.fromkeys("вия рия тия мия ия я ния".split(), ("masculine", "short")),
    **dict.fromkeys("ва ра та ма а на".split(), ("feminine", "no")),
    **dict.fromkeys("вата рата тата мата ата ната".split(), ("feminine", "full")),
    **dict.fromkeys("во ро то мо о но".split(), ("neuter", "no")),
    **dict.fromkeys("вото рото тото мото ото ното".split(), ("neuter", "full")),
    **dict.fromkeys("вите рите тите мите ите ните".split(), ("plural", "full")),
    "ми": ("masculine", "no"),
}
_HYPHEN = "[-\u2010\u2011]"
_WITH_ENDING = re.compile(
    rf"(?:(?<!\w)[’'](?=\d\d-))?{WORD_START}(\d{{1,15}})(?:{_HYPHEN}({'|'.join(_ENDINGS)}|те|тина|ина)"
    rf"|({'|'.join(e for e in _ENDINGS if len(e) > 1 and e[0] in 'врт')}|те))(?!\w)"
)
_COMPOUND = re.compile(rf"{WORD_START}(\d{{1,15}}){_HYPHEN}([а-я]{{4,}})")
_FORM = re.compile(
    rf"{WORD_START}(\d\d?)(?:{_HYPHEN}|{SPACE})?([„“\"]?[а-жА-Ж][“”\"]?)(?={SPACE}клас(?:а|ът)?(?!\w))"
)
_OF_PERCENT = re.compile(
    rf"{WORD_START}(\d{{1,4}}){SPACE}?%{_HYPHEN}(ен|н(?:ия|ият|а|ата|о|ото|и|ите)|ов\w*)(?!\w)"
)
_FINAL = re.compile(rf"{WORD_START}1/([248]){_HYPHEN}?(?=финал)")
_FINALS = {"2": "полу", "4": "четвърт", "8": "осмина"}
_MIXED = re.compile(rf"{WORD_START}(\d*)([½¼¾⅓⅔⅛])({SPACE}?(?=[а-яА-Я%]))?")
_VULGAR_ANYWHERE = re.compile("[½¼¾⅓⅔⅛]")
_VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}
_FRACTION = re.compile(rf"{WORD_START}(?:(\d+){SPACE})?(\d+)/(\d+)(?![\w/]|[.,]\d)")
_NOUN_AFTER = re.compile(rf"{SPACE}([а-я]+)(?!\.)")
_DENOMINATORS = frozenset([*range(2, 21), 25, 32, 50, 64, 100, 1000])


def suffixes_spoken(text: str) -> str:
    """The text with numbers that carry an ending in words."""
    text = _OF_PERCENT.sub(lambda m: compounded(int(m[1]), "процент" + m[2]), text)
    text = _FORM.sub(lambda m: f"{ordinal(int(m[1]))} {m[2]}", text)
    text = _FINAL.sub(lambda m: _FINALS[m[1]], text)
    return _COMPOUND.sub(_compound, _WITH_ENDING.sub(_with_ending, text))


def fractions_spoken(text: str) -> str:
    """The text with fractions in words; a slash that makes no fraction is "на" or "дробно"."""
    text = _FRACTION.sub(_fraction, _MIXED.sub(_mixed, text))
    return _VULGAR_ANYWHERE.sub(lambda m: f" {fraction(*_VULGAR[m[0]])} ", text)


def _with_ending(match: re.Match[str]) -> str:
    number, ending = int(match[1]), match[2] or match[3]
    last = number % 10 if number % 100 not in range(11, 20) else 0
    if ending in ("ина", "тина"):
        words = cardinal(number)
        return {"сто": "стотина"}.get(words, words + "ина")
    if ending == "те":
        return ordinal(1, "plural", "full") if number == 1 else definite_cardinal(number)
    if ending in ("ма", "мата") and last not in (7, 8):
        return (definite_cardinal if ending == "мата" else cardinal)(number, "men")
    if ending == "та" and last == 2:
        return definite_cardinal(number, "masculine")
    gender, definite = _ENDINGS[ending]
    return ordinal(number, gender, definite)


def _compound(match: re.Match[str]) -> str:
    return compounded(int(match[1]), match[2])


def _mixed(match: re.Match[str]) -> str:
    """½, 1½ and the like; before a noun "половин час", "един и половина часа"."""
    whole, sign, space = match.groups()
    numerator, denominator = _VULGAR[sign]
    if whole:
        gender = gender_after((space or "") + text_after(match), singular=False)
        part = "половина" if sign == "½" else fraction(numerator, denominator)
        return f"{number_words(whole, gender)} и {part}{' ' if space is not None else ''}"
    if space is not None and sign in "½¼":
        return ("половин" if sign == "½" else "четвърт") + " "
    return fraction(numerator, denominator) + (space or "")


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    numerator, denominator = int(above), int(below)
    before = f"{number_words(whole)} и " if whole else ""
    if not whole and numerator == 1 and denominator in (2, 4):
        noun = _NOUN_AFTER.match(match.string, match.end())
        if noun and noun[1] not in FUNCTION_WORDS:
            return "половин" if denominator == 2 else "четвърт"
    if 0 < numerator < denominator and denominator in _DENOMINATORS:
        return before + fraction(numerator, denominator)
    joined = "дробно" if len(below) == 4 else "на"  # № 5/2024; 120/80
    before = f"{number_words(whole)} " if whole else ""
    return f"{before}{number_words(above)} {joined} {number_words(below)}"
