"""One recording off the disk: what its header says, whether all of it is there, and its samples."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from hifigan.torn import torn

MAX_SECONDS = 120.0  # that are measured: no utterance is longer, and memory stays small
MISSING, UNREADABLE, TRUNCATED, EMPTY, NAN = "missing", "unreadable", "truncated", "empty", "nan"
N_STEPS = 65536  # that 16 bits can tell apart
MAX_SAMPLES = 1 << 40  # libsndfile answers with more where a header gives no length


@dataclass(frozen=True)
class Header:
    container: str  # "WAV"
    subtype: str  # "PCM_16"
    sample_rate: int  # Hz
    n_channels: int
    n_samples: int  # of each channel


class Fault(ValueError):
    """The recording cannot be measured. kind: MISSING to NAN; header: as far as it is known."""

    def __init__(self, kind: str, detail: str, header: Header | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.header = header


def read_recording(path: str) -> tuple[Header, np.ndarray]:
    """The header and the samples, float32 [n_samples, n_channels], of at most MAX_SECONDS.

    Integer formats come as [-1, 1), float formats as stored. Raises Fault.
    """
    if not Path(path).is_file():
        raise Fault(MISSING, "no such file")
    try:
        with soundfile.SoundFile(path) as file:
            header = Header(file.format, file.subtype, file.samplerate, file.channels, file.frames)
            if header.n_samples >= MAX_SAMPLES:  # the trainers cannot read it, either
                raise Fault(UNREADABLE, "its header gives no length")
            if header.n_samples == 0:
                raise Fault(EMPTY, "0 samples", header)
            if found := torn(file.extra_info):
                there, promised = found
                expected = round(header.n_samples * promised / there)
                raise Fault(TRUNCATED, _told(header.n_samples, expected), header)
            n_wanted = min(header.n_samples, int(MAX_SECONDS * header.sample_rate))
            samples = _decoded(file, n_wanted)
    except soundfile.LibsndfileError as error:
        raise Fault(UNREADABLE, error.error_string.strip(" .")) from None
    if len(samples) < n_wanted:
        raise Fault(TRUNCATED, _told(len(samples), header.n_samples), header)
    n_bad = int((~np.isfinite(samples)).any(axis=1).sum())
    if n_bad:
        raise Fault(NAN, f"{n_bad} of {len(samples)} samples are NaN or infinite", header)
    return header, samples


def count_levels(samples: np.ndarray) -> int:
    """How many of the 65,536 steps of 16 bits occur: samples float32 [n_samples, n_channels]."""
    steps = np.clip(np.rint(samples * (N_STEPS // 2)), -N_STEPS // 2, N_STEPS // 2 - 1)
    return int(np.count_nonzero(np.bincount(steps.astype(np.int32).ravel() + N_STEPS // 2)))


def _decoded(file: soundfile.SoundFile, n_wanted: int) -> np.ndarray:
    try:
        return file.read(n_wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        # Some decoders end a torn file with an error: what they give before it tells how much is
        # there.
        try:
            file.seek(0)
        except soundfile.LibsndfileError:
            return np.empty((0, file.channels), np.float32)
        pieces = []
        try:
            while len(piece := file.read(4096, dtype="float32", always_2d=True)):
                pieces.append(piece)
        except soundfile.LibsndfileError:
            pass
        if not pieces:
            raise
        return np.concatenate(pieces)[:n_wanted]


def _told(n_found: int, n_expected: int) -> str:
    return f"{n_found} samples, {n_expected} by its header"
