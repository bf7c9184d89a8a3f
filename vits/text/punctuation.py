"""One spelling for every mark: quotes, dashes, brackets, dots and spaces before any front end.

A rare variant of a mark would be an unknown symbol, or one with too few examples to be learnt. Edit
the table here to change what the models read. Every mark on the right is in configs/base.json, but
for the hyphen, which espeak reads over.
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
    # what only looks like a space, or like nothing
    "_": " ",
    "\u00ad": "",
    "\u200b": "",
    "\u200e": "",
    "\u200f": "",
    "\u2060": "",
    "\ufeff": "",
}
TABLE = str.maketrans(PUNCTUATION)


def normalise(text: str) -> str:
    """NFC, marks by the table, "--" and a lone "-" to a dash, "..." to "…", one space for many."""
    text = unicodedata.normalize("NFC", text).translate(TABLE)
    text = re.sub(r"\.{3,}", "…", text)
    text = re.sub(r"-{2,}|(?<!\S)-(?!\S)", "—", text)
    return " ".join(text.split())
