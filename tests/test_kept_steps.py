"""Which steps a run keeps: milestones and the best, in spite of skipped steps, full disks, other
runs and samples that memory does not suffice for.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import train as train_script
from hifigan.experiment import Validation
from hifigan.start import Start
from tests.same_run import names
from tests.small_run import call, write_config, write_data  # noqa: F401 (fixture)
from tests.test_bad_steps import poison  # noqa: F401 (fixture)
from tests.test_resume import train  # noqa: F401 (fixture)
from vits.model import VitsModel
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
LOOKING = ("train.validate_every=1", "train.keep_last=9")


@pytest.fixture
def judged(monkeypatch) -> Callable[[Sequence[float]], None]:
    """Gives validation these mel errors, one for each look, and leaves the samples out."""

    def give(mels: Sequence[float]) -> None:
        left = iter(mels)
        monkeypatch.setattr(
            VitsTraining,
            "validate",
            lambda experiment: Validation([{"mel": next(left), "total": 0.0}], []),
        )
        monkeypatch.setattr(VitsTraining, "show", lambda *_: None)

    return give


def best_files(run: Path) -> list[str]:
    return [name for name in names(run / "checkpoints") if name.startswith("best_")]


# The best


def test_the_best_step_has_its_file_also_if_its_training_was_skipped(
    smallest, train, poison, judged, tmp_path
) -> None:
    poison(lambda state, batch: state.step + 1 == 2)
    judged([3.0, 1.0, 2.0, 2.0])
    state = train(smallest(*LOOKING), tmp_path / "run", 4).state
    assert (state.best, state.best_step) == (1.0, 2)
    assert best_files(tmp_path / "run") == ["best_step_00000002.pt"]


def test_a_step_that_the_disk_has_no_room_for_is_not_the_best(
    smallest, train, judged, monkeypatch, tmp_path, caplog
) -> None:
    disk = SimpleNamespace(free=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)

    def fill(experiment: VitsTraining) -> None:
        disk.free = 0 if experiment.state.step + 1 == 2 else 10**12

    judged([3.0, 1.0, 2.0, 2.0])
    state = train(smallest(*LOOKING), tmp_path / "run", 4, watch=fill).state
    assert "step_00000002.pt: not saved: " in caplog.text
    assert (state.best, state.best_step) == (2.0, 3)
    assert best_files(tmp_path / "run") == ["best_step_00000003.pt"]


def test_a_run_from_another_ones_state_has_a_best_step_of_its_own_and_keeps_it(
    smallest, train, judged, tmp_path
) -> None:
    config = smallest(*LOOKING)
    bests = []

    def note(experiment: VitsTraining) -> None:
        state = experiment.state
        bests.append((state.step, state.best, state.best_step))

    judged([1.0, 5.0, 4.0, 6.0, 7.0])
    train(config, tmp_path / "first", 2)
    beginning = Start(tmp_path / "first", resumes=True)
    train(config, tmp_path / "second", 4, watch=note, beginning=beginning)
    assert bests == [(2, None, None), (3, 4.0, 3)]
    assert best_files(tmp_path / "second") == ["best_step_00000003.pt"]
    train(config, tmp_path / "second", 5, watch=note, beginning=beginning)
    assert bests[2:] == [(4, 4.0, 3)]
    assert best_files(tmp_path / "second") == ["best_step_00000003.pt"]


# Milestones


def test_milestones_fall_on_their_own_multiples(smallest, train, tmp_path) -> None:
    config = smallest("train.save_every=4", "train.keep_every=3", "train.keep_last=2")
    train(config, tmp_path / "run", 13)
    kept = (3, 6, 9, 12, 13)  # 13 is the last one; 4 and 8 came and went
    assert names(tmp_path / "run/checkpoints") == [f"step_{step:08d}.pt" for step in kept]


# Samples


def test_samples_without_memory_cost_a_warning_and_no_checkpoint(
    call, monkeypatch, tmp_path
) -> None:
    def synthesize(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("simulated")

    monkeypatch.setattr(VitsModel, "synthesize", synthesize)
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json", "train.validate_every=2", "train.save_every=2")
    code, err = call(
        tmp_path, train_script.main, *("-c", "small.json", "-m", "run", "--max_steps", 3)
    )
    assert code == 0, err
    lines = [line for line in err.splitlines() if "out of GPU memory" in line]
    assert lines == [
        f"step {step}: no samples: out of GPU memory; training goes on" for step in (2, 3)
    ]
    saved = [name for name in names(tmp_path / "runs/run/checkpoints") if name.startswith("step_")]
    assert saved == ["step_00000002.pt", "step_00000003.pt"]
