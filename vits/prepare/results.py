"""What became of recordings: two lines each, appended by the one process that leads a shard.

The first says that one is begun: after a kill its file may be there, whole, and be of other
settings. A kill or a full disk cuts off the last line at most, which is passed over.
"""

import json
import os
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np

from vits.prepare.recording import UNREADABLE, Made
from vits.prepare.work import AS_IS, FOLDER, Shard, Task, results_path

PATTERN = "audio.*.jsonl"


@dataclass(frozen=True)
class Result:
    """What became of a recording, or a part of one, as it was then. made: None when just begun."""

    key: str  # of its task
    size: int  # of the source, in bytes
    modified: int  # ns
    audio: str
    digest: str  # of the settings
    when: int  # ns; the newest counts
    made: Made | None

    def is_of(self, task: Task, digest: str) -> bool:
        """Whether it was made for the task as it is now, with the settings as they are now."""
        return self.made is not None and (self.digest, self.audio) == (digest, task.audio)

    def holds(self, task: Task, stamp: tuple[int, int], digest: str, folder: Path) -> bool:
        """Whether nothing has changed since: recording, settings, and the file that was made."""
        if not self.is_of(task, digest) or (self.size, self.modified) != tuple(stamp):
            return False
        if self.made.fault:
            return self.made.fault != UNREADABLE  # its permissions or the decoder may be new
        try:
            return os.stat(folder / self.audio).st_size == self.made.n_bytes
        except OSError:
            return False


class Results:
    """The newest result of every recording, of all shards: found by its key, read when asked for.

    Only numbers are in memory, 16 bytes a recording.
    """

    def __init__(self, folder: Path) -> None:
        self._files = [p.open("rb") for p in sorted((folder / FOLDER).glob(PATTERN))]
        keys, places, times, self.n_shards = array("q"), array("q"), array("q"), 1
        for number, file in enumerate(self._files):
            self.n_shards = max(self.n_shards, int(Path(file.name).stem.rpartition("_")[2]))
            start = 0
            for line in file:
                row = _parsed(line)
                if row is not None:
                    keys.append(hash(row["key"]))
                    places.append(number << 48 | start)
                    times.append(row["when"])
                start += len(line)
        found = np.array(keys, np.int64)
        order = np.lexsort((np.array(times, np.int64), found))
        last = np.append(np.diff(found[order]) != 0, True)[: len(order)]
        self._keys, self._places = found[order][last], np.array(places, np.int64)[order][last]

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> Result | None:
        """The newest result of a task of this key."""
        index = int(np.searchsorted(self._keys, hash(key)))
        if index == len(self._keys) or self._keys[index] != hash(key):
            return None
        number, start = divmod(int(self._places[index]), 1 << 48)
        self._files[number].seek(start)
        row = _parsed(self._files[number].readline())
        if row is None or row["key"] != key:
            return None
        return Result(**row | {"made": row["made"] and Made(**row["made"])})


def all_files_begun(folder: Path) -> set[str]:
    """Every path that was ever made here, or begun, whether it is there or not."""
    made = set()
    for path in (folder / FOLDER).glob(PATTERN):
        with path.open("rb") as file:
            for line in file:
                row = _parsed(line)
                if row is not None:
                    made.add(row["audio"])
    return made


def open_results(folder: Path, shard: Shard) -> IO[str]:
    """The file that a shard's results are appended to, behind the last whole line."""
    path = results_path(folder, shard)
    file = path.open("a", **AS_IS)
    if path.stat().st_size:
        with path.open("rb") as before:
            before.seek(-1, os.SEEK_END)
            if before.read(1) != b"\n":  # cut off: the next one begins a line of its own
                file.write("\n")
                file.flush()
    return file


def result_line(result: Result) -> str:
    return json.dumps(asdict(result), ensure_ascii=False) + "\n"


def _parsed(line: bytes) -> dict | None:
    try:
        row = json.loads(line.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    return row if isinstance(row, dict) and "made" in row else None
