"""Kills a run with SIGKILL again and again, and takes it up again each time by the same command.

    kill_worker.py RUN N_KILLS ARGUMENTS...     (ARGUMENTS of train.py, of which RUN is the folder)

To import torch takes longer than all that there is to kill. So this process imports it once and
computes nothing; each life of the run is a fork of it, which has what a new process has after its
imports, and goes from there through train.main() and its own death like any other.

Half of the kills come at any time, the other half within a save: they wait for its temporary file.
Prints as JSON the newest saved step, and in what state the kills have left the folder, counted.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import torch._dynamo  # noqa: F401 (what torch imports with the first optimizer)

import train
from hifigan.checkpoint import CheckpointFolder, step_of

SAVE_SECONDS = 0.1  # about what one takes


def begin(arguments: list[str], told: Path) -> int:
    """The process id of train.py in a fork, whose output goes to the file `told`."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with told.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.argv = ["train.py", *arguments]
        train.main()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait_for_save(checkpoints: Path, leftovers: set[tuple[str, int]], process: int) -> None:
    """Until the process writes a temporary file that is none of the leftovers, or has ended."""
    while parts(checkpoints) <= leftovers:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.0005)


def parts(checkpoints: Path) -> set[tuple[str, int]]:
    """The temporary files, by name and number on the disk."""
    found = set()
    for path in checkpoints.glob("*.part"):
        try:
            found.add((path.name, path.stat().st_ino))
        except FileNotFoundError:  # it has got its name
            pass
    return found


def newest_step(run: Path) -> int:
    files = CheckpointFolder(run / "checkpoints", keep_last=2).steps()
    return step_of(files[-1]) if files else 0


def logged_step(run: Path) -> int:
    """The last step whose line in the curves is whole."""
    curves = run / "scalars.jsonl"
    lines = curves.read_text(encoding="utf-8").split("\n")[:-1] if curves.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


def main() -> None:
    run, n_kills, arguments = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    told = Path("told.txt")
    draw = random.Random(0)
    begun = time.monotonic()
    os.waitpid(begin([*arguments, "--max_steps", "6"], told), 0)
    life_seconds = time.monotonic() - begun
    counts: Counter[str] = Counter()
    for i in range(n_kills):
        before, leftovers = newest_step(run), parts(run / "checkpoints")
        process = begin(arguments, told)
        if i % 2:
            wait_for_save(run / "checkpoints", leftovers, process)
            time.sleep(draw.uniform(0, SAVE_SECONDS))
        else:
            time.sleep(draw.uniform(0, life_seconds))
        os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise SystemExit(f"train.py has ended by itself\n{told.read_text()[-2000:]}")
        in_save = bool(parts(run / "checkpoints") - leftovers)
        counts["in a save"] += in_save
        counts["after a step that was not saved"] += logged_step(run) > newest_step(run)
        counts["with a step saved"] += newest_step(run) > before
        counts["before the first save"] += newest_step(run) == before and not in_save
    print(json.dumps({"step": newest_step(run), "counts": counts}))


if __name__ == "__main__":
    main()
