"""Signs in English words: & + = × ÷ ± ~ > < @ # § and so on, by what stands around them."""

import re

_SIGNS = (
    (re.compile(r"\b([A-Z])([A-Z])&(?=[A-Z])"), lambda m: _pair(m) + " and "),
    (re.compile(r"(?<=\w)\s?&\s?(?=\w)|(?<=[.,] )& "), " and "),
    (re.compile(r"\bA\+(?!\w)"), "A-plus"),
    (re.compile(r"\b([A-Z])\+\+(?!\w)"), r"\1 plus plus"),
    (re.compile(r"\b([CF])#(?!\w)"), r"\1 sharp"),
    (re.compile(r"\s?(?:±|\+/[-−–])\s?"), " plus or minus "),
    (re.compile(r"(?<=\w) \+ (?=\w)|(?<=\d)\+(?=\d)"), " plus "),
    (re.compile(r"(?<=[\w)])\+(?![\w+])"), " plus"),
    (re.compile(r"(?<=[\w)]) [×] (?=\w)|(?<=\d)[×](?=\d)|(?<=\d) x (?=\d)"), " by "),
    (re.compile(r"(?<=\w) [÷] (?=\w)|(?<=\d)[÷](?=\d)"), " divided by "),
    (re.compile(r"(?<=[\w)]) ?≠ ?(?=\w)"), " is not equal to "),
    (re.compile(r"(?<=[\w)])\s?≈\s?(?=\w)"), " is about "),
    (re.compile(r"(?<=\d)\s?~\s?(?=\d)"), " to "),
    (re.compile(r"(?:(?<=\s)|^|(?<=\())[~≈]\s?(?=[\w$£€])"), "about "),
    (re.compile(r"(?<=[\w)]) ?(?:≥|>=) ?(?=\w)"), " is greater than or equal to "),
    (re.compile(r"(?<=[\w)]) ?(?:≤|<=) ?(?=\w)"), " is less than or equal to "),
    (re.compile(r"(?<=[\w)]) > (?=[\w-])|(?<=\d)>(?=\d)"), " is greater than "),
    (re.compile(r"(?<=[\w)]) < (?=[\w-])|(?<=\d)<(?=\d)"), " is less than "),
    (re.compile(r"(?<=[\w)]) = (?=[\w-])|(?<=\w)=(?=\w)"), " equals "),
    (re.compile(r"(?<=\d) [-−] (?=\d)"), " minus "),
    (re.compile(r"(?<![\w.])@(?=\w)"), "at "),
    (re.compile(r"(?<=\s)@(?=\s)"), "at"),
    (re.compile(r"(?<!\S)#(?=[A-Za-z])"), "hashtag "),
    (re.compile(r"(?<=[A-Za-z])%|(?<=\s)%(?=\s|$)"), " percent"),
    (re.compile(r"§§?\s?(?=\w)"), "section "),
    (re.compile(r"©\s?(?=\w)"), "copyright "),
    (re.compile(r"√\s?(?=\w)"), "the square root of "),
    (re.compile(r"(?<!\w)π(?!\w)"), "pi"),
    (re.compile(r"∞"), "infinity"),
)
_SIGN = re.compile("[&+=×÷−≈~≠≥≤><±@#%§©√π∞]|\\d - \\d|\\d x \\d")


def signs_spoken(text: str) -> str:
    """The text with the signs that it is sure of in words."""
    if _SIGN.search(text):
        for sign, words in _SIGNS:
            text = sign.sub(words, text)
    return text


def _pair(match: re.Match[str]) -> str:
    """AT&T: two letters, which would be read as a word."""
    return f"{match[1]}{'-' if 'A' in match[0] else ' '}{match[2]}"
