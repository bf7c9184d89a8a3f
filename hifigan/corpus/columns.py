"""Named arrays in one file: written whole, checked, and mapped into memory by all who read it.

The processes of a machine share a mapped file through the system's page cache, and what nobody
looks at is never read. A file's name ends in a digest of its contents, so that a name means the
same for every process for ever, and a file appears whole or not at all.
"""

import hashlib
import json
import mmap
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hifigan.corpus.packed import Strings
from hifigan.errors import UserError

MAGIC = b"vits columns 1\n\0"
ALIGNMENT = 64  # bytes; any type of numbers may begin at a multiple of it
DIGEST_BYTES = 16
HEAD_BYTES = len(MAGIC) + DIGEST_BYTES + 8  # the last 8 tell how long the header behind them is
BLOCK_BYTES = 1 << 22


class DamagedFile(ValueError):
    """The file is torn, changed, or none of ours."""


@dataclass(frozen=True)
class Columns:
    """Arrays of one axis by name, and small facts that JSON can hold. Pickled from a file, it is
    the file's path alone.
    """

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    path: Path | None = field(default=None, compare=False)  # None: in memory only

    def strings(self, name: str) -> Strings:
        """What string_arrays has taken apart."""
        return Strings(self.arrays[name], self.arrays[f"{name}_edges"])

    def __reduce__(self) -> tuple:
        if self.path is None:
            return Columns, (self.arrays, self.facts)
        return _reopen, (self.path,)


def string_arrays(name: str, strings: Strings) -> dict[str, np.ndarray]:
    """The two arrays that keep strings in Columns."""
    return {name: strings.utf8, f"{name}_edges": strings.edges}


def write_columns(columns: Columns, folder: Path, stem: str, suffix: str) -> Path:
    """Write into `folder`, which is made, and return the path: STEM-DIGEST.SUFFIX."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in _parts(columns):
        digest.update(part)
    path = folder / f"{stem}-{digest.hexdigest()}{suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    # The name is no other process's, on no machine that writes into the same folder.
    unfinished = folder / f"{uuid.uuid4().hex}.part"
    try:
        with unfinished.open("wb") as file:
            file.write(MAGIC + digest.digest())
            file.writelines(_parts(columns))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def require_whole(path: Path) -> None:
    """Read the file once and compare its digest; DamagedFile if it is not what was written."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as file:  # read, not mapped: mapped pages count as ours
        if file.read(len(MAGIC)) != MAGIC:
            raise DamagedFile("is no file of columns")
        written = file.read(DIGEST_BYTES)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    if not written.hex() == digest.hexdigest() == path.stem.rpartition("-")[2]:
        raise DamagedFile("is damaged: its contents do not give its digest")


def open_columns(path: Path) -> Columns:
    """Map a file that require_whole has found good, in this process or in another."""
    with path.open("rb") as file:
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    start = HEAD_BYTES + int(mapped[HEAD_BYTES - 8 : HEAD_BYTES].view(np.int64)[0])
    header = json.loads(mapped[HEAD_BYTES:start].tobytes())
    arrays = {}
    for name, dtype, length in header["arrays"]:
        start += -start % ALIGNMENT
        stop = start + np.dtype(dtype).itemsize * length
        arrays[name] = mapped[start:stop].view(dtype)
        start = stop
    return Columns(arrays, header["facts"], path)


def _parts(columns: Columns) -> Iterator[bytes | memoryview]:
    """What stands in a file behind the digest."""
    shapes = [[name, values.dtype.str, len(values)] for name, values in columns.arrays.items()]
    header = json.dumps({"facts": columns.facts, "arrays": shapes}).encode()
    yield len(header).to_bytes(8, sys.byteorder)
    yield header
    position = HEAD_BYTES + len(header)
    for values in columns.arrays.values():
        yield bytes(-position % ALIGNMENT)
        yield np.ascontiguousarray(values).view(np.uint8).data
        position += -position % ALIGNMENT + values.nbytes


def _reopen(path: Path) -> Columns:
    try:
        return open_columns(path)
    except FileNotFoundError:
        raise UserError(
            f"{path}: another process of this run reads this file, but here it is missing; run "
            f"all processes in a folder that they share"
        ) from None
