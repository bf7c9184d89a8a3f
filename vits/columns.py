"""Named arrays in one file: written whole, checked, and mapped into memory by all who read it.

The processes of a machine share a mapped file through the system's page cache, and what nobody
looks at is never read. A file's name ends in a digest of its contents, so that a name means the
same for every process for ever, and a file appears whole or not at all.
"""

import hashlib
import json
import mmap
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hifigan.errors import UserError
from vits.packed import Strings

MAGIC = b"vits columns 1\n\0"
ALIGNMENT = 64  # bytes; any type of numbers may begin at a multiple of it
DIGEST_BYTES = 16
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
    header = json.dumps(
        {
            "facts": columns.facts,
            "arrays": [[name, a.dtype.str, len(a)] for name, a in columns.arrays.items()],
        }
    ).encode()
    digest = hashlib.blake2b(header, digest_size=DIGEST_BYTES)
    for values in columns.arrays.values():
        digest.update(np.ascontiguousarray(values).view(np.uint8))
    path = folder / f"{stem}-{digest.hexdigest()}{suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    # The name is no other process's, on no machine that writes into the same folder.
    unfinished = folder / f"{uuid.uuid4().hex}.part"
    try:
        with unfinished.open("wb") as file:
            file.write(MAGIC + digest.digest() + len(header).to_bytes(8, "little") + header)
            for values in columns.arrays.values():
                file.write(bytes(-file.tell() % ALIGNMENT))
                file.write(np.ascontiguousarray(values).view(np.uint8).data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def open_columns(path: Path) -> Columns:
    """Map a file. Only its length is checked, see require_whole; DamagedFile if it is not right."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < len(MAGIC) + DIGEST_BYTES + 8 or file.read(len(MAGIC)) != MAGIC:
            raise DamagedFile("is no file of columns")
        digest = file.read(DIGEST_BYTES).hex()
        if digest != path.stem.rpartition("-")[2]:
            raise DamagedFile("has another digest than its name")
        n_header = int.from_bytes(file.read(8), "little")
        start = file.tell() + n_header
        if start > size:
            raise DamagedFile(f"has {size} bytes, fewer than its header")
        try:
            header = json.loads(file.read(n_header))
            names, types, lengths = zip(*header["arrays"])
            dtypes = [np.dtype(name) for name in types]
            facts = header["facts"]
        except (ValueError, TypeError, KeyError):
            raise DamagedFile("has a header that cannot be read") from None
        spans, end = [], start
        for dtype, length in zip(dtypes, lengths):
            first = end + -end % ALIGNMENT
            end = first + dtype.itemsize * length
            spans.append((first, end))
        if end != size:
            raise DamagedFile(f"has {size} bytes, expected {end}")
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    arrays = {
        name: mapped[first:end].view(dtype)
        for name, dtype, (first, end) in zip(names, dtypes, spans)
    }
    return Columns(arrays, facts, path)


def require_whole(path: Path) -> None:
    """Read the file once and compare its digest; DamagedFile if it is another."""
    columns = open_columns(path)
    with path.open("rb") as file:
        file.seek(len(MAGIC) + DIGEST_BYTES)
        n_header = int.from_bytes(file.read(8), "little")
        digest = hashlib.blake2b(file.read(n_header), digest_size=DIGEST_BYTES)
        for values in columns.arrays.values():  # read, not mapped: mapped pages count as ours
            file.seek(-file.tell() % ALIGNMENT, os.SEEK_CUR)
            n_left = values.nbytes
            while n_left:
                block = file.read(min(BLOCK_BYTES, n_left))
                digest.update(block)
                n_left -= len(block)
    if digest.hexdigest() != path.stem.rpartition("-")[2]:
        raise DamagedFile("is damaged: its contents do not give its digest")


def _reopen(path: Path) -> Columns:
    try:
        return open_columns(path)
    except (FileNotFoundError, DamagedFile) as error:
        raise UserError(
            f"{path}: another process of this run reads this file, but here it is "
            f"{'missing' if isinstance(error, FileNotFoundError) else 'another'}; run all "
            f"processes in folders that they share"
        ) from None
