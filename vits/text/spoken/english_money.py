"""English money in words: "$12.50", "$5–10", "£2.5m", "US$40", "a $20 bill", "50p", "$15/hour"."""

import re

from vits.text.spoken.english_context import describes_noun
from vits.text.spoken.english_numbers import (
    AMOUNT,
    RANGE_MARK,
    amount_words,
    cardinal,
    number_words,
    part_words,
    plural,
)
from vits.text.spoken.english_units import LARGE_NUMBERS, PER, per_words

_DOLLARS = {"US": "US", "A": "Australian", "AU": "Australian", "C": "Canadian", "CA": "Canadian"}
_DOLLARS |= {"NZ": "New Zealand", "HK": "Hong Kong", "S": "Singapore"}
_COINS = {  # one, many, a hundredth, many of them
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₽": ("ruble", "rubles", "kopek", "kopeks"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "₺": ("lira", "lira", "kurus", "kurus"),
    "₴": ("hryvnia", "hryvnias", "kopek", "kopeks"),
    "US $": ("US dollar", "US dollars", "cent", "cents"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    **{f"{s}$": (f"{n} dollar", f"{n} dollars", "cent", "cents") for s, n in _DOLLARS.items()},
}
_CODES = {"USD": "US$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "C$", "AUD": "A$", "CHF": "CHF"}
_CODES |= {"INR": "₹", "RUB": "₽"}
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "t": "trillion", **LARGE_NUMBERS}
_SIGN = "|".join(sorted(map(re.escape, _COINS.keys() | _CODES.keys()), key=len, reverse=True))
_SCALE = (
    r"(?:(?P<{}>[ \u00a0-]?(?:hundred|thousand|million|billion|trillion)|"
    r"\s?(?:bn|mn|tn|trn)|[kKmMbBT])\b)?"
)
_MONEY = re.compile(
    rf"(?<![\w.])(?P<minus>[-−+])?(?P<sign>{_SIGN})\s?(?P<minus2>[-−])?(?P<first>{AMOUNT})"
    rf"{_SCALE.format('scale')}"
    rf"(?:{RANGE_MARK}(?:(?P=sign))?(?P<second>{AMOUNT})(?![\d/-]){_SCALE.format('scale2')})?"
    rf"(?:(?<=\d),[-–](?!\w)|(?<=\.\d\d)p\b|{PER}(?P<dot>\.(?=\s[a-z]))?)?(?P<tail>-(?=[a-z]))?"
)
_BEHIND = re.compile(
    rf"(?<![\w.,])(?P<minus>[-−+])?(?P<first>{AMOUNT}){_SCALE.format('scale')}"
    rf"(?:{RANGE_MARK}(?P<second>{AMOUNT}){_SCALE.format('scale2')})?"
    rf"\s?(?P<sign>[$£€¥₹₽]|{'|'.join(_CODES)})(?![\w$£€¥])"
)
_CENTS = re.compile(
    rf"(?<![\w.,])(?P<first>{AMOUNT})(?:(?:\s?[¢p])?{RANGE_MARK}(?P<second>\d+))?"
    r"(?P<coin>\s?¢|p)(?!\w)"
)
_NOTES = re.compile(r"(?<!\w)[$£€](5|10|20|50|100)s\b")
_TO_MILLIONS = re.compile(  # $5 to $10 million: both are millions
    r"([$£€])(\d+(?:\.\d+)?) to \1(?=\d+(?:\.\d+)?\s?(?:million|billion|trillion|bn|tn|[mkMB])\b)"
)
_MAYBE_CENTS = re.compile(r"¢|\dp\b")
_MAYBE_MONEY = re.compile(f"{_SIGN}")


def money_spoken(text: str, british: bool) -> str:
    """Amounts of money with a sign or a code before or behind them."""
    if _MAYBE_MONEY.search(text):
        text = _NOTES.sub(lambda m: plural(cardinal(int(m[1]))), text)
        text = _TO_MILLIONS.sub(r"\1\2–", text)
        text = _MONEY.sub(lambda m: _money(m, british), text)
        text = _BEHIND.sub(lambda m: _money(m, british), text)
    return _CENTS.sub(_cents, text) if _MAYBE_CENTS.search(text) else text


def _money(match: re.Match[str], british: bool) -> str:
    groups = match.groupdict()
    sign = match["sign"]
    coins = _COINS.get(sign) or _COINS[_CODES[sign]]
    before = groups.get("minus") or groups.get("minus2")
    said = {"+": "plus ", None: ""}.get(before, "minus ")
    tail = groups.get("tail")
    scale = groups["scale"]
    single = bool(tail) or describes_noun(match) or (scale or "").startswith("-")
    said += _amount(
        match["first"], groups["second"], scale, groups["scale2"], coins, single, british
    )
    if groups.get("per"):
        said += per_words(match["per"], british)
    if not tail:
        return said + (" " if match.string[match.end() : match.end() + 1].isalnum() else "")
    if re.match(r"(?:an?|per)-", match.string[match.end() :]):  # $1-a-day
        return said.replace(" ", "-") + "-"
    return f"{said} "


def _amount(
    first: str,
    second: str | None,
    scale: str | None,
    scale2: str | None,
    coins: tuple[str, str, str, str],
    single: bool,
    british: bool,
) -> str:
    one, many, _, _ = coins
    if second is None and not scale:
        return part_words(first, one) or _coins(first, coins, single, british)
    name = one if single else many
    if second is None:
        scaled = (
            part_words(first, _scale(scale)) or f"{amount_words(first, british)} {_scale(scale)}"
        )
        return f"{scaled} {name}"
    said = amount_words(first, british)
    if scale and scale2 and _scale(scale) != _scale(scale2):
        said += f" {_scale(scale)}"
    elif scale and not scale2:  # $5 million-10: its own
        return f"{said} {_scale(scale)} {many} to {_coins(second, coins, single, british)}"
    if not scale2 and ("." in first or "." in second):
        return (
            f"{_coins(first, coins, single, british)} to {_coins(second, coins, single, british)}"
        )
    end = f" {_scale(scale2)}" if scale2 else ""
    return f"{said} to {amount_words(second, british)}{end} {name}"


def _scale(written: str | None) -> str:
    short = (written or "").strip("- \u00a0").lower()
    return _SCALES.get(short, short)


def _coins(amount: str, coins: tuple[str, str, str, str], single: bool, british: bool) -> str:
    one, many, cent, cents = coins
    whole, point, part = amount.partition(".")
    if len(part) != 2 or single and part != "00":
        name = one if amount == "1" or single else many
        return f"{amount_words(amount, british)} {name}"
    number, n_cents = int(whole.replace(",", "") or "0"), int(part)
    said = []
    if number or not n_cents:
        written = number_words(whole or "0", british)
        said.append(f"{written} {one if number == 1 or single else many}")
    if n_cents:
        said.append(f"{cardinal(n_cents)} {cent if n_cents == 1 else cents}")
    return " and ".join(said)


def _cents(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    is_penny = match["coin"] == "p"
    if is_penny and len(second or first) > 2:  # 1080p
        return match[0]
    one, many = ("penny", "pence") if is_penny else ("cent", "cents")
    if second:
        return f"{amount_words(first)} to {amount_words(second)} {many}"
    single = first == "1" or (describes_noun(match) and not is_penny)
    return part_words(first, one) or f"{amount_words(first)} {one if single else many}"
