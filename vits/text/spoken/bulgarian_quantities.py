"""Amounts of something, said in Bulgarian: money, percent, units of measure, thousands and
millions.

"12,50 лв." is "дванадесет лева и петдесет стотинки", "3,5 %" "три цяло и пет процента", "2 млн.
лв." "два милиона лева", "90 km/h" "деветдесет километра в час".
"""

import re

from vits.text.spoken.bulgarian_numbers import fraction
from vits.text.spoken.bulgarian_reading import (
    NUMBER,
    RANGE_MARK,
    SPACE,
    WORD_START,
    Noun,
    counted,
    is_one,
    number_range,
    number_words,
    range_words,
    stop,
    text_before,
    value,
    whole_and_fraction,
)


def _metric(stem: str) -> Noun:
    return Noun(stem, stem + "а", "masculine")


def _of_metres(kind: str, plural_kind: str, metre: Noun) -> Noun:
    return Noun(f"{kind} {metre.one}", f"{plural_kind} {metre.many}", "masculine")


_METRE = Noun("метър", "метра", "masculine")
_LITRE = Noun("литър", "литра", "masculine")
_LENGTHS = {
    "км km": Noun("километър", "километра", "masculine"),
    "м m": _METRE,
    "дм dm": Noun("дециметър", "дециметра", "masculine"),
    "см cm": Noun("сантиметър", "сантиметра", "masculine"),
    "мм mm": Noun("милиметър", "милиметра", "masculine"),
}
_FORMS: dict[str, Noun] = {
    "лв лева BGN": Noun("лев", "лева", "masculine"),
    "€ EUR евро": Noun("евро", "евро", "neuter"),
    "$ USD": _metric("долар"),
    "£ GBP": Noun("лира", "лири", "feminine"),
    "¥ JPY": Noun("йена", "йени", "feminine"),
    "₽ RUB": Noun("рубла", "рубли", "feminine"),
    "CHF": _metric("франк"),
    "ст": Noun("стотинка", "стотинки", "feminine"),
    "%": _metric("процент"),
    "‰": _metric("промил"),
    "°C °С": Noun("градус", "градуса", "masculine"),
    "°F": Noun("градус по Фаренхайт", "градуса по Фаренхайт", "masculine"),
    "°": Noun("градус", "градуса", "masculine"),
    **_LENGTHS,
    "µm μm µм μм": Noun("микрометър", "микрометра", "masculine"),
    "nm нм": Noun("нанометър", "нанометра", "masculine"),
    "кг kg": _metric("килограм"),
    "г гр g": _metric("грам"),
    "мг mg": _metric("милиграм"),
    "т t": Noun("тон", "тона", "masculine"),
    "л l L": _LITRE,
    "дл dl": Noun("децилитър", "децилитра", "masculine"),
    "мл ml mL": Noun("милилитър", "милилитра", "masculine"),
    "ха ha": _metric("хектар"),
    "дка": Noun("декар", "декара", "masculine"),
    "ч h": Noun("час", "часа", "masculine"),
    "мин min": Noun("минута", "минути", "feminine"),
    "сек s": Noun("секунда", "секунди", "feminine"),
    "ms мс": Noun("милисекунда", "милисекунди", "feminine"),
    "год": Noun("година", "години", "feminine"),
    "мес": Noun("месец", "месеца", "masculine"),
    "седм": Noun("седмица", "седмици", "feminine"),
    "бр": Noun("брой", "броя", "masculine"),
    "стр": Noun("страница", "страници", "feminine"),
    "чл": Noun("чаена лъжица", "чаени лъжици", "feminine"),
    "сл": Noun("супена лъжица", "супени лъжици", "feminine"),
    "чч": Noun("чаена чаша", "чаени чаши", "feminine"),
    "кч": Noun("кафена чаша", "кафени чаши", "feminine"),
    "кс": Noun("конска сила", "конски сили", "feminine"),
    "об": _metric("оборот"),
    "W Вт": _metric("ват"),
    "kW кВт": _metric("киловат"),
    "MW МВт": _metric("мегават"),
    "GW ГВт": _metric("гигават"),
    "Wh Втч": Noun("ватчас", "ватчаса", "masculine"),
    "kWh кВтч": Noun("киловатчас", "киловатчаса", "masculine"),
    "MWh МВтч": Noun("мегаватчас", "мегаватчаса", "masculine"),
    "V": Noun("волт", "волта", "masculine"),
    "kV кV": Noun("киловолт", "киловолта", "masculine"),
    "A": _metric("ампер"),
    "mAh": Noun("милиамперчас", "милиамперчаса", "masculine"),
    "Hz Хц": _metric("херц"),
    "kHz кХц": _metric("килохерц"),
    "MHz МХц": _metric("мегахерц"),
    "GHz ГХц": _metric("гигахерц"),
    "dB дБ": _metric("децибел"),
    "B": Noun("байт", "байта", "masculine"),
    "KB kB КБ": _metric("килобайт"),
    "MB МБ": _metric("мегабайт"),
    "GB ГБ": _metric("гигабайт"),
    "TB ТБ": _metric("терабайт"),
    "Mbit Мбит": _metric("мегабит"),
    "Mbps": Noun("мегабит в секунда", "мегабита в секунда", "masculine"),
    "Gbps": Noun("гигабит в секунда", "гигабита в секунда", "masculine"),
    "hPa хПа": _metric("хектопаскал"),
    "kPa кПа": _metric("килопаскал"),
    "bar": Noun("бар", "бара", "masculine"),
    "kcal ккал": Noun("килокалория", "килокалории", "feminine"),
    "kJ кДж": _metric("килоджаул"),
    "px": _metric("пиксел"),
}


def _by_spelling() -> dict[str, Noun]:
    nouns = {spelling: noun for group, noun in _FORMS.items() for spelling in group.split()}
    for group, metre in _LENGTHS.items():
        square = _of_metres("квадратен", "квадратни", metre)
        cubic = _of_metres("кубичен", "кубични", metre)
        for unit in group.split():
            nouns |= {f"{unit}2": square, f"{unit}²": square, f"кв{unit}": square}
            nouns |= {f"{unit}3": cubic, f"{unit}³": cubic, f"куб{unit}": cubic}
    return nouns


_NOUNS = _by_spelling()
_SCALES: dict[str, Noun] = {
    "хил": Noun("хиляда", "хиляди", "feminine"),
    "млн": _metric("милион"),
    "млрд": _metric("милиард"),
    "трлн": _metric("трилион"),
}
_CENTS = {
    "лв": _NOUNS["ст"],
    "лева": _NOUNS["ст"],
    "BGN": _NOUNS["ст"],
    "€": Noun("евроцент", "евроцента", "masculine"),
    "EUR": Noun("евроцент", "евроцента", "masculine"),
    "евро": Noun("евроцент", "евроцента", "masculine"),
    "$": Noun("цент", "цента", "masculine"),
    "USD": Noun("цент", "цента", "masculine"),
    "£": Noun("пени", "пенса", "neuter"),
}
_OF_TWO_WORDS = frozenset({"кс", "чл", "сл", "чч", "кч"})  # к.с., ч.л.
_NEVER_DOTTED = frozenset({"г", "м", "т"})  # with a dot: year, month, point; not ours to guess
_PER_TIME = frozenset({"ч", "h", "s", "сек", "с", "мин", "min"})
_PER_WORDS = {"с": "секунда", "ден": "ден", "месец": "месец", "година": "година", "човек": "човек"}
_PER_WORDS |= {"час": "час", "бройка": "бройка", "нощувка": "нощувка", "100 км": "сто километра"}


def _spelling_pattern(spelling: str) -> str:
    if spelling.startswith("°") and len(spelling) == 2:  # "5° C"
        return f"°{SPACE}?{spelling[1]}"
    if spelling in _OF_TWO_WORDS:
        return rf"{spelling[0]}\.{SPACE}?{spelling[1]}(?=\.)"
    if spelling == "гр":  # "1000 гр. София" is no thousand grams
        return rf"гр(?!\.?{SPACE}[А-Я])"
    for kind in ("кв", "куб"):
        if spelling.startswith(kind) and spelling != "кв":
            return rf"{kind}\.?{SPACE}?{spelling[len(kind) :]}"
    return re.escape(spelling)


_UNIT_NAMES = "|".join(map(_spelling_pattern, sorted(_NOUNS, key=len, reverse=True)))
_UNIT = rf"(?:{_UNIT_NAMES})(?!\w)"
_PER = "|".join([*map(re.escape, sorted(_PER_WORDS, key=len, reverse=True)), _UNIT_NAMES])
_CURRENCY_SIGN = "[€$£]"
_SCALE = r"(?:хил\.|(?:млн|млрд|трлн)(?:\.|(?!\w)))"
_QUANTITY = re.compile(
    rf"{WORD_START}(?P<first>{NUMBER})(?:(?P<mark>{RANGE_MARK})(?P<second>{NUMBER}))?{SPACE}?"
    rf"(?:(?P<scale>{_SCALE})(?:{SPACE}?(?P<scaled>{_UNIT}))?|(?P<unit>{_UNIT}))"
    rf"(?:(?P<dot>\.?){SPACE}?/{SPACE}?(?P<per>{_PER})(?!\w)\.?|\.?)"
)
_PART = re.compile(
    rf"{WORD_START}(?:(?P<whole>\d+){SPACE}?)?(?P<part>[½¼¾⅓⅔⅛]|(?<!\d)[1-9]/\d\d?){SPACE}?"
    rf"(?P<unit>{_UNIT})(?!\.?{SPACE}?/)\.?"
)
_VULGAR = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8"}
_SIGN_FIRST = re.compile(
    rf"(?P<sign>{_CURRENCY_SIGN}){SPACE}?(?P<number>{NUMBER})(?:{SPACE}?(?P<scale>{_SCALE}))?(?!\w)"
)


def quantities_spoken(text: str) -> str:
    """The text with every number that has a unit, a currency or a scale beside it in words."""
    text = _PART.sub(_part, text)
    return _QUANTITY.sub(_quantity, _SIGN_FIRST.sub(_sign_first, text))


def counted_unit(written: str, spelling: str) -> str:
    """A number with the unit of that spelling: "2", "ч" → "два часа"."""
    return counted(written, _NOUNS[spelling])


def _part(match: re.Match[str]) -> str:
    """½ кг, 3/4 л, 1½ км: "половин килограм", "три четвърти литър", "един и половина километра"."""
    whole, unit = match.group("whole", "unit")
    noun = _NOUNS[re.sub(rf"[.]|{SPACE}", "", unit)]
    part = _VULGAR.get(match["part"], match["part"])
    numerator, denominator = map(int, part.split("/"))
    if not 0 < numerator < denominator:
        return match.group()
    if whole:
        words = "половина" if part == "1/2" else fraction(numerator, denominator)
        return f"{number_words(whole, noun.gender)} и {words} {noun.many}{stop(match)}"
    short = {"1/2": "половин", "1/4": "четвърт"}
    return f"{short.get(part) or fraction(numerator, denominator)} {noun.one}{stop(match)}"


def _sign_first(match: re.Match[str]) -> str:
    """$20, €1.50, $5 млн.: as if the sign stood behind."""
    noun = _NOUNS[match["sign"]]
    if match["scale"]:
        return f"{_scaled(match['number'], match['scale'])} {noun.many}{stop(match)}"
    return _amount(match["number"], match["sign"], noun)


def _quantity(match: re.Match[str]) -> str:
    first, mark, second, scale = match.group("first", "mark", "second", "scale")
    spelling = re.sub(rf"[.]|{SPACE}", "", match["unit"] or match["scaled"] or "")
    end = stop(match)
    if match.group().endswith(".") and spelling in _NEVER_DOTTED and not match["per"]:
        if not (end and spelling == "м"):
            return match.group()
    noun = _NOUNS.get(spelling)
    before = text_before(match)
    if scale:
        words = _scaled_range(first, mark, second, scale, before)
        if noun:
            words += f" {noun.many}"
    else:
        assert noun is not None
        words = _range(first, mark, second, spelling, noun, before)
    return words + _per(match["per"], spelling) + end


def _range(
    first: str, mark: str | None, second: str | None, spelling: str, noun: Noun, before: str
) -> str:
    if mark is None or second is None:
        return _amount(first, spelling, noun)
    if _has_cents(first, spelling) or _has_cents(second, spelling):
        words = _amount(first, spelling, noun), _amount(second, spelling, noun)
        return range_words(words[0], mark, words[1], before, value(first) < value(second))
    both = number_range(first, mark, second, noun.gender, before)
    return f"{both} {noun.one if is_one(second) else noun.many}"


def _has_cents(written: str, spelling: str) -> bool:
    return spelling in _CENTS and len(whole_and_fraction(written)[1]) in (1, 2)


def _amount(written: str, spelling: str, noun: Noun) -> str:
    """One amount; money with its small coins apart: 1,99 € → "едно евро и деветдесет и девет
    евроцента".
    """
    if not _has_cents(written, spelling):
        return counted(written, noun)
    whole, fraction = whole_and_fraction(written)
    coins = str(int(fraction.ljust(2, "0")))
    if coins == "0":
        return counted(whole, noun)
    small = counted(coins, _CENTS[spelling])
    return small if whole == "0" else f"{counted(whole, noun)} и {small}"


def _scaled(written: str, scale: str) -> str:
    noun = _SCALES[scale.rstrip(".")]
    return "хиляда" if written == "1" and noun.one == "хиляда" else counted(written, noun)


def _scaled_range(first: str, mark: str | None, second: str | None, scale: str, before: str) -> str:
    if mark is None or second is None:
        return _scaled(first, scale)
    noun = _SCALES[scale.rstrip(".")]
    return f"{number_range(first, mark, second, noun.gender, before)} {noun.many}"


def _per(per: str | None, spelling: str) -> str:
    """What an amount is divided by: km/h "в час", лв./кг "за килограм", мг/л "на литър"."""
    if not per:
        return ""
    name = _PER_WORDS.get(per) or _NOUNS[re.sub(rf"[.]|{SPACE}", "", per)].one
    if spelling in _CENTS or spelling == "ст":
        return f" за {name}"
    return f" {'в' if per in _PER_TIME else 'на'} {name}"
