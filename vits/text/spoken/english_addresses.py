"""Internet addresses, e-mail addresses and names of files in English words.

"me@example.org" is "me at example dot org". Letters stay as they are, so that words in an address
sound as words; digits are said one by one.
"""

import re

from vits.text.spoken.english_numbers import digits

_ENDS = (
    "com org net edu gov mil int info biz io ai app dev co uk ca au nz ie us eu de fr bg ru tv me"
).split()
_FILES = (
    "txt pdf csv json html htm jpg jpeg png gif mp3 mp4 wav flac zip exe doc docx py js".split()
)
_ADDRESS = re.compile(
    rf"(?<![\w@.])(?:(?:[Hh]ttps?|ftp)://\S+?(?=[.,;:!?)\]\"'”’>]*(?:\s|$))|"
    rf"(?:[\w+-]+(?:\.[\w+-]+)*@)?(?:[A-Za-z0-9][\w-]*\.)+(?:{'|'.join(_ENDS)})"
    rf"(?:/[\w./#?=&%~+-]*[\w/])?(?![\w@]|\.\w))"
)
_FILE = re.compile(rf"(?<![\w.])([\w-]+)\.({'|'.join(_FILES)})(?!\w|\.\w)")
_HANDLE = re.compile(r"(?<![\w.@])@(\w+)")
_MAYBE_ADDRESS = re.compile(r"\.[a-z][a-z0-9]|@\w|://")
_MARKS = {
    ".": "dot",
    "@": "at",
    "/": "slash",
    "_": "underscore",
    "-": "dash",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
    "+": "plus",
    ":": "colon",
}
_MARK = re.compile(f"[{re.escape(''.join(_MARKS))}]")


def addresses_spoken(text: str) -> str:
    """The text with its addresses and names of files in words."""
    if _MAYBE_ADDRESS.search(text):
        text = _FILE.sub(_file, _ADDRESS.sub(_address, text))
    if "@" not in text:
        return text
    return _HANDLE.sub(lambda m: f"at {_signs_spoken(m[1])}", text)


def _address(match: re.Match[str]) -> str:
    said = _signs_spoken(re.sub(r"^\w+://", "", match[0]).rstrip("/"))
    return re.sub(r"\b[wW]{3}\b", "w w w", said)


def _file(match: re.Match[str]) -> str:
    return f"{_signs_spoken(match[1])} dot {_signs_spoken(match[2])}"


def _signs_spoken(written: str) -> str:
    marked = _MARK.sub(lambda m: f" {_MARKS[m[0]]} ", written)
    return " ".join(re.sub(r"\d+", lambda m: f" {digits(m[0])} ", marked).split())
