"""Where a run begins: each option means what its help says, and one line says which it was."""

import logging
import re
import shutil
from typing import Any

import pytest

import finetune
import train
from hifigan.checkpoint import read_checkpoint
from tests.small_run import call, contents, error_line, trained  # noqa: F401 (fixtures)
from tests.test_resume import assert_same

NEWEST = "runs/voice/checkpoints/step_00000002.pt"
STILL = ("--set", "train.lr=1e-30", "--set", 'train.optimizer_options={"weight_decay": 0}')
WEIGHTS = ("generator", "discriminator")


@pytest.fixture
def begin(trained, call, caplog):
    """Run a script to its end in the folder `trained`: the line that says how the run began."""

    def run(main, *arguments: object) -> str:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            code, err = call(trained, main, *arguments)
        assert code == 0, err
        (line,) = (
            message
            for message in caplog.messages
            if re.match("resuming|new run|continuing", message)
        )
        return line

    return run


@pytest.fixture
def refused(trained, call):
    """Run a script that must refuse: its one line; nothing is made or changed."""

    def run(main, *arguments: object) -> str:
        before = contents(trained)
        code, err = call(trained, main, *arguments)
        assert code == 2 and contents(trained) == before
        return error_line(err)

    return run


def saved(trained, run: str, step: int) -> dict[str, Any]:
    return read_checkpoint(trained / f"runs/{run}/checkpoints/step_{step:08d}.pt")


def test_continue_path_is_the_same_run_with_everything_and_its_own_config(trained, begin) -> None:
    for name in ("named", "pathed"):
        shutil.copytree(trained / "runs/voice", trained / "runs" / name)
    begin(train.main, "-c", "small.json", "-m", "named", "--max_steps", 3)
    line = begin(train.main, "--continue_path", "runs/pathed", "--max_steps", 3)
    assert line.startswith("resuming from runs/pathed/checkpoints/step_00000002.pt: step 2")
    assert_same(saved(trained, "pathed", 3), saved(trained, "named", 3))


@pytest.mark.parametrize("path", ["runs/voice", "runs/voice/checkpoints", NEWEST])
def test_restore_from_begins_a_new_run_with_everything(trained, begin, path) -> None:
    """Of a file, or of the newest one in a folder: it goes on like the run that was left."""
    name = f"from_{path.count('/')}"
    shutil.rmtree(trained / "runs/gone_on", ignore_errors=True)
    shutil.copytree(trained / "runs/voice", trained / "runs/gone_on")
    begin(train.main, "--continue_path", "runs/gone_on", "--max_steps", 3)
    before = contents(trained / "runs/voice")
    line = begin(
        train.main, "-c", "small.json", "-m", name, "--restore_from", path, "--max_steps", 3
    )
    assert line.startswith(f"resuming from {NEWEST}: step 2, epoch 0, batch 2")
    assert_same(saved(trained, name, 3), saved(trained, "gone_on", 3))
    assert contents(trained / "runs/voice") == before


@pytest.mark.parametrize(
    "main, option",
    [
        (train.main, "--restore_path"),
        (finetune.main, "--restore_from"),
        (finetune.main, "--restore_path"),
    ],
    ids=["train --restore_path", "finetune --restore_from", "finetune --restore_path"],
)
def test_weights_alone_begin_a_new_run_at_step_0(trained, begin, main, option) -> None:
    name = f"weights_of_{main.__module__}_{option.strip('-')}"
    arguments = ("-c", "small.json", "-m", name, option, NEWEST, *STILL)
    line = begin(main, *arguments, "--max_steps", 1)
    assert line == f"new run at step 0 with the weights of {NEWEST}; fresh optimizers"
    found, origin = saved(trained, name, 1), saved(trained, "voice", 2)
    assert (found["step"], found["epoch"], found["batch"]) == (1, 0, 1)
    for network in WEIGHTS:
        assert_same(found[network], origin[network])
        states = found[f"{network}_optimizer"]["state"].values()
        assert states and all(state["step"] == 1 for state in states)


def test_the_same_command_again_goes_on_wherever_the_run_began(trained, begin, caplog) -> None:
    arguments = ("-c", "small.json", "-m", "again", "--restore_path", NEWEST)
    begin(train.main, *arguments, "--max_steps", 1)
    line = begin(train.main, *arguments, "--max_steps", 2)
    assert line.startswith("resuming from runs/again/checkpoints/step_00000001.pt: step 1")
    assert f"{NEWEST} was the beginning of this run, which goes on from there" in caplog.messages


def test_from_scratch_begins_with_random_weights_and_never_over_a_run(
    trained, begin, refused
) -> None:
    arguments = ("-c", "small.json", "-m", "scratch", "--from_scratch", "--max_steps", 1)
    assert begin(train.main, *arguments) == "new run at step 0 with random weights"
    assert_same(
        {network: saved(trained, "scratch", 1)[network] for network in WEIGHTS},
        {network: saved(trained, "voice", 1)[network] for network in WEIGHTS},
    )
    line = refused(train.main, *arguments)
    assert "runs/scratch: has checkpoints" in line and "--from_scratch" in line


@pytest.mark.parametrize(
    "main, arguments, says",
    [
        (train.main, ("--continue_path", "data"), "data: has no checkpoints to go on from"),
        (train.main, ("--continue_path", "nowhere"), "nowhere: has no checkpoints to go on from"),
        (train.main, ("--continue_path", "runs/voice", "-m", "voice"), "leave -m out"),
        (
            train.main,
            ("--continue_path", "runs/voice", "--restore_path", NEWEST),
            "--restore_path: not allowed with argument --continue_path",
        ),
        (
            train.main,
            ("-c", "small.json", "--from_scratch", "--restore_from", NEWEST),
            "--restore_from: not allowed with argument --from_scratch",
        ),
        (train.main, ("-m", "voice"), "-c/--config is missing"),
        (train.main, ("--restore_from", "runs/voice", "-m", "b"), "-c/--config is missing"),
        (
            train.main,
            ("-c", "small.json", "-m", "b", "--restore_from", "data"),
            "data: has no voice",
        ),
        (
            train.main,
            ("-c", "small.json", "-m", "b", "--restore_path", "runs/voice/nowhere.pt"),
            "runs/voice/nowhere.pt: no such checkpoint",
        ),
        (finetune.main, ("-m", "b"), "--restore_from/--restore_path"),
        (finetune.main, ("-m", "b", "--restore_path", "data"), "data: has no voice"),
    ],
)
def test_mistakes_are_told_in_one_line_and_make_nothing(refused, main, arguments, says) -> None:
    assert says in refused(main, *arguments)
