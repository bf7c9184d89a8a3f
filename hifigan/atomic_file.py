"""A file that appears whole under its name or not at all, whatever happens while it is written."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hifigan.errors import OUTSIDE, UserError

UNTOUCHED = "what was saved before is whole"


class NotSaved(UserError):
    """A file could not be written: the disk is full, say. What was there before is untouched."""


@contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """The temporary path beside `path` to write to; it takes the name `path` on leaving.

    On leaving, the name is on the disk; that the contents are (sync) is up to the writer. When the
    writer fails, the temporary file is removed and `path` is as it was. What the system refuses
    becomes NotSaved.
    """
    temporary = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # a killed process's, perhaps a second name of a file
        yield temporary
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        refusal = error if isinstance(error, OSError) else error.__context__  # torch.save hides it
        if not isinstance(refusal, OSError):
            raise
        fix = OUTSIDE.get(refusal.errno, f"check the disk; {UNTOUCHED}")
        raise NotSaved(f"{path}: not saved: {refusal.strerror or refusal}; {fix}") from None
    finally:
        with suppress(OSError):  # where the writer failed, this may fail in the same way
            temporary.unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """What the disk of a folder, which may yet have to be made, can take."""
    return shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists())).free


def require_room(path: Path, n_bytes: int) -> None:
    """NotSaved if the disk of `path` has less than n_bytes left."""
    free = free_bytes(path.parent)
    if free < n_bytes:
        raise NotSaved(
            f"{path}: not saved: it takes {megabytes(n_bytes)}, but {megabytes(free)} are free; "
            f"make room on the disk; {UNTOUCHED}"
        )


def sync(path: Path) -> None:
    """Bring the file to the disk, and let the next reader read it from there, where possible."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk: a power failure may lose a rename that only memory knows."""
    if os.name == "nt":  # does it by itself, and opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
