"""English abbreviations, signs and Roman numerals in words.

"Dr." is Doctor before a name and Drive after one, "St." Saint or Street likewise. What is not
decided stays. An abbreviation's dot that also ends a sentence is kept: nothing follows it there.
"""

import re

from vits.text.spoken.english_numbers import cardinal, ordinal

_TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Messrs": "Messieurs",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gen": "General",
    "Col": "Colonel",
    "Capt": "Captain",
    "Maj": "Major",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
    "Fr": "Father",
}
_PLAIN = {  # of one meaning, with a dot
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Bros": "Brothers",
    "Dept": "Department",
    "Univ": "University",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Hwy": "Highway",
    "Mt": "Mount",
    "Ft": "Fort",
    "vs": "versus",
    "etc": "et cetera",
    "approx": "approximately",
    "dept": "department",
    "est": "established",
    "govt": "government",
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Assn": "Association",
    "Assoc": "Associates",
}
_ONLY_BEFORE_CAPITALS = {*_TITLES, "Mt", "Ft"}
_NEVER_LAST = {"vs", "approx", "est"}
_ABBREVIATION = re.compile(rf"\b({'|'.join([*_TITLES, *_PLAIN])})\.(?=(.{{0,3}}))", re.DOTALL)
_WITHOUT_DOT = re.compile(r"\b(Mr|Mrs|Ms|Dr)(?= [A-Z])")
_LATIN = {"e.g.": "for example", "i.e.": "that is", "a.k.a.": "also known as", "cf.": "compare"}
_LATIN_RULE = re.compile(r"\b(e\.\s?g\.|i\.\s?e\.|a\.k\.a\.|cf\.)(?=[\s,])")
_COMPANY = re.compile(r"(?<=[A-Z&][\w&]|[a-z]{2}) Co\.(?=(.{0,3}))", re.DOTALL)
_DOCTOR = re.compile(r"\bDr\.(?= (?:[A-Z]))")
_SAINT = re.compile(r"\bSt\.(?= (?:[A-Z]))")
_DRIVE = re.compile(r"\b([A-Z][\w'’]*|\d+(?:st|nd|rd|th)) (Dr|St)\.(?=(.{0,3}))", re.DOTALL)
_STREET = {"Dr": "Drive", "St": "Street"}
_NUMBER = re.compile(r"\b(?:No|Nos|no|nos)\.\s?(?=\d)|№\s?(?=\d)|#(?=\d)")
_BEFORE_NUMBER = {
    "p": "page",
    "pp": "pages",
    "ch": "chapter",
    "Ch": "Chapter",
    "vol": "volume",
    "Vol": "Volume",
    "fig": "figure",
    "Fig": "Figure",
    "sec": "section",
    "Sec": "Section",
    "eq": "equation",
    "Eq": "Equation",
    "ext": "extension",
}
_BEFORE_NUMBER_RULE = re.compile(rf"\b({'|'.join(_BEFORE_NUMBER)})\.\s?(?=\d)")
_INITIALS = re.compile(r"\b((?:[A-Z]\.){2,})(?=(.{0,3}))", re.DOTALL)
_SIGNS = (
    (re.compile(r"(?<=\w)\s?&\s?(?=\w)"), " and "),
    (re.compile(r"(?<=\w) \+ (?=\w)|(?<=\d)\+(?=\d)"), " plus "),
    (re.compile(r"(?<=\d)\+"), " plus"),
    (re.compile(r"(?<=\w) = (?=\w)|(?<=\d)=(?=\d)"), " equals "),
    (re.compile(r"(?<=\w) [×] (?=\w)|(?<=\d)[×](?=\d)|(?<=\d) x (?=\d)"), " by "),
    (re.compile(r"(?<=\w) [÷] (?=\w)|(?<=\d)[÷](?=\d)"), " divided by "),
    (re.compile(r"(?<=\d) [-−] (?=\d)"), " minus "),
    (re.compile(r"(?<=\w)\s?≈\s?(?=\w)"), " is about "),
    (re.compile(r"(?<!\S)@(?=\w)|(?<=\s)@(?=\s)"), "at "),
    (re.compile(r"(?<!\S)#(?=[A-Za-z])"), "hashtag "),
    (re.compile(r"(?<=[A-Za-z])%|(?<=\s)%(?=\s|$)"), " percent"),
    (re.compile(r"§\s?(?=\d)"), "section "),
    (re.compile(r"©"), "copyright"),
)
_SIGN = re.compile("[&+=×÷−≈@#%§©-]")

_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_RULERS = (
    "Henry Edward George William Richard James Charles Louis Philip Elizabeth Mary Peter Paul John "
    "Pius Benedict Gregory Leo Clement Innocent Urban Francis Frederick Ferdinand Alexander "
    "Nicholas Catherine Otto Ivan Alfonso Robert David Constantine Ptolemy Ramses Harald Gustav "
    "Christian Napoleon Victor Leopold Albert Umberto Boris Simeon Peter Kamehameha Sixtus"
).split()
_RULER = re.compile(
    rf"\b({'|'.join(dict.fromkeys(_RULERS))}) ({_ROMAN})(?![\w.]*\w)(?!['’]\w{{2}})"
)
_NUMBERED = re.compile(
    rf"\b(Chapter|chapter|Part|part|Volume|volume|Book|Act|Scene|Section|section|Article|article|"
    rf"Phase|Type|Level|Grade|Class|War|Title|Appendix|Apollo|Rocky|Super Bowl) "
    rf"({_ROMAN})(?!\w|\.\w)"
)
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def abbreviations_spoken(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        short, after = match[1], match[2]
        if short in _ONLY_BEFORE_CAPITALS:
            if not re.match(r" ?[A-Z]| and", after):
                return match[0]
            return {**_TITLES, **_PLAIN}[short]
        ends = "" if short in _NEVER_LAST else _stop(after)
        return _PLAIN[short] + ends

    def latin(match: re.Match[str]) -> str:
        return _LATIN[match[1].replace(" ", "")]

    def initials(match: re.Match[str]) -> str:
        """U.S. is U S; J.R.R. Tolkien, too."""
        return " ".join(match[1].replace(".", "")) + _stop(match[2])

    text = _LATIN_RULE.sub(latin, text)
    text = _NUMBER.sub("number ", text)
    text = _BEFORE_NUMBER_RULE.sub(lambda m: f"{_BEFORE_NUMBER[m[1]]} ", text)
    text = _DRIVE.sub(_street, text)
    text = _DOCTOR.sub("Doctor", text)
    text = _SAINT.sub("Saint", text)
    text = _COMPANY.sub(lambda m: f" Company{_stop(m[1])}", text)
    text = _ABBREVIATION.sub(plain, text)
    text = _WITHOUT_DOT.sub(lambda m: {**_TITLES, "Dr": "Doctor"}[m[1]], text)
    return _INITIALS.sub(initials, text)


def signs_spoken(text: str) -> str:
    if _SIGN.search(text):
        for sign, words in _SIGNS:
            text = sign.sub(words, text)
    return text


def romans_spoken(text: str, british: bool) -> str:
    """Only after words that are numbered so, and names of rulers."""

    def ruler(match: re.Match[str]) -> str:
        number = _value(match[2])
        return f"{match[1]} the {ordinal(number, british)}" if number else match[0]

    def numbered(match: re.Match[str]) -> str:
        number = _value(match[2])
        return f"{match[1]} {cardinal(number, british)}" if number else match[0]

    return _NUMBERED.sub(numbered, _RULER.sub(ruler, text))


def _value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    behind = [*values[1:], 0]
    return sum(-v if v < after else v for v, after in zip(values, behind))


def _street(match: re.Match[str]) -> str:
    """Elm Dr., Main St.; but not where a sentence begins so: "Dear Dr. Smith", "In St. Paul"."""
    before, short, after = match.groups()
    begins = re.search(r"(?:^|[.!?:]\s+|[\"“(])$", match.string[: match.start()])
    if begins and re.match(r" [A-Z]", after):
        return match[0]
    return f"{before} {_STREET[short]}{_stop(after)}"


def _stop(after: str) -> str:
    """The dot that ends the sentence, if it does: nothing or a capital follows."""
    return "." if re.match(r"""\s*["”'’)]*\s*$|["”'’)]*\s+["“]?[A-Z]""", after) else ""
