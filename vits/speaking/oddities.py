"""What is odd about the texts that a voice is given, told once each."""

import logging
from collections.abc import Sequence
from functools import partial

from vits.text import FrontEnd, describe_symbol, spelt_words

logger = logging.getLogger(__name__)


class Oddities:
    """Of texts that are spoken together: what was told of one is not told of the next."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()
        self._has_told_spelling = False

    def tell_unknown(self, symbols: Sequence[str]) -> None:
        """symbols: those that the voice lacks."""
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._unknown]
        self._unknown.update(new)
        if new:
            logger.warning(
                "left out, because the voice does not know them: %s",
                ", ".join(map(describe_symbol, new)),
            )

    def tell_spelling(self, text: str, read: FrontEnd, language: str) -> None:
        """Where most words of a text are read letter by letter: another language's. language: that
        `read` reads in.
        """
        if self._has_told_spelling:
            return
        words, spelt = spelt_words([text], partial(read, language=language))
        if 2 * len(spelt) > len(words):
            self._has_told_spelling = True
            logger.warning(
                "the voice's language, %r, does not read %r and spells its letters",
                language,
                spelt[0],
            )
