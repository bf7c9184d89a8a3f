"""Roman numerals in English words, where they are sure: rulers, chapters, centuries, years."""

import re

from vits.text.spoken.english_context import starts_sentence
from vits.text.spoken.english_numbers import cardinal, ordinal, year

_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_RULERS = (
    "Henry Edward George William Richard James Charles Louis Philip Elizabeth Mary Peter Paul John "
    "Pius Benedict Gregory Leo Clement Innocent Urban Francis Frederick Ferdinand Alexander "
    "Nicholas Catherine Otto Ivan Alfonso Robert David Constantine Ptolemy Ramses Harald Gustav "
    "Christian Napoleon Victor Leopold Albert Umberto Boris Simeon Kamehameha Sixtus Wilhelm "
    "Mehmed Suleiman Murad Cyrus Darius Xerxes Theodosius Malcolm Anne Isabella Margaret Felipe "
    "Carlos Juan Emmanuel Haakon Olaf Olav Sigismund Rudolf Maximilian Joseph Justinian"
).split()
_TITLE = r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Sultan|Pharaoh|Saint|Duke)"
# "I" alone is a ruler's number only behind a title, before "of", or in the genitive.
_RULER = re.compile(
    rf"\b(?P<name>(?P<title>{_TITLE} (?:[A-Z][a-z]+ )?)?(?:{'|'.join(_RULERS)})) "
    rf"(?P<number>{_ROMAN})(?![\w.]*\w)(?!['’](?!s\b)\w)(?P<dot>\.(?= [A-Z]))?"
)
_NUMBERED = re.compile(
    rf"\b(Chapter|chapter|Part|part|Volume|volume|Book|book|Act|act|Scene|scene|Section|section|"
    rf"Article|article|Phase|phase|Type|type|Level|Grade|Class|Stage|Category|World War|Title|"
    rf"Appendix|Apollo|Rocky|Super Bowl|Vatican|Final Fantasy|Mark|Unit|Lesson|Canto|Symphony No) "
    rf"({_ROMAN})(?!\w|\.\w)"
)
_WAR = re.compile(r"\bWW(II?)\b")
_CENTURY = re.compile(rf"(?<!\w)({_ROMAN})(?:th|st|nd|rd)?([ -])(?=[Cc]entur(?:y|ies)\b)")
_YEAR = re.compile(
    r"(?<![\w.])(?=[MDCLXVI]{4})M{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![\w])"
)
_FIRST_STOPS = re.compile(r"[.;:!?)–—-]|$")
_FIRST_ENDS = re.compile(r"[.,;:!?)–—-]|['’]s\b|$| (?:of|and|is|ends|begins|has|covers|to)\b")
_VERB_OF_MINE = re.compile(
    r" (?:am|have|had|love|like|know|knew|think|thought|saw|see|met|told|said|would|will|can|could|"
    r"should|shall|may|must|want|wanted|hope|do|did|don)\b"
)
_FIRST_RULES = re.compile(r"['’]s\b| of\b")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def romans_spoken(text: str, british: bool) -> str:
    """Only after words that are numbered so, and names of rulers; years from MC on."""

    def ruler(match: re.Match[str]) -> str:
        name, title, roman = match["name"], match["title"], match["number"]
        if roman in ("I", "C", "L") and not title:
            if roman != "I" or not _FIRST_RULES.match(match.string, match.end()):
                return match[0]
        if roman == "I" and _VERB_OF_MINE.match(match.string, match.end()):
            return match[0]
        if name.endswith("Malcolm") and roman == "X":
            return match[0]
        if match["dot"] and len(roman) == 1 and not starts_sentence(match):  # John V. Lindsay
            return match[0]
        return f"{name} the {ordinal(_value(roman), british)}{match['dot'] or ''}"

    def numbered(match: re.Match[str]) -> str:
        noun, roman = match.groups()
        if roman in ("C", "L"):  # Class C
            return match[0]
        if roman == "I" and noun not in ("World War", "Apollo"):  # the part I like
            ends = _FIRST_ENDS if noun[0].isupper() and noun != "Mark" else _FIRST_STOPS
            if not ends.match(match.string, match.end()):
                return match[0]
        return f"{noun} {cardinal(_value(roman), british)}"

    text = _WAR.sub(lambda m: f"World War {cardinal(len(m[1]))}", text)
    text = _RULER.sub(ruler, text)
    text = _NUMBERED.sub(numbered, text)
    text = _CENTURY.sub(lambda m: ordinal(_value(m[1]), british) + m[2], text)
    return _YEAR.sub(lambda m: year(_value(m[0]), british), text)


def _value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    behind = [*values[1:], 0]
    return sum(-v if v < after else v for v, after in zip(values, behind))
