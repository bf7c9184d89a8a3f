"""Bulgarian number words: cardinals with gender, ordinals, decimals, digits one by one, Roman
numerals.

The literary forms are used (двадесет, единадесет). "и" stands before the last word of each group of
three digits, and before the last group where that is a single word: хиляда и двеста, but хиляда
двеста и пет. Decimals are read as they are usually said: 3,5 is "три цяло и пет".
"""

import re
from typing import Literal

Gender = Literal["masculine", "feminine", "neuter", "men", "people"]
OrdinalGender = Literal["masculine", "feminine", "neuter", "plural"]
Definite = Literal["no", "short", "full"]

N_MAX_DIGITS = 18  # longer numbers have no name here

_UNITS = ["нула", "едно", "две", "три", "четири", "пет", "шест", "седем", "осем", "девет", "десет"]
_TEENS = [unit + "надесет" for unit in ["еди", "два", *_UNITS[3:10]]]
_SMALL = [*_UNITS, *_TEENS]  # 0 to 19
_TENS = ["", "десет", "двадесет", *(unit + "десет" for unit in _UNITS[3:10])]
_HUNDREDS = ["", "сто", "двеста", "триста", *(unit + "стотин" for unit in _UNITS[4:10])]
_GROUPS: list[tuple[int, str, str, Gender]] = [
    (10**15, "квадрилион", "квадрилиона", "masculine"),
    (10**12, "трилион", "трилиона", "masculine"),
    (10**9, "милиард", "милиарда", "masculine"),
    (10**6, "милион", "милиона", "masculine"),
    (10**3, "хиляда", "хиляди", "feminine"),
]
_GENDERED = {
    (1, "masculine"): "един",
    (1, "feminine"): "една",
    (2, "masculine"): "два",
    **{(1, kind): "един" for kind in ("men", "people")},
    **{(2, kind): "двама" for kind in ("men", "people")},
    **{(3, kind): "трима" for kind in ("men", "people")},
    **{(4, kind): "четирима" for kind in ("men", "people")},
}
_ALONE = {(5, "men"): "петима", (6, "men"): "шестима"}  # but "двадесет и пет лекари"

_ORDINAL_STEMS = ["", "първ", "втор", "трет", "четвърт", "пет", "шест", "седм", "осм", "девет"]
_ORDINAL_HUNDREDS = ["", "сто", "двесто", "тристо", *(unit + "сто" for unit in _UNITS[4:10])]
_GROUP_STEMS = {
    10**15: "квадрилион",
    10**12: "трилион",
    10**9: "милиард",
    10**6: "милион",
    10**3: "хиляд",
}
_BARE_ENDING = {"masculine": "и", "feminine": "а", "neuter": "о", "plural": "и"}
_DEFINITE_ENDING = {"masculine": "ият", "feminine": "ата", "neuter": "ото", "plural": "ите"}

_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_LOOKALIKES = str.maketrans("ХІСМ", "XICM")  # Bulgarian keyboards write ХХ век in Cyrillic
_ROMAN = re.compile(r"M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")

NUMBER_WORD = re.compile(
    r"(?:един|една|едно|два|две|три|четири|пет|шест|седем|осем|девет|нула|сто|двеста|триста"
    r"|\w+стотин|\w*десет|хиляда|хиляди|двама|\w+има|(?:мил|квадр?ил|трил)и(?:он|ард)а?)$"
)


def cardinal(number: int, gender: Gender = "neuter") -> str:
    """The number in words: 21, "feminine" → "двадесет и една".

    gender is that of the counted noun; counting without one is neuter (едно, две, три). "men" is
    for several men (двама, трима, четирима, петима, шестима ученици), "people" for what is usually
    said of people (двама, трима, четирима, but пет, шест души).
    Raises ValueError for more than 18 digits.
    """
    if number < 0:
        return "минус " + cardinal(-number, gender)
    if number >= 10**N_MAX_DIGITS:
        raise ValueError(f"{number} has no name: more than {N_MAX_DIGITS} digits")
    if number == 0:
        return "нула"
    if (number, gender) in _ALONE:
        return _ALONE[number, gender]
    parts: list[list[str]] = []  # one list of words for each group, before the "и" are put in
    phrases: list[str] = []
    rest = number
    for size, one, many, group_gender in _GROUPS:
        count, rest = divmod(rest, size)
        if not count:
            continue
        parts.append(_triad(count, group_gender))
        if count == 1:
            phrases.append(one if size == 1000 else "един " + one)
        else:
            phrases.append(f"{_joined(parts[-1])} {many}")
    if rest:
        parts.append(_triad(rest, gender))
        phrases.append(_joined(parts[-1]))
    return _phrase(phrases, last_is_single=len(parts[-1]) == 1)


def ordinal(number: int, gender: OrdinalGender = "masculine", definite: Definite = "no") -> str:
    """Which one: 21, "feminine" → "двадесет и първа"; 1878 → "хиляда осемстотин седемдесет и осми".

    definite: "no" (първи), "full" (първият) or "short" (първия); the two differ in the masculine.
    """
    if number == 0:
        return _inflected("нулев", "нулев", gender, definite)
    for size, *_ in reversed(_GROUPS):  # does it end in whole thousands, millions, ...?
        if number % size == 0 and number // size % 1000:
            return _group_ordinal(number, size, gender, definite)
    last = number % 100 if number % 100 in range(1, 20) else number % 10
    if last:
        word = _small_ordinal(last, gender, definite)
    elif number % 100:
        last = number % 100
        word = _inflected(_TENS[last // 10] + "и", _TENS[last // 10], gender, definite)
    else:
        last = number % 1000
        stem = _ORDINAL_HUNDREDS[last // 100] + "т"
        word = _inflected(stem + "ен", stem + "н", gender, definite)
    before = cardinal(number).rpartition(" ")[0]  # the last word alone becomes an ordinal
    return f"{before} {word}".lstrip()


def definite_cardinal(number: int, gender: Gender = "neuter") -> str:
    """All of them: 5 → "петте", 80 → "осемдесетте", 2, "masculine" → "двата", "men" → "двамата"."""
    words = cardinal(number, gender)
    if words.endswith("един"):
        return words + "ия"
    if words.endswith("едно"):
        return words + "то"
    return words + ("та" if words.endswith(("два", "ма", "една", "хиляда")) else "те")


def compounded(number: int, second_part: str) -> str:
    """A number grown together with an adjective: 20, "годишен" → "двадесетгодишен".

    Two is "дву" (двуетажен), but of age "две" (двегодишен).
    Numbers of several words stand apart: "двадесет и пет годишен", "двадесет и един етажен".
    """
    if number == 1:
        return "едно" + second_part
    if number == 2:
        return ("две" if second_part.startswith("годиш") else "дву") + second_part
    of_time = second_part.startswith(("годиш", "минут", "седмич", "секунд"))
    words = cardinal(number, "feminine" if of_time else "masculine")
    return words + (" " if " " in words else "") + second_part


def decimal(whole: str, fraction: str) -> str:
    """A decimal number from its digits: "3", "14" → "три цяло и четиринадесет".

    Zeros in front are said ("3", "05" → "три цяло и нула пет"); a fraction of more than three
    further digits is said digit by digit.
    """
    if not fraction.strip("0"):
        after = "нула"
    else:
        rest = fraction.lstrip("0")
        zeros = ["нула"] * (len(fraction) - len(rest))
        after = " ".join([*zeros, cardinal(int(rest)) if len(rest) <= 3 else digits(rest)])
    return f"{cardinal(int(whole))} цяло и {after}"


def digits(text: str) -> str:
    """Digit by digit: "007" → "нула нула седем"."""
    return " ".join(_UNITS[int(digit)] for digit in text)


def fraction(numerator: int, denominator: int) -> str:
    """A vulgar fraction: 2, 3 → "две трети"; 1, 2 → "една втора"."""
    if (numerator, denominator) == (1, 4):
        return "една четвърт"
    gender: OrdinalGender = "feminine" if numerator == 1 else "plural"
    return f"{cardinal(numerator, 'feminine')} {ordinal(denominator, gender)}"


def roman(text: str) -> int | None:
    """The value of a Roman numeral, Cyrillic look-alikes included; None if it is none."""
    latin = text.translate(_LOOKALIKES)
    if not latin or _ROMAN.fullmatch(latin) is None:
        return None
    values = [_ROMAN_VALUES[letter] for letter in latin]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following))


def _triad(number: int, gender: Gender) -> list[str]:
    """The words of 1 to 999, without "и"."""
    words = [_HUNDREDS[number // 100]] if number >= 100 else []
    rest = number % 100
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append(_GENDERED.get((rest, gender), _SMALL[rest]))
    return words


def _joined(words: list[str]) -> str:
    return _phrase(words, last_is_single=True)


def _phrase(phrases: list[str], last_is_single: bool) -> str:
    if len(phrases) == 1 or not last_is_single:
        return " ".join(phrases)
    return " ".join(phrases[:-1]) + " и " + phrases[-1]


def _small_ordinal(number: int, gender: OrdinalGender, definite: Definite) -> str:
    stem = _ORDINAL_STEMS[number] if number < 10 else _SMALL[number]
    return _inflected(stem + "и", stem, gender, definite)


def _inflected(masculine: str, stem: str, gender: OrdinalGender, definite: Definite) -> str:
    if definite == "no":
        return masculine if gender == "masculine" else stem + _BARE_ENDING[gender]
    ending = _DEFINITE_ENDING[gender]
    return stem + (ending.removesuffix("т") if definite == "short" else ending)


def _group_ordinal(number: int, size: int, gender: OrdinalGender, definite: Definite) -> str:
    """Ordinals of whole thousands or millions: хиляден, двехиляден, милионен."""
    higher, count = divmod(number // size, 1000)
    prefix = "" if count == 1 else cardinal(count)
    if size > 1000 and prefix.endswith("две"):
        prefix = prefix.removesuffix("две") + "дву"
    stem = prefix + _GROUP_STEMS[size]
    word = _inflected(stem + "ен", stem + "н", gender, definite)
    if not higher:
        return word
    return cardinal(higher * 1000 * size) + (" " if " " in prefix else " и ") + word
