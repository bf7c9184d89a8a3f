"""A run that is killed, wherever it stands, goes on by the same command as if nothing had been."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.processes import MARK, marked, wait_until_gone
from tests.same_run import assert_same_run
from tests.small_run import ENVIRONMENT, command, run_script, scalars, write_config, write_data

N_KILLS, N_REAL_KILLS = 30, 3


@pytest.fixture
def folder(tmp_path) -> Path:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json", "train.save_every=2", "train.validate_every=3")
    return tmp_path


def kill_at_random(folder: Path, arguments: list[str], draw: random.Random) -> None:
    """Begin train.py and kill it some time after a step."""
    curves = folder / "runs/killed/scalars.jsonl"
    n_before = len(curves.read_text().splitlines()) if curves.exists() else 0
    process = subprocess.Popen(
        command("train.py", *arguments), cwd=folder, env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(curves.read_text().splitlines()) == n_before and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(draw.uniform(0, 0.5))
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.slow
def test_thirty_kills_at_random_moments_change_nothing_to_the_bit(folder) -> None:
    """The kills are spread over the start, steps, looks and saves, and some hit each of them."""
    arguments = ["-c", "small.json", "-m", "killed"]
    killer = [sys.executable, str(REPOSITORY / "tests/kill_worker.py")]
    ended = subprocess.run(
        [*killer, "runs/killed", str(N_KILLS), *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        timeout=500,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    # Of each kind some, even where other tests take the time of one process and not of another.
    assert all(count >= 2 for count in told["counts"].values()) and len(told["counts"]) == 4, told
    draw = random.Random(1)
    for _ in range(N_REAL_KILLS):
        kill_at_random(folder, arguments, draw)
    run = folder / "runs/killed"
    last_step = scalars(run)[-1]["step"] + 3
    run_script(folder, "train.py", *arguments, "--max_steps", last_step)
    run_script(folder, "train.py", "-c", "small.json", "-m", "whole", "--max_steps", last_step)
    assert_same_run(run, folder / "runs/whole")


@pytest.mark.slow
def test_a_killed_run_leaves_no_loader_processes_behind(folder) -> None:
    arguments = ("-c", "small.json", "--set", "train.num_workers=2", "--set", "train.epochs=9999")
    process = subprocess.Popen(
        command("train.py", *arguments),
        cwd=folder,
        env=ENVIRONMENT | {MARK: folder.name},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (folder / "runs/small/checkpoints").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    n_processes = len(marked(folder.name))
    process.kill()
    process.wait(10)
    assert n_processes >= 3
    assert not wait_until_gone(folder.name, timeout=20)  # torch's look for their trainer every 5 s
