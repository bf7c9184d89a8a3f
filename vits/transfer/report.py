"""The load report: what of a voice came into a model, part by part."""

import dataclasses
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hifigan.layers import part_of

Fate = Literal["loaded", "resized", "reinitialised", "fresh", "skipped"]
COLUMNS = ("loaded", "resized", "reinitialised", "fresh", "skipped", "frozen")
EXPLAINED = (
    "tensors / parameters; resized: rows by symbol or speaker, or a speaker put into biases; "
    "fresh: not in the file; skipped: only in the file"
)
N_LISTED = 20  # entries of one list
N_MISFITS = 5


@dataclass(frozen=True)
class TensorFate:
    """What became of one tensor of the model, or for "skipped" of the file."""

    name: str  # those of the discriminator begin with "discriminator."
    n_parameters: int
    fate: Fate
    misfit: str = ""  # both shapes, where these are why it was reinitialised


@dataclass(frozen=True)
class LoadReport:
    path: Path
    format: str
    step: int  # of the file; 0 where it says none
    averaged: bool  # whether the weights are the file's moving average
    share: float  # of the generator's parameters that could come from the file, those that did
    tensors: tuple[TensorFate, ...]
    new_symbols: dict[str, str]  # each and what it begins as
    dropped_symbols: tuple[str, ...]
    new_speakers: dict[str, str]
    dropped_speakers: tuple[str, ...]
    speaker_change: str  # a sentence where one speaker became many, or the other way round
    new_languages: dict[str, str] = field(default_factory=dict)
    dropped_languages: tuple[str, ...] = ()
    frozen: frozenset[str] = frozenset()

    @property
    def fresh_discriminators(self) -> bool:
        """Whether none of the discriminator's weights came from the file."""
        return not any(
            part_of(tensor.name) == "discriminator" and tensor.fate == "loaded"
            for tensor in self.tensors
        )

    def with_frozen(self, names: Collection[str]) -> "LoadReport":
        """The same with the names of the tensors that are not to learn."""
        return dataclasses.replace(self, frozen=frozenset(names))

    def count(self, column: str, part: str | None = None) -> tuple[int, int]:
        """Tensors and parameters of a column, of one part or of all."""
        found = [
            tensor.n_parameters
            for tensor in self.tensors
            if part in (None, part_of(tensor.name)) and self._in(tensor, column)
        ]
        return len(found), sum(found)

    def text(self) -> str:
        """The table and the lists below it, for a log or a screen."""
        weights = ", its moving average" if self.averaged else ""
        first = (
            f"{self.path}: {self.format}, step {self.step}{weights}; "
            f"{self.share:.1%} of the parameters that could be loaded are"
        )
        return "\n".join([first, *self._table(), f"({EXPLAINED})", *self._lists()])

    def _in(self, tensor: TensorFate, column: str) -> bool:
        if column == "frozen":
            return tensor.fate != "skipped" and tensor.name in self.frozen
        return tensor.fate == column

    def _table(self) -> list[str]:
        parts = list(dict.fromkeys(part_of(tensor.name) for tensor in self.tensors))
        rows = [("part", *COLUMNS)]
        rows += [
            (part or "all", *(_cell(*self.count(column, part)) for column in COLUMNS))
            for part in (*parts, None)
        ]
        widths = [max(map(len, column)) for column in zip(*rows)]
        return [
            "  ".join(
                [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
            ).rstrip()
            for row in rows
        ]

    def _lists(self) -> list[str]:
        misfits = [f"{t.name} {t.misfit}" for t in self.tensors if t.misfit]
        lines = [
            _listed("new symbols", _pairs(self.new_symbols), N_LISTED),
            _listed("dropped symbols", map(_shown, self.dropped_symbols), N_LISTED),
            _listed("new speakers", _pairs(self.new_speakers), N_LISTED),
            _listed("dropped speakers", self.dropped_speakers, N_LISTED),
            _listed("new languages", _pairs(self.new_languages), N_LISTED),
            _listed("dropped languages", self.dropped_languages, N_LISTED),
            self.speaker_change,
            _listed("of another shape", misfits, N_MISFITS),
            "discriminators: fresh" if self.fresh_discriminators else "",
        ]
        return [line for line in lines if line]


def _cell(n_tensors: int, n_parameters: int) -> str:
    return f"{n_tensors} / {n_parameters:,}" if n_tensors else "-"


def _pairs(relatives: dict[str, str]) -> list[str]:
    return [f"{_shown(name)} from {why}" for name, why in relatives.items()]


def _shown(name: str) -> str:
    """A symbol as it is; what a line would hide, such as a space or a lone accent, in escapes."""
    hidden = not name.isprintable() or not name.strip() or unicodedata.combining(name[0])
    return ascii(name) if hidden else name


def _listed(title: str, entries: Iterable[str], limit: int) -> str:
    found = list(entries)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return f"{title} ({len(found)}): {', '.join(found[:limit])}{more}" if found else ""
