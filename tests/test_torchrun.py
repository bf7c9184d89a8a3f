"""Training under torchrun as a user starts it: launches, nodes, stops, deaths and restarts.

Whatever happens to a run of two processes, it must end like the unbroken one, to the bit.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hifigan.checkpoint import read_checkpoint
from tests.conftest import REPOSITORY
from tests.processes import MARK, marked, wait_until_gone
from tests.same_run import assert_same_run
from tests.small_run import (
    ENVIRONMENT,
    command,
    contents,
    run_script,
    scalars,
    write_config,
    write_data,
)

pytestmark = pytest.mark.slow
LAST_STEP = 13
STANDALONE = ("--standalone", "--nproc_per_node=2")
SECONDS_TO_END = 20  # from the death of one process to the end of all of them


@contextmanager
def launched(
    folder: Path, launcher: tuple[str, ...], script: str, *arguments: object
) -> Iterator[subprocess.Popen]:
    """torchrun with a script, marked by the folder's name; killed on leaving, with all it began."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", *launcher),
            *(str(REPOSITORY / script), *map(str, arguments)),
        ],
        cwd=folder,
        env=ENVIRONMENT | {MARK: folder.name},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        for left in marked(folder.name):
            os.kill(left, signal.SIGKILL)
        process.wait()


def ended_well(process: subprocess.Popen, timeout: float = 240) -> str:
    err = process.communicate(timeout=timeout)[1]
    assert process.returncode == 0, err
    return err


def wait_for_step(run: Path, step: int, timeout: float = 120) -> None:
    curves = run / "scalars.jsonl"
    deadline = time.monotonic() + timeout
    while not curves.exists() or f'"step": {step},' not in curves.read_text():
        assert time.monotonic() < deadline, f"{run} did not reach step {step}"
        time.sleep(0.01)


def arguments(name: str, *more: object) -> tuple[object, ...]:
    return ("-c", "small.json", "-m", name, "--max_steps", LAST_STEP, *more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """data/ with an odd number of utterances, and one to validate; and small.json."""
    folder = tmp_path_factory.mktemp("torchrun")
    write_data(folder / "data", n_valid=1)
    write_config(folder / "small.json", "train.save_every=2", "train.validate_every=3")
    return folder


@pytest.fixture(scope="module")
def unbroken(folder) -> Path:
    """The folder of a run that two processes took to its end, while another one ran beside it."""
    with (
        launched(folder, STANDALONE, "train.py", *arguments("unbroken")) as one,
        launched(folder, STANDALONE, "train.py", *arguments("beside")) as other,
    ):
        told = ended_well(one)
        ended_well(other)
    for line in ("new run at step 0", f"step {LAST_STEP} of {LAST_STEP}", "hours used"):
        assert told.count(line) == 1
    assert "batches of 2 x 2 process(es)" in told
    return folder / "runs/unbroken"


def test_two_standalone_runs_at_once_do_not_disturb_each_other(folder, unbroken) -> None:
    assert len(read_checkpoint(unbroken / f"checkpoints/step_{LAST_STEP:08d}.pt")["random"]) == 2
    trained = [line["step"] for line in scalars(unbroken) if "train/mel" in line]
    assert trained == list(range(1, LAST_STEP + 1))
    assert_same_run(folder / "runs/beside", unbroken)


def test_two_nodes_of_one_process_each_train_as_one_node_of_two(folder, unbroken) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        endpoint = f"localhost:{free.getsockname()[1]}"
    node = (
        *("--nnodes=2", "--nproc_per_node=1", "--rdzv_id=two_nodes"),
        *("--rdzv_backend=c10d", f"--rdzv_endpoint={endpoint}"),
    )
    with (
        launched(folder, node, "train.py", *arguments("nodes")) as one,
        launched(folder, node, "train.py", *arguments("nodes")) as other,
    ):
        told = [ended_well(process) for process in (one, other)]
    assert sum("batches of 2 x 2 process(es)" in err for err in told) == 1
    assert_same_run(folder / "runs/nodes", unbroken)


def test_killed_workers_are_restarted_and_the_run_equals_the_unbroken_one(folder, unbroken) -> None:
    run = folder / "runs/restarted"
    elastic = (*STANDALONE, "--max_restarts=2")
    with launched(folder, elastic, "train.py", *arguments("restarted")) as process:
        for step, rank in ((3, "1"), (9, "0")):
            wait_for_step(run, step)
            (worker,) = (
                number
                for number, environment in marked(folder.name).items()
                if environment.get("RANK") == rank
            )
            os.kill(worker, signal.SIGKILL)
        told = ended_well(process)
    assert told.count("resuming from runs/restarted/checkpoints/step_") == 2
    assert_same_run(run, unbroken)


def test_a_signal_saves_once_and_the_run_goes_on_as_if_unbroken(folder, unbroken) -> None:
    run = folder / "runs/stopped"
    with launched(folder, STANDALONE, "train.py", *arguments("stopped")) as process:
        wait_for_step(run, 4)
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=60)[1]
    step = int(re.search(r"interrupted at step (\d+)", err)[1])
    assert err.count("interrupted at step") == 1 and 4 <= step < LAST_STEP
    assert not wait_until_gone(folder.name, 5)
    told = run_script(folder, "train.py", *arguments("stopped"), n_processes=2).stderr
    assert (
        told.count(f"resuming from runs/stopped/checkpoints/step_{step:08d}.pt: step {step}") == 1
    )
    assert_same_run(run, unbroken)


@pytest.mark.parametrize(
    "how, says",
    [
        ("raise", "RuntimeError: made to crash"),
        ("kill", "Signal 9 (SIGKILL)"),
        ("exit", "Connection closed by peer"),  # torchrun takes exit code 0 for success
    ],
)
def test_a_process_that_dies_ends_all_in_seconds_and_leaves_none(tmp_path, how, says) -> None:
    """Loader processes included; and it is told why."""
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json", "train.epochs=9999", "train.num_workers=1")
    worker = "tests/distributed_worker.py"
    with launched(tmp_path, STANDALONE, worker, "die", how, "-c", "small.json") as process:
        err = process.communicate(timeout=120)[1]
        seconds = time.time() - float((tmp_path / "died").read_text())
        left = wait_until_gone(tmp_path.name, SECONDS_TO_END - seconds)
    assert process.returncode == 1, err
    assert says in err
    assert seconds < SECONDS_TO_END and not left, f"{seconds:.1f} s, left: {left}"


def test_a_mistake_is_told_once_and_ends_all_processes_at_once(tmp_path) -> None:
    write_data(tmp_path / "data", n_valid=0)
    write_config(tmp_path / "small.json", "data.n_valid=0")
    before = contents(tmp_path)
    for mistake, says in (
        (("--data", "nowhere"), "nowhere: no such folder"),
        (("--max_steps", 0), "--max_steps 0"),
    ):
        begun = time.monotonic()
        ended = subprocess.run(
            command("train.py", "-c", "small.json", *mistake, n_processes=2),
            cwd=tmp_path,
            env=ENVIRONMENT,
            timeout=60,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 1  # torchrun's own, whatever its processes end with
        told = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
        assert len(told) == 1 and says in told[0], ended.stderr
        assert set(re.findall(r"exitcode +: (\S+)", ended.stderr)) <= {"2", "-15"}
        assert time.monotonic() - begun < 45
    assert contents(tmp_path) == before
