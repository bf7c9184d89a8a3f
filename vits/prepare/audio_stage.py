"""The stage that makes the recordings: in processes, and only what is new or has changed."""

import errno
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from hifigan.corpus.recordings import stamp
from hifigan.errors import OUTSIDE, UserError
from vits.prepare.locks import end_with
from vits.prepare.recording import MISSING, Made, make_recording
from vits.prepare.results import Result, Results, open_results, result_line
from vits.prepare.settings import Settings
from vits.prepare.work import Shard, Task, tasks

N_TOGETHER = 8  # recordings handed to a process at a time
N_WAITING = 3  # such portions for each process
GONE = (-1, -1)  # the stamp of what is not there

Work = list[tuple[Task, tuple[int, int]]]


def make_audio(folder: Path, settings: Settings, shard: Shard, n_jobs: int) -> Counter[str]:
    """Make the recordings of a shard. Returns how many were made, kept, and refused."""
    digest, counts = settings.audio_digest(), Counter()
    n = _n_of(shard, sum(1 for _ in tasks(folder)))
    with (
        open_results(folder, shard) as file,
        Results(folder) as known,
        tqdm(None, "recordings", n, unit="file", disable=None) as bar,
    ):

        def new() -> Iterator[tuple[Task, tuple[int, int]]]:
            for i, task in enumerate(tasks(folder)):
                if not shard.has(i):
                    continue
                now = stamp(task.source)
                old = known.get(task.key)
                if old and old.holds(task, now, digest, folder):
                    counts["refused" if old.made.fault else "kept"] += 1
                    bar.update()
                else:
                    note(Result(task.key, *now, task.audio, digest, time.time_ns(), None))
                    yield task, now

        def note(result: Result) -> None:
            old = known.get(result.key)
            if old and old.when >= result.when:  # of a machine whose clock is ahead
                result = replace(result, when=old.when + 1)  # of two the one further down counts
            file.write(result_line(result))
            file.flush()

        for result in _made(new(), folder, settings, digest, n_jobs):
            note(result)
            counts["refused" if result.made.fault else "made"] += 1
            bar.update()
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
    """The results in the order in which they are done; few recordings are under way at a time.

    When the disk refuses one, the others under way are finished first.
    """
    if n_jobs == 1:
        for item in work:
            made, refusal = _make([item], folder, settings, digest)
            yield from made
            if refusal:
                raise UserError(refusal)
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    pool = ProcessPoolExecutor(n_jobs, context, end_with, (os.getpid(),))
    waiting: set[Future] = set()
    refused = None
    try:
        portions = iter(lambda: list(islice(work, N_TOGETHER)), [])
        is_more = True
        while is_more or waiting:
            portion = next(portions, None) if is_more and not refused else None
            is_more = portion is not None
            if is_more:
                waiting.add(pool.submit(_make, portion, folder, settings, digest))
            if len(waiting) >= N_WAITING * n_jobs or not is_more:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    made, refusal = future.result()
                    refused = refused or refusal
                    yield from made
    except BrokenProcessPool:
        raise UserError(
            f"{folder}: a process that made recordings was killed, for lack of memory, perhaps; "
            f"run the same command again, with fewer --jobs"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
    if refused:
        raise UserError(refused)


def _make(
    portion: Work, folder: Path, settings: Settings, digest: str
) -> tuple[list[Result], str | None]:
    """What became of some recordings, and the disk's refusal, at which it stops."""
    made: list[Result] = []
    for task, now in portion:
        try:
            if now == GONE:
                result = Made(fault=MISSING, detail=f"{task.source} is not there any more")
            else:
                part = None if task.start is None else (task.start, task.end)
                result = make_recording(Path(task.source), folder / task.audio, settings, part)
        except OSError as error:
            number = error.errno or errno.ENOSPC
            return made, (
                f"{folder / task.audio}: not written: {error.strerror or error}; "
                f"{OUTSIDE.get(number, 'check the disk')}; run the same command again: what was "
                f"made is kept"
            )
        if result.fault:
            (folder / task.audio).unlink(missing_ok=True)
        made.append(Result(task.key, *now, task.audio, digest, time.time_ns(), result))
    return made, None


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
