"""A lexicon: words, and how they are read.

A file has a word and its symbols a line, with | or a tab between:

    # names
    Yahoo|jˈɑːhuː
    New York|nˈuː jˈɔːɹk

With the front end "phonemes" the right side is phonemes, which espeak does not touch; with
"characters" it is letters to read instead. Words match whole, in any case; of entries that begin
alike the longest matches. Numbers and abbreviations are in words by then (vits/text/spoken).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from hifigan.errors import UserError

# Letters that need no spaces between words, Han and kana, count as a word each: an entry of two
# matches inside a sentence. Other words are letters and digits, and inside them apostrophes,
# hyphens, joiners, and the marks of letters: of Hebrew, Arabic, Indic and Thai most vowels.
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0971-\u0dff"
    "\u0e31-\u0e4e\u0eb1-\u0ece\u102b-\u103e\u17b4-\u17d3"
)
_IN_WORD = rf"(?:(?![{_ALONE}])[\w{_MARKS}])"
WORD = re.compile(
    rf"[{_ALONE}]|(?![{_ALONE}])[^\W_](?:(?:{_IN_WORD}|['’‐‑\-\u200c\u200d])*{_IN_WORD})?"
)

Piece = tuple[str, bool]  # text, and whether it comes from the lexicon


class Lexicon:
    """Finds its words in texts. pairs: word and symbols, as `read_lexicon` returns them.

    A text costs by its own words, however many the lexicon has.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._symbols = {_key(word): symbols for word, symbols in pairs}
        n_words: dict[str, set[int]] = {}  # of the entries, by their first word
        for word, _ in pairs:
            words = WORD.findall(word)
            n_words.setdefault(_key(words[0]), set()).add(len(words))
        self._n_words = {first: sorted(counts)[::-1] for first, counts in n_words.items()}

    def split(self, text: str) -> list[Piece]:
        """The text in pieces: what the lexicon has, as its symbols, and what stands between."""
        pieces: list[Piece] = []
        end = 0
        for found, next_end, symbols in self._matches(text):
            pieces += [(text[end:found], False), (symbols, True)]
            end = next_end
        pieces.append((text[end:], False))
        return [piece for piece in pieces if piece[0]]

    def found(self, text: str) -> list[tuple[str, str]]:
        """The words of the text that the lexicon has, as they stand there, and their symbols."""
        return [(text[start:end], symbols) for start, end, symbols in self._matches(text)]

    def _matches(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where its words begin and end in the text, the longest of those that begin alike."""
        words = list(WORD.finditer(text)) if self._symbols else []
        i = 0
        while i < len(words):
            step = 1
            for n_words in self._n_words.get(_key(words[i][0]), ()):
                if i + n_words <= len(words):
                    start, end = words[i].start(), words[i + n_words - 1].end()
                    key = _key(text[start:end])
                    if key in self._symbols:
                        yield start, end, self._symbols[key]
                        step = n_words
                        break
            i += step


def read_lexicon(path: Path) -> tuple[tuple[str, str], ...]:
    """The words and symbols of a file, in its order. UserError: what is wrong with which line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: lexicon not readable ({error.strerror}); see text.lexicon"
        ) from None
    pairs: dict[str, tuple[str, str]] = {}
    lines: dict[str, int] = {}
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise UserError(
                f"{path}: line {number}: not UTF-8: {raw[:60]!r}; save the file as UTF-8"
            ) from None
        if not line or line.startswith("#"):
            continue
        word, symbols = _parts(line, f"{path}: line {number}")
        key = _key(word)
        if key in pairs and pairs[key][1] != symbols:
            raise UserError(
                f"{path}: line {number}: {word!r} is read otherwise in line {lines[key]}; keep one "
                f"of the two"
            )
        pairs.setdefault(key, (word, symbols))
        lines.setdefault(key, number)
    return tuple(pairs.values())


def _parts(line: str, place: str) -> tuple[str, str]:
    for separator in ("\t", "|"):
        if separator in line:
            word, symbols = (part.strip() for part in line.split(separator, 1))
            break
    else:
        raise UserError(f"{place}: {line[:60]!r} has no | or tab; write word|symbols")
    if not word or not symbols:
        missing = "word" if not word else "symbols"
        raise UserError(f"{place}: {line[:60]!r} has no {missing}; write word|symbols")
    found = WORD.findall(word)
    if not found or not (word.startswith(found[0]) and word.endswith(found[-1])):
        raise UserError(
            f"{place}: {word!r} does not begin and end with a letter or digit; leave the marks "
            f"around the word out"
        )
    return word, symbols


def _key(word: str) -> str:
    """The word in one form: composed, in lower case, one space and one apostrophe for all."""
    plain = unicodedata.normalize("NFC", word).casefold().replace("’", "'")
    return " ".join(plain.replace("‐", "-").replace("‑", "-").split())
