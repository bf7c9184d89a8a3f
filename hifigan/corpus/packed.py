"""Sequences of a million rows without a million objects: a row is made when it is asked for.

Python objects for a million utterances fill gigabytes, and a loader process that only reads them
copies them all the same, because reading an object writes its reference count. Flat arrays are
shared between processes.
"""

import operator
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, overload

import numpy as np

Row = TypeVar("Row")


class Rows(Sequence[Row]):
    """A read-only sequence that makes its rows; equal to any sequence of equal rows."""

    __hash__ = None

    @abstractmethod
    def row(self, index: int) -> Row:
        """The row at an index from 0 to below the length."""

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self.row(i) for i in range(*index.indices(len(self)))]
        position = operator.index(index)
        position += len(self) if position < 0 else 0
        if not 0 <= position < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return self.row(position)

    def __iter__(self) -> Iterator[Row]:
        return map(self.row, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))


class Picked(Rows[Row]):
    """Some rows of a sequence, in the order of `indices`."""

    def __init__(self, rows: Sequence[Row], indices: np.ndarray) -> None:
        self.rows = rows
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def row(self, index: int) -> Row:
        return self.rows[int(self.indices[index])]


class Strings(Rows[str]):
    """Strings as UTF-8 in one array. utf8: uint8 [n_bytes]; edges: int64 [n_strings + 1], from 0."""

    def __init__(self, utf8: np.ndarray, edges: np.ndarray) -> None:
        self.utf8 = utf8
        self.edges = edges

    def __len__(self) -> int:
        return len(self.edges) - 1

    def row(self, index: int) -> str:
        start, stop = self.edges[index : index + 2].tolist()
        # surrogateescape: a path may hold bytes that are no UTF-8
        return self.utf8[start:stop].tobytes().decode("utf-8", "surrogateescape")


class StringsBuilder:
    """Collects strings one by one."""

    def __init__(self) -> None:
        self._utf8 = bytearray()
        self._edges = array("q", [0])

    def append(self, text: str) -> None:
        self._utf8 += text.encode("utf-8", "surrogateescape")
        self._edges.append(len(self._utf8))

    def strings(self) -> Strings:
        """All of them so far, without a copy: nothing may be appended any more."""
        utf8 = np.frombuffer(self._utf8, np.uint8) if self._utf8 else np.empty(0, np.uint8)
        return Strings(utf8, as_array(self._edges))


def as_array(values: array) -> np.ndarray:
    """The same numbers without a copy: nothing may be appended to `values` any more."""
    return np.frombuffer(values, values.typecode) if values else np.empty(0, values.typecode)


def pack(texts: Iterable[str]) -> Strings:
    """The texts as Strings."""
    builder = StringsBuilder()
    for text in texts:
        builder.append(text)
    return builder.strings()
