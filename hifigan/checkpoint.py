"""Checkpoints: one file with everything, written so that a crash never leaves half of one.

A file holds tensors, numbers, texts, lists and dicts only, and is read with weights_only=True, so
that opening a stranger's checkpoint runs none of its code.
"""

import logging
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch

from hifigan.errors import UserError

logger = logging.getLogger(__name__)

NAME = re.compile(r"step_(\d+)\.pt")


def write_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write under a temporary name in the same folder, then rename: the file is whole or not
    there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("wb") as file:
            torch.save(contents, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:  # a full disk, say: half a file only takes up more of it
        temporary.unlink(missing_ok=True)
        raise
    os.replace(temporary, path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint file, on the CPU. A damaged or foreign file is a UserError."""
    if not path.exists():
        near = sorted(str(p) for p in path.parent.glob("*.pt")) if path.parent.is_dir() else []
        raise UserError(
            f"{path}: no such checkpoint; "
            + (f"there are: {', '.join(near)}" if near else "check the path")
        )
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
            damaged = archive.testzip()
        if damaged:
            raise zipfile.BadZipFile(f"checksum of {damaged} is wrong")
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"{path}: damaged or not a checkpoint ({reason}); use another checkpoint"
        ) from None
    except (
        Exception
    ) as error:  # torch raises pickle.UnpicklingError and others for refused contents
        raise UserError(
            f"{path}: holds more than tensors, numbers and texts, so it is not opened "
            f"({type(error).__name__}); use a checkpoint of this project"
        ) from None
    if not isinstance(contents, dict) or "config" not in contents or "generator" not in contents:
        raise UserError(f"{path}: not a checkpoint of this project: it has no config and generator")
    return contents


class CheckpointFolder:
    """The checkpoints of a run: the newest few by step, and the best by validation loss."""

    def __init__(self, folder: Path, keep_last: int) -> None:
        self.folder = folder
        self.keep_last = keep_last

    def steps(self, until: int | None = None) -> list[Path]:
        """Files by step, oldest first; only those up to the step `until` if it is given."""
        found = [
            (int(match[1]), path)
            for path in self.folder.glob("step_*.pt")
            if (match := NAME.fullmatch(path.name))
        ]
        return [path for step, path in sorted(found) if until is None or step <= until]

    def write(self, step: int, contents: dict[str, Any]) -> Path:
        """Write the state at a step, then drop all but the newest few.

        Files of later steps were found damaged when the run went on from an earlier one. They do
        not count, or the good file just written would be dropped as the oldest.
        """
        path = self.folder / f"step_{step:08d}.pt"
        for leftover in self.folder.glob("*.part"):  # of a process that was killed while it wrote
            leftover.unlink()
        write_checkpoint(path, contents)
        for old in self.steps(until=step)[: -self.keep_last]:
            old.unlink()
            logger.info("deleted %s (keeping the last %d)", old, self.keep_last)
        return path

    def mark_best(self, path: Path) -> None:
        """Keep this step's file as best_step_*.pt, apart from the newest ones."""
        best = self.folder / f"best_{path.name}"
        temporary = best.with_suffix(".part")
        temporary.unlink(missing_ok=True)
        try:
            os.link(path, temporary)  # the same file under a second name costs no space
        except OSError:
            shutil.copyfile(path, temporary)
        os.replace(temporary, best)
        for old in self.folder.glob("best_step_*.pt"):
            if old != best:
                old.unlink()

    def read_newest(self) -> tuple[Path, dict[str, Any]] | None:
        """The newest readable checkpoint, or None in a folder without any.

        Damaged files are named and passed over; if no file can be read that is a UserError, because
        starting afresh over them would lose the run.
        """
        paths = self.steps()
        for path in reversed(paths):
            try:
                return path, read_checkpoint(path)
            except UserError as error:
                logger.warning("%s; trying the checkpoint before it", error)
        for path in self.folder.glob("best_step_*.pt"):
            return path, read_checkpoint(path)
        if paths:
            raise UserError(
                f"{self.folder}: none of {len(paths)} checkpoints can be read; move the folder "
                f"away to start afresh, or copy a good checkpoint into it"
            )
        return None


def open_checkpoint(path: Path) -> tuple[Path, dict[str, Any]]:
    """Path and contents of a checkpoint file, or of the newest one in a run or checkpoints
    folder.
    """
    if not path.is_dir():
        return path, read_checkpoint(path)
    for folder in (path / "checkpoints", path):
        found = CheckpointFolder(folder, keep_last=2).read_newest()
        if found:
            return found
    raise UserError(
        f"{path}: no checkpoints inside; expected a run folder with checkpoints/step_*.pt "
        f"or the path of one such file"
    )
