"""Steps with NaN: skipped without a trace, told with loss and utterances, and left behind by going
back to a checkpoint when they go on.

The data makes 4 batches of 2 utterances an epoch.
"""

import copy
import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import train as train_script
import vits.training
from hifigan.errors import UserError
from hifigan.training_state import TrainingState
from tests.one_step import make, step
from tests.small_run import call, error_line, write_config, write_data
from tests.test_resume import ALONE, assert_same, curves, newest, train
from vits.data import Batch
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
MEMORY = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer", "ema")
Due = Callable[[TrainingState, Batch], bool]
NAN = float("nan")


def poisoned(batch: Batch, row: int = 0) -> Batch:
    wav = batch.wav.clone()
    wav[row] = NAN
    return dataclasses.replace(batch, wav=wav)


def snapshot(experiment: VitsTraining) -> dict:
    return copy.deepcopy(experiment.state.state_dict(ALONE))


@pytest.fixture
def poison(monkeypatch) -> Callable[[Due], list[tuple[int, int, list[str]]]]:
    """Makes the first utterance NaN in steps that are `due`.

    Gives the list of all steps to come: number, order of the data, ids.
    """

    def start(due: Due) -> list[tuple[int, int, list[str]]]:
        take_step, taken = VitsTraining.train_step, []

        def step(experiment: VitsTraining, batch: Batch, dry: bool = False) -> dict[str, Tensor]:
            if dry:
                return take_step(experiment, batch, dry=True)
            state = experiment.state
            taken.append((state.step + 1, state.order, batch.ids))
            return take_step(experiment, poisoned(batch) if due(state, batch) else batch)

        monkeypatch.setattr(VitsTraining, "train_step", step)
        return taken

    return start


# One step


@pytest.mark.parametrize("optimizer", ["AdamW", "RAdam"])
def test_a_nan_in_one_utterance_skips_the_step_without_a_trace(smallest, optimizer) -> None:
    experiment, batch = make(
        smallest(f"train.optimizer={optimizer}", "train.lr=0.001", "train.ema_decay=0.9")
    )
    for _ in range(3):
        step(experiment, batch)
    before = snapshot(experiment)
    losses = step(experiment, poisoned(batch, row=2))
    assert losses["discriminator"].isnan() and losses["mel"].isnan()
    for name in MEMORY:
        assert_same(snapshot(experiment)[name], before[name], name)
    step(experiment, batch)
    for name in MEMORY:
        with pytest.raises(AssertionError):
            assert_same(snapshot(experiment)[name], before[name])


def test_a_nan_in_the_generators_losses_skips_its_update_alone(smallest, monkeypatch) -> None:
    experiment, batch = make(smallest("train.ema_decay=0.9"))
    step(experiment, batch)
    before = snapshot(experiment)
    monkeypatch.setattr(vits.training, "kl_loss", lambda output, n: output.z_p.sum() * NAN)
    losses = step(experiment, batch)
    assert losses["kl"].isnan() and losses["generator_gradient_norm"].isnan()
    assert losses["discriminator_gradient_norm"].isfinite()
    after = snapshot(experiment)
    for name in ("generator", "generator_optimizer", "ema"):
        assert_same(after[name], before[name], name)
    for name, weight in experiment.state.discriminator.named_parameters():
        assert not weight.equal(before["discriminator"][name]), name


def test_a_nan_in_the_discriminators_loss_skips_both_updates(smallest, monkeypatch) -> None:
    experiment, batch = make(smallest("train.ema_decay=0.9"))
    step(experiment, batch)
    before = snapshot(experiment)
    judge = vits.training.discriminator_loss
    monkeypatch.setattr(vits.training, "discriminator_loss", lambda *both: judge(*both) * NAN)
    losses = step(experiment, batch)
    assert losses["total"].isfinite() and losses["discriminator"].isnan()
    for name in MEMORY:
        assert_same(snapshot(experiment)[name], before[name], name)


# In a run


def test_the_log_names_the_losses_and_the_utterances(
    smallest, train, poison, monkeypatch, tmp_path, caplog
) -> None:
    taken = poison(lambda state, batch: state.step == 2)
    found = train(smallest(), tmp_path / "run", 4)
    (line,) = [r.getMessage() for r in caplog.records if "is skipped" in r.getMessage()]
    assert line.startswith("step 3 is skipped: discriminator, mel, kl, ")
    assert line.endswith(f"with {', '.join(taken[2][2])}")
    assert found.state.step == 4 and found.state.is_finite()

    caplog.clear()
    duration_loss = vits.training.duration_loss
    monkeypatch.setattr(
        vits.training, "duration_loss", lambda output, n: duration_loss(output, n) * NAN
    )
    train(smallest(), tmp_path / "run", 5)
    (line,) = [r.getMessage() for r in caplog.records if "is skipped" in r.getMessage()]
    assert "skipped: duration, total, generator_gradient_norm NaN" in line


def test_after_bad_steps_in_a_row_the_run_goes_back_and_on_in_another_order(
    smallest, train, poison, tmp_path, caplog
) -> None:
    caplog.set_level(logging.INFO)
    settings = ("train.save_every=4", "train.max_bad_steps=3", "train.max_rollbacks=1")
    taken = poison(lambda state, batch: state.step >= 5 and state.order == 0)
    found = train(smallest(*settings), tmp_path / "run", 12)
    assert [n for n, *_ in taken] == [*range(1, 9), *range(5, 13)]
    assert [order for _, order, _ in taken] == 8 * [0] + 8 * [1]
    first, second = ([ids for *_, ids in taken[i : i + 4]] for i in (4, 8))  # the second epoch
    assert first != second and sorted(sum(first, [])) == sorted(sum(second, []))
    assert "3 steps in a row were skipped, the last one for " in caplog.text
    assert "step_00000004.pt, with the data in another order (1 of at most 1 times)" in caplog.text
    assert found.state.step == 12 and found.state.order == 1 and found.state.is_finite()
    lines = curves(tmp_path / "run")
    steps = [line["step"] for line in lines if "train/mel" in line]
    assert steps == list(range(1, 13)), "what came behind the checkpoint is dropped"
    assert all(line["train/mel"] == line["train/mel"] for line in lines if "train/mel" in line)
    assert newest(tmp_path / "run")["order"] == 1


def test_bad_steps_count_in_a_row_only(smallest, train, poison, tmp_path) -> None:
    poison(lambda state, batch: state.step % 3 > 0)  # two of three
    found = train(smallest("train.max_bad_steps=3"), tmp_path / "run", 12)
    assert found.state.step == 12 and found.state.order == 0


@pytest.mark.parametrize(
    "save_every, told", [(2, "after 2 returns to a checkpoint"), (100, "no checkpoint")]
)
def test_a_fault_that_stays_ends_the_run_in_one_line(
    poison, call, tmp_path, save_every, told
) -> None:
    write_data(tmp_path / "data")
    write_config(
        tmp_path / "small.json",
        f"train.save_every={save_every}",
        "train.max_bad_steps=3",
        "train.max_rollbacks=2",
    )
    taken = poison(lambda state, batch: state.step >= 4)
    code, err = call(tmp_path, train_script.main, "-c", "small.json", "-m", "run")
    line = error_line(err)
    assert code == 2 and f"3 steps in a row were skipped ({told})" in line
    assert "NaN" in line and taken[-1][2][0] in line and "lower train.lr" in line
    n_returns = 2 if save_every == 2 else 0
    assert [n for n, *_ in taken] == [1, 2, 3, 4] + (n_returns + 1) * [5, 6, 7]
    saved = sorted(path.name for path in (tmp_path / "runs/run/checkpoints").glob("*.pt"))
    assert saved == (["step_00000002.pt", "step_00000004.pt"] if n_returns else [])
    assert not n_returns or "step_00000004.pt, is good" in line


# Checkpoints


def saved_steps(run: Path) -> list[int]:
    return [int(path.stem[-8:]) for path in sorted((run / "checkpoints").glob("step_*.pt"))]


def test_no_checkpoint_is_written_behind_a_bad_step_until_a_good_one(
    smallest, train, poison, tmp_path
) -> None:
    poison(lambda state, batch: state.step + 1 in (4, 5, 9))
    train(smallest("train.save_every=4", "train.keep_last=9"), tmp_path / "run", 10)
    assert saved_steps(tmp_path / "run") == [6, 8, 10], "step 4's is owed until step 6"


def test_a_stop_saves_behind_a_bad_step_if_the_weights_are_finite(
    smallest, train, poison, tmp_path
) -> None:
    poison(lambda state, batch: state.step + 1 == 3)
    train(smallest(), tmp_path / "run", 3)
    assert saved_steps(tmp_path / "run") == [3]
    assert train(smallest(), tmp_path / "run", 5).state.step == 5


def test_weights_that_are_nan_are_never_saved_and_left_behind(
    smallest, train, tmp_path, caplog
) -> None:
    def spoil(experiment: VitsTraining) -> None:
        if experiment.state.step == 5 and experiment.state.order == 0:
            with torch.no_grad():
                experiment.state.generator.decoder.input.bias[0] = NAN

    settings = ("train.save_every=2", "train.keep_last=9", "train.max_bad_steps=3")
    with pytest.raises(UserError, match="not saved: weights became NaN"):
        train(smallest(*settings), tmp_path / "stopped", 7, watch=spoil)
    assert saved_steps(tmp_path / "stopped") == [2, 4]
    found = train(smallest(*settings), tmp_path / "run", 9, watch=spoil)
    assert found.state.order == 1 and found.state.is_finite()
    assert saved_steps(tmp_path / "run") == [2, 4, 6, 8, 9]
