"""A million entries of folders without a list in flat memory: each is made when asked for."""

from array import array
from collections.abc import Iterable
from math import isnan, nan
from pathlib import Path

from hifigan.corpus.packed import Rows, Strings, StringsBuilder
from vits.sources.entry import Entry

NEVER_EMPTY = ("id", "text", "place")  # of these "" is itself, of the others it is None
NAMES = (*NEVER_EMPTY, "path", "near", "speaker", "language", "split")


class PackedEntries(Rows[Entry]):
    """Entries as columns. Empty speakers, languages and splits come back as None.

    times: seconds of start and end of each, NaN where there is none; twice as long as the rest.
    """

    def __init__(self, columns: dict[str, Strings], times: array) -> None:
        self.columns = columns
        self.times = times

    def __len__(self) -> int:
        return len(self.times) // 2

    def row(self, index: int) -> Entry:
        values = {name: self.columns[name].row(index) for name in NAMES}
        for name in NAMES:
            if name not in NEVER_EMPTY:
                values[name] = values[name] or None
        path = values.pop("path")
        start, end = self.times[2 * index : 2 * index + 2]
        return Entry(
            path=Path(path) if path else None,
            start=None if isnan(start) else start,
            end=None if isnan(end) else end,
            **values,
        )


def pack_entries(entries: Iterable[Entry]) -> PackedEntries:
    """The same entries, held in flat memory."""
    builders = {name: StringsBuilder() for name in NAMES}
    times = array("d")
    for entry in entries:
        for name, builder in builders.items():
            value = getattr(entry, name)
            builder.append("" if value is None else str(value))
        times.extend(nan if seconds is None else seconds for seconds in (entry.start, entry.end))
    return PackedEntries({name: b.strings() for name, b in builders.items()}, times)
