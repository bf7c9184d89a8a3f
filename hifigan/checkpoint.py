"""Checkpoints: one file with everything, written so that a crash never leaves half of one.

A file holds tensors, numbers, texts, lists and dicts only, and is read with weights_only=True, so
that opening a stranger's checkpoint runs none of its code. Torch does not look at the checksums in
a file; here they are compared at each writing and reading.
"""

import logging
import os
import pickle
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hifigan.atomic_file import (
    UNTOUCHED,
    NotSaved,
    appearing_whole,
    free_bytes,
    megabytes,
    require_room,
    sync,
)
from hifigan.errors import UserError

logger = logging.getLogger(__name__)

NAME = re.compile(r"(best_)?step_(\d+)\.pt")
FOLDER = 0x10  # in a part's attributes; torch gives a tensor so marked memory as it finds it
PART_OVERHEAD = 512  # bytes, at most, that a tensor takes in a file beside its numbers
FILE_OVERHEAD = 2**20  # bytes, amply, for all that is no tensor


def write_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write a file that is whole, on the disk and proved readable, or is not there (NotSaved)."""
    with appearing_whole(path) as temporary:
        require_room(path, stored_bytes(contents))
        with temporary.open("wb") as file:
            torch.save(contents, file)
        _prove(temporary, path)


def read_checkpoint(path: Path, for_synthesis: bool = False) -> dict[str, Any]:
    """The contents of a checkpoint file, on the CPU. A damaged or foreign file is a UserError.

    For synthesis a speak-only file will do, and tensors stay in the file until they are used: copy
    what is to be kept, or the file takes up its room on the disk when it is long deleted.
    """
    if not path.exists():
        near = sorted(str(p) for p in path.parent.glob("*.pt")) if path.parent.is_dir() else []
        raise UserError(
            f"{path}: no such checkpoint; "
            + (f"there are: {', '.join(near)}" if near else "check the path")
        )
    try:
        require_checksums(path)
        contents = torch.load(path, map_location="cpu", weights_only=True, mmap=for_synthesis)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: holds more than tensors, numbers and texts, so it is not opened "
            f"({type(error).__name__}); use a checkpoint of this project"
        ) from None
    except (PermissionError, MemoryError):  # says nothing of the file
        raise
    except Exception as error:  # zipfile and torch raise all kinds of them for a flipped bit
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"{path}: damaged or not a checkpoint ({reason}); use another checkpoint"
        ) from None
    if not isinstance(contents, dict) or "config" not in contents or "generator" not in contents:
        raise UserError(f"{path}: not a checkpoint of this project: it has no config and generator")
    if "speak_only" in contents and not for_synthesis:
        raise UserError(
            f"{path}: a speak-only file: it lacks the discriminators, the optimizers and the parts "
            f"that only training uses; use a whole checkpoint, such as the one of step "
            f"{contents['step']} that it was made from"
        )
    return contents


def require_checksums(path: Path) -> None:
    """zipfile.BadZipFile, or whatever else zipfile raises, for a damaged file."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        folders = [part.filename for part in archive.infolist() if part.external_attr & FOLDER]
    if damaged:
        raise zipfile.BadZipFile(f"checksum of {damaged} is wrong")
    if folders:
        raise zipfile.BadZipFile(f"{folders[0]} is marked as a folder")


def stored_bytes(contents: dict[str, Any]) -> int:
    """The size of a file with these contents, or a little more."""
    storages, pending = {}, [contents]
    while pending:
        value = pending.pop()
        if isinstance(value, Tensor):
            storage = value.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, (list, tuple)):
            pending += value
    return sum(storages.values()) + PART_OVERHEAD * len(storages) + FILE_OVERHEAD


class CheckpointFolder:
    """The checkpoints of a run: the newest few by step, milestones, and the best by validation.

    Milestones are the files of steps that keep_every divides; they are kept for good.
    """

    def __init__(self, folder: Path, keep_last: int, keep_every: int | None = None) -> None:
        self.folder = folder
        self.keep_last = max(keep_last, 2)  # with one file, a damaged one would cost the run
        self.keep_every = keep_every

    def steps(self, until: int | None = None) -> list[Path]:
        """Files by step, oldest first; only those up to the step `until` if it is given."""
        found = sorted((step_of(path), path) for path in _named(self.folder, "step_*.pt"))
        return [path for step, path in found if until is None or step <= until]

    def write(self, step: int, contents: dict[str, Any]) -> Path:
        """Write the state at a step, then drop what is not to be kept.

        NotSaved leaves all files as they were. Files of later steps were found damaged when the run
        went on from an earlier one. They do not count, or the good file just written would be
        dropped as the oldest.
        """
        path = self.folder / f"step_{step:08d}.pt"
        for leftover in self.folder.glob("*step_*.part"):
            self._delete(leftover, "a process was killed while it wrote this")
        write_checkpoint(path, contents)
        files = [path for path in self.steps(until=step) if path.is_file()]
        for old in files[: -self.keep_last]:
            if not self._is_milestone(step_of(old)):
                self._delete(old, f"keeping the last {self.keep_last}")
        return path

    def mark_best(self, path: Path) -> None:
        """Keep this step's file as best_step_*.pt, apart from the newest ones."""
        best = self.folder / f"best_{path.name}"
        with appearing_whole(best) as temporary:
            try:
                os.link(path, temporary)  # the same file under a second name costs no space
            except OSError:
                require_room(best, path.stat().st_size)
                shutil.copyfile(path, temporary)
                _prove(temporary, best)
        for old in _named(self.folder, "best_step_*.pt"):
            if old != best:
                self._delete(old, f"{best.name} is better")

    def mark_best_step(self, step: int) -> None:
        """Mark what a process that was killed after its write could not mark any more."""
        path = self.folder / f"step_{step:08d}.pt"
        if path.exists() and not (self.folder / f"best_{path.name}").exists():
            self.mark_best(path)

    def warn_of_little_room(self, contents: dict[str, Any], last_step: int) -> None:
        """Log a warning if the disk cannot take all the files of a run that ends at last_step."""
        n_milestones = last_step // self.keep_every if self.keep_every else 0
        n_files = self.keep_last + n_milestones + 2  # the best, and the one in the making
        size = stored_bytes(contents)
        here = [path.stat() for path in _named(self.folder, "*step_*.pt")]
        taken = {file.st_ino: file.st_size for file in here}  # a best one has a second name
        n_fitting = (free_bytes(self.folder) + sum(taken.values())) // size
        if n_fitting < n_files:
            logger.warning(
                "%s: there will be up to %d checkpoints of %s, but the disk has room for %d; "
                "make room, or let train.keep_last and train.keep_every keep fewer",
                self.folder,
                n_files,
                megabytes(size),
                n_fitting,
            )

    def read_newest(self, for_synthesis: bool = False) -> tuple[Path, dict[str, Any]] | None:
        """Path and contents of the newest readable checkpoint, or None in a folder without any.

        Damaged files are named and passed over; if no file can be read that is a UserError, because
        starting afresh over them would lose the run. See read_checkpoint for `for_synthesis`.
        """
        paths = sorted(_named(self.folder, "*step_*.pt"), key=lambda path: (step_of(path), path))
        for path in reversed(paths):  # of one step, "step_" comes before "best_step_"
            try:
                return path, read_checkpoint(path, for_synthesis)
            except UserError as error:
                logger.warning("%s; trying the checkpoint before it", error)
        if paths:
            raise UserError(
                f"{self.folder}: none of {len(paths)} checkpoints can be read; move the folder "
                f"away to start afresh, or copy a good checkpoint into it"
            )
        return None

    def _is_milestone(self, step: int) -> bool:
        return self.keep_every is not None and step % self.keep_every == 0

    def _delete(self, path: Path, reason: str) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # Windows deletes no file that somebody is just reading
            logger.warning("could not delete %s: %s", path, error.strerror)
        else:
            logger.info("deleted %s (%s)", path, reason)


def open_checkpoint(path: Path, for_synthesis: bool = False) -> tuple[Path, dict[str, Any]]:
    """Path and contents of a checkpoint file, or of the newest one in a run or checkpoints
    folder. See read_checkpoint for `for_synthesis`.
    """
    if not path.is_dir():
        return path, read_checkpoint(path, for_synthesis)
    for folder in (path / "checkpoints", path):
        found = CheckpointFolder(folder, keep_last=2).read_newest(for_synthesis)
        if found:
            return found
    raise UserError(
        f"{path}: no checkpoints inside; expected a run folder with checkpoints/step_*.pt "
        f"or the path of one such file"
    )


def step_of(path: Path) -> int:
    """The step in the name of a checkpoint file."""
    return int(NAME.fullmatch(path.name)[2])


def _named(folder: Path, pattern: str) -> list[Path]:
    """What the folder has under names of checkpoints that fit the pattern."""
    return [path for path in folder.glob(pattern) if NAME.fullmatch(path.name)]


def _prove(temporary: Path, path: Path) -> None:
    """NotSaved unless the temporary file of `path` is on the disk and comes back as written."""
    sync(temporary)
    try:
        require_checksums(temporary)
    except Exception as error:
        raise NotSaved(
            f"{path}: not saved: it came back damaged from the disk ({error}); check the disk; "
            f"{UNTOUCHED}"
        ) from None
