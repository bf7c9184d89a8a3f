"""Bulgarian abbreviations and signs, written out.

Abbreviations of one meaning are always written out (проф., напр., и т.н.); those of several only
where what follows decides: "гр. София" is a town, "с. Баня" a village, "с. 5" a page, "т. 5" a
point, "в. „Труд“" a newspaper, "г. Иванов" a gentleman. What is not decided stays. A dot that also
ends the sentence is kept.
"""

import re

from vits.text.spoken.bulgarian_abbreviation_lists import (
    ANYWHERE,
    BEFORE_LOWER_CASE,
    BEFORE_NUMBERS,
    FEMALE_SAINTS,
    FURTHER_TITLES,
    HYPHENATED,
    MOUNTAINS,
    NEVER_CAPITAL,
    NEVER_LAST,
    ONLY_BEFORE_POSTS,
    ONLY_BEFORE_QUOTES,
    PLURALS,
    POSTS,
    SIGNS,
    TITLES,
)
from vits.text.spoken.bulgarian_nouns import FUNCTION_WORDS
from vits.text.spoken.bulgarian_numbers import NUMBER_WORD
from vits.text.spoken.bulgarian_reading import (
    DASH,
    SPACE,
    ends_sentence,
    stop,
    text_after,
    text_before,
)


def _pattern(abbreviation: str) -> str:
    return re.escape(abbreviation).replace(r"\.", rf"\.{SPACE}?").replace(r"\ ", SPACE)


def _alternatives(abbreviations: dict[str, str]) -> str:
    return "|".join(map(_pattern, sorted(abbreviations, key=len, reverse=True)))


def _key(written: str) -> str:
    return re.sub(SPACE, "", written).rstrip(".").lower()


def _by_key(words: dict[str, str]) -> dict[str, str]:
    return {_key(abbreviation): spoken for abbreviation, spoken in words.items()}


_TITLE_WORDS, _NUMBERED_WORDS = _by_key(TITLES), _by_key(BEFORE_NUMBERS)
_ANYWHERE_WORDS = _by_key(ANYWHERE)
_NUMBERED = re.compile(
    rf"(?<![\w.])((?i:{_alternatives(BEFORE_NUMBERS)}))\.{SPACE}?"
    r"(?=\d|№|[IVXІХ]+(?!\w)|[А-Е](?!\w|\.\s?\w))"
)
_ALSO_UNITS = frozenset("бр стр с т л".split())
_SEVERAL = re.compile(rf"\d+{SPACE}?{DASH}{SPACE}?\d")
_NUMERO = re.compile(rf"№(№)?{SPACE}?|(?<!\w)(?:No|no)\.{SPACE}?(?=\d)")
_SECTION = re.compile(rf"§{SPACE}?(?=\d)")
_TITLE = re.compile(
    rf"(?<![\w.\-])({_alternatives(TITLES)})\.(-|{SPACE}?)(?=[„“«\"]?\w)", re.IGNORECASE
)
_FLAT = re.compile(rf"(?<![\w.])({_alternatives(ANYWHERE)})\.(?!\w)", re.IGNORECASE)
_SHORTENED = re.compile(
    rf"(?<![\w\-])({'|'.join(sorted(HYPHENATED, key=len, reverse=True))})(?![\w\-])", re.IGNORECASE
)
_SAINT = re.compile(rf"(?<![\w.])([Сс]в\.{SPACE}?)?([Сс])в\.{SPACE}?(?=[„“]?([А-Я]\w+))")
_SQUARE = re.compile(rf"(?<![\w.])([Пп])л\.{SPACE}?(?=[„“«\"]?[А-Я])")
_RANGE_OF_MOUNTAINS = re.compile(rf"(?<!\w)((?:{MOUNTAINS}){SPACE})пл\.")
_SO_CALLED = re.compile(
    rf"(?<![\w.])([Тт])\.{SPACE}?нар\.{SPACE}?(?=[„“«\"]?(\w*(\w))(?:\s\w*(\w))?)"
)
_MONTH_SIGN = re.compile(
    rf"(?<![\w.])м\.{SPACE}?(?=(?:януари|февруари|март|април|май|ю[нл]и|август|\w+ември)(?!\w))"
)
_LETTER = re.compile(rf"(?<![\w.])б\.{SPACE}?(?=[„“«\"]?[а-я][“”»\"])")
_SIGN = re.compile(rf"(?<!\S)([{re.escape(''.join(SIGNS))}])(?=\s|$)")
_SQUARED = re.compile(r"(?<=\b[a-zа-я])²")
_INNER_AMPERSAND = re.compile(r"(?<=\w)\s?&\s?(?=\w)")


def numbered_abbreviations_spoken(text: str) -> str:
    """The text with what is abbreviated before a number written out: чл. 5, № 3, § 2."""
    text = _NUMERO.sub(lambda m: "номера " if m[1] else "номер ", text)
    text = _SECTION.sub("параграф ", text)
    return _NUMBERED.sub(_numbered, text)


def abbreviations_spoken(text: str) -> str:
    """The text with its other abbreviations written out."""
    text = _SO_CALLED.sub(_so_called, _FLAT.sub(_flat, text))
    text = _SAINT.sub(_saint, text)
    text = _RANGE_OF_MOUNTAINS.sub(_mountains, _SQUARE.sub(_square, text))
    text = _LETTER.sub("буква ", _MONTH_SIGN.sub("месец ", text))
    text = _TITLE.sub(_title, text)
    return _SHORTENED.sub(lambda m: _cased(m[1], HYPHENATED[m[1].lower()]), text)


def signs_spoken(text: str) -> str:
    """The text with the signs that stand alone between words said."""
    text = _SQUARED.sub(" на квадрат", text)
    return _SIGN.sub(lambda m: SIGNS[m[1]], _INNER_AMPERSAND.sub(" и ", text))


def _cased(written: str, spoken: str) -> str:
    return spoken[0].upper() + spoken[1:] if written[0].isupper() else spoken


def _flat(match: re.Match[str]) -> str:
    end = match.end()
    dot = "." if ends_sentence(match.string, end) else ""
    if _key(match[1]) in NEVER_LAST and text_after(match).strip():
        dot = ""
    return _cased(match[1], _ANYWHERE_WORDS[_key(match[1])]) + dot


def _numbered(match: re.Match[str]) -> str:
    key, text = _key(match[1]), match.string
    has_digit = text[match.end()].isdigit()
    before = text_before(match).rstrip()
    if (
        key in _ALSO_UNITS
        and not has_digit
        and (before[-1:].isdigit() or NUMBER_WORD.search(before))
    ):
        return match.group()
    if key in PLURALS and _SEVERAL.match(text, match.end()):
        return _cased(match[1], PLURALS[key]) + " "
    word = "том" if key == "т" and text[match.end()] in "IVXХІ" else _NUMBERED_WORDS[key]
    return _cased(match[1], word) + " "


def _so_called(match: re.Match[str]) -> str:
    """т.нар. agrees with what follows: "така наречената криза", "така наречените експерти"."""
    written, word, last, next_last = match.groups()
    if word.endswith("ове") or (
        last == "и" and not (word.endswith("ки") and (next_last or "и") not in "ие")
    ):
        ending = "ите"
    elif last in "ая":
        ending = "ата"
    elif last in "ое":
        ending = "ото"
    else:
        starts = re.search(r"(?:^|[.!?]\s)$", text_before(match)) is not None
        ending = "ият" if starts else "ия"
    return _cased(written, f"така наречен{ending} ")


def _mountains(match: re.Match[str]) -> str:
    return f"{match[1]}планина{stop(match)}"


def _title(match: re.Match[str]) -> str:
    written, joint = match.groups()
    key, following = _key(written), text_after(match)
    quoted = following[0] in '„“«"'
    named = following[0].isupper() or quoted or following.startswith(FURTHER_TITLES)
    if key == "ген" and following.startswith(POSTS):
        return _cased(written, "генерален ")
    if key in NEVER_CAPITAL and written[0].isupper():
        return match.group()
    if key in ONLY_BEFORE_QUOTES and not quoted or not (named or key in BEFORE_LOWER_CASE):
        return match.group()
    if key in ONLY_BEFORE_POSTS and not following.startswith(POSTS):
        return match.group()
    first_word = following.partition(" ")[0].lower()
    if len(key) == 1 and (
        first_word in FUNCTION_WORDS or NUMBER_WORD.search(text_before(match).rstrip())
    ):
        return match.group()  # "двеста г. Не": grams or a year, and the end of a sentence
    return _cased(written, _TITLE_WORDS[key]) + (joint or " ")


def _saint(match: re.Match[str]) -> str:
    twice, letter, name = match.groups()
    if twice:
        return ("Свети" if twice[0] == "С" else "свети") + " свети "
    female = re.fullmatch(FEMALE_SAINTS, name) is not None
    return letter + ("вета " if female else "вети ")


def _square(match: re.Match[str]) -> str:
    mountain = re.match(MOUNTAINS, text_after(match)) is not None
    return match[1] + ("ланина " if mountain else "лощад ")
