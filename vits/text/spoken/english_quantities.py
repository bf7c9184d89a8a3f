"""English percent and degrees in words: "5–10%", "±3 ‰", "a 45° angle", "-40°F", "51°30'N"."""

import re

from vits.text.spoken.english_context import describes_noun
from vits.text.spoken.english_numbers import (
    AMOUNT,
    RANGE_MARK,
    amount_words,
    cardinal,
    part_words,
)

_PERCENT = re.compile(
    rf"(?<![\w.,])(?P<sign>[-−+])?(?P<first>{AMOUNT})"
    rf"(?:(?:\s?%)?{RANGE_MARK}(?P<second>{AMOUNT}))?\s?(?P<unit>[%‰])(?P<tail>-(?=[a-z]))?"
)
_DEGREES = re.compile(
    rf"(?<![\w.,])(?P<sign>[-−+])?(?P<first>{AMOUNT})"
    rf"(?:(?:\s?[°º][CF]?)?(?:{RANGE_MARK}|\sto\s)(?P<minus>[-−])?(?P<second>{AMOUNT}))?"
    r"(?P<hyphen>-)?\s?(?:[°º](?:\s?(?P<scale>[CFNSEW])(?!\w))?|(?P<glyph>[℃℉]))"
)
_PLACE = re.compile(
    r"(?<![\w.,])(\d{1,3})[°º]\s?(\d{1,2})['′’](?:\s?(\d{1,2}(?:\.\d+)?)[\"″”])?\s?([NSEW])?(?!\w)"
)
_SCALES = {"C": " Celsius", "F": " Fahrenheit", "℃": " Celsius", "℉": " Fahrenheit"}
_SCALES |= {"N": " north", "S": " south", "E": " east", "W": " west", "": ""}
_SIGNS = {"+": "plus ", "": ""}


def percent_and_degrees_spoken(text: str, british: bool) -> str:
    """Percent, per mille, temperatures, angles and places on the globe."""
    if "%" in text or "‰" in text:
        text = _PERCENT.sub(lambda m: _percent(m, british), text)
    if any(sign in text for sign in "°º℃℉"):
        text = _PLACE.sub(_place, text)
        text = _DEGREES.sub(lambda m: _degrees(m, british), text)
    return text


def _percent(match: re.Match[str], british: bool) -> str:
    unit = "percent" if match["unit"] == "%" else "per mille"
    sign = _SIGNS.get(match["sign"] or "", "minus ")
    said = None if match["second"] else part_words(match["first"], unit)
    if said is None:
        said = f"{_range(match, british)} {unit}"
    if not match["tail"]:
        return sign + said
    if re.match(r"(?:an?|per)-", match.string[match.end() :]):  # 5%-a-year
        return f"{sign}{said.replace(' ', '-')}-"
    return f"{sign}{said} "


def _degrees(match: re.Match[str], british: bool) -> str:
    sign = _SIGNS.get(match["sign"] or "", "minus ")
    scale = _SCALES[match["scale"] or match["glyph"] or ""]
    is_one = match["first"] == "1" and not match["second"]
    single = is_one or match["hyphen"] or (not scale and describes_noun(match))
    return f"{sign}{_range(match, british)} {'degree' if single else 'degrees'}{scale}"


def _range(match: re.Match[str], british: bool) -> str:
    first = amount_words(match["first"], british)
    if not match["second"]:
        return first
    minus = "minus " if match.groupdict().get("minus") else ""
    return f"{first} to {minus}{amount_words(match['second'], british)}"


def _place(match: re.Match[str]) -> str:
    degrees, minutes, seconds, side = match.groups()
    said = f"{_counted(degrees, 'degree')} {_counted(minutes, 'minute')}"
    if seconds:
        said += f" {_counted(seconds, 'second')}"
    return said + _SCALES[side or ""]


def _counted(written: str, noun: str) -> str:
    number = cardinal(int(written)) if written.isdigit() else amount_words(written)
    return f"{number} {noun}{'' if number == 'one' else 's'}"
