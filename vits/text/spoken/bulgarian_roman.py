"""Roman numerals, said in Bulgarian where they surely are numerals.

That is: before a noun that is numbered so ("XIX век", "II световна война"), after one ("глава IV",
"том II"), and after the name of a ruler ("Симеон II", which is written "Симеон Втори"). All other
capitals stay as they are. The Cyrillic letters Х, І, С and М count as the Latin ones they look
like.
"""

import re

from vits.text.spoken.bulgarian_numbers import OrdinalGender, ordinal, roman
from vits.text.spoken.bulgarian_reading import (
    DASH,
    SPACE,
    range_words,
    stop_after_time,
    text_before,
)

_NUMERAL = r"(?:[IVXХІ]+|[IVXLCDMХІСМ]{3,})"  # DC and CD are rather names
_SUFFIX = r"(?:-?(?:ви|ри|ти|ми|и|ва|ра|та|ма|во|ро|то|мо|ия|ият|ата|ото|тия|тият))?"
_BEFORE_NOUN: dict[str, OrdinalGender] = {
    **dict.fromkeys(
        """век клас конгрес събор район курс етаж ред кръг фестивал корпус полк легион общински
        арондисман тур национален международен световен балкански пленум випуск""".split(),
        "masculine",
    ),
    **dict.fromkeys(
        """световна балканска армия дивизия династия глава част сесия република група степен
        олимпиада конференция категория лига пунийска интернационална редакция""".split(),
        "feminine",
    ),
    **dict.fromkeys(
        "столетие хилядолетие действие място издание народно велико районно".split(), "neuter"
    ),
}
_AFTER_NOUN: dict[str, OrdinalGender] = {
    **dict.fromkeys("том раздел дял акт етап рунд клас курс член етаж".split(), "masculine"),
    **dict.fromkeys(
        """глава част книга серия сцена фаза група степен категория фигура таблица
        точка алинея""".split(),
        "feminine",
    ),
    **dict.fromkeys("действие ниво".split(), "neuter"),
}
_KINGS = """симеон борис иван петър николай александър фердинанд людовик луи хенри хайнрих анри карл
    йоан павел пий бенедикт франциск фридрих вилхелм филип георг джордж георги едуард чарлз наполеон
    рамзес тутмос аменхотеп птолемей константин теодосий юстиниан василий михаил мехмед мурад
    сюлейман баязид селим абдул ричард уилям джеймс ото леополд рудолф максимилиан йосиф франц лъв
    климент григорий урбан инокентий лъв дарий артаксеркс кир антиох агамемнон педро алфонсо хуан
    фелипе густав кристиан хокон улаф юрий владимир дмитрий феодор тодор калоян крум пресиян
    омуртаг самуил хамид ахмед осман стефан урош казимир сигизмунд владислав ян бела андраш кирил
    патриарх папа цар крал""".split()
_QUEENS = "елизабет елизавета екатерина мария анна ана клеопатра кристина маргарет беатрис".split()

_CENTURY = re.compile(
    rf"(?<![\w\-])(?:({_NUMERAL}){_SUFFIX}({SPACE}?{DASH}{SPACE}?|,?{SPACE}(?:до|и|или){SPACE}))?"
    rf"({_NUMERAL}){_SUFFIX}{SPACE}(?:в\.|век(?!\w))"
)
_WITH_SUFFIX = re.compile(rf"(?<![\w\-])({_NUMERAL})-(ви|ри|ти|ми|ва|ра|та|ма|во|ро|то|мо)(?!\w)")
_OF_THE_CENTURY_BEFORE = re.compile(
    rf"(?<!\w)((?i:кра[яй]т?|началото|средата|половина(?:та)?|четвърт)\sна{SPACE})({_NUMERAL})"
    rf"(?=(?:{SPACE}[а-я]+|{SPACE}?{DASH}){{1,6}}{SPACE}{_NUMERAL}{_SUFFIX}{SPACE}(?:в\.|век))"
)
_IN_FRONT = re.compile(
    rf"(?<![\w\-])(?:({_NUMERAL})({SPACE}?{DASH}{SPACE}?|{SPACE}(?:до|и|или){SPACE}))?"
    rf"({_NUMERAL})(?:\.(?={SPACE}))?({SPACE})({'|'.join(_BEFORE_NOUN)})(?!\w)"
)
_BEHIND = re.compile(
    rf"(?<!\w)({'|'.join(_AFTER_NOUN)})({SPACE})({_NUMERAL})(?![\w\-])", re.IGNORECASE
)
_RULER = re.compile(rf"(?<!\w)([А-Я]\w+)({SPACE})({_NUMERAL})(?![\w\-])")
_RULER_NAMES = dict.fromkeys(_KINGS, "masculine") | dict.fromkeys(_QUEENS, "feminine")
_SUFFIX_GENDER: dict[str, OrdinalGender] = {"а": "feminine", "о": "neuter", "и": "masculine"}


def roman_spoken(text: str) -> str:
    """The text with its sure Roman numerals as ordinals."""
    text = _OF_THE_CENTURY_BEFORE.sub(_earlier_century, text)
    text = _CENTURY.sub(_century, text)
    text = _WITH_SUFFIX.sub(_with_suffix, text)
    text = _IN_FRONT.sub(_in_front, text)
    text = _BEHIND.sub(_behind, text)
    return _RULER.sub(_ruler, text)


def _century(match: re.Match[str]) -> str:
    from_century, mark, century = match.groups()
    number = roman(century)
    if number is None:
        return match.group()
    words = ordinal(number)
    if from_century:
        earlier = roman(from_century)
        if earlier is None:
            return match.group()
        before = text_before(match)
        words = range_words(ordinal(earlier), mark, words, before, earlier < number)
    return f"{words} век{stop_after_time(match)}"


def _earlier_century(match: re.Match[str]) -> str:
    """The first of two: "краят на XIX и началото на XX век"."""
    number = roman(match[2])
    return match.group() if number is None else match[1] + ordinal(number)


def _with_suffix(match: re.Match[str]) -> str:
    number = roman(match[1])
    return match.group() if number is None else ordinal(number, _SUFFIX_GENDER[match[2][-1]])


def _in_front(match: re.Match[str]) -> str:
    earlier, mark, numeral, space, noun = match.groups()
    gender, number = _BEFORE_NOUN[noun], roman(numeral)
    if number is None:
        return match.group()
    words = ordinal(number, gender)
    if earlier:
        first = roman(earlier)
        if first is None:
            return match.group()
        before = text_before(match)
        words = range_words(ordinal(first, gender), mark, words, before, first < number)
    return words + space + noun


def _behind(match: re.Match[str]) -> str:
    noun, space, numeral = match.groups()
    number = roman(numeral)
    if number is None:
        return match.group()
    return noun + space + ordinal(number, _AFTER_NOUN[noun.lower()])


def _ruler(match: re.Match[str]) -> str:
    name, space, numeral = match.groups()
    gender = _RULER_NAMES.get(name.lower())
    number = roman(numeral)
    if gender is None or number is None:
        return match.group()
    return name + space + ordinal(number, gender).capitalize()
