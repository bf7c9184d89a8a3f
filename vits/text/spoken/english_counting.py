"""English ordinals, fractions, scores, ranges, plurals, and numbers beside letters, in words.

What has no context left is a plain number, said last.
"""

import re

from vits.text.spoken.english_context import parted, spelt
from vits.text.spoken.english_numbers import (
    FRACTION,
    NUMBER,
    RANGE_MARK,
    SIGNED_FRACTIONS,
    amount_words,
    cardinal,
    name_words,
    number_words,
    ordinal,
    plural,
)
from vits.text.spoken.english_units import power_words

_TWO_ORDINALS = re.compile(r"(?<=\d(?:st|nd|rd|th))\s?[–—-]\s?(?=\d+(?:st|nd|rd|th)\b)")
_ORDINAL = re.compile(r"(?<![\w./])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th|ST|ND|RD|TH)\b")
_SPLIT = re.compile(r"(?<![\w.,/-])([1-9]\d)([/-])([1-9]\d)(?![\w/-]|[.,:]\d)")
_FIXED = {"24/7": "twenty-four seven", "9/11": "nine eleven", "20/20": "twenty-twenty"}
_FIXED_RULE = re.compile(r"(?<![\w.,/-])(24/7|9/11|20/20)(?![\w/]|[.,]\d)")
_RATED = re.compile(
    r"(?i)(\b(?:rate[ds]?|rating|score[ds]?|scoring|gave|give|gives|given|mark|marks|grade) "
    r"(?:[a-z]+ ){0,3}(?:of )?)(\d{1,3})/(5|10|20|100)(?![\d/]|[.,]\d)"
)
_FRACTION = re.compile(
    rf"(?<![\d/.,])(?P<article>\b[Aa] )?(?P<amount>{FRACTION})(?:(?:rd|th|nd)s?\b)?(?![\d/]|[.,]\d)"
)
_QUARTERS = re.compile(r"(\band three quarter)s(?= [a-z]+s\b)")
_STROKE = re.compile(r"(?<=\d)\s?/\s?(?=\d)")

_GAME = (
    r"(?:win|wins|won|winning|beat|beats|beaten|beating|lose|loses|lost|losing|draw|draws|drew|tie|"
    r"ties|tied|lead|leads|led|leading|trail|trails|trailed|trailing|defeat|defeats|defeated|"
    r"victory|score|scored|loss|hammered|thrashed|edged)"
)
_SCORE_BEFORE = re.compile(rf"(?i)\b{_GAME}\b[^.!?]{{0,40}}$")
_SCORE_BEHIND = re.compile(rf"(?i) (?:[a-z]+ )?{_GAME}\b")
_SETS = re.compile(
    r"(?<![\w.,-])\d{1,2}[–-]\d{1,2}(?:, (?:and )?\d{1,2}[–-]\d{1,2})+(?![\w-]|[.,]\d)"
)
_CHAIN = re.compile(r"(?<![\w.,–-])\d{1,3}(?:[–-]\d{1,3}){2,}(?![\w–-]|[.,]\d)")  # 4-4-2
_RECORD = re.compile(r"(?<![\w.,-])(\d{1,3})[–-](\d{1,3})(?= record\b)")
_HYPHENED = re.compile(r"(?<![\w.,–-])(\d{1,4})[–-](\d{1,4})(?![\w–-]|[.,]\d)")
_RANGE = re.compile(rf"(?<![\w.,])({NUMBER}){RANGE_MARK}({NUMBER})(?![\w–]|[.,]\d|-\d)")
_MINUS_BETWEEN = re.compile(r"(?<=\d) [-−] (?=\d+(?:\.\d+)? ?=)")
_RATIO = re.compile(rf"(?<![\d:]){NUMBER}(?::{NUMBER})+(?![\d:])")
_RATIO_CUED = re.compile(
    r"(\b(?:scale|ratio|odds|mixture|proportion)s? (?:of |is |are )?)(\d+):(\d+)"
)

_MANY = re.compile(r"(?<![\w.,])(1,?(?:0{2,3}|000,000))s(?= of\b)")
_MANY_NAMES = {2: "hundreds", 3: "thousands", 6: "millions"}
_PLURAL = re.compile(rf"(?<![\w.,-])({NUMBER})s(?![\w'’])")
_TIMES = re.compile(rf"(?<![\w.,])({NUMBER})\s?[x×](?!\s?\d|\w)")
_PRODUCT = re.compile(rf"(?<![\w.,]){NUMBER}(?:\s?[x×]\s?{NUMBER})+(?![\w])")
_POWER = re.compile(r"(?<=[\w)])(?:\^([-−]?\d{1,9})(?!\d)|(⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9})(?![⁰¹²³⁴⁵⁶⁷⁸⁹]))")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_ELEMENT = r"(?:He|Li|Na|Mg|Al|Si|Cl|Ca|Fe|Cu|Zn|Ag|Br|Mn|Pb|[HCNOSPFKI])"
_FORMULA = re.compile(rf"(?<![\w.-])(?=[A-Za-z]*\d)(?:{_ELEMENT}\d{{0,2}}){{2,}}(?!\w|-\d)")
_WAR = re.compile(r"\bWW([12])\b")
_GLUED = re.compile(
    rf"(?P<before>[A-Za-z]+)(?P<link>-?)(?P<after>{NUMBER})(?P<many>s\b)?(?P<tail>-(?=[A-Z]\d))?|"
    rf"(?P<number>{NUMBER})(?P<hyphen>-?)(?=[^\W\d_])"
)
_FORTY_NINERS = re.compile(r"(?<![\w.,])['’]?(\d{1,2})ers\b")
_COMMA = re.compile(r"(?<=\d),(?=\d)(?!\d{3}(?!\d))")  # 1,2 or 3
_MINUS = re.compile(r"(?:(?<=\s)|(?<=^)|(?<=\())[-−–](?=\.?\d)")
_PLUS = re.compile(r"(?:(?<=\s)|(?<=^)|(?<=\())\+(?=\.?\d)")
_SIGNED = re.compile(f"[{''.join(SIGNED_FRACTIONS)}]")
_LEFT = re.compile(NUMBER)


def ordinals_and_fractions_spoken(text: str, british: bool) -> str:
    """1st, 1/2, 2½, 8/10 where something is rated, and fixed ones such as 24/7 and 50/50."""
    text = _TWO_ORDINALS.sub(" to ", text)
    text = _ORDINAL.sub(lambda m: ordinal(int(m[1].replace(",", "")), british), text)
    text = _FIXED_RULE.sub(lambda m: _FIXED[m[1]], text)
    text = _SPLIT.sub(_split, text)
    text = _RATED.sub(lambda m: f"{m[1]}{cardinal(int(m[2]))} out of {cardinal(int(m[3]))}", text)
    text = _FRACTION.sub(lambda m: _fraction(m, british), text)
    text = _QUARTERS.sub(r"\1", text)
    return _STROKE.sub(" slash ", text)


def scores_and_ranges_spoken(text: str, british: bool) -> str:
    """3-1 as a score, 3-5 as a range, 10:1 as a ratio."""

    def said(written: str) -> str:
        return number_words(written, british)

    def sets(match: re.Match[str]) -> str:
        if not _is_score(match):
            return match[0]
        return re.sub(r"(\d+)[–-](\d+)", lambda m: f"{said(m[1])} {_love(said(m[2]))}", match[0])

    def hyphened(match: re.Match[str]) -> str:
        first, second = said(match[1]), said(match[2])
        if max(len(match[1]), len(match[2])) > 2 or not _is_score(match):
            return f"{first} to {second}"
        if british:
            return f"{'nil' if first == 'zero' else first} {'nil' if second == 'zero' else second}"
        return f"{first} to {'nothing' if second == 'zero' else second}"

    text = _SETS.sub(sets, text)
    text = _CHAIN.sub(lambda m: " ".join(map(said, re.split("[–-]", m[0]))), text)
    text = _RECORD.sub(lambda m: f"{said(m[1])} and {said(m[2])}", text)
    text = _MINUS_BETWEEN.sub(" minus ", text)
    text = _HYPHENED.sub(hyphened, text)
    text = _RANGE.sub(lambda m: f"{said(m[1])} to {said(m[2])}", text)
    return _RATIO.sub(lambda m: " to ".join(map(said, m[0].split(":"))), text)


def ratios_spoken(text: str, british: bool) -> str:
    """Ratios behind a word that says so, which else would be times of day: "a scale of 1:50"."""
    return _RATIO_CUED.sub(
        lambda m: f"{m[1]}{number_words(m[2], british)} to {number_words(m[3], british)}", text
    )


def letters_spoken(text: str, british: bool) -> str:
    """Powers, formulas, sizes (4x4), and numbers beside letters: F-16, MP3, B2B, 4K, H2O, 747s."""

    def many(match: re.Match[str]) -> str:
        return _MANY_NAMES[match[1].count("0")]

    def product(match: re.Match[str]) -> str:
        after = match.string[match.end() : match.end() + 12]
        if "=" in after or after.startswith((" to the", " squared", " cubed")):
            return re.sub(r"\s?[x×]\s?", " times ", match[0])
        return " by ".join(name_words(n, british) for n in re.split(r"\s?[x×]\s?", match[0]))

    text = _POWER.sub(lambda m: _power(m, british), text)
    text = text.translate(_LOWERED).translate(_RAISED)
    text = _FORMULA.sub(_formula, text)
    text = _WAR.sub(lambda m: f"World War {cardinal(int(m[1]))}", text)
    text = _MANY.sub(many, text)
    text = _FORTY_NINERS.sub(lambda m: cardinal(int(m[1])).removesuffix("e") + "ers", text)
    text = _PLURAL.sub(lambda m: plural(number_words(m[1], british)), text)
    text = _TIMES.sub(lambda m: f"{number_words(m[1], british)} times", text)
    text = _PRODUCT.sub(product, text)
    return _GLUED.sub(lambda m: _glued(m, british), text)


def plain_numbers_spoken(text: str, british: bool) -> str:
    text = _MINUS.sub("minus ", text)
    text = _PLUS.sub("plus ", text)
    text = _SIGNED.sub(lambda m: parted(m, amount_words(m[0])), text)
    text = _COMMA.sub(", ", text)
    return _LEFT.sub(lambda m: number_words(m[0], british), text)


def _power(match: re.Match[str], british: bool) -> str:
    said = power_words(match[1] or match[2], british)
    return said + (" " if match.string[match.end() : match.end() + 1].isalnum() else "")


def _fraction(match: re.Match[str], british: bool) -> str:
    article, said = match["article"] or "", amount_words(match["amount"], british)
    after = match.string[match.end() : match.end() + 2]
    if re.match("-[a-z]", after):  # a 3/4-inch bolt, a 1/2-inch hole
        said = re.sub("^one (?=half|quarter)", "", said.replace("quarters", "quarter"))
    elif article and re.match(" [a-z]", after):  # a 1/4 mile
        said = re.sub("^one (?=half|quarter)", "", said)
    return article + said + (" " if after[:1].isalnum() else "")


def _split(match: re.Match[str]) -> str:
    """50/50, 60-40: two parts of a hundred."""
    first, second = int(match[1]), int(match[3])
    if first + second != 100 or (match[2] == "-" and first != 50):
        return match[0]
    return f"{cardinal(first)}-{cardinal(second)}"


def _is_score(match: re.Match[str]) -> bool:
    before = match.string[max(match.start() - 60, 0) : match.start()]
    after = match.string[match.end() : match.end() + 30]
    if re.match(r" (?:[a-z]+ )?[a-z]+s\b(?<!\bwas)", after):
        return False
    return bool(_SCORE_BEFORE.search(before) or _SCORE_BEHIND.match(after))


def _love(said: str) -> str:
    return "love" if said == "zero" else said


def _formula(match: re.Match[str]) -> str:
    written = match[0]
    numbers = re.findall(r"\d+", written)
    letters = re.sub(r"\d", "", written)
    if len(numbers) == 1 and len(letters) > 2 and (len(numbers[0]) > 1 or letters.islower()):
        return written  # COP26
    parts = re.findall(r"\d+|[A-Z][a-z]?", written)
    return " ".join(cardinal(int(p)) if p.isdigit() else spelt(p.upper()) for p in parts)


def _glued(match: re.Match[str], british: bool) -> str:
    """F-16 is F sixteen, B2B B two B, top-10 top-ten; a hyphen before a word stays."""
    behind = match.string[match.end() : match.end() + 1]
    if match["number"]:
        if match["hyphen"]:
            return f"{number_words(match['number'], british)}-"
        return f"{name_words(match['number'], british)} "
    said = name_words(match["after"], british)
    if match["many"]:
        said = plural(said)
    if (match["link"] and match["before"].islower()) or match["before"] in ("A", "a"):
        joined = f"{match['before']}-{said}"
    else:
        joined = f"{match['before']} {said}"
    return joined + (" " if match["tail"] or behind.isalpha() else "")
