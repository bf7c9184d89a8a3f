"""A look at every recording before training: header, loudness, NaN, and whether it decodes at all.

Recordings are decoded in threads (libsndfile runs outside Python's lock). What is learnt is kept in
a JSON file, so that the next start decodes only what has changed.
"""

import dataclasses
import json
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hifigan.audio import read_header, read_samples
from hifigan.errors import UserError

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable"
NAN = "NaN or infinite samples"
MAX_THREADS = 8


@dataclass(frozen=True)
class Recording:
    size: int  # bytes; with the time it tells whether the file is still the same
    modified: int  # nanoseconds
    sample_rate: int  # Hz, as all below of the file itself; 0 if unreadable
    n_channels: int
    n_samples: int
    peak: float | None  # of the mean of its channels; None if it was not decoded
    fault: str | None  # UNREADABLE, NAN or None
    detail: str

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


def scan_recordings(
    paths: Sequence[Path], max_seconds: float, cache: Path | None
) -> dict[Path, Recording]:
    """Look at each path once. A recording over max_seconds is not decoded: it is refused anyway.

    cache: the JSON file to read what is known from, and to write it to; None: neither.
    """
    known = _read_cache(cache)
    found, new = {}, []
    for path in dict.fromkeys(paths):
        recording = known.get(str(path))
        if recording is not None and _is_current(recording, path, max_seconds):
            found[path] = recording
        else:
            new.append(path)
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        scans = pool.map(lambda path: scan(path, max_seconds), new)
        try:
            watched = tqdm(scans, "checking recordings", len(new), unit="file", disable=None)
            found.update(zip(new, watched))
        except BaseException:  # an interrupt: do not decode the rest before leaving
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if cache is not None and new:
        _write_cache(cache, known | {str(path): recording for path, recording in found.items()})
    return found


def scan(path: Path, max_seconds: float) -> Recording:
    """Decode one recording and describe it; of one over max_seconds read the header only."""
    status = path.stat()
    size, modified = status.st_size, status.st_mtime_ns
    try:
        header = read_header(path)
        facts = (size, modified, header.sample_rate, header.n_channels, header.n_samples)
        if header.seconds > max_seconds:
            return Recording(*facts, None, None, "")
        samples, _ = read_samples(path)
    except UserError as error:
        return Recording(size, modified, 0, 0, 0, None, UNREADABLE, str(error))
    n_bad = int((~np.isfinite(samples)).any(axis=1).sum())
    if n_bad:
        return Recording(*facts, None, NAN, f"{n_bad} of {len(samples)} samples")
    peak = float(np.abs(samples.mean(axis=1)).max(initial=0.0))
    return Recording(*facts, peak, None, "")


def _is_current(recording: Recording, path: Path, max_seconds: float) -> bool:
    status = path.stat()
    if (recording.size, recording.modified) != (status.st_size, status.st_mtime_ns):
        return False
    decoded = recording.peak is not None or recording.fault is not None
    return decoded or recording.seconds > max_seconds  # the limit may have been raised


def _read_cache(cache: Path | None) -> dict[str, Recording]:
    if cache is None or not cache.exists():
        return {}
    try:
        facts = json.loads(cache.read_text(encoding="utf-8"))
        return {path: Recording(**fact) for path, fact in facts.items()}
    except (ValueError, TypeError, AttributeError):
        logger.warning("%s: not readable, so every recording is decoded again", cache)
        return {}


def _write_cache(cache: Path, recordings: dict[str, Recording]) -> None:
    facts = {path: dataclasses.asdict(recording) for path, recording in recordings.items()}
    cache.parent.mkdir(parents=True, exist_ok=True)
    unfinished = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    unfinished.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(cache)
