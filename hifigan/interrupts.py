"""How a run is asked to stop, and how it leaves nothing running behind it."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader

SECOND_SIGNAL_SECONDS = 2.0


@contextmanager
def interrupts() -> Iterator[list[bool]]:
    """A flag that Ctrl-C and SIGTERM set, so that the step at hand ends and is saved.

    A later second signal ends the program at once. One that follows closely is torchrun passing on
    what the terminal has sent to all processes already.
    """
    interrupted, first = [False], [0.0]

    def stop(number: int, frame: Any) -> None:
        if interrupted[0]:
            if time.monotonic() - first[0] > SECOND_SIGNAL_SECONDS:
                raise KeyboardInterrupt
            return
        interrupted[0], first[0] = True, time.monotonic()
        print("\nstopping after this step and saving; once more to stop at once", file=sys.stderr)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended(loader: DataLoader) -> Iterator[None]:
    """Ends the loader's processes on leaving.

    They outlive SIGTERM so that a stopped run can be saved, but after a crash Python itself would
    end them by SIGTERM, and wait for ever.
    """
    try:
        yield
    finally:
        iterator = loader._iterator  # of persistent workers, which torch has no public way to end
        if iterator is not None:
            iterator._shutdown_workers()
