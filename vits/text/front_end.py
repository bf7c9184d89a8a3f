"""Text front ends: a text becomes a list of symbols, one Unicode code point each.

`characters` needs nothing installed and takes any script. `phonemes` is the paper's input (VITS
Sec. 3.2: IPA by espeak) and needs the optional extra `phonemes`. `as_written` is for lists that
hold symbols already.

The order: marks (vits/text/marks.py), numbers and abbreviations in words (vits/text/spoken), the
lexicon, punctuation, letters or phonemes.

One rule for case: `characters` lower-cases, `phonemes` does not. Letters seldom sound otherwise for
being capitals, and in an hour of speech most capitals are too rare to be learnt: a proper noun that
starts with a capital the recordings lack could not be spoken at all. Espeak does look at capitals
("US" and "us"), so it gets them.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from hifigan.errors import UserError
from vits.config import TextConfig
from vits.text.espeak import espeak_phonemes, espeak_version, require_language
from vits.text.lexicon import Lexicon
from vits.text.marks import MarkError, split_phonemes, without_pauses
from vits.text.punctuation import normalise
from vits.text.spoken import spoken


class FrontEnd(Protocol):
    """Makes symbols of a text. language: one of espeak's; None: that of the config."""

    def __call__(self, text: str, language: str | None = None) -> list[str]: ...


def build_front_end(config: TextConfig) -> FrontEnd:
    """The front end that the config names."""
    if isinstance(config.lexicon, str):
        raise UserError(
            f"text.lexicon is the file {config.lexicon}, whose words have not been read; "
            f"vits.text.complete_text reads them"
        )
    if config.front_end == "as_written":
        return AsWritten()
    if config.front_end == "phonemes":
        require_language(config.language)  # a missing package is found now, before the data
    return TextReader(config)


class AsWritten:
    """Texts that are symbols: their spaces are put in order, and no more."""

    def __call__(self, text: str, language: str | None = None) -> list[str]:
        pieces = split_phonemes(without_pauses(text))
        return list(" ".join("".join(piece for piece, _ in pieces).split()))


class TextReader:
    """Letters or phonemes of texts in words."""

    def __init__(self, config: TextConfig) -> None:
        self.config = config
        self.lexicon = Lexicon(config.lexicon or ())

    def __call__(self, text: str, language: str | None = None) -> list[str]:
        language = language or self.config.language
        pieces = self.pieces(text, language)
        if self.config.front_end == "characters":
            symbols = characters("".join(piece for piece, _ in pieces))
        else:
            symbols = phonemes(pieces, lambda piece: espeak_phonemes(piece, language))
        return (
            list(unicodedata.normalize("NFD", "".join(symbols)))
            if self.config.decomposed
            else symbols
        )

    def pieces(self, text: str, language: str) -> list[tuple[str, bool]]:
        """A text's pieces in words, and of each whether it is symbols already.

        Of "characters" these are the lexicon's letters; phonemes in brackets it cannot read.
        """
        made = []
        for piece, is_phonemes in self.written_out(text, language):
            if not is_phonemes:
                made += self.lexicon.split(piece)
            elif self.config.front_end == "phonemes":
                made.append((piece, True))
            else:
                raise MarkError(
                    f"{text[:60]!r}: character {text.find('[[') + 1}: [[{piece}]] are phonemes, "
                    f"which a voice of characters cannot read; write letters"
                )
        return made

    def written_out(self, text: str, language: str) -> list[tuple[str, bool]]:
        """The pieces outside and inside the brackets of phonemes, and which they are; those outside
        with numbers and abbreviations in words, where the config says so.
        """
        return [
            (
                piece if is_phonemes or not self.config.expand else spoken(piece, language),
                is_phonemes,
            )
            for piece, is_phonemes in split_phonemes(without_pauses(text))
        ]


def characters(text: str) -> list[str]:
    """Code points of the lower-cased text. Lower-casing can decompose letters, hence NFC after."""
    return list(unicodedata.normalize("NFC", normalise(text).lower()))


def phonemes(pieces: Iterable[tuple[str, bool]], read: Callable[[str], str]) -> list[str]:
    """Phonemes of the pieces of a text. read: makes phonemes of those that are none.

    Espeak drops the spaces at a piece's ends, so they are put back, and so is a piece of mere
    punctuation, which it has no use for beside no word.
    """
    made = []
    for piece, is_phonemes in pieces:
        if is_phonemes:
            made.append(" ".join(_as_espeak_writes(piece).split()))
            continue
        plain = normalise(piece)
        if any(map(str.isalnum, plain)):
            plain = read(plain)
        before, after = piece[:1].isspace(), piece[-1:].isspace()
        made.append(" " * before + plain + " " * after)
    return list(" ".join("".join(made).split()))


def _as_espeak_writes(phonemes: str) -> str:
    """Phonemes that a person wrote, with their marks apart from the letters, but for ç."""
    return unicodedata.normalize("NFD", phonemes).replace("c\u0327", "ç")


def spelt_words(texts: Iterable[str], front_end: FrontEnd) -> tuple[list[str], list[str]]:
    """The commonest words of a text, and those of them that the front end spells letter by letter.

    Espeak does so, without a word, to a script that the language is not written in: Bulgarian read
    by the English voice is a list of letters. Only words in letters that have capitals are looked
    at, as not every other script parts its words. Returns both lists.
    """
    found = (word for text in texts for word in re.findall(r"[^\W\d_]{3,}", normalise(text)))
    cased = Counter(word.lower() for word in found if word.lower() != word.upper())
    words = [word for word, _ in cased.most_common(40)]
    return words, [word for word in words if front_end(word).count(" ") + 1 >= len(word)]


def describe_front_end(config: TextConfig) -> str:
    """What makes symbols of texts; of espeak the version, since others speak otherwise."""
    if config.front_end != "phonemes":
        return config.front_end
    return f"phonemes by espeak-ng {espeak_version()}, {config.language}"
