"""English numbers that are names or codes, in words: telephones, PINs, rooms, houses, versions.

Digits are said one by one, in the groups that are written, or as names of two parts: Room 101 is
"one oh one", Flight 1549 "fifteen forty-nine".
"""

import re

from vits.text.spoken.english_numbers import cardinal, digits, name_words, number_words

_TELEPHONE = re.compile(
    r"(?<![\w.,/-])(?:\+\d{1,3}[ .-]?|1[ .-](?=\(?\d{3}))?(?:\(0\)\s?)?"
    r"(?:\(\d{2,5}\)[ .-]?)?\d{2,5}"
    r"(?:[ .-]\d{2,4}){1,4}(?![\w/]|[.,]\d|-\d)"
)
_SHAPE = re.compile(
    r"\+\d.*|\(\d.*|(?:1[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|\d{3}-\d{4}|"
    r"0\d{2,4} \d{3,4} \d{3,4}|"
    r"\d{4}(?:[ -]\d{4}){3}|\d{3}-\d{2}-\d{4}"
)
_BEFORE_TELEPHONE = re.compile(
    r"(?i)\b(?:call|phone|tel|telephone|dial|fax|number|ring)\b\D{0,12}$"
)
_EMERGENCY = re.compile(
    r"(?i)\b((?:call|called|calling|dial|dialed|dialled|dialing|dialling|ring|rang) )"
    r"(911|999|112|111|101|411|311|211|988)(?!\w|[ ,.-]\d| [a-z]+s\b)"
)
_EMERGENCY_CALL = re.compile(r"(?<![\w.,$£€])911(?= (?:calls?|operators?|dispatch\w*)\b)")
_LETTERS = re.compile(r"(?<![\w-])1-(800|888|877|866|855|844|833|900)-(?=[A-Z])")
_CODE = re.compile(
    r"\b((?:PIN|ISBN(?:-1[03])?|SSN|IMEI|VIN|[Pp]asscode|[Pp]assword|[Aa]rea code|[Cc]ode|"
    r"ZIP|[Zz]ip|"
    r"[Ss]erial number|[Aa]ccount number)(?:,|:| is| was)? )"
    r"(\d+(?:[ -]\d+)*)(?![\w%]|[.,:/]\d)"
)
_ZIP = re.compile(r"\b([A-Z][\w.]+ )(\d{5}(?:-\d{4})?)(?=[.,;]?(?:\s*$|\s+(?:USA|U S)\b))")
_IP = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{1,3}){3}(?!\w|[,.]\d)")
_HOUSE = re.compile(
    r"(?<![\w.,$£€-])(\d{3,5})([A-Za-z]?) (?=(?:(?:[A-Z][\w'’.-]*|\d+(?:st|nd|rd|th)) ){1,3}"
    r"(?:Street|Avenue|Road|Boulevard|Drive|Lane|Court|Place|Square|Parkway|Highway|Way|Terrace)\b)"
)
_NAMED = re.compile(
    r"\b((?:[Rr]oom|[Ff]light|[Rr]oute|[Hh]ighway|[Ii]nterstate|Boeing|Airbus|Xbox|[Ss]uite|"
    r"[Aa]partment|[Ee]rror|[Bb]us|[Tt]rain|Fahrenheit|[Pp]latform|[Gg]ate|[Ee]xtension|[Cc]ourse|"
    r"Porsche|Peugeot|Squadron) )"
    r"(\d{3,4})([A-Za-z]?)(?![\w%°]|[.,:/-]\d| (?:[a-z]+ )?[a-z]+s\b)"
)
_PLANES = re.compile(r"(?<![\w.,$£€#-])(7[0-8]7)(?:(s)\b|-(?=[1-9]\d{0,2}(?:ER|s|X)?\b))")
_PLAN = re.compile(r"(?<![\w.,])(40[13])\s?\(([a-z])\)")
_VERSION = re.compile(
    r"\b((?:[Vv]ersion|[Rr]elease|Python|Windows|iOS|iPadOS|macOS|Android|Ubuntu|Java|Linux|PHP|"
    r"PyTorch|Firefox|Chrome|Unicode|[Kk]ernel|[Uu]pdate) )(\d+(?:\.\d+)+)(?!\w|[,.]\d)"
)
_SHORT_VERSION = re.compile(
    r"(?<![\w.])v\.?\s?(\d+(?:\.\d+)+)(?!\w)|(?<![\w.])v(\d+)(?![\w.]\w|\w)"
)
_SECTIONS = re.compile(r"(?<![\w.,])\d+(?:\.\d+){2,}(?!\w|,\d)")
_LONG = re.compile(r"(?<![\w.,])\d{16,}(?!\w)|(?<![\w.,])0\d+(?!\w|\.\d)")


def codes_spoken(text: str) -> str:
    """Telephone numbers, codes and addresses of machines, digit by digit."""
    text = _EMERGENCY.sub(lambda m: m[1] + digits(m[2]), text)
    text = _EMERGENCY_CALL.sub(digits("911"), text)
    text = _LETTERS.sub(lambda m: f"one, {_group(m[1])}, ", text)
    text = _CODE.sub(lambda m: m[1] + digits(m[2]), text)
    text = _TELEPHONE.sub(_telephone, text)
    return _IP.sub(lambda m: " dot ".join(map(digits, m[0].split("."))), text)


def names_spoken(text: str, british: bool) -> str:
    """Numbers of rooms, flights, roads, houses, versions and sections."""

    def parts(written: str) -> str:
        return " point ".join(number_words(part, british) for part in written.split("."))

    def house(match: re.Match[str]) -> str:
        said = digits(match[1]) if len(match[1]) == 5 else name_words(match[1], british)
        return f"{said} {match[2]} " if match[2] else f"{said} "

    def named(match: re.Match[str]) -> str:
        letter = f" {match[3]}" if match[3] else ""
        return match[1] + name_words(match[2], british) + letter

    text = _HOUSE.sub(house, text)
    text = _PLANES.sub(lambda m: name_words(m[1]) + (m[2] or " "), text)
    text = _NAMED.sub(named, text)
    text = _PLAN.sub(lambda m: f"{name_words(m[1])} {m[2]}", text)
    text = _VERSION.sub(lambda m: m[1] + parts(m[2]), text)
    text = _SHORT_VERSION.sub(lambda m: f"version {parts(m[1] or m[2])}", text)
    text = _ZIP.sub(lambda m: m[1] + digits(m[2]), text)
    text = _SECTIONS.sub(lambda m: parts(m[0]), text)
    return _LONG.sub(lambda m: digits(m[0]), text)


def _telephone(match: re.Match[str]) -> str:
    """Digits one by one, where a word before says so, or the groups are those of a telephone."""
    written = match[0]
    n_digits = sum(map(str.isdigit, written))
    told = _BEFORE_TELEPHONE.search(match.string[max(match.start() - 30, 0) : match.start()])
    if not (told and 6 <= n_digits <= 16) and not _SHAPE.fullmatch(written):
        return written
    plus = "plus " if written.startswith("+") else ""
    groups = re.findall(r"\d+", written.replace("(0)", "") if plus else written)
    return plus + ", ".join(map(_group, groups))


def _group(written: str) -> str:
    return f"{cardinal(int(written[0]))} hundred" if written in ("800", "900") else digits(written)
