"""English money, percent, temperatures and units in words."""

import re

from vits.text.spoken.english_numbers import cardinal, number_words

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_SCALE = r"(?:[\s-]?(?P<scale>thousand|million|billion|trillion|bn|mn|[kKmMB])\b)?"
_SCALES = {"bn": "billion", "mn": "million", "k": "thousand", "m": "million", "b": "billion"}
_MONEY = re.compile(
    rf"(?<![\w.])(?P<minus>[-−])?(?P<sign>US\$|A\$|C\$|[$£€¥])\s?(?P<amount>{NUMBER}){_SCALE}(?P<tail>-(?=[a-z]))?"
)
_MONEY_BEHIND = re.compile(
    rf"(?<![\w.,])(?P<amount>{NUMBER}){_SCALE}\s?(?P<sign>[€£]|USD|EUR|GBP)(?!\w)"
)
_CENTS = re.compile(r"(?<![\w.,])(\d+)\s?(¢|p)(?!\w)")
_COINS = {  # one, many, a hundredth, many of them
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
}
_CODES = {"USD": "US$", "EUR": "€", "GBP": "£"}

_PERCENT = re.compile(rf"(?<![\w.,])(?P<first>{NUMBER})(?:\s?[–-]\s?(?P<second>{NUMBER}))?\s?%")
_DEGREES = re.compile(
    rf"(?<![\w.,])(?P<minus>[-−])?(?P<number>{NUMBER})\s?(?:°|º)\s?(?P<scale>[CF])?(?!\w)"
)
_FEET = re.compile(r"(?<![\w.,])(\d{1,2})['′]\s?(\d{1,2})[\"″](?!\w)")
_INCHES = re.compile(rf"(?<![\w.,\"“])(?P<number>{NUMBER})[\"″](?=\s\w|-)")
UNITS = {  # one, many
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"),
    "km²": ("square kilometer", "square kilometers"),
    "m²": ("square meter", "square meters"),
    "m³": ("cubic meter", "cubic meters"),
    "cm³": ("cubic centimeter", "cubic centimeters"),
    "sq km": ("square kilometer", "square kilometers"),
    "sq ft": ("square foot", "square feet"),
    "sq m": ("square meter", "square meters"),
    "sq mi": ("square mile", "square miles"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "nm": ("nanometer", "nanometers"),
    "m": ("meter", "meters"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "g": ("gram", "grams"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "L": ("liter", "liters"),
    "l": ("liter", "liters"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "mi": ("mile", "miles"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "GHz": ("gigahertz", "gigahertz"),
    "MHz": ("megahertz", "megahertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "Hz": ("hertz", "hertz"),
    "TB": ("terabyte", "terabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"),
    "KB": ("kilobyte", "kilobytes"),
    "kB": ("kilobyte", "kilobytes"),
    "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "MW": ("megawatt", "megawatts"),
    "W": ("watt", "watts"),
    "V": ("volt", "volts"),
    "dB": ("decibel", "decibels"),
    "hp": ("horsepower", "horsepower"),
    "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
}
_DOTTED = {"ft", "lb", "lbs", "oz", "hr", "hrs", "min", "sec", "mi", "yd"}
_UNIT = re.compile(
    rf"(?<![\w.,])(?P<minus>[-−])?(?P<first>{NUMBER})(?:\s?[–-]\s?(?P<second>{NUMBER}))?"
    rf"(?P<space>[\s-]?)(?P<unit>{'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))})"
    r"(?P<dot>\.(?=\s[a-z]))?(?![\w/²³])"
)


def quantities_spoken(text: str, british: bool) -> str:
    def number(written: str) -> str:
        return number_words(written, british)

    def money(match: re.Match[str]) -> str:
        sign = _CODES.get(match["sign"], match["sign"])
        groups = match.groupdict()
        minus = "minus " if groups.get("minus") else ""
        scale = match["scale"]
        is_adjective = bool(groups.get("tail")) or (scale is not None and f"-{scale}" in match[0])
        said = _money(match["amount"], scale, sign, is_adjective, british)
        return minus + said + (" " if groups.get("tail") else "")

    def cents(match: re.Match[str]) -> str:
        n = int(match[1])
        if match[2] == "p":
            return f"{cardinal(n)} {'penny' if n == 1 else 'pence'}"
        return f"{cardinal(n)} cent{'' if n == 1 else 's'}"

    def percent(match: re.Match[str]) -> str:
        second = f" to {number(match['second'])}" if match["second"] else ""
        return f"{number(match['first'])}{second} percent"

    def degrees(match: re.Match[str]) -> str:
        minus = "minus " if match["minus"] else ""
        scale = {"C": " Celsius", "F": " Fahrenheit", None: ""}[match["scale"]]
        word = "degree" if match["number"] == "1" else "degrees"
        return f"{minus}{number(match['number'])} {word}{scale}"

    def feet(match: re.Match[str]) -> str:
        n, inches = int(match[1]), int(match[2])
        return f"{cardinal(n)} {'foot' if n == 1 else 'feet'} {cardinal(inches)}"

    def unit(match: re.Match[str]) -> str:
        if match["unit"] in ("m", "g", "l", "L", "V", "W") and match["space"] == "-":
            return match[0]
        dot = match["dot"] or ""
        if dot and match["unit"] in _DOTTED:
            dot = ""
        one, many = UNITS[match["unit"]]
        if british:
            one, many = (w.replace("meter", "metre").replace("liter", "litre") for w in (one, many))
        single = (match["first"] == "1" and not match["second"]) or match["space"] == "-"
        minus = "minus " if match["minus"] else ""
        second = f" to {number(match['second'])}" if match["second"] else ""
        return f"{minus}{number(match['first'])}{second} {one if single else many}{dot}"

    text = _MONEY.sub(money, text)
    text = _MONEY_BEHIND.sub(money, text)
    text = _CENTS.sub(cents, text)
    text = _PERCENT.sub(percent, text)
    text = _DEGREES.sub(degrees, text)
    text = _FEET.sub(feet, text)
    text = _INCHES.sub(
        lambda m: f"{number(m['number'])} inch{'' if m['number'] == '1' else 'es'}", text
    )
    return _UNIT.sub(unit, text)


def _money(amount: str, scale: str | None, sign: str, is_adjective: bool, british: bool) -> str:
    one, many, cent, cents = _COINS[sign]
    whole, point, part = amount.partition(".")
    if scale:
        said = f"{number_words(amount, british)} {_SCALES.get(scale.lower(), scale.lower())}"
        return f"{said} {one if is_adjective else many}"
    if len(part) != 2:
        single = amount == "1" or is_adjective
        return f"{number_words(amount, british)} {one if single else many}"
    number = int(whole.replace(",", "") or "0")
    n_cents = int(part)
    said = []
    if number or not n_cents:
        said.append(f"{cardinal(number, british)} {one if number == 1 else many}")
    if n_cents:
        said.append(f"{cardinal(n_cents)} {cent if n_cents == 1 else cents}")
    return " and ".join(said)
