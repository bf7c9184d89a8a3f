"""The notes of a data set in the making, in DATA/work: entries, and what became of recordings.

The entries are one file, written whole. Results are appended a line at a time by one process of a
shard, so that a kill loses the last line at most; a line that is not whole is passed over.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError
from vits.prepare.recording import Made

FOLDER = "work"
ENTRIES, REFUSED = "entries.jsonl", "refused.jsonl"


@dataclass(frozen=True)
class Shard:
    """One of `total` machines that share the work. number: from 1."""

    number: int
    total: int

    def has(self, index: int) -> bool:
        return index % self.total == self.number - 1


@dataclass(frozen=True)
class Task:
    """An entry that is to be part of the data set."""

    id: str
    source: str  # path of the recording
    audio: str  # path of what is made of it, within the data set
    text: str
    speaker: str | None
    language: str | None
    split: str | None
    place: str


@dataclass(frozen=True)
class Result:
    """What became of a source recording as it was then."""

    source: str
    size: int
    modified: int  # ns
    audio: str
    digest: str  # of the settings
    made: Made

    def holds(self, task: Task, stamp: tuple[int, int], digest: str, folder: Path) -> bool:
        """Whether nothing has changed since: recording, settings, and the file that was made."""
        if (self.size, self.modified, self.digest, self.audio) != (*stamp, digest, task.audio):
            return False
        if self.made.fault:
            return True
        try:
            return os.stat(folder / self.audio).st_size == self.made.n_bytes
        except OSError:
            return False


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Alone at this part of the work: a lock that ends with the process, however it ends."""
    path = folder / FOLDER / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"{folder}: another prepare works on it ({name}); wait for it, or give each "
                f"machine its own --shard"
            ) from None
        yield


def write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Write an object a line, all of them or none. Returns their number."""
    n = 0
    with appearing_whole(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            n += 1
    return n


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:  # cut off by a kill
                continue


def tasks(folder: Path) -> Iterator[Task]:
    path = folder / FOLDER / ENTRIES
    if not path.exists():
        raise UserError(f"{folder}: its source has not been read; run from --stage read on")
    return (Task(**row) for row in read_rows(path))


def results_path(folder: Path, shard: Shard) -> Path:
    return folder / FOLDER / f"audio.{shard.number}_of_{shard.total}.jsonl"


def results(folder: Path) -> dict[str, Result]:
    """The newest result of every recording, of all shards, by its source."""
    found = {}
    for path in sorted((folder / FOLDER).glob("audio.*.jsonl"), key=lambda p: p.stat().st_mtime):
        for row in read_rows(path):
            found[row["source"]] = Result(**row | {"made": Made(**row["made"])})
    return found


def result_line(result: Result) -> str:
    return json.dumps(asdict(result), ensure_ascii=False) + "\n"


class SafeNames:
    """Paths within audio/: no way out of the folder, and none twice, whatever its case."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix
        self._taken: set[str] = set()

    def name(self, wanted: str) -> str:
        parts = [re.sub(r'[\x00-\x1f<>:"|?*]', "_", part) for part in re.split(r"[/\\]+", wanted)]
        parts = [part.strip(" .") or "_" for part in parts if part not in ("", ".", "..")]
        plain = "/".join(parts) or "_"
        chosen, n = plain, 1
        while chosen.casefold() in self._taken:
            n += 1
            chosen = f"{plain}_{n}"
        self._taken.add(chosen.casefold())
        return f"audio/{chosen}.{self.suffix}"
