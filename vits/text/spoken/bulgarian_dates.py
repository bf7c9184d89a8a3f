"""Dates, years and centuries, said in Bulgarian.

"3 март 1878 г." and "3.03.1878 г." are "трети март хиляда осемстотин седемдесет и осма година"; day
and month may also be parted by slashes, the month may be Roman, and ISO dates are read too. "г." is
a year after a number from 1000 to 2199, or after a smaller one where a word before it says so;
years of duration or age ("преди 5 г.") and grams ("50 г. захар") need such words too. Where there
are none, "г." stays as it is.
"""

import re

from vits.text.spoken.bulgarian_numbers import cardinal, ordinal, roman
from vits.text.spoken.bulgarian_reading import (
    DASH,
    SPACE,
    range_words,
    stop,
    stop_after_time,
    text_after,
    text_before,
)

MONTHS = "януари февруари март април май юни юли август септември октомври ноември декември".split()
_SHORT_MONTHS = {"ян": 0, "яну": 0, "фев": 1, "февр": 1, "апр": 3, "авг": 7, "септ": 8, "сеп": 8}
_SHORT_MONTHS |= {"окт": 9, "ноем": 10, "дек": 11}
_MONTH = rf"(?:(?:{'|'.join(MONTHS)})(?!\w)|(?:{'|'.join(_SHORT_MONTHS)})\.)"
_START = r"(?<!\w)(?<!\w[.,:/\-])"
_YEAR_SIGN = rf"(?:{SPACE}?(?:г\.|г(?!\w)|год\.|година(?!\w)))"
_ORDINAL_SUFFIX = r"(?:-?(?:ви|ри|ти|ми|и)(?!\w))?"

_ISO = re.compile(r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?:T(?=\d\d:)|(?![\w-]))" + f"{_YEAR_SIGN}?")
_IN_DIGITS = re.compile(
    rf"{_START}(?:(\d\d?){SPACE}?{DASH}{SPACE}?)?(\d\d?)(?:([./-])(\d\d?|[IVXХІ]+)\3|"
    rf"\.{SPACE}(\d\d?)\.{SPACE})((?:1\d|20|21)\d\d|\d\d(?={SPACE}?г\.))(?!\d){_YEAR_SIGN}?"
    r"(?![\w/]|-\d)"
)
_NUMBER_AND_DATE = re.compile(r"(?<=\d)/(?=\d\d?\.\d\d?\.(?:19|20)\d\d(?!\d))")  # № 12/3.05.2003
_FROM_DAY_AND_MONTH = re.compile(
    rf"{_START}(\d\d?)\.(0?[1-9]|1[0-2])\.?{SPACE}?{DASH}{SPACE}?"
    r"(?=\d\d?\.\d\d?\.(?:19|20)\d\d(?!\d))"
)
_SCHOOL_YEAR = re.compile(r"(?<![\w.,:/-])((?:19|20)\d\d)/((?:19|20)\d\d)(?![\w/]|[.,]\d)")
_DAY_AND_MONTH_IN_DIGITS = re.compile(
    r"(?:(?<=\b(?i:на) )|(?<=\b(?i:до|от) )(?=[\d.]{4,6}(?:[,;)]|\s*$|\s[А-Я]|\s(?:до|вкл)\b)))"
    r"(\d\d?)\.(0\d|1[0-2])\.?(?![\w.:]|,\d| ?(?:ч|часа|лв|%|€))"
)
_IN_WORDS = re.compile(
    rf"{_START}(?:(\d\d?){_ORDINAL_SUFFIX}({SPACE}?{DASH}{SPACE}?|{SPACE}(?:до|и|или){SPACE}))?"
    rf"(\d\d?){_ORDINAL_SUFFIX}({SPACE})({_MONTH})"
    rf"(?:({SPACE})((?:1\d|20|21)\d\d|\d{{3}}(?={_YEAR_SIGN}))(?!\d|-\w)({_YEAR_SIGN})?)?",
    re.IGNORECASE,
)
_MONTH_AND_YEAR = re.compile(
    rf"(?<!\w)({'|'.join(MONTHS)})({SPACE})((?:1\d|20|21)\d\d)(?!\d|[.,:/]\d|-\w)({_YEAR_SIGN})?",
    re.IGNORECASE,
)
_YEARS = re.compile(
    rf"{_START}(\d{{3,4}})(/|{SPACE}?{DASH}{SPACE}?|,?{SPACE}(?:до|и|или){SPACE})(\d{{2,4}})"
    rf"(?:{SPACE}?(г\.|год\.)|({SPACE}година(?!\w)))"
)
_LIFETIME = re.compile(rf"(?<=\()(1\d{{3}}|20\d\d){SPACE}?{DASH}{SPACE}?(1\d{{3}}|20\d\d)(?=[),;])")
_YEAR = re.compile(rf"{_START}(\d{{1,4}}){SPACE}?(г\.|год\.|г(?![\w./])|годи?на(?:та)?(?!\w))")
_CUED_YEAR = re.compile(
    r"(?<!\w)((?:през|(?:лятото|есента|зимата|пролетта|началото|средата|края|краят) на) )"
    r"(1\d{3}|20\d\d)(?!\w|[.,:/]\d|-\w| ?[–-] ?\d)"
    r"(?!\s(?:\w+ни\s)?(?:метра|километр|крачки|стъпки|дни|час|години|мили|души|хора|лева|евро)\w*)",
    re.IGNORECASE,
)
_CENTURY = re.compile(
    rf"{_START}(?:(\d\d?){_ORDINAL_SUFFIX}({SPACE}?{DASH}{SPACE}?|{SPACE}(?:до|и|или){SPACE}))?"
    rf"(\d\d?)(?:{_ORDINAL_SUFFIX}{SPACE}?в\.|(?:{_ORDINAL_SUFFIX}|\.){SPACE}?век(?!\w))"
)
_YEAR_BEFORE = re.compile(
    r"(?<!\w)(?:през|в|във|от|до|след|преди|около|към|и)\s(?:\w+\s(?:на\s)?)?$", re.I
)
_DURATION_BEFORE = re.compile(
    r"(?<!\w)(?:на|за|от|до|след|преди|над|под|около|с|в|през|последните|първите|следващите|всеки"
    r"|към|срок|вече|още|само|близо|почти)\s(?:около\s|още\s)?$",
    re.IGNORECASE,
)
_DURATION_AFTER = re.compile(
    r",?\s(?:насам|назад|напред|по-късно|по-рано|стаж|опит|затвор|гаранция|мандат|трудов|живот|брак"
    r"|лишаване|и\s\d)"
)
_AGE_BEFORE = re.compile(r"(?:,\s|\()$")
_MONTHS_OLD = re.compile(rf"(?<=годин[аи] и )(\d\d?){SPACE}?м\.")
_FOOD_AFTER = re.compile(
    r"\s(?:\w+(?:о|а|и|ен|ян)\s)?(?:захар|сол|брашно|масло|маргарин|ориз|месо|кайма|сирене"
    r"|кашкавал|шоколад|какао|мая|орехи|бадеми|стафиди|леща|боб|гъби|спанак|картофи|домати|моркови|лук|мед|нишесте"
    r"|сметана|извара|шунка|луканка|пиле\w*|риба|макарони|спагети|хляб|кафе|чай|злато|сребро)(?!\w)"
)
_WEIGHT_BEFORE = re.compile(
    r"(?<!\w)(?:теж\w+|тегло\w*|грамаж\w*|съдържа\w*|опаковк\w+|пакет\w*|буркан\w*"
    r"|(?:кг|килограм) има)\s(?:\w+\s){0,2}$",
    re.IGNORECASE,
)
_YEAR_ONLY_BEFORE = re.compile(r"(?<!\w)(?:през|във?|преди|след)\s$", re.IGNORECASE)
_ERA_AFTER = re.compile(r"\s(?:пр|сл)\.|\sот\sн\.|\sпреди\s|\sсл\.")


def dates_spoken(text: str) -> str:
    """The text with its dates, years and centuries in words."""
    text = _NUMBER_AND_DATE.sub(" от ", text)
    text = _FROM_DAY_AND_MONTH.sub(_from_day_and_month, text)
    text = _ISO.sub(_iso, text)
    text = _IN_DIGITS.sub(_in_digits, text)
    text = _DAY_AND_MONTH_IN_DIGITS.sub(_day_and_month, text)
    text = _IN_WORDS.sub(_in_words, text)
    text = _MONTH_AND_YEAR.sub(_month_and_year, text)
    text = _SCHOOL_YEAR.sub(_school_year, _YEARS.sub(_year_range, text))
    text = _LIFETIME.sub(lambda m: _between(m, m[1], "–", m[2]), text)
    text = _MONTHS_OLD.sub(_months_old, _YEAR.sub(_single_year, text))
    text = _CUED_YEAR.sub(lambda m: m[1] + year_words(m[2]), text)
    return _CENTURY.sub(_century, text)


def year_words(written: str) -> str:
    """A year: "1878" → "хиляда осемстотин седемдесет и осма"."""
    return ordinal(int(written), "feminine")


def _full_date(day: int, month: int, year: str) -> str:
    return f"{ordinal(day)} {MONTHS[month - 1]} {year_words(year)} година"


def _iso(match: re.Match[str]) -> str:
    year, month, day = match.group(1, 2, 3)
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match.group()
    after = " " if match.group().endswith("T") else stop_after_time(match)
    return _full_date(int(day), int(month), year) + after


def _in_digits(match: re.Match[str]) -> str:
    from_day, written_day, separator, written_month, spaced_month, year = match.groups()
    day, month = int(written_day), _month_number(written_month or spaced_month)
    if separator == "/" and day <= 12 < month <= 31:  # an American date can be read no other way
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match.group()
    words = _full_date(day, month, year)
    if from_day and 1 <= int(from_day) < day:
        before = text_before(match)
        words = range_words(ordinal(int(from_day)), "–", words, before, rising=True)
    elif from_day:
        return match.group()
    return words + stop_after_time(match)


def _month_number(written: str) -> int:
    return int(written) if written.isdigit() else roman(written) or 0


def _day_and_month(match: re.Match[str]) -> str:
    day, month = int(match[1]), int(match[2])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match.group()
    return f"{ordinal(day)} {MONTHS[month - 1]}{stop(match)}"


def _from_day_and_month(match: re.Match[str]) -> str:
    """The first of two: "15.09.–30.10.2026 г."."""
    if not 1 <= int(match[1]) <= 31:
        return match.group()
    words = f"{ordinal(int(match[1]))} {MONTHS[int(match[2]) - 1]}"
    return range_words(words, "–", "", text_before(match), rising=True)


def _school_year(match: re.Match[str]) -> str:
    """A season or school year, 2025/2026; not a number with its year, 1234/2026."""
    if int(match[1]) + 1 != int(match[2]):
        return match.group()
    return _between(match, match[1], "/", match[2])


def _in_words(match: re.Match[str]) -> str:
    from_day, mark, day, space, month, year_space, year, sign = match.groups()
    if not 1 <= int(day) <= 31:
        return match.group()
    short = month.endswith(".")
    name = MONTHS[_SHORT_MONTHS[month[:-1].lower()]] if short else month
    words = f"{ordinal(int(day))}{space}{name}"
    if from_day:
        before = text_before(match)
        if before.lower().endswith("на ") and int(from_day) + 1 == int(day):
            mark = " и "  # "на 9–10 май": on both days
        rising = int(from_day) < int(day)
        words = range_words(ordinal(int(from_day)), mark, words, before, rising)
    if year:
        words += year_space + year_words(year) + (" година" if sign else "")
    return words + stop_after_time(match)


def _month_and_year(match: re.Match[str]) -> str:
    month, space, year, sign = match.groups()
    words = month + space + year_words(year) + (" година" if sign else "")
    return words + stop_after_time(match)


def _between(match: re.Match[str], first: str, mark: str, second: str) -> str:
    before = text_before(match)
    words = year_words(first), year_words(second)
    if mark == "/":
        return ", ".join(words)  # a school year: two years, one after the other
    rising = len(second) < len(first) or int(first) < int(second)
    return range_words(words[0], mark, words[1], before, rising)


def _year_range(match: re.Match[str]) -> str:
    first, mark, second, sign, _ = match.groups()
    if len(second) < len(first) and not re.fullmatch(rf"/|{DASH}", mark):
        return match.group()
    if len(second) == 3 and len(first) == 4 or (len(first) == 3 and len(second) == 2):
        return match.group()
    return _between(match, first, mark, second) + " година" + stop_after_time(match)


def _single_year(match: re.Match[str]) -> str:
    written, sign = match.groups()
    number, before = int(written), text_before(match)
    after = text_after(match)
    dotted = sign in ("г.", "год.")
    if sign.startswith("година"):
        if number == 1:
            return match.group()
        definite = sign.endswith("та")
        words = ordinal(number, "feminine", "full") if definite else ordinal(number, "feminine")
        return f"{words} година"
    if written[0] == "0":
        return match.group()
    if dotted and _are_grams(number, before, after):
        noun = "грам" if number == 1 else "грама"
        return f"{cardinal(number, 'masculine')} {noun}{stop(match)}"
    if _is_year(number, dotted, before, after):
        return f"{year_words(written)} година{stop_after_time(match)}"
    if dotted and not 100 <= number <= 2199 and _is_duration(number, sign, before, after):
        noun = "година" if number == 1 else "години"
        return f"{cardinal(number, 'feminine')} {noun}{stop(match)}"
    return match.group()


def _are_grams(number: int, before: str, after: str) -> bool:
    cue = _YEAR_BEFORE if number >= 1000 and number % 50 else _YEAR_ONLY_BEFORE
    if number >= 100 and cue.search(before):
        return False  # "през 1995 г. хляб нямаше"
    return bool(_FOOD_AFTER.match(after) or _WEIGHT_BEFORE.search(before))


def _is_year(number: int, dotted: bool, before: str, after: str) -> bool:
    if _ERA_AFTER.match(after):
        return True
    if not 100 <= number <= 2199:
        return False
    if not dotted:  # "през 1878 г": a forgotten dot
        return number >= 1000 and _YEAR_ONLY_BEFORE.search(before) is not None
    if number >= 1000:
        return True
    grams = number % 50 == 0  # "около 200 г." is rather a weight
    return (_YEAR_ONLY_BEFORE if grams else _YEAR_BEFORE).search(before) is not None


def _is_duration(number: int, sign: str, before: str, after: str) -> bool:
    if sign == "год." or _DURATION_BEFORE.search(before) or _DURATION_AFTER.match(after):
        return True
    return number <= 120 and after[:1] in (",", ")") and _AGE_BEFORE.search(before) is not None


def _months_old(match: re.Match[str]) -> str:
    noun = "месец" if match[1] == "1" else "месеца"
    return f"{cardinal(int(match[1]), 'masculine')} {noun}{stop(match)}"


def _century(match: re.Match[str]) -> str:
    from_century, mark, century = match.groups()
    if not 1 <= int(century) <= 30:
        return match.group()
    words = ordinal(int(century))
    if from_century:
        before = text_before(match)
        rising = int(from_century) < int(century)
        words = range_words(ordinal(int(from_century)), mark, words, before, rising)
    return f"{words} век{stop_after_time(match)}"
