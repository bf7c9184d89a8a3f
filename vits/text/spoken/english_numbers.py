"""English number words: cardinals, ordinals, years, fractions, decimals, digits one by one.

British English says "and" before tens and units (one hundred and five), American does not.
"""

import re
from functools import lru_cache

NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+)"
SIGNED_FRACTIONS = {
    **{"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5)},
    **{"⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8)},
    "⅞": (7, 8),
}
_SIGNS = "".join(SIGNED_FRACTIONS)
FRACTION = rf"(?:(?:\d{{1,4}}[ -])?\d{{1,3}}/\d{{1,4}}(?![\d/])|(?:\d{{1,4}}\s?)?[{_SIGNS}])"
AMOUNT = rf"(?:{FRACTION}|{NUMBER})"  # what amount_words says
RANGE_MARK = r"(?:\s?[–-]\s?|—)"  # an em dash between spaces parts sentences
_FRACTION = re.compile(
    rf"(?:(?P<whole>\d+)(?:[\s-]+|(?=[{_SIGNS}])))?"
    rf"(?:(?P<over>\d+)/(?P<under>\d+)|(?P<sign>[{_SIGNS}]))"
)

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
LARGEST = 10 ** (3 * len(SCALES)) - 1
IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


@lru_cache(maxsize=4096)
def cardinal(number: int, british: bool = False) -> str:
    """number: from -LARGEST to LARGEST."""
    if number < 0:
        return f"minus {cardinal(-number, british)}"
    groups = []
    rest, scale = number, 0
    while rest:
        rest, group = divmod(rest, 1000)
        if group:
            name = f" {SCALES[scale]}" if scale else ""
            groups.append(_below_thousand(group, british) + name)
        scale += 1
    if not groups:
        return ONES[0]
    if british and len(groups) > 1 and 0 < number % 1000 < 100:
        groups[0] = f"and {groups[0]}"
    return " ".join(reversed(groups))


def ordinal(number: int, british: bool = False) -> str:
    """number: 0 or more."""
    *before, last = cardinal(number, british).split(" ")
    joined, hyphen, end = last.rpartition("-")
    if end in IRREGULAR_ORDINALS:
        end = IRREGULAR_ORDINALS[end]
    else:
        end = f"{end[:-1]}ieth" if end.endswith("y") else f"{end}th"
    return " ".join([*before, f"{joined}{hyphen}{end}"])


def year(number: int, british: bool = False) -> str:
    """Two by two, but for the first ten years of a thousand: 2004 is two thousand four."""
    hundreds, rest = divmod(number, 100)
    if not 1000 < number < 10000 or (hundreds % 10 == 0 and rest < 10):
        return cardinal(number, british)
    if rest == 0:
        return f"{cardinal(hundreds)} hundred"
    return f"{cardinal(hundreds)} {two_digits(rest)}"


def two_digits(number: int) -> str:
    """The minutes of an hour, the years of a century: "oh five", "fifty"."""
    return f"oh {ONES[number]}" if number < 10 else cardinal(number)


def decade(number: int) -> str:
    """nineteen nineties, two thousands, nineteen hundreds. number: its first year."""
    return plural(year(number))


def plural(words: str) -> str:
    """Several of a number: twenties, sixes, forty-sevens."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}{'es' if words.endswith('six') else 's'}"


def digits(written: str) -> str:
    """The digits of a text one by one; all else in it parts groups with a comma."""
    groups = "".join(c if c.isdigit() else " " for c in written).split()
    return ", ".join(" ".join(ONES[int(c)] for c in group) for group in groups)


def name_words(written: str, british: bool = False) -> str:
    """A whole number that is a name, as of a room or a flight: 101 is "one oh one", 1408 "fourteen
    oh eight"; others are said as cardinals.
    """
    if not written.isdigit() or written[0] == "0" or len(written) not in (3, 4):
        return number_words(written, british)
    if len(written) == 4:
        return year(int(written), british)
    hundreds, rest = divmod(int(written), 100)
    if rest == 0:
        return cardinal(int(written), british)
    return f"{ONES[hundreds]} {two_digits(rest)}"


def number_words(written: str, british: bool = False) -> str:
    """A number as it is written: 1,234.50, 007, .5."""
    whole, point, decimals = written.replace(",", "").partition(".")
    if (len(whole) > 1 and whole.startswith("0")) or len(whole) >= len(str(LARGEST)):
        said = digits(whole)
    else:
        said = cardinal(int(whole or "0"), british)
    if not (point and decimals):
        return said
    return f"{said} point {digits(decimals)}" if whole else f"point {digits(decimals)}"


def amount_words(written: str, british: bool = False) -> str:
    """What AMOUNT finds: a number as it is written, or a fraction: 1/2, 2 3/4, 1½."""
    found = _FRACTION.fullmatch(written)
    if found is None:
        return number_words(written, british)
    over, under = _over_and_under(found)
    return fraction_words(found["whole"], over, under, british)


def part_words(written: str, noun: str, describes: bool = False) -> str | None:
    """A part of one thing: ½ of a mile is "half a mile", 3/4 "three quarters of a mile".

    describes: whether it stands before another noun, as in "a ½ mile walk": "half mile".
    None where what is written is a number, or a fraction behind a whole number.
    """
    found = _FRACTION.fullmatch(written)
    if found is None or found["whole"]:
        return None
    over, under = _over_and_under(found)
    if not 0 < over < under:
        return None
    if describes:
        one = PARTS.get(under, _parts(ordinal(under)))[0]
        return f"{one if over == 1 and under in PARTS else f'{cardinal(over)} {one}'} {noun}"
    article = "an" if noun.startswith(("a", "i", "o", "hour")) else "a"
    if (over, under) == (1, 2):
        return f"half {article} {noun}"
    return f"{fraction_words(None, over, under)} of {article} {noun}"


def fraction_words(whole: str | None, over: int, under: int, british: bool = False) -> str:
    """2 1/2 is "two and a half", 3/4 "three quarters", 22/7 "twenty-two over seven"."""
    first = f"{cardinal(int(whole), british)} and " if whole else ""
    if under < 2 or over >= under or over == 0 or (under > 100 and under % 100):
        return f"{first}{name_words(str(over), british)} over {name_words(str(under), british)}"
    one, many = PARTS.get(under, _parts(ordinal(under, british)))
    if whole and over == 1:
        return f"{first}{'an' if under in (8, 11, 18) or 80 <= under < 90 else 'a'} {one}"
    return f"{first}{cardinal(over, british)} {one if over == 1 else many}"


def _parts(name: str) -> tuple[str, str]:
    name = name.removeprefix("one ")  # a hundredth, but two hundredth
    return name, f"{name}s"


def _over_and_under(found: re.Match[str]) -> tuple[int, int]:
    if found["sign"]:
        return SIGNED_FRACTIONS[found["sign"]]
    return int(found["over"]), int(found["under"])


def _below_thousand(number: int, british: bool) -> str:
    hundreds, rest = divmod(number, 100)
    said = [f"{ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        tens, ones = divmod(rest, 10)
        if hundreds and british:
            said.append("and")
        if rest < 20:
            said.append(ONES[rest])
        else:
            said.append(f"{TENS[tens]}-{ONES[ones]}" if ones else TENS[tens])
    return " ".join(said)
