"""train.py on a disk that fills up before step 4, and maybe gets room again before a later one.

    filling_worker.py FREE_BYTES EMPTIED_BEFORE OUT ARGUMENTS...     (EMPTIED_BEFORE 0: never)

The folder runs is the disk. Copies the runs to OUT at the end, since the disk goes with the process.
"""

import shutil
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from torch import Tensor

import train
from vits.data import Batch
from vits.training import VitsTraining

FILLED_BEFORE = 4


def main() -> None:
    free_bytes, emptied_before, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    sys.argv = ["train.py", *sys.argv[4:]]
    ballast = Path("runs/ballast")
    take_step = VitsTraining.train_step

    def step(training: VitsTraining, batch: Batch, **options: Any) -> dict[str, Tensor]:
        if not options.get("dry"):
            number = training.state.step + 1
            if number == FILLED_BEFORE:
                ballast.write_bytes(bytes(shutil.disk_usage("runs").free - free_bytes))
            if number == emptied_before:
                ballast.unlink()
        return take_step(training, batch, **options)

    try:
        with patch.object(VitsTraining, "train_step", step):
            train.main()
    finally:
        ballast.unlink(missing_ok=True)
        shutil.copytree("runs", out)


if __name__ == "__main__":
    main()
