"""One spelling for every mark: quotes, dashes, brackets, dots and spaces before any front end.

A rare variant of a mark would be an unknown symbol, or one with too few examples to be learnt. Edit
the table here to change what the models read. Every mark on the right is in configs/base.json, but
for the hyphen, which espeak reads over.

What nobody says is dropped: emoji and other pictures (espeak would read their English names),
control characters, marks of writing direction. U+FFFD stays, since it says that a text is damaged.
"""

import re
import unicodedata

PUNCTUATION = {
    # apostrophes and single quotes: the first is also a letter's mark (don't), so they stay single
    "‘": "'",
    "’": "'",
    "‚": "'",
    "‛": "'",
    "′": "'",
    "´": "'",
    "`": "'",
    "‹": "'",
    "›": "'",
    # double quotes, English, Bulgarian, German, French
    "“": '"',
    "”": '"',
    "„": '"',
    "‟": '"',
    "″": '"',
    "«": '"',
    "»": '"',
    "〝": '"',
    "〞": '"',
    # hyphens; "-" by itself between words is a dash, see below
    "‐": "-",
    "‑": "-",
    "⁃": "-",
    # dashes
    "‒": "—",
    "–": "—",
    "―": "—",
    "−": "-",
    "⸺": "—",
    "⸻": "—",
    # brackets speak as an aside
    "(": "—",
    ")": "—",
    "[": "—",
    "]": "—",
    "{": "—",
    "}": "—",
    # dots
    "⋯": "…",
    "‥": "…",
    # marks of other scripts: Chinese and Japanese, Arabic, Indic, and their neighbours
    "。": ".",
    "｡": ".",
    "、": ",",
    "､": ",",
    "「": '"',
    "」": '"',
    "『": '"',
    "』": '"',
    "《": '"',
    "》": '"',
    "〈": "'",
    "〉": "'",
    "【": "—",
    "】": "—",
    "〔": "—",
    "〕": "—",
    "،": ",",
    "؛": ";",
    "؟": "?",
    "۔": ".",
    "।": ".",
    "॥": ".",
    "։": ".",
    "՝": ",",
    "՞": "?",
    "՜": "!",
    "֊": "-",
    "־": "-",
    "។": ".",
    "။": ".",
    "၊": ",",
    "།": ".",
    "።": ".",
    "፣": ",",
    "፤": ";",
    "፥": ":",
    "፧": "?",
    # several in one
    "‼": "!",
    "⁇": "?",
    "⁈": "?",
    "⁉": "!",
    "‽": "?",
    # what only looks like a space, or like nothing
    "_": " ",
    "\u00ad": "",
    "\u0640": "",  # stretches Arabic letters
    "\u055b": "",  # stresses an Armenian vowel
    "\u180e": "",
    "\u200b": "",
    "\u2060": "",
    "\u2061": "",
    "\u2062": "",
    "\u2063": "",
    "\u2064": "",
    "\ufeff": "",
    # direction of writing
    "\u061c": "",
    "\u200e": "",
    "\u200f": "",
    **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
}
# Forms of width of Chinese and Japanese, small forms and ligatures: plain letters and marks.
WIDE = {
    character: unicodedata.normalize("NFKC", character)
    for character in map(
        chr, (*range(0xFB00, 0xFB07), *range(0xFE50, 0xFE6C), *range(0xFF01, 0xFF5F))
    )
}
SPACES = dict.fromkeys("・፡", " ")  # between words of Japanese and Ethiopic
TABLE = str.maketrans(
    {
        **PUNCTUATION,
        **SPACES,
        **{wide: "".join(PUNCTUATION.get(c, c) for c in plain) for wide, plain in WIDE.items()},
    }
)

_PICTURES = re.compile(
    "[\u2600-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\u20e3\U0001f000-\U0001faff\U000e0000-\U000e007f]+"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
# Joiners are spelling between letters of Arabic, Indic, Burmese and Khmer script, and left over
# from emoji or formatting elsewhere.
_JOINED = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff"
_JOINERS = re.compile(f"(?<![{_JOINED}])[\u200c\u200d]+|[\u200c\u200d]+(?![{_JOINED}\u200c\u200d])")
_ARMENIAN = re.compile(r"([՞՜])([^\W\d_]+)")  # stands over a vowel, and is of the whole word


def normalise(text: str) -> str:
    """The text in NFC with few marks, one space for many, and none at its ends.

    Marks by the table, "--" and a lone "-" become a dash, "..." becomes "…".
    """
    text = _CONTROLS.sub("", unicodedata.normalize("NFC", text))
    text = _JOINERS.sub("", _PICTURES.sub(" ", text))
    text = _ARMENIAN.sub(r"\2\1", text).translate(TABLE)
    text = re.sub(r"\.{3,}|…{2,}", "…", text)
    text = re.sub(r"-{2,}|(?<!\S)-(?!\S)", "—", text)
    return " ".join(text.split())
