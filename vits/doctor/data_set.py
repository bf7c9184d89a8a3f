"""A data set under examination: what its lists say, and what its recordings sound like."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hifigan.corpus.recordings import stamps
from hifigan.errors import UserError
from vits.config import VitsConfig
from vits.doctor.sound import Sound
from vits.doctor.sound_table import KnownSounds, Sounds, measure_all
from vits.sources.entry import Source

N_TOGETHER = 16  # recordings handed to a process at a time
N_WAITING = 4  # such portions for each process, begun or not: tasks take memory
SAVE_SECONDS = 60.0  # a first examination can take hours; this much of it is lost if it is killed
SAVE_SHARE = 0.05  # of the time may go into saving, which takes long where a lot is known


@dataclass(frozen=True)
class DataSet:
    source: Source
    sample_rate: int | None  # Hz, that the model will have; None: not known
    config: VitsConfig | None
    sounds: Mapping[str, Sound]  # by the path as text; of some recordings there may be none

    def speech_seconds(self) -> dict[str, float]:
        """Seconds of speech in each recording that has some, pauses left out, by its path."""
        found = {path: sound.speech_seconds for path, sound in self.sounds.items()}
        return {path: seconds for path, seconds in found.items() if seconds > 0}


def recordings_of(source: Source) -> list[str]:
    """The recordings that entries name, each once, in their order."""
    named = (str(entry.path) for entry in source.entries if entry.path is not None)
    return list(dict.fromkeys(named))


def examine_sounds(
    paths: Sequence[str | Path], n_jobs: int | None = None, cache_folder: Path | None = None
) -> Sounds:
    """Measure every recording, each path once, in processes and with a progress bar.

    n_jobs: processes; None: one for each core. cache_folder: keeps what was measured of these
    recordings, and of these alone, so that the next time only what has changed is decoded; None:
    nothing is kept.
    """
    names = list(dict.fromkeys(str(path) for path in paths))
    stamped = stamps(names)
    known_sounds = KnownSounds(cache_folder)
    known, facts, details = known_sounds.look_up(names, stamped)
    save_at = time.monotonic() + SAVE_SECONDS

    def save() -> None:
        rows = np.flatnonzero(known)
        told = {k: details[i] for k, i in enumerate(rows.tolist()) if i in details}
        known_sounds.replace([names[i] for i in rows.tolist()], stamped[rows], facts[rows], told)

    new = np.flatnonzero(~known)
    portions = [new[first : first + N_TOGETHER] for first in range(0, len(new), N_TOGETHER)]
    try:
        with tqdm(None, "listening", len(new), unit="file", disable=None) as bar:
            for rows, measured, told in _measured(names, portions, n_jobs or _n_cores()):
                facts[rows] = measured
                details |= {int(rows[k]): detail for k, detail in told.items()}
                known[rows] = True
                bar.update(len(rows))
                if (began := time.monotonic()) > save_at:
                    save()
                    taken = time.monotonic() - began
                    save_at = began + max(SAVE_SECONDS, taken / SAVE_SHARE)
    except BrokenProcessPool:
        raise UserError(
            "a process that measured recordings was killed, for lack of memory, perhaps; what was "
            "measured is kept: run the same command with fewer --jobs"
        ) from None
    finally:
        if len(new) > 0:
            save()
    return Sounds(names, facts, details)


def _measured(
    names: Sequence[str], portions: Sequence[np.ndarray], n_jobs: int
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[int, str]]]:
    """The rows of each portion with their measures, in the order in which they are done."""
    if min(n_jobs, len(portions)) < 2:
        for rows in portions:
            yield rows, *measure_all([names[i] for i in rows.tolist()])
        return
    with _processes(min(n_jobs, len(portions))) as pool:
        waiting: dict[Future, np.ndarray] = {}
        for rows in portions:
            waiting[pool.submit(measure_all, [names[i] for i in rows.tolist()])] = rows
            if len(waiting) >= N_WAITING * n_jobs:
                yield from _done(waiting)
        while waiting:
            yield from _done(waiting)


def _done(
    waiting: dict[Future, np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[int, str]]]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), *future.result()


@contextmanager
def _processes(n_jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that lets go of what has not begun when an exception comes through."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    pool = ProcessPoolExecutor(n_jobs, context, _leave_interrupts_to_the_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
