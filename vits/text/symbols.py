"""The symbol table: which symbols a model knows, and their ids.

A symbol is one Unicode code point. Id 0 is the blank, and also what pads a batch; it never stands
for text. Blanks around every symbol give the alignment search room (VITS Sec. 3.2; the idea and
its effect are Glow-TTS's).
"""

import unicodedata
from collections.abc import Sequence

from hifigan.errors import UserError

BLANK_ID = 0


class SymbolTable:
    """Numbers symbols. `symbols` is text.symbols of the config, the blank first."""

    def __init__(self, symbols: Sequence[str], add_blank: bool) -> None:
        self.symbols = tuple(symbols)
        self.add_blank = add_blank
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols) if i != BLANK_ID}

    def __len__(self) -> int:
        """Rows of the embedding, the blank's included."""
        return len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    def unknown(self, symbols: Sequence[str]) -> list[str]:
        """The symbols that are not in the table, each once, in order of appearance."""
        return [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._ids]

    def encode(self, symbols: Sequence[str]) -> list[int]:
        """Ids of the symbols; with add_blank 2 n + 1 of them, with 0 before, between and behind."""
        unknown = self.unknown(symbols)
        if unknown:
            raise UserError(
                f"unknown symbols: {', '.join(map(describe_symbol, unknown))}; "
                f"add them to text.symbols or leave them out of the text"
            )
        ids = [self._ids[symbol] for symbol in symbols]
        if not self.add_blank:
            return ids
        blanked = [BLANK_ID] * (2 * len(ids) + 1)
        blanked[1::2] = ids
        return blanked


def describe_symbol(symbol: str) -> str:
    """A symbol for a message, legible also where no font has it: 'ц' (U+0446 CYRILLIC ... TSE)."""
    named = [f"U+{ord(c):04X} {unicodedata.name(c, 'unnamed')}" for c in symbol]
    return f"{symbol!r} ({', '.join(named)})"
