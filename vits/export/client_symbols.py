"""Which ids a program that speaks a voice feeds for its texts: Piper's client and sherpa-onnx's.

Both look up one code point at a time and put a start, an end and blanks around them. Piper's client
takes letters apart from their marks first, and does not lower-case what `characters` voices know in
lower case alone.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from vits.config import TextConfig
from vits.export.onnx_spelling import Spelling
from vits.text import SymbolTable
from vits.text.punctuation import PUNCTUATION

START, END, BLANK = "^", "$", "_"  # as these programs call them


@dataclass(frozen=True)
class ClientSymbols:
    ids: dict[str, list[int]]  # of each code point: one, or none for what is left out
    spelling: Spelling | None  # how the graph reads the ids, where they are not the voice's own
    lost: tuple[str, ...]  # symbols that no such program can say, as it frames texts with them
    blanked: bool  # whether an id stands between any two

    def feed(self, symbols: Iterable[str]) -> list[int]:
        """The ids that Piper's client makes of symbols."""
        blank = self.ids[BLANK] if self.blanked else []
        ids = [*self.ids[START], *blank]
        for code_point in unicodedata.normalize("NFD", "".join(symbols)):
            ids += [*self.ids[code_point], *blank]
        return ids + self.ids[END]


def client_symbols(config: TextConfig, every_id: bool) -> ClientSymbols:
    """For a voice's text settings. `every_id`: also start, end and blank have an id where the voice
    has none, because the program insists; the graph leaves it out.
    """
    table = SymbolTable(config)
    numbers = _Numbers(config)
    frame: dict[str, list[int]] = {}
    for key, symbol in ((START, config.start), (END, config.end)):
        frame[key] = [] if symbol is None else [config.symbols.index(symbol)]
    frame[BLANK] = [table.blank_id] if config.add_blank else []
    alone = set()
    if every_id:
        for key in [key for key, ids in frame.items() if not ids]:
            frame[key] = [numbers.more(f"<{key}>")]
            alone.add(frame[key][0])
    # sherpa-onnx believes its characters' metadata about blanks, its phonemes always have some.
    blanked = config.add_blank or (every_id and config.front_end == "phonemes")

    spoken = [s for s in config.symbols if s in table and len(s) == 1 and s not in frame]
    letters = {symbol: [numbers.of(symbol)] for symbol in spoken}
    composed: dict[tuple[int, int], int] = {}
    n_marks = 0
    for symbol in () if config.decomposed else spoken:
        apart = unicodedata.normalize("NFD", symbol)
        if apart == symbol:
            continue
        for code_point in apart:
            alike = len(apart) == 1 and code_point not in letters  # Ω, say, has two code points
            letters.setdefault(code_point, [numbers.of(symbol if alike else code_point)])
        for i in range(1, len(apart)):
            pair = numbers.of(apart[:i]), numbers.of(apart[i])
            composed[pair] = numbers.of(apart[: i + 1])
        n_marks = max(n_marks, len(apart) - 1)
    if config.front_end == "characters":
        _add_variants(letters)
    spelling = None
    if numbers.n_ids > len(config.symbols) or composed:
        spelling = Spelling(
            numbers.n_ids, len(config.symbols), blanked, composed, n_marks, frozenset(alone)
        )
    lost = tuple(s for s in frame if s in table)
    return ClientSymbols(letters | frame, spelling, lost, blanked)


class _Numbers:
    """Ids of the symbols, and new ones behind them for what has none."""

    def __init__(self, config: TextConfig) -> None:
        self._ids = {symbol: i for i, symbol in enumerate(config.symbols)}
        self.n_ids = len(config.symbols)

    def of(self, symbol: str) -> int:
        """Of a symbol, or of a letter with the marks of it read so far."""
        known = unicodedata.normalize("NFC", symbol)
        for written in (symbol, known):
            if written in self._ids:
                return self._ids[written]
        return self.more(symbol)

    def more(self, name: str) -> int:
        self._ids[name] = self.n_ids
        self.n_ids += 1
        return self._ids[name]


def _add_variants(letters: dict[str, list[int]]) -> None:
    """Capitals sound as small letters, variants of a mark as the mark, as in the front end."""
    for variant, mark in PUNCTUATION.items():
        if mark in letters:
            letters.setdefault(variant, letters[mark])
    for letter, ids in list(letters.items()):
        capital = letter.upper()
        if len(capital) == 1 and capital.lower() == letter:
            letters.setdefault(capital, ids)
