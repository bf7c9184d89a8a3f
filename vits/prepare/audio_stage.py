"""The stage that makes the recordings: in processes, and only what is new or has changed."""

import errno
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from hifigan.corpus.recordings import stamp
from hifigan.errors import OUTSIDE, UserError
from vits.prepare.recording import make_recording
from vits.prepare.settings import Settings
from vits.prepare.work import Result, Shard, Task, locked, result_line, results, results_path, tasks

N_TOGETHER = 8  # recordings handed to a process at a time
N_WAITING = 3  # such portions for each process

Work = list[tuple[Task, tuple[int, int]]]


def make_audio(folder: Path, settings: Settings, shard: Shard, n_jobs: int) -> Counter[str]:
    """Make the recordings of a shard. Returns how many were made, kept, refused, and removed."""
    with locked(folder, f"audio.{shard.number}_of_{shard.total}"):
        known, digest = results(folder), settings.audio_digest()
        counts: Counter[str] = Counter()
        n_tasks = sum(1 for _ in tasks(folder))
        with results_path(folder, shard).open("a", encoding="utf-8") as file:
            with tqdm(None, "recordings", _n_of(shard, n_tasks), unit="file", disable=None) as bar:

                def new() -> Iterator[tuple[Task, tuple[int, int]]]:
                    seen: set[int] = set()
                    for i, task in enumerate(tasks(folder)):
                        if not shard.has(i) or hash(task.source) in seen:
                            continue
                        seen.add(hash(task.source))
                        now = stamp(task.source)
                        old = known.get(task.source)
                        if old and old.holds(task, now, digest, folder):
                            counts["refused" if old.made.fault else "kept"] += 1
                            bar.update()
                        else:
                            yield task, now

                for result in _made(new(), folder, settings, digest, n_jobs):
                    file.write(result_line(result))
                    file.flush()
                    counts["refused" if result.made.fault else "made"] += 1
                    bar.update()
        if shard.total == 1:
            counts["removed"] = _remove_others(folder, known)
        return counts


def _n_of(shard: Shard, n: int) -> int:
    return len(range(shard.number - 1, n, shard.total))


def _made(
    work: Iterator[tuple[Task, tuple[int, int]]],
    folder: Path,
    settings: Settings,
    digest: str,
    n_jobs: int,
) -> Iterator[Result]:
    """The results in the order in which they are done; few recordings are under way at a time."""
    if n_jobs == 1:
        for item in work:
            yield from _make([item], folder, settings, digest)
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    pool = ProcessPoolExecutor(n_jobs, context, _leave_interrupts_to_the_parent)
    waiting: set[Future] = set()
    try:
        while portion := list(islice(work, N_TOGETHER)):
            waiting.add(pool.submit(_make, portion, folder, settings, digest))
            if len(waiting) >= N_WAITING * n_jobs:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        for future in waiting:
            yield from future.result()
    except BrokenProcessPool:
        raise UserError(
            f"{folder}: a process that made recordings was killed, for lack of memory, perhaps; "
            f"run the same command again, with fewer --jobs"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _make(portion: Work, folder: Path, settings: Settings, digest: str) -> list[Result]:
    made = []
    for task, now in portion:
        try:
            result = make_recording(Path(task.source), folder / task.audio, settings)
        except OSError as error:
            number = error.errno or errno.ENOSPC
            raise UserError(
                f"{folder / task.audio}: not written: {error.strerror or error}; "
                f"{OUTSIDE.get(number, 'check the disk')}; run the same command again: what was "
                f"made is kept"
            ) from None
        if result.fault:
            (folder / task.audio).unlink(missing_ok=True)
        made.append(Result(task.source, *now, task.audio, digest, result))
    return made


def _remove_others(folder: Path, known: dict[str, Result]) -> int:
    """Remove what was made here of recordings that the source has no more."""
    wanted = {task.audio for task in tasks(folder)}
    others = {r.audio for r in known.values() if not r.made.fault} - wanted
    for audio in others:
        (folder / audio).unlink(missing_ok=True)
    return len(others)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
