"""Where a voice's samples go as they are made: a file, or standard output, as WAV or bare."""

import struct
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from torch import Tensor

from hifigan.audio import BLOCK_SAMPLES, FORMATS, require_writable
from hifigan.errors import UserError

UNKNOWN = 0xFFFFFFFF  # the length of a WAV file that is still growing


def pcm_16(wav: Tensor) -> bytes:
    """[T_wav] in [-1, 1] as 16-bit integers, little-endian.

    UserError: samples are no numbers.
    """
    samples = wav.numpy()
    if not np.isfinite(samples).all():
        raise UserError(
            "the voice makes samples that are NaN or infinite; its weights are damaged, use an "
            "earlier checkpoint"
        )
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def coded(pieces: Iterable[Tensor]) -> Iterator[bytes]:
    """The pieces as pcm_16. The first one is made at once, so that what is wrong with it is known
    before anything is written.
    """
    made = map(pcm_16, pieces)
    return chain([*islice(made, 1)], made)


def wav_header(sample_rate: int, n_samples: int | None = None) -> bytes:
    """The header of a mono WAV file of 16 bits. n_samples: None where the end is not known."""
    n_bytes = UNKNOWN - 36 if n_samples is None else 2 * n_samples
    shape = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", n_bytes + 36) + b"WAVEfmt " + shape
        + b"data" + struct.pack("<I", n_bytes)
    )  # fmt: skip


def write_to_pipe(
    pieces: Iterable[Tensor], sample_rate: int, is_bare: bool, out: BinaryIO | None = None
) -> int:
    """Write pieces [T_piece] as they come. is_bare: without a header. Returns T_wav.

    out: standard output where it is None.
    """
    out = out or sys.stdout.buffer
    parts = coded(pieces)
    n_samples = 0
    try:
        if not is_bare:
            out.write(wav_header(sample_rate))
        for part in parts:
            out.write(part)
            out.flush()
            n_samples += len(part) // 2
    except BrokenPipeError:
        raise UserError("standard output: was closed by the program that reads it") from None
    return n_samples


def write_growing(path: Path, pieces: Iterable[Tensor], sample_rate: int) -> int:
    """Write pieces into the file itself as they come, so that a player can follow. Returns T_wav.

    What was written stays when the work is cut off.
    """
    require_writable(path)
    parts = coded(pieces)
    container, coding = FORMATS[path.suffix.lower()]
    path.parent.mkdir(parents=True, exist_ok=True)
    n_samples = 0
    try:
        with soundfile.SoundFile(path, "w", sample_rate, 1, coding, format=container) as file:
            for part in parts:
                samples = np.frombuffer(part, "<i2")
                for start in range(0, len(samples), BLOCK_SAMPLES):
                    file.write(samples[start : start + BLOCK_SAMPLES])
                file.flush()
                n_samples += len(samples)
    except soundfile.LibsndfileError as error:
        raise UserError(
            f"{path}: cannot be written at {sample_rate} Hz ({error.error_string.strip(' .')}); "
            f"make room, or choose another place"
        ) from None
    return n_samples
