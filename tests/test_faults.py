"""What goes wrong in the middle of a run ends it soon, in words, and costs no checkpoint."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
import torch

from hifigan.checkpoint import CheckpointFolder
from tests.small_run import ENVIRONMENT, command, error_line, run_script, write_config, write_data

CRASH = """
import sys
import hifigan.loop
from vits.training import VitsTraining
step = VitsTraining.train_step
def crash(self, batch, dry=False):
    if self.state.step == 2:
        raise RuntimeError("made to crash")
    return step(self, batch, dry=dry)
VitsTraining.train_step = crash
sys.argv = ["train.py", "-c", "small.json", "--set", "train.num_workers=2"]
import train
train.main()
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    return tmp_path


def test_a_crash_ends_the_loader_processes_too(folder) -> None:
    start = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=folder,
        env=ENVIRONMENT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and "made to crash" in ended.stderr
    assert time.monotonic() - start < 50


def test_a_recording_that_changes_under_a_run_is_told_in_one_line(folder) -> None:
    run_script(folder, "train.py", "-c", "small.json", "--max_steps", 1)
    path = folder / "data/wavs/0.wav"
    status = path.stat()
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[:-1000], rate)
    path.write_bytes(path.read_bytes().ljust(status.st_size, b"\0"))
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))  # so the check sees no change
    for n_workers in (0, 2):
        ended = subprocess.run(
            command(
                "train.py",
                "-c",
                "small.json",
                "--max_steps",
                40,
                "--set",
                f"train.num_workers={n_workers}",
            ),
            cwd=folder,
            env=ENVIRONMENT,
            timeout=60,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 2, ended.stderr
        assert error_line(ended.stderr).startswith("error: data/wavs/0.wav: ")


def test_a_backend_that_is_not_there_is_refused_before_the_run_is_touched(folder) -> None:
    ended = subprocess.run(
        command("train.py", "-c", "small.json"),
        cwd=folder,
        timeout=60,
        env=ENVIRONMENT | {"VITS_ALIGNMENT": "abacus"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2 and "abacus" in error_line(ended.stderr)
    assert not (folder / "runs/small").exists()


def test_a_run_that_becomes_nan_keeps_its_good_checkpoint(folder) -> None:
    run_script(folder, "train.py", "-c", "small.json", "--max_steps", 2)
    checkpoint = folder / "runs/small/checkpoints/step_00000002.pt"
    contents = torch.load(checkpoint, weights_only=True)
    contents["generator"]["decoder.input.bias"][0] = float("nan")
    torch.save(contents, checkpoint)
    before = checkpoint.read_bytes()
    ended = subprocess.run(
        command("train.py", "-c", "small.json", "--max_steps", 9),
        cwd=folder,
        env=ENVIRONMENT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2 and "became NaN" in error_line(ended.stderr)
    assert checkpoint.read_bytes() == before and len(list(checkpoint.parent.glob("step_*.pt"))) == 1


def test_what_a_killed_save_left_behind_is_cleared_away(tmp_path) -> None:
    (tmp_path / "step_00000003.part").write_bytes(b"half")
    CheckpointFolder(tmp_path, keep_last=2).write(4, {"config": {}, "generator": {}})
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000004.pt"]
