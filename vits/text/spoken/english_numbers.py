"""English number words: cardinals, ordinals, years, decimals, digits one by one.

British English says "and" before tens and units (one hundred and five), American does not.
"""

from functools import lru_cache

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
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
    return f"{cardinal(hundreds)} {f'oh {ONES[rest]}' if rest < 10 else cardinal(rest)}"


def decade(number: int) -> str:
    """nineteen nineties, two thousands, nineteen hundreds. number: its first year."""
    *before, last = year(number).split(" ")
    return " ".join([*before, plural(last)])


def plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}{'es' if word == 'six' else 's'}"


def digits(written: str) -> str:
    """The digits of a text one by one; all else in it parts groups with a comma."""
    groups = "".join(c if c.isdigit() else " " for c in written).split()
    return ", ".join(" ".join(ONES[int(c)] for c in group) for group in groups)


def number_words(written: str, british: bool = False) -> str:
    """A number as it is written: 1,234.50, 007, .5."""
    whole, point, decimals = written.replace(",", "").partition(".")
    if (len(whole) > 1 and whole.startswith("0")) or len(whole) > len(str(LARGEST)):
        said = digits(whole)
    else:
        said = cardinal(int(whole or "0"), british)
    if not (point and decimals):
        return said
    return f"{said} point {digits(decimals)}" if whole else f"point {digits(decimals)}"


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
