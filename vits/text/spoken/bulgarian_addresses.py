"""Web and e-mail addresses, telephone numbers and codes, said in Bulgarian.

An address is read sign by sign where it has signs: "info@abv.bg" is "info маймунско а abv точка
bg". A telephone number is read digit by digit, with a pause (a comma) after each group, and so
are the digits after words such as ЕГН and код. Groups are made of three digits where none are
written, four first if one is left over.
"""

import re

from vits.text.spoken.bulgarian_numbers import digits
from vits.text.spoken.bulgarian_reading import SPACE

_ADDRESS = re.compile(
    r"(?<![\w@])(?:https?://|www\.)[^\s<>„“”\"]+|(?<![\w@])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@.])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:bg|com|org|net|eu|info|ru|de|uk|io|edu|gov)"
    r"(?:/[^\s<>„“”\"]*)?(?![\w@])"
)
_SIGNS = {
    "@": "маймунско а",
    ".": "точка",
    "/": "наклонена черта",
    "-": "тире",
    "_": "долна черта",
    ":": "двоеточие",
    "?": "въпросителна",
    "=": "равно",
    "&": "и",
    "#": "диез",
    "+": "плюс",
    "%": "процент",
    "~": "тилда",
}
_TELEPHONE = re.compile(
    r"(?<![\w.,/+\-])(?<!\d[ \u00a0])(?:\+\d{1,3}|\(?0\d{1,4}\)?)"
    rf"(?:(?:{SPACE}|[/\-]|{SPACE}?/{SPACE}?)?\d{{1,9}}){{1,5}}"
    r"(?![\w/]|[.,:\-]\d)"
)
_SIGNED_NUMBER = re.compile(r"\+(?!359)[1-9]\d{0,2}(?:[ \u00a0]\d{3})+")  # +5 000 000
_CODE = re.compile(
    rf"((?<!\w)(?:ЕГН|ЕИК|ПИН|PIN|[Кк]од(?:ът|а)?|[Тт]ел\.|[Тт]елефон|[Бб]улстат|БУЛСТАТ|ИН)"
    rf":?(?:{SPACE}№)?{SPACE})(\d[\d \u00a0-]*\d)(?!\w)"
)


def addresses_spoken(text: str) -> str:
    """The text with its web and e-mail addresses in words."""
    return _ADDRESS.sub(_address, text)


def telephones_spoken(text: str) -> str:
    """The text with telephone numbers and codes digit by digit."""
    text = _TELEPHONE.sub(_telephone, text)
    return _CODE.sub(lambda m: m[1] + _in_groups(m[2]), text)


def _address(match: re.Match[str]) -> str:
    whole = match.group()
    address = whole.rstrip(".,;:!?)")
    closing = whole[len(address) :]
    address = re.sub(r"^https?://", "", address).rstrip("/")
    spaced = re.sub(r"([^\w]|_)", lambda m: f" {_SIGNS.get(m[1], m[1])} ", address)
    spaced = re.sub(r"\d+", lambda m: f" {digits(m[0])} ", spaced)
    return " ".join(spaced.split()) + closing


def _telephone(match: re.Match[str]) -> str:
    written = match.group()
    if not 7 <= len(re.sub(r"\D", "", written)) <= 15 or _SIGNED_NUMBER.fullmatch(written):
        return written
    return ("плюс " if written.startswith("+") else "") + _in_groups(written)


def _in_groups(written: str) -> str:
    groups = [part for group in re.findall(r"\d+", written) for part in _parted(group)]
    return ", ".join(map(digits, groups))


def _parted(group: str) -> list[str]:
    if len(group) <= 5:
        return [group]
    first = {0: 3, 1: 4, 2: 2}[len(group) % 3]
    return [group[:first], *(group[i : i + 3] for i in range(first, len(group), 3))]
