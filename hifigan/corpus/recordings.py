"""A look at every recording before training: header, loudness, NaN, and whether it decodes at all.

Recordings are decoded in threads (libsndfile runs outside Python's lock). What is learnt is kept in
files beside the runs, so that the next start decodes only what has changed.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hifigan.audio import read_header, read_samples
from hifigan.corpus.known_recordings import UNKNOWN_RATE, KnownRecordings
from hifigan.corpus.packed import Picked
from hifigan.errors import UserError

UNREADABLE = "unreadable"
NAN = "NaN or infinite samples"
FAULTS = (None, UNREADABLE, NAN)  # as numbered in FACTS

MAX_THREADS = 8  # that decode
N_ASKING = 16  # threads that ask for sizes and times: on network disks each answer takes its time
N_ASKED = 1024  # paths that such a thread asks for at a time
N_SCANNED = 1024  # recordings handed to the decoding threads at a time: tasks take memory
SAVE_SECONDS = 60.0  # a first scan can take hours; this much of it is lost if it is killed


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


@dataclass(frozen=True)
class Scan:
    """What is known of some recordings, in their order."""

    facts: np.ndarray  # of the type known_recordings.FACTS
    details: dict[int, str]  # of the faulty ones

    def __getitem__(self, index: int) -> Recording:
        *facts, peak, fault = self.facts[index].item()
        peak = None if np.isnan(peak) else peak
        return Recording(*facts, peak, FAULTS[fault], self.details.get(index, ""))


def scan_recordings(paths: Sequence[str], max_seconds: float, cache: Path | None) -> Scan:
    """Look at each path. A recording over max_seconds is not decoded: it is refused anyway.

    cache: the folder to read what is known from, and to write it to; None: neither.
    """
    known = KnownRecordings(cache)
    facts, details = known.look_up(paths)
    is_new = ~_is_current(facts, paths, max_seconds)
    details = {i: detail for i, detail in details.items() if not is_new[i]}
    new = np.flatnonzero(is_new)
    unsaved, saved_at = [], time.monotonic()

    def save() -> None:
        rows = np.array(unsaved, np.int64)
        known.add(Picked(paths, rows), facts[rows], [details.get(i, "") for i in unsaved])
        unsaved.clear()

    with (
        ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool,
        tqdm(None, "checking recordings", len(new), unit="file", disable=None) as bar,
    ):
        try:
            for first in range(0, len(new), N_SCANNED):
                chosen = new[first : first + N_SCANNED].tolist()
                scans = pool.map(lambda i: scan(Path(paths[i]), max_seconds), chosen)
                for i, recording in zip(chosen, scans):
                    facts[i] = _facts(recording)
                    if recording.detail:
                        details[i] = recording.detail
                    unsaved.append(i)
                    bar.update()
                if time.monotonic() - saved_at > SAVE_SECONDS:
                    save()
                    saved_at = time.monotonic()
        finally:
            pool.shutdown(cancel_futures=True)  # after an interrupt: leave the rest undecoded
            if unsaved:
                save()
    return Scan(facts, details)


def scan(path: Path, max_seconds: float) -> Recording:
    """Decode one recording and describe it; of one over max_seconds read the header only."""
    size, modified = stamp(path)
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


def stamp(path: str | Path) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds; -1 and -1 of what is not there."""
    try:
        status = os.stat(path)
    except FileNotFoundError:  # gone, or a link to nothing
        return -1, -1
    return status.st_size, status.st_mtime_ns


def stamps(paths: Sequence[str]) -> np.ndarray:
    """The stamp of every path: int64 [n_paths, 2]."""
    stamped = np.empty((len(paths), 2), np.int64)

    def ask(first: int) -> None:
        chosen = paths[first : first + N_ASKED]
        stamped[first : first + N_ASKED] = [stamp(path) for path in chosen]

    with ThreadPoolExecutor(N_ASKING) as pool:
        list(pool.map(ask, range(0, len(paths), N_ASKED)))
    return stamped


def _is_current(facts: np.ndarray, paths: Sequence[str], max_seconds: float) -> np.ndarray:
    """Of which recordings all that is wanted is known, and they have not changed: bool [n]."""
    decoded = np.isfinite(facts["peak"]) | (facts["fault"] != FAULTS.index(None))
    # One that was too long has not been decoded, but the limit may have been raised.
    long = facts["n_samples"] / np.maximum(facts["sample_rate"], 1) > max_seconds
    maybe = np.flatnonzero((facts["sample_rate"] != UNKNOWN_RATE) & (decoded | long))
    stamped = stamps(Picked(paths, maybe))
    same = (stamped[:, 0] == facts["size"][maybe]) & (stamped[:, 1] == facts["modified"][maybe])
    current = np.zeros(len(facts), bool)
    current[maybe[same]] = True
    return current


def _facts(recording: Recording) -> tuple:
    return (
        recording.size,
        recording.modified,
        recording.sample_rate,
        recording.n_channels,
        recording.n_samples,
        np.nan if recording.peak is None else recording.peak,
        FAULTS.index(recording.fault),
    )
