"""Names of the units of measure in English, in the singular and the plural."""

_PREFIXES = {"k": "kilo", "c": "centi", "d": "deci", "m": "milli", "n": "nano"}
_PREFIXES |= {"µ": "micro", "μ": "micro"}  # the sign and the Greek letter
_LARGE_PREFIXES = {"k": "kilo", "M": "mega", "G": "giga", "T": "tera"}


def _prefixed(letters: str, symbol: str, name: str) -> dict[str, str]:
    """km → kilometer and so on, and the unit itself. letters: the prefixes' symbols."""
    prefixes = _PREFIXES | _LARGE_PREFIXES
    return {f"{p}{symbol}": f"{prefixes[p]}{name}" for p in letters} | {symbol: name}


def _many(one: str) -> str:
    return {"foot": "feet", "inch": "inches"}.get(one, f"{one}s")


def british_spelling(words: str) -> str:
    return words.replace("meter", "metre").replace("liter", "litre")


_REGULAR = {  # the plural has an s
    **_prefixed("kcdmnµμ", "m", "meter"),
    **_prefixed("kcmnµμ", "g", "gram"),
    **_prefixed("cdm", "l", "liter"),
    **_prefixed("cdm", "L", "liter"),
    **_prefixed("mnµμ", "s", "second"),
    **_prefixed("mkMGT", "W", "watt"),
    **_prefixed("kMGT", "Wh", "watt hour"),
    **_prefixed("mk", "V", "volt"),
    **_prefixed("kM", "Ω", "ohm"),
    **_prefixed("kM", "Pa", "pascal"),
    **{f"{p}B": f"{name}byte" for p, name in _LARGE_PREFIXES.items()},
    **{f"{p}bit": f"{name}bit" for p, name in _LARGE_PREFIXES.items()},
}
_REGULAR |= {"kΩ": "kilohm", "MΩ": "megohm", "hPa": "hectopascal", "KB": "kilobyte"}
_REGULAR |= {"PB": "petabyte", "MP": "megapixel", "px": "pixel", "mA": "milliamp"}
_REGULAR |= {"mAh": "milliamp hour", "kJ": "kilojoule", "kcal": "kilocalorie", "K": "kelvin"}
_REGULAR |= {"dB": "decibel", "kN": "kilonewton", "Nm": "newton meter", "mcg": "microgram"}
_REGULAR |= {"mi": "mile", "nmi": "nautical mile", "yd": "yard", "yds": "yard", "ha": "hectare"}
_REGULAR |= {"lb": "pound", "lbs": "pound", "oz": "ounce", "cc": "cubic centimeter"}
_REGULAR |= {"fl oz": "fluid ounce", "fl. oz": "fluid ounce", "gal": "gallon", "qt": "quart"}
_REGULAR |= {"tsp": "teaspoon", "tbsp": "tablespoon", "yr": "year", "yrs": "year"}
_REGULAR |= {"sec": "second", "secs": "second", "min": "minute", "mins": "minute"}
_REGULAR |= {"h": "hour", "hr": "hour", "hrs": "hour"}

_IRREGULAR = {
    "ft": ("foot", "feet"),
    "in.": ("inch", "inches"),
    "hp": ("horsepower", "horsepower"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"),
    "fps": ("frame per second", "frames per second"),
    "dpi": ("dot per inch", "dots per inch"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "psi": ("pound per square inch", "pounds per square inch"),
    **{short: (name, name) for short, name in _prefixed("kMGT", "Hz", "hertz").items()},
    **{
        f"{p}bps": (f"{name}bit per second", f"{name}bits per second")
        for p, name in _LARGE_PREFIXES.items()
    },
}
_LENGTHS = {"km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "mi": "mile"}
_LENGTHS |= {"ft": "foot", "in": "inch", "yd": "yard"}
_AREAS_AND_VOLUMES = {
    form.format(short): (f"{kind} {one}", f"{kind} {_many(one)}")
    for short, one in _LENGTHS.items()
    for kind, forms in (
        ("square", ("{}²", "{}2", "{}^2", "sq {}", "sq. {}")),
        ("cubic", ("{}³", "{}3", "{}^3", "cu {}", "cu. {}")),
    )
    for form in forms
}
BRITISH_UNITS = {"st": ("stone", "stone"), "t": ("tonne", "tonnes")}  # in British English alone
UNITS = (  # what is written → one, many
    {short: (one, _many(one)) for short, one in _REGULAR.items()}
    | _IRREGULAR
    | _AREAS_AND_VOLUMES
    | BRITISH_UNITS
)
DOTTED_UNITS = frozenset(  # a dot behind them is theirs, inside a sentence
    "ft lb lbs oz hr hrs min mins sec secs mi yd yds gal qt tsp tbsp yr yrs".split()
)
SPACED_UNITS = frozenset("s h t st K in. MP".split())  # "5s" is several fives, "5K" a run
PER_UNITS = {  # behind a stroke: $15/hour, 9.8 m/s²
    **_REGULAR,
    **{word: word for word in "hour minute second day week month year person night mile".split()},
    "ft": "foot",
    "s²": "second squared",
    "m²": "square meter",
    "m³": "cubic meter",
    "ft²": "square foot",
}
