"""A lexicon: words, and how they are read.

A file has a word and its symbols a line, with | or a tab between:

    # names
    Yahoo|jˈɑːhuː
    New York|nˈuː jˈɔːɹk

With the front end "phonemes" the right side is phonemes, which espeak does not touch; with
"characters" it is letters to read instead. Words match whole, in any case; of entries that begin
alike the longest matches.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from hifigan.errors import UserError

# Letters and digits, with apostrophes, hyphens and combining marks inside.
WORD = re.compile(r"[^\W_](?:[\w'’‐‑\-\u0300-\u036f]*[\w\u0300-\u036f])?")

Piece = tuple[str, bool]  # text, and whether it comes from the lexicon


class Lexicon:
    """Finds its words in texts. pairs: word and symbols, as `read_lexicon` returns them."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._entries: dict[str, list[tuple[int, str, str]]] = {}  # by the first word
        for word, symbols in pairs:
            words = WORD.findall(word)
            entry = (len(words), _key(word), symbols)
            self._entries.setdefault(_key(words[0]), []).append(entry)
        for entries in self._entries.values():
            entries.sort(key=lambda entry: -len(entry[1]))

    def split(self, text: str) -> list[Piece]:
        """The text in pieces: what the lexicon has, as its symbols, and what stands between."""
        words = list(WORD.finditer(text)) if self._entries else []
        pieces: list[Piece] = []
        end = i = 0
        while i < len(words):
            n_words, symbols = self._match(text, words, i)
            if n_words:
                pieces += [(text[end : words[i].start()], False), (symbols, True)]
                end = words[i + n_words - 1].end()
            i += max(1, n_words)
        pieces.append((text[end:], False))
        return [piece for piece in pieces if piece[0]]

    def _match(self, text: str, words: list[re.Match[str]], i: int) -> tuple[int, str]:
        """How many words from the i-th one the longest entry there has, and its symbols."""
        for n_words, key, symbols in self._entries.get(_key(words[i][0]), ()):
            if i + n_words <= len(words):
                if _key(text[words[i].start() : words[i + n_words - 1].end()]) == key:
                    return n_words, symbols
        return 0, ""


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
