"""What earlier looks at recordings have found, in files that several runs may write at once.

Each look adds files of its own and changes none, so that it needs no lock, which not every network
disk has. When they become many, they are put together into one.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hifigan.corpus.columns import (
    Columns,
    DamagedFile,
    open_columns,
    require_whole,
    string_arrays,
    write_columns,
)
from hifigan.corpus.packed import pack

logger = logging.getLogger(__name__)

SUFFIX = ".recordings"
LOOK = 2  # change it with what a look finds: what older ones have found is then found anew
MAX_FILES = 16
FACTS = np.dtype(  # hifigan/corpus/recordings.py explains them
    [
        ("size", np.int64),
        ("modified", np.int64),
        ("sample_rate", np.int64),
        ("n_channels", np.int64),
        ("n_samples", np.int64),
        ("peak", np.float64),  # NaN: not decoded
        ("fault", np.int64),
    ]
)
UNKNOWN_RATE = -1
UNKNOWN = np.array((-1, -1, UNKNOWN_RATE, 0, 0, np.nan, 0), FACTS)


class KnownRecordings:
    """The files of one folder; None: nothing is known, and nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def look_up(self, paths: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
        """The facts of each path, of the type FACTS, and the details of some by their index.

        What is not known has the facts UNKNOWN.
        """
        facts, details = np.full(len(paths), UNKNOWN), {}
        indices = {path: i for i, path in enumerate(paths)} if self._files() else {}
        for columns in self._read():
            found = np.array([indices.get(path, -1) for path in columns.strings("path")], np.int64)
            rows = np.flatnonzero(found >= 0)
            for name in FACTS.names:
                facts[name][found[rows]] = columns.arrays[name][rows]
            noted = np.diff(columns.arrays["detail_edges"])[rows] > 0
            for row, is_noted in zip(rows.tolist(), noted.tolist()):
                details.pop(int(found[row]), None)
                if is_noted:
                    details[int(found[row])] = columns.strings("detail")[row]
        return facts, details

    def add(self, paths: Sequence[str], facts: np.ndarray, details: Sequence[str]) -> None:
        """Keep what a look has found."""
        if self.folder is None:
            return
        self._write(paths, facts, details)
        files = self._files()
        if len(files) > MAX_FILES:
            known = list(
                dict.fromkeys(path for file in self._read() for path in file.strings("path"))
            )
            facts, details = self.look_up(known)
            self._write(known, facts, [details.get(i, "") for i in range(len(known))])
            for path in files:
                path.unlink(missing_ok=True)

    def _write(self, paths: Sequence[str], facts: np.ndarray, details: Sequence[str]) -> None:
        arrays = string_arrays("path", pack(paths)) | string_arrays("detail", pack(details))
        arrays |= {name: facts[name] for name in FACTS.names}
        stem = f"{time.time_ns():020d}"  # later ones overrule earlier ones
        write_columns(Columns(arrays, {"look": LOOK}), self.folder, stem, SUFFIX)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder else []

    def _read(self) -> Iterator[Columns]:
        """Every file that is whole. A damaged one costs a line, and another look at recordings."""
        seen: set[Path] = set()
        while files := [path for path in self._files() if path not in seen]:
            seen.update(files)
            for path in files:
                try:
                    require_whole(path)
                    columns = open_columns(path)
                    if not {"path", "detail", *FACTS.names} <= columns.arrays.keys():
                        raise DamagedFile("tells nothing of recordings")
                    if columns.facts.get("look") != LOOK:
                        raise DamagedFile("comes from an older version")
                except FileNotFoundError:  # another run has put it into the next round's file
                    continue
                except DamagedFile as error:
                    logger.warning("%s %s: its recordings are looked at again", path, error)
                    path.unlink(missing_ok=True)
                    continue
                yield columns
