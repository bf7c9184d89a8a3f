"""The symbol table: which symbols a model knows, and their ids.

A symbol is one Unicode code point. Id 0 pads a batch, and is the blank unless the config names
another. Blanks around every symbol give the alignment search room (VITS Sec. 3.2; the idea and
its effect are Glow-TTS's).
"""

import unicodedata
from collections.abc import Collection, Sequence

from hifigan.errors import UserError
from vits.config import TextConfig

PADDING_ID = 0


class SymbolTable:
    """Numbers the symbols of a config: its id is a symbol's place in text.symbols."""

    def __init__(self, config: TextConfig) -> None:
        self.symbols = config.symbols
        self.add_blank = config.add_blank
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.blank_id = PADDING_ID if config.blank is None else self._ids[config.blank]
        self._start, self._end = (
            [] if symbol is None else [self._ids[symbol]] for symbol in (config.start, config.end)
        )
        silent = {config.start, config.end} | ({self.symbols[0]} if config.blank is None else set())
        self._spoken = {s: i for s, i in self._ids.items() if s not in silent}

    def __len__(self) -> int:
        """Rows of the embedding, the blank's included."""
        return len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        """Whether the symbol may stand in a text."""
        return symbol in self._spoken

    def unknown(self, symbols: Sequence[str]) -> list[str]:
        """The symbols that no text may have, each once, in order of appearance."""
        return [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._spoken]

    def known(self, symbols: Sequence[str]) -> list[str]:
        """The symbols without those that no text may have."""
        return [symbol for symbol in symbols if symbol in self._spoken]

    def encode(self, symbols: Sequence[str]) -> list[int]:
        """Ids of the symbols, n of them: with add_blank 2 n + 1, and those of start and end."""
        unknown = self.unknown(symbols)
        if unknown:
            raise UserError(
                f"unknown symbols: {', '.join(map(describe_symbol, unknown))}; "
                f"add them to text.symbols or leave them out of the text"
            )
        ids = [self._spoken[symbol] for symbol in symbols]
        if self.add_blank:
            blanked = [self.blank_id] * (2 * len(ids) + 1)
            blanked[1::2] = ids
            ids = blanked
        return self._start + ids + self._end

    def spread(self, durations: Sequence[int]) -> list[int]:
        """The durations of the symbols, from those of the ids that encode made of them.

        A blank belongs to the symbol before it; what stands before the first one belongs to that.
        """
        before, behind = len(self._start), len(self._end)
        if not self.add_blank:
            shares = list(durations[before : len(durations) - behind])
        else:
            inner = durations[before : len(durations) - behind]
            shares = [own + blank for own, blank in zip(inner[1::2], inner[2::2])]
            shares[0] += inner[0]
        shares[0] += sum(durations[:before])
        shares[-1] += sum(durations[len(durations) - behind :])
        return shares


# Symbols that look or sound alike and are typed for each other, each other's nearest first.
_ALIKE = (
    "gɡ ːˑ: ˈ'ʼ ˌ, ʧʃ ʤʒ ɹr ɾr ɫl ɚə ɝɜ ᵻɪ ɐə ʌə ɛe ɔo ɑa ʊu ɪi æa θt ðd ŋn ʃs ʒz χx ʁɣ —- …. ?؟ "
    "аa оo еe сc рp хx уy кk мm тt вb нh іi јj ѕs АA ВB ЕE КK МM НH ОO РP СC ТT ХX"
).split()


def near_symbol(symbol: str, known: Collection[str]) -> str | None:
    """A known symbol that may have been meant: another case, without its mark, or one alike."""
    bare = unicodedata.normalize("NFD", symbol)[0]
    alike = [other for row in _ALIKE if symbol in row for other in row]
    for other in (symbol.lower(), symbol.upper(), bare, bare.lower(), *alike):
        if other != symbol and other in known:
            return other
    return None


def describe_symbol(symbol: str) -> str:
    """A symbol for a message, legible also where no font has it: 'ц' (U+0446 CYRILLIC ... TSE)."""
    named = [f"U+{ord(c):04X} {unicodedata.name(c, 'unnamed')}" for c in symbol]
    return f"{symbol!r} ({', '.join(named)})"
