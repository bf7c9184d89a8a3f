"""Saves checkpoints in a folder until a save fails, then makes room and saves once more.

    full_disk_worker.py FOLDER full|overestimated|limited

full: the disk is small. overestimated: as well, but says it has room, as a quota or another process
would make it. limited: no file may be larger than a megabyte, and the disk says it has room.
Prints what failed, and the files and their steps before and after.
"""

import json
import resource
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from hifigan.atomic_file import NotSaved
from hifigan.checkpoint import CheckpointFolder, read_checkpoint


def contents(step: int, n_numbers: int) -> dict[str, Any]:
    return {"config": {}, "generator": {"weight": torch.ones(n_numbers)}, "step": step}


def steps(folder: Path) -> dict[str, int]:
    return {path.name: read_checkpoint(path)["step"] for path in sorted(folder.iterdir())}


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    if kind != "full":
        shutil.disk_usage = lambda path: SimpleNamespace(free=10**12)
    if kind == "limited":
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
    checkpoints = CheckpointFolder(folder, keep_last=9)
    step, n_numbers = 0, 150_000
    failure = None
    while failure is None:
        step += 1
        if kind == "limited" and step == 3:
            n_numbers = 300_000
        try:
            checkpoints.write(step, contents(step, n_numbers))
        except NotSaved as error:
            failure = str(error)
    before = steps(folder)
    (folder / "step_00000001.pt").unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    checkpoints.write(step, contents(step, n_numbers))
    print(json.dumps({"failure": failure, "step": step, "before": before, "after": steps(folder)}))


if __name__ == "__main__":
    main()
