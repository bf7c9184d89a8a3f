"""Bulgarian abbreviations and signs, written out.

Abbreviations of one meaning are always written out (проф., напр., и т.н.); those of several only
where what follows decides: "гр. София" is a town, "с. Баня" a village, "с. 5" a page, "т. 5" a
point, "в. „Труд“" a newspaper, "г. Иванов" a gentleman. What is not decided stays. A dot that also
ends the sentence is kept.
"""

import re

from vits.text.spoken.bulgarian_numbers import NUMBER_WORD
from vits.text.spoken.bulgarian_reading import SPACE, ends_sentence

# Before a name or a title; their dot never ends a sentence inside a text.
_TITLES = {
    "проф": "професор",
    "доц": "доцент",
    "акад": "академик",
    "инж": "инженер",
    "арх": "архитект",
    "адв": "адвокат",
    "ген": "генерал",
    "полк": "полковник",
    "подп": "подполковник",
    "кап": "капитан",
    "лейт": "лейтенант",
    "серж": "сержант",
    "гл. ас": "главен асистент",
    "ас": "асистент",
    "зам": "заместник",
    "ул": "улица",
    "бул": "булевард",
    "ж.к": "жилищен комплекс",
    "кв": "квартал",
    "гр": "град",
    "общ": "община",
    "обл": "област",
    "с": "село",
    "р": "река",
    "вр": "връх",
    "о": "остров",
    "ез": "езеро",
    "яз": "язовир",
    "г": "господин",
    "сп": "списание",
    "в": "вестник",
    "изд": "издателство",
}
_BEFORE_LOWER_CASE = frozenset("проф доц акад инж арх адв ген полк гл.ас зам".split())
_ONLY_BEFORE_QUOTES = frozenset("в сп изд".split())
_NEVER_CAPITAL = frozenset("г в с р о ас общ обл".split())  # else initials: "Г. Иванов"
_MOUNTAINS = (
    "Рила|Пирин|Витоша|Родоп|Стара|Странджа|Сакар|Средна|Осогово|Славянка|Беласица|Огражден"
)
_FEMALE_SAINTS = (
    "Петка|София|Богородица|Марина|Ана|Анна|Неделя|Екатерина|Варвара|Троица|Мария|Елена|Параскева"
    "|Злата|Дева|Тереза|Магдалена"
)

# Before a number, Roman ones and letters included.
_BEFORE_NUMBERS = {
    "стр": "страница",
    "с": "страница",
    "чл": "член",
    "ал": "алинея",
    "т": "точка",
    "гл": "глава",
    "фиг": "фигура",
    "табл": "таблица",
    "бл": "блок",
    "вх": "вход",
    "ет": "етаж",
    "ап": "апартамент",
    "бр": "брой",
    "тел": "телефон",
    "каб": "кабинет",
    "ок": "около",
    "прибл": "приблизително",
    "разд": "раздел",
    "вкл": "включително",
}
_ANYWHERE = {
    "т.е": "тоест",
    "т.нар": "така наречен",
    "напр": "например",
    "вкл": "включително",
    "вж": "виж",
    "респ": "респективно",
    "съотв": "съответно",
    "обикн": "обикновено",
    "т.г": "тази година",
    "м.г": "миналата година",
    "с.г": "същата година",
    "пр.н.е": "преди новата ера",
    "пр. Хр": "преди Христа",
    "пр.Хр": "преди Христа",
    "сл.Хр": "след Христа",
    "сл. Хр": "след Христа",
    "от н.е": "от новата ера",
    "бел. ред": "бележка на редактора",
    "бел. прев": "бележка на преводача",
    "бел. авт": "бележка на автора",
    "и т.н": "и така нататък",
    "т.н": "така нататък",
    "и др": "и други",
    "и пр": "и прочие",
    "и под": "и подобни",
    "тел": "телефон",
    "моб": "мобилен",
}
_HYPHENATED = {
    "д-р": "доктор",
    "д-рът": "докторът",
    "д-ра": "доктора",
    "г-н": "господин",
    "г-на": "господина",
    "г-жа": "госпожа",
    "г-жо": "госпожо",
    "г-ца": "госпожица",
    "г-да": "господа",
    "р-н": "район",
    "о-в": "остров",
    "у-ще": "училище",
    "к-т": "комплект",
    "н-к": "началник",
}
_SIGNS = {"&": "и", "=": "равно на", "+": "плюс", "€": "евро", "%": "процента", "§": "параграф"}
_SIGNS |= {"°": "градуса", "£": "лири", "@": "маймунско а", "×": "по", "÷": "делено на"}


def _pattern(abbreviation: str) -> str:
    return re.escape(abbreviation).replace(r"\.", rf"\.{SPACE}?").replace(r"\ ", SPACE)


def _alternatives(abbreviations: dict[str, str]) -> str:
    return "|".join(map(_pattern, sorted(abbreviations, key=len, reverse=True)))


def _key(written: str) -> str:
    return re.sub(SPACE, "", written).rstrip(".").lower()


def _by_key(words: dict[str, str]) -> dict[str, str]:
    return {_key(abbreviation): spoken for abbreviation, spoken in words.items()}


_TITLE_WORDS, _NUMBERED_WORDS = _by_key(_TITLES), _by_key(_BEFORE_NUMBERS)
_ANYWHERE_WORDS = _by_key(_ANYWHERE)
_NUMBERED = re.compile(
    rf"(?<![\w.])({_alternatives(_BEFORE_NUMBERS)})\.{SPACE}?(?=\d|№|[IVXІХ]+(?!\w)|[А-Г](?![\w.]))",
    re.IGNORECASE,
)
_NUMERO = re.compile(rf"№(№)?{SPACE}?|(?<!\w)(?:No|no)\.{SPACE}?(?=\d)")
_SECTION = re.compile(rf"§{SPACE}?(?=\d)")
_TITLE = re.compile(
    rf"(?<![\w.\-])({_alternatives(_TITLES)})\.(-|{SPACE}?)(?=[„“«\"]?\w)", re.IGNORECASE
)
_FLAT = re.compile(rf"(?<![\w.])({_alternatives(_ANYWHERE)})\.(?!\w)", re.IGNORECASE)
_SHORTENED = re.compile(
    rf"(?<![\w\-])({'|'.join(sorted(_HYPHENATED, key=len, reverse=True))})(?![\w\-])", re.IGNORECASE
)
_SAINT = re.compile(rf"(?<![\w.])([Сс]в\.{SPACE}?)?([Сс])в\.{SPACE}?(?=[„“]?([А-Я]\w+))")
_SQUARE = re.compile(rf"(?<![\w.])([Пп])л\.{SPACE}?(?=[„“«\"]?[А-Я])")
_MONTH_SIGN = re.compile(
    rf"(?<![\w.])м\.{SPACE}?(?=(?:януари|февруари|март|април|май|ю[нл]и|август|\w+ември)(?!\w))"
)
_SIGN = re.compile(rf"(?<!\S)([{re.escape(''.join(_SIGNS))}])(?=\s|$)")
_INNER_AMPERSAND = re.compile(r"(?<=\w)\s?&\s?(?=\w)")


def numbered_abbreviations_spoken(text: str) -> str:
    """The text with what is abbreviated before a number written out: чл. 5, № 3, § 2."""
    text = _NUMERO.sub(lambda m: "номера " if m[1] else "номер ", text)
    text = _SECTION.sub("параграф ", text)
    return _NUMBERED.sub(lambda m: _cased(m[1], _NUMBERED_WORDS[_key(m[1])]) + " ", text)


def abbreviations_spoken(text: str) -> str:
    """The text with its other abbreviations written out."""
    text = _FLAT.sub(_flat, text)
    text = _SAINT.sub(_saint, text)
    text = _SQUARE.sub(_square, text)
    text = _MONTH_SIGN.sub("месец ", text)
    text = _TITLE.sub(_title, text)
    return _SHORTENED.sub(lambda m: _cased(m[1], _HYPHENATED[m[1].lower()]), text)


def signs_spoken(text: str) -> str:
    """The text with the signs that stand alone between words said."""
    return _SIGN.sub(lambda m: _SIGNS[m[1]], _INNER_AMPERSAND.sub(" и ", text))


def _cased(written: str, spoken: str) -> str:
    return spoken[0].upper() + spoken[1:] if written[0].isupper() else spoken


def _flat(match: re.Match[str]) -> str:
    end = match.end()
    dot = "." if ends_sentence(match.string, end) else ""
    if _key(match[1]) in ("напр", "вж", "тел") and match.string[end:].strip():
        dot = ""
    return _cased(match[1], _ANYWHERE_WORDS[_key(match[1])]) + dot


def _title(match: re.Match[str]) -> str:
    written, joint = match.groups()
    key, following = _key(written), match.string[match.end() :]
    quoted = following[0] in '„“«"'
    named = following[0].isupper() or quoted
    if key in _NEVER_CAPITAL and written[0].isupper():
        return match.group()
    if key in _ONLY_BEFORE_QUOTES and not quoted or not (named or key in _BEFORE_LOWER_CASE):
        return match.group()
    if len(key) == 1 and NUMBER_WORD.search(match.string[: match.start()].rstrip()):
        return match.group()  # "двеста г. Иван": grams or a year, and the end of a sentence
    return _cased(written, _TITLE_WORDS[key]) + (joint or " ")


def _saint(match: re.Match[str]) -> str:
    twice, letter, name = match.groups()
    if twice:
        return ("Свети" if twice[0] == "С" else "свети") + " свети "
    female = re.fullmatch(_FEMALE_SAINTS, name) is not None
    return letter + ("вета " if female else "вети ")


def _square(match: re.Match[str]) -> str:
    mountain = re.match(_MOUNTAINS, match.string[match.end() :]) is not None
    return match[1] + ("ланина " if mountain else "лощад ")
