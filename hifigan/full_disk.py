"""What a run can do without when its disk is full: curves and samples are lost, the training not."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hifigan.atomic_file import free_bytes, megabytes

logger = logging.getLogger(__name__)

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LITTLE = 2**24  # bytes; with less left, a failure to write is put down to that


@contextmanager
def lost_on_full_disk(what: str, folder: Path) -> Iterator[None]:
    """A failure to write inside costs a warning that names `what`, if the folder's disk is full.

    Some libraries say that in other words than the system's, hence the look at the disk.
    """
    try:
        yield
    except Exception as error:
        if has_room(folder) and getattr(error, "errno", None) not in FULL:
            raise
        logger.warning(
            "%s: %s are lost, with %s free on the disk (%s: %s); make room; training goes on",
            folder,
            what,
            megabytes(free_bytes(folder)),
            type(error).__name__,
            error,
        )


def has_room(folder: Path) -> bool:
    return free_bytes(folder) > LITTLE
