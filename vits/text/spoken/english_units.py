"""English units of measure in words: "5–10 km", "60 mph", "a 6-ft fence", "5'10\"", "½ oz"."""

import re

from vits.text.spoken.english_context import describes_noun
from vits.text.spoken.english_numbers import (
    AMOUNT,
    RANGE_MARK,
    SIGNED_FRACTIONS,
    amount_words,
    cardinal,
    number_words,
    ordinal,
    part_words,
)
from vits.text.spoken.english_unit_names import (
    BRITISH_UNITS,
    DOTTED_UNITS,
    PER_UNITS,
    SPACED_UNITS,
    UNITS,
    british_spelling,
)


def _any_of(names: dict[str, object]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


PER = rf"/(?P<per>{_any_of(PER_UNITS)})(?![\w/])"  # behind an amount: $15/hour, 5 mg/kg
_UNIT = re.compile(
    rf"(?<![\w.,/^])(?P<sign>[-−+])?(?P<first>{AMOUNT})"
    rf"(?:(?:\s?(?:{_any_of(UNITS)}))?{RANGE_MARK}(?P<second>{AMOUNT}))?"
    rf"(?P<space>[ \u00a0\u202f-]?)(?P<unit>{_any_of(UNITS)})(?:{PER})?"
    r"(?P<dot>\.(?=\s?[a-z,;:)]))?(?![\w/²³]|\.\w)"
)
_MAYBE_UNIT = re.compile(rf"[\d{''.join(SIGNED_FRACTIONS)}][\s-]?[A-Za-zµμΩ]")
_MILLIONS = re.compile(
    r"m(?= (?:people|users|jobs|homes|votes|viewers|customers|copies|years|children|members|"
    r"visitors|followers|subscribers|downloads|tonnes|tons|barrels|doses|workers|households)\b)"
)
_LARGE_NUMBER = re.compile(rf"(?<![\w.,$£€¥])({AMOUNT})\s?(?:(bn|tn|trn|mn)\b|{_MILLIONS.pattern})")
LARGE_NUMBERS = {"bn": "billion", "tn": "trillion", "trn": "trillion", "mn": "million"}
_FEET = re.compile(rf"(?<![\w.,])(\d{{1,2}})\s?['′’]\s?({AMOUNT})\s?(?:[\"″”]|'')(?!\w)")
_FEET_ALONE = re.compile(
    r"(?<![\w.,'‘])(?P<first>\d{1,3})['′](?=\s(?:x|×|by|tall|long|wide|high|deep)\b|\s[×x]|\s[a-z])"
)
_IS_INCH = re.compile(r" (?:of|long|wide|tall|high|thick|deep|by|x)\b|$")
_KARAT = re.compile(r"(?<![\w.,])(\d\d?)[ -]?(?:k|K|kt|ct)(?= (?:white |rose |yellow )?gold\b)")
_LENGTH = r"(?:['′\"″]|(?:ft|in|m|cm|mm|km|yd)\b\.?)"
_BY = re.compile(
    rf"(\d\s?{_LENGTH})\s?[x×]\s?(?=\d)|"
    rf"(\d)\s?[x×]\s?(?=\d[\d.]*(?:\s?[x×]\s?\d[\d.]*)*\s?{_LENGTH})"
)
_FEET_INCHES = re.compile(r"(?<![\w.,])(\d{1,2}) ?ft\.? ?(\d{1,2}) ?in\b\.?(?! [a-z]*\d)")
_POWER = re.compile(
    rf"(?<=\d)(?:\^(?P<written>[-−]?\d{{1,9}})(?!\d)|(?P<raised>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,9}}))"
    rf"(?:\s(?P<unit>{_any_of(UNITS)})(?:{PER})?(?![\w/²³]))?"
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_INCHES = re.compile(rf"(?<![\w.,\"“])(?P<first>{AMOUNT})[\"″](?=\s[\w×]|-|[.,;)]|$)")


def units_spoken(text: str, british: bool) -> str:
    """Amounts with an abbreviated unit, with feet and inches, with "bn" and the like."""
    text = _LARGE_NUMBER.sub(
        lambda m: f"{amount_words(m[1], british)} {LARGE_NUMBERS.get(m[2] or '', 'million')}", text
    )
    text = _KARAT.sub(lambda m: f"{cardinal(int(m[1]))} {'c' if british else 'k'}arat", text)
    text = _BY.sub(lambda m: f"{m[1] or m[2]} by ", text)
    text = _FEET_INCHES.sub(_feet_inches, text)
    if "^" in text or any(sign in text for sign in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        text = _POWER.sub(lambda m: _power(m, british), text)
    if "'" in text or "′" in text or "’" in text:
        text = _FEET.sub(lambda m: _feet_and_inches(m, british), text)
        text = _FEET_ALONE.sub(lambda m: _feet_alone(m, british), text)
    if '"' in text or "″" in text:
        text = _INCHES.sub(lambda m: _inches(m, british), text)
    if _MAYBE_UNIT.search(text):
        text = _UNIT.sub(lambda m: _unit(m, british), text)
    return text


def per_words(short: str, british: bool) -> str:
    """What stands behind the stroke of "$15/hour", in words: " per hour"."""
    return f" per {british_spelling(PER_UNITS[short]) if british else PER_UNITS[short]}"


def _unit(match: re.Match[str], british: bool) -> str:
    unit, space, first, second = match["unit"], match["space"], match["first"], match["second"]
    is_apart = space in (" ", "\u00a0", "\u202f") or (unit == "s" and "." in first and not space)
    if unit in SPACED_UNITS and not is_apart:
        return match[0]
    if (unit in BRITISH_UNITS and not british) or (space == "-" and unit in ("g", "l", "L", "h")):
        return match[0]
    if unit == "in." and "/" not in first and not _IS_INCH.match(match.string, match.end()):
        return match[0]
    if unit in ("m2", "m3", "in2", "in3") and not space and first.isdigit() and second is None:
        return match[0]  # 5m2 may be a name
    one, many = map(british_spelling, UNITS[unit]) if british else UNITS[unit]
    per = per_words(match["per"], british) if match["per"] else ""
    sign = {"+": "plus ", None: ""}.get(match["sign"], "minus ")
    dot = match["dot"] or ""
    if dot and (
        (match["per"] or unit) in DOTTED_UNITS or unit.endswith((" ft", " mi", " in", "oz"))
    ):
        dot = ""
    part = None if second or space == "-" else part_words(first, one, describes_noun(match))
    if part:
        return f"{sign}{part}{per}{dot or _last_dot(match)}"
    said = amount_words(first, british)
    if second:
        said += f" to {amount_words(second, british)}"
    single = (first == "1" and not second) or space == "-" or describes_noun(match)
    unit_said = f"{'-' if space == '-' else ' '}{one if single else many}"
    return f"{sign}{said}{unit_said}{per}{dot or _last_dot(match)}"


def power_words(written: str, british: bool) -> str:
    """What stands behind the base: squared, to the sixth (British: to the power of six).

    written: the exponent, in ordinary or raised digits.
    """
    number = int(written.translate(_RAISED))
    if number in (2, 3):
        return " squared" if number == 2 else " cubed"
    if british:
        return f" to the power of {cardinal(number, True)}"
    return f" to the {ordinal(number) if number >= 0 else cardinal(number)}"


def _last_dot(match: re.Match[str]) -> str:
    """The dot of "in." is in the unit; at the end of a text it is the sentence's, too."""
    return "." if match["unit"] == "in." and match.end() == len(match.string) else ""


def _power(match: re.Match[str], british: bool) -> str:
    said = power_words(match["written"] or match["raised"], british)
    if not match["unit"]:
        return said
    many = UNITS[match["unit"]][1]
    per = per_words(match["per"], british) if match["per"] else ""
    return f"{said} {british_spelling(many) if british else many}{per}"


def _feet_inches(match: re.Match[str]) -> str:
    feet, inches = int(match[1]), int(match[2])
    return (
        f"{cardinal(feet)} {'foot' if feet == 1 else 'feet'} "
        f"{cardinal(inches)} inch{'' if inches == 1 else 'es'}"
    )


def _feet_and_inches(match: re.Match[str], british: bool) -> str:
    feet = int(match[1])
    return f"{cardinal(feet)} {'foot' if feet == 1 else 'feet'} {amount_words(match[2], british)}"


def _feet_alone(match: re.Match[str], british: bool) -> str:
    after = match.string[match.end() : match.end() + 6]
    measures = re.match(r"\s(?:x|×|by|tall|long|wide|high|deep)", after)
    if not measures and not describes_noun(match):
        return match[0]
    single = match["first"] == "1" or (not measures and describes_noun(match))
    return f"{number_words(match['first'], british)} {'foot' if single else 'feet'}"


def _inches(match: re.Match[str], british: bool) -> str:
    if (
        match.string.count('"', max(match.start() - 300, 0), match.start()) % 2
    ):  # it closes a quotation
        return match[0]
    single = match["first"] == "1" or describes_noun(match)
    said = f"{amount_words(match['first'], british)} {'inch' if single else 'inches'}"
    return part_words(match["first"], "inch", describes_noun(match)) or said
