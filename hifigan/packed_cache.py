"""The decoded recordings of a data set in one memory-mapped file, filled as they are first read.

Not in the papers. Any number of processes, of any number of runs, read and fill it at once without
agreeing on anything: each recording has a slot of its own, and a slot counts only if it names the
recording's present state and if its checksum holds. What a crash tore is decoded again.
"""

import glob
import hashlib
import logging
import multiprocessing
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hifigan.atomic_file import free_bytes
from hifigan.audio import DECODERS

logger = logging.getLogger(__name__)

FORMAT = 1  # change it with whatever changes a slot, or the samples that read_audio gives
HEADER = struct.Struct("<16sII")  # digest of what was decoded, bytes per sample, checksum
KINDS = {2: "i2", 4: "f4"}  # by bytes per sample
FULL_SCALE = 2**15  # of 16-bit recordings, which are stored as such
RESERVED_BYTES = 2 * 2**30  # of the disk, which are left to the checkpoints


class PackedCache:
    """Slots of HEADER and samples, wide enough for float32: holes take no room on the disk."""

    def __init__(self, path: Path, n_samples: np.ndarray) -> None:
        """n_samples: int [n_recordings], of each recording as it is decoded."""
        self.path = path
        self.n_samples = n_samples
        self.starts = np.concatenate([[0], np.cumsum(HEADER.size + 4 * n_samples)])
        self.bytes: np.ndarray | None = None  # uint8, the file; each process maps it itself
        self.is_closed = multiprocessing.RawValue("b", False)  # to writing, in all loader processes

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"bytes": None}

    def create(self) -> None:
        """Make the file, or give back its size to one that a power failure has cut."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            if file.tell() != self.starts[-1]:
                file.truncate(self.starts[-1])

    def get(self, index: int, recording: Path, decode: Callable[[], Tensor]) -> Tensor:
        """What `decode` gives, from the file if it is there; else it is put there.

        Returns float32 [n_samples of the recording], equal to the bit either way.
        """
        try:
            status = recording.stat()
        except OSError:
            return decode()  # which tells what is wrong
        state = _digest(os.fspath(recording), status.st_size, status.st_mtime_ns, *DECODERS)
        wav = self._read(index, state)
        if wav is None:
            wav = decode()
            self._write(index, state, wav)
        return wav

    def _read(self, index: int, state: bytes) -> Tensor | None:
        if self.bytes is None:
            self.bytes = np.memmap(self.path, mode="r").view(np.ndarray)
        slot = self.bytes[self.starts[index] : self.starts[index + 1]]
        header = slot[: HEADER.size].tobytes()
        stored_state, width, checksum = HEADER.unpack(header)
        if stored_state != state:
            return None
        # A copy: what is checked must be what is given, whoever writes meanwhile.
        samples = slot[HEADER.size :][: width * self.n_samples[index]].copy()
        if _checksum(header, samples) != checksum:
            return None
        return torch.from_numpy(unpack(samples.view(f"<{KINDS[width]}")))

    def _write(self, index: int, state: bytes, wav: Tensor) -> None:
        if self.is_closed.value:
            return
        samples = pack(wav.numpy())
        header = HEADER.pack(state, samples.itemsize, 0)
        header = HEADER.pack(state, samples.itemsize, _checksum(header, samples))
        try:
            if shutil.disk_usage(self.path.parent).free < RESERVED_BYTES + samples.nbytes:
                raise OSError(f"the last {RESERVED_BYTES / 1e9:.1f} GB of the disk are left free")
            with self.path.open("r+b") as file:
                file.seek(self.starts[index])
                file.write(header + samples.tobytes())
        except OSError as error:
            self.is_closed.value = True
            logger.warning(
                "%s: takes no more recordings (%s), so that every epoch decodes the others; make "
                "room on the disk and start again, or set data.packed_cache to false",
                self.path,
                error.strerror or error,
            )


def open_packed_cache(
    folder: Path, data_set: Path, n_samples: np.ndarray, sample_rate: int
) -> PackedCache | None:
    """The cache file in `folder` of the recordings that training takes from a data set.

    data_set: its folder; n_samples: int [n_recordings], at sample_rate (Hz). Other recordings,
    lengths or rates make another file. None, and a warning, if the disk has no room for it.
    """
    data_set = data_set.resolve()
    lengths = hashlib.blake2b(n_samples.tobytes()).digest()
    key = _digest(os.fspath(data_set), sample_rate, lengths).hex()[:12]
    path = folder / f"{data_set.name}_{sample_rate}_{key}.samples"
    cache = PackedCache(path, n_samples)
    n_bytes = 2 * int(n_samples.sum())
    others = [p for p in folder.glob(f"{glob.escape(data_set.name)}_*.samples") if p != path]
    try:
        free = free_bytes(path.parent)
        filled = _bytes_on_disk(path) if path.exists() else 0
        if free < n_bytes - filled + RESERVED_BYTES:
            raise OSError(
                f"it takes {n_bytes / 1e9:.1f} GB or more, and {free / 1e9:.1f} GB are free, of "
                f"which {RESERVED_BYTES / 1e9:.1f} GB are left to checkpoints"
            )
        cache.create()
    except OSError as error:
        logger.warning(
            "%s: no packed cache (%s), so that every epoch decodes all recordings; make room on "
            "the disk and start again, or set data.packed_cache to false",
            path,
            error.strerror or error,
        )
        return None
    logger.info(
        "packed cache %s: %.0f MB when full (twice that where recordings are not 16-bit mono at "
        "%d Hz), %.0f MB so far; others of its name beside it: %.0f MB",
        path,
        n_bytes / 1e6,
        sample_rate,
        filled / 1e6,
        sum(map(_bytes_on_disk, others)) / 1e6,
    )
    return cache


def pack(wav: np.ndarray) -> np.ndarray:
    """float32 [n_samples] as 16-bit integers if they unpack to the same bits, else as it is."""
    with np.errstate(invalid="ignore"):  # what does not fit comes out different
        integers = (wav * FULL_SCALE).astype("<i2")
    same = np.array_equal(unpack(integers).view("i4"), wav.view("i4"))  # -0.0 is not 0.0
    return integers if same else wav.astype("<f4")


def unpack(samples: np.ndarray) -> np.ndarray:
    """What `pack` was given, float32, in memory of its own."""
    if samples.dtype.itemsize == 4:
        return samples.astype("f4")
    return np.multiply(samples, np.float32(1 / FULL_SCALE), dtype="f4")


def _checksum(header: bytes, samples: np.ndarray) -> int:
    """Of a slot, but for the place in its header where the checksum itself stands."""
    return zlib.crc32(samples, zlib.crc32(header[:-4]))


def _bytes_on_disk(path: Path) -> int:
    return getattr(path.stat(), "st_blocks", 0) * 512  # without the holes; Windows does not tell


def _digest(*facts: object) -> bytes:
    return hashlib.blake2b(repr((FORMAT, *facts)).encode(), digest_size=16).digest()
