"""Locks of a data set in the making: they end with the processes that hold them, however these end.

A run holds "run" alone; runs of shards hold it together, and each its own shard's besides.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hifigan.errors import UserError
from vits.prepare.work import FOLDER

logger = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds; the processes of a killed run need one to notice
PARENT_ASKED_EVERY = 0.3  # seconds


@contextmanager
def locked(folder: Path, name: str, is_shared: bool = False, waits: bool = False) -> Iterator[None]:
    """Alone at a part of the work, or together with all that share it.

    waits: as long as it takes; else a UserError when another one has it. On Windows, which has no
    such locks, nothing is locked.
    """
    if os.name == "nt":
        yield
        return
    import fcntl

    path = folder / FOLDER / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    with path.open("a") as file:
        ends, told = time.monotonic() + PATIENCE, False
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > ends and not waits:
                    raise UserError(
                        f"{folder}: another prepare works on it; wait for it, or give each "
                        f"machine its own --shard"
                    ) from None
                if time.monotonic() > ends and not told:
                    logger.info("waiting for another prepare that works on %s", folder)
                    told = True
                time.sleep(0.1)
        yield


def end_with(parent: int) -> None:
    """Called in a process of a pool: it ends when `parent` does, and leaves Ctrl-C to it.

    Without this the processes of a killed run would wait for work for ever, and hold its locks.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_ASKED_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
