"""A full disk costs a run neither its training nor its last good checkpoint."""

import subprocess
import sys
from pathlib import Path

import pytest

from hifigan.checkpoint import read_checkpoint
from tests.conftest import REPOSITORY
from tests.same_run import names
from tests.small_disk import on_small_disk
from tests.small_run import ENVIRONMENT, error_line, scalars, write_config, write_data

DISK_KILOBYTES = 20_000
ROOM_FOR_LINES = 1_500_000  # bytes, and for samples; a checkpoint is said to take 2 MB


@pytest.fixture
def folder(tmp_path) -> Path:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json", "train.save_every=1")
    (tmp_path / "runs").mkdir()
    return tmp_path


def train(
    folder: Path, free_bytes: int, emptied_before: int, setting: str = "train.save_every=1"
) -> subprocess.CompletedProcess:
    """Eight steps on a disk that is full from step 4 on; the runs are in the folder `left`."""
    worker = [
        *(sys.executable, str(REPOSITORY / "tests/filling_worker.py")),
        *(str(free_bytes), str(emptied_before), "left"),
        *("-c", "small.json", "-m", "voice", "--max_steps", "8", "--set", setting),
    ]
    return subprocess.run(
        on_small_disk(folder / "runs", DISK_KILOBYTES, worker),
        cwd=folder,
        env=ENVIRONMENT,
        timeout=120,
        capture_output=True,
        text=True,
    )


def assert_trained_to_the_end(folder: Path) -> None:
    steps = [line["step"] for line in scalars(folder / "left/voice") if "train/mel" in line]
    assert steps == list(range(1, 9))


def test_a_run_goes_on_without_saving_and_saves_once_there_is_room(folder) -> None:
    ended = train(folder, ROOM_FOR_LINES, emptied_before=7)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("training goes on") == 3
    for step in (4, 5, 6):
        assert f"step_{step:08d}.pt: not saved: it takes" in ended.stderr
    assert names(folder / "left/voice/checkpoints") == ["step_00000007.pt", "step_00000008.pt"]
    assert_trained_to_the_end(folder)


def test_a_run_that_cannot_save_its_end_says_so_and_keeps_the_last_good_file(folder) -> None:
    ended = train(folder, ROOM_FOR_LINES, emptied_before=0)
    assert ended.returncode == 2
    line = error_line(ended.stderr)
    assert "step_00000008.pt: not saved" in line and "make room" in line
    checkpoints = folder / "left/voice/checkpoints"
    assert names(checkpoints) == ["step_00000002.pt", "step_00000003.pt"]
    assert read_checkpoint(checkpoints / "step_00000003.pt")["step"] == 3
    assert_trained_to_the_end(folder)


def test_curves_and_samples_of_a_full_disk_are_lost_but_not_the_run(folder) -> None:
    """Not a byte is free in steps 4 to 6, of which the last one is looked at."""
    ended = train(folder, 0, 7, "train.validate_every=6")
    assert ended.returncode == 0, ended.stderr
    for what in ("curves", "TensorBoard's curves and samples", "samples"):
        assert f"runs/voice: {what} are lost, with 0.0 MB free" in ended.stderr
    voice = folder / "left/voice"
    assert names(voice / "checkpoints") == ["step_00000007.pt", "step_00000008.pt"]
    # A line or two may find room that another file has left.
    steps = [line["step"] for line in scalars(voice) if "train/mel" in line]
    assert steps[:3] == [1, 2, 3] and steps[-2:] == [7, 8]
    assert len(list((voice / "tensorboard").iterdir())) == 2  # the second one begins at step 7
