"""The notes of a data set in the making, in DATA/work: its entries, as files of JSON lines."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hifigan.atomic_file import appearing_whole

FOLDER = "work"
READ, ENTRIES, REFUSED = "read.jsonl", "entries.jsonl", "refused.jsonl"  # within FOLDER
MANIFEST = "manifest.jsonl"
AS_IS = {"encoding": "utf-8", "errors": "surrogateescape"}  # names of files need not be UTF-8
LONGEST_PART = 150  # bytes of a name; disks take 255


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
    start: float | None = None  # seconds within the recording; None: it is the whole of it
    end: float | None = None

    @property
    def key(self) -> str:
        """What is made is made of this."""
        return self.source if self.start is None else f"{self.source}:{self.start}-{self.end}"


def as_line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


@contextmanager
def writer(path: Path) -> Iterator[Callable[[str], int]]:
    """What writes lines to a file, which appears whole at the end."""
    with appearing_whole(path) as temporary, temporary.open("w", **AS_IS) as file:
        yield file.write


def write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Write an object a line, all of them or none. Returns their number."""
    n = 0
    with writer(path) as write:
        for row in rows:
            write(as_line(row))
            n += 1
    return n


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file that write_rows has written."""
    with path.open(**AS_IS) as file:
        for line in file:
            yield json.loads(line)


def tasks(folder: Path) -> Iterator[Task]:
    """What is to be in the data set, refused recordings among it."""
    return (Task(**row) for row in read_rows(folder / FOLDER / ENTRIES))


def results_path(folder: Path, shard: Shard) -> Path:
    return folder / FOLDER / f"audio.{shard.number}_of_{shard.total}.jsonl"


class SafeNames:
    """Paths within audio/: no way out of the folder, and none twice, whatever its case."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix
        self._taken: set[int] = set()  # hashes: a million names would fill the memory

    def name(self, wanted: str) -> str:
        parts = [part for part in re.split(r"[/\\]+", wanted) if part not in ("", ".", "..")]
        plain = "/".join(_safe(part) for part in parts) or "_"
        chosen, n = plain, 1
        while hash(chosen.casefold()) in self._taken:
            n += 1
            chosen = f"{plain}_{n}"
        self._taken.add(hash(chosen.casefold()))
        return f"audio/{chosen}.{self.suffix}"


def _safe(part: str) -> str:
    """A name that every disk takes: of a long one the first part and a digest."""
    plain = re.sub(r'[\x00-\x1f<>:"|?*\ud800-\udfff]', "_", part).strip(" .") or "_"
    written = plain.encode()
    if len(written) <= LONGEST_PART:
        return plain
    digest = hashlib.blake2b(written, digest_size=6).hexdigest()
    return f"{written[:LONGEST_PART].decode('utf-8', 'ignore')}_{digest}"
