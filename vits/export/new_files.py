"""Exports write beside what is there, never over it, and leave nothing behind that failed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hifigan.errors import UserError


def require_new(*paths: Path) -> None:
    """A UserError if one of them is there already."""
    for path in paths:
        if path.exists():
            raise UserError(f"{path}: is there already; move it away or choose another name")


@contextmanager
def folder_to_fill(folder: Path) -> Iterator[None]:
    """Makes the folder; a new one is gone again if what is inside fails, also by Ctrl-C."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # the fault itself is what there is to tell
                folder.rmdir()
        raise
