"""A run that was stopped and goes on equals one that was not, to the bit.

The data makes 4 batches an epoch. Dropout is on, and validation and saving fall in between.
"""

import dataclasses
import json
import logging
import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hifigan.checkpoint import CheckpointFolder, read_checkpoint
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.experiment import Validation
from hifigan.loop import Limits, resume_position
from hifigan.start import Start
from hifigan.training_state import COUNTERS, PARTS, TrainingState
from vits.config import VitsConfig
from vits.run import run_training
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
ALONE = Ranks(0, 1, torch.device("cpu"))
BETWEEN = ("train.validate_every=3", "train.save_every=7", "train.keep_last=20")


@dataclass
class Trained:
    """What one call of run_training did: the experiment at its end, and the batches' ids by
    step.
    """

    experiment: VitsTraining
    batches: dict[int, list[str]]

    @property
    def state(self) -> TrainingState:
        return self.experiment.state


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trained]:
    """Run the training, telling `watch(experiment)` before each step."""

    def call(
        config: VitsConfig,
        run: Path,
        max_steps: int | None = None,
        max_minutes: float | None = None,
        watch: Callable[[VitsTraining], None] = lambda experiment: None,
        **options: Any,
    ) -> Trained:
        seen: list[VitsTraining] = []
        batches: dict[int, list[str]] = {}
        step, build = VitsTraining.train_step, VitsTraining.__init__

        def watched_step(
            experiment: VitsTraining, batch: Any, dry: bool = False
        ) -> dict[str, Tensor]:
            if dry:
                return step(experiment, batch, dry=True)
            batches[experiment.state.step + 1] = batch.ids
            watch(experiment)
            return step(experiment, batch)

        def noted_build(experiment: VitsTraining, *arguments: Any) -> None:
            build(experiment, *arguments)
            seen.append(experiment)

        with monkeypatch.context() as patch:
            patch.setattr(VitsTraining, "train_step", watched_step)
            patch.setattr(VitsTraining, "__init__", noted_build)
            run_training(config, run, ALONE, Limits(max_steps, max_minutes), **options)
        return Trained(seen[0], batches)

    return call


def assert_same(found: Any, expected: Any, place: str = "") -> None:
    """Equal to the bit, all through nested dicts and lists."""
    assert type(found) is type(expected), place
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected:
            assert_same(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), place
        for i, (a, b) in enumerate(zip(found, expected)):
            assert_same(a, b, f"{place}[{i}]")
    elif isinstance(expected, Tensor):
        assert found.dtype == expected.dtype and torch.equal(found, expected), place
    else:
        assert found == expected, place


def newest(run: Path) -> dict[str, Any]:
    return CheckpointFolder(run / "checkpoints", keep_last=2).read_newest()[1]


def curves(run: Path) -> list[dict[str, Any]]:
    """The lines of scalars.jsonl without what the clock says."""
    lines = [
        json.loads(line)
        for line in (run / "scalars.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [
        {
            name: value
            for name, value in line.items()
            if not name.startswith("time") and not name.endswith("_per_second")
        }
        for line in lines
    ]


def assert_same_curves(run: Path, whole_run: Path) -> None:
    """The same lines, but for the look that a stop between two validations takes."""
    extra = [line for line in curves(run) if line not in curves(whole_run)]
    assert [line for line in curves(run) if line not in extra] == curves(whole_run)
    assert len({line["step"] for line in extra}) <= 1
    assert all(
        name.startswith(("step", "epoch", "valid/", "alignment/")) for e in extra for name in e
    )


def assert_equals_unbroken(
    first: Trained, second: Trained, run: Path, whole: Trained, whole_run: Path
) -> None:
    assert not first.batches.keys() & second.batches.keys()
    assert first.batches | second.batches == whole.batches
    assert_same(newest(run), newest(whole_run))
    assert_same(second.state.state_dict(ALONE), whole.state.state_dict(ALONE))
    assert_same_curves(run, whole_run)


# To the bit


@pytest.mark.parametrize(
    "stop, n_workers",
    [(10, 0), (8, 0), (10, 2)],
    ids=["in an epoch", "at an epoch's end", "with loader processes"],
)
def test_twenty_steps_equal_some_stop_and_the_rest(
    smallest, train, tmp_path, stop, n_workers
) -> None:
    config = smallest(*BETWEEN, f"train.num_workers={n_workers}")
    whole = train(config, tmp_path / "whole", 20)
    first = train(config, tmp_path / "run", stop)
    assert first.state.step == stop and len(first.batches) == stop
    second = train(config, tmp_path / "run", 20)
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")
    assert (second.state.step, second.state.epoch, second.state.batch) == (20, 5, 0)
    assert len({tuple(ids) for ids in whole.batches.values()}) > 8, (
        "epochs are shuffled differently"
    )


def test_saving_and_looking_do_not_change_the_training(smallest, train, tmp_path) -> None:
    often = train(smallest("train.validate_every=2", "train.save_every=3"), tmp_path / "often", 9)
    never = train(smallest(), tmp_path / "never", 9)
    best = {"best": often.state.best, "best_step": often.state.best_step}
    expected = never.state.state_dict(ALONE) | best
    assert_same(often.state.state_dict(ALONE), expected)


def test_a_checkpoint_holds_all_parts_and_only_plain_values(smallest, train, tmp_path) -> None:
    train(smallest("train.validate_every=2"), tmp_path / "run", 3)
    contents = newest(tmp_path / "run")
    assert contents.keys() == {*PARTS, *COUNTERS, "config", "random"} - {"ema"}
    assert contents["config"]["text"]["symbols"][0] == "_", (
        "the symbols are in the checkpoint, not from_data"
    )

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                assert isinstance(key, (str, int))
                look(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                look(item)
        else:
            assert type(value) in (Tensor, int, float, str, bool, type(None)), type(value)

    look(contents)


# Stopping


@pytest.mark.parametrize(
    "number, at",
    [(signal.SIGTERM, 6), (signal.SIGINT, 8)],
    ids=["SIGTERM in an epoch", "SIGINT at an epoch's end"],
)
def test_a_signal_in_a_step_saves_and_the_rest_equals_the_unbroken_run(
    smallest, train, tmp_path, caplog, number, at
) -> None:
    def send(experiment: VitsTraining) -> None:
        if experiment.state.step + 1 == at:
            os.kill(os.getpid(), number)

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    config = smallest(*BETWEEN)
    whole = train(config, tmp_path / "whole", 12)
    with caplog.at_level(logging.INFO):
        first = train(config, tmp_path / "run", 12, watch=send)
    assert first.state.step == at and f"interrupted at step {at}" in caplog.text
    assert newest(tmp_path / "run")["step"] == at
    assert handlers == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    second = train(config, tmp_path / "run", 12)
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")


def test_loader_processes_outlive_the_signal_that_stops_the_run(smallest, train, tmp_path) -> None:
    # Twelve steps of three epochs; Ctrl-C in a terminal reaches every process of the group.
    def send(experiment: VitsTraining) -> None:
        if experiment.state.step == 1:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGINT)
                os.kill(process.pid, signal.SIGTERM)

    config = smallest("train.num_workers=2")
    assert train(config, tmp_path / "run", 12, watch=send).state.step == 12


def test_minutes_end_the_run_after_a_step_and_it_goes_on(smallest, train, tmp_path, caplog) -> None:
    config = smallest(*BETWEEN)
    whole = train(config, tmp_path / "whole", 4)
    with caplog.at_level(logging.INFO):
        first = train(config, tmp_path / "run", max_minutes=0)
    assert first.state.step == 1 and "out of time at step 1" in caplog.text
    second = train(config, tmp_path / "run", 4, max_minutes=10)
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")


def test_the_epochs_of_the_config_end_the_run(smallest, train, tmp_path) -> None:
    config = smallest("train.epochs=2")
    done = train(config, tmp_path / "run")
    assert (done.state.step, done.state.epoch, done.state.batch) == (8, 2, 0)
    assert train(config, tmp_path / "run").batches == {}
    assert newest(tmp_path / "run")["step"] == 8


def test_no_steps_at_all_are_none(smallest, train, tmp_path) -> None:
    assert train(smallest(), tmp_path / "run", 0).batches == {}


# Crashes


def test_a_crash_between_saves_loses_no_more_than_the_steps_since(
    smallest, train, tmp_path
) -> None:
    def crash(experiment: VitsTraining) -> None:
        if experiment.state.step == 10:
            raise RuntimeError("power cut")

    config = smallest(*BETWEEN)
    whole = train(config, tmp_path / "whole", 14)
    with pytest.raises(RuntimeError, match="power cut"):
        train(config, tmp_path / "run", 14, watch=crash)
    with (tmp_path / "run/scalars.jsonl").open("a") as file:
        file.write('{"step": 11, "epo')  # the line that was being written
    second = train(config, tmp_path / "run", 14)
    start = min(second.batches)
    assert start in (8, 10), "step 7 was saved, and step 9 if it was the best"
    assert second.batches == {step: ids for step, ids in whole.batches.items() if step >= start}
    assert_same(newest(tmp_path / "run"), newest(tmp_path / "whole"))
    assert curves(tmp_path / "run") == curves(tmp_path / "whole"), "no line twice, none lost"


def test_a_crash_before_the_first_save_starts_over_without_old_curves(
    smallest, train, tmp_path
) -> None:
    def crash(experiment: VitsTraining) -> None:
        if experiment.state.step == 2:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(smallest(), tmp_path / "run", 4, watch=crash)
    train(smallest(), tmp_path / "run", 4)
    steps = [line["step"] for line in curves(tmp_path / "run") if "train/mel" in line]
    assert steps == [1, 2, 3, 4]


def test_a_damaged_newest_checkpoint_costs_the_steps_since_the_one_before(
    smallest, train, tmp_path
) -> None:
    config = smallest(*BETWEEN)
    whole = train(config, tmp_path / "whole", 12)
    train(config, tmp_path / "run", 5)
    train(config, tmp_path / "run", 8)
    (tmp_path / "run/checkpoints/step_00000008.pt").write_bytes(b"PK")
    train(config, tmp_path / "run", 12)
    assert_same(newest(tmp_path / "run"), newest(tmp_path / "whole"))
    assert_same_curves(tmp_path / "run", tmp_path / "whole")
    assert whole.state.step == 12


# A changed run


def test_a_changed_setting_is_logged_and_rules_from_here_on(
    smallest, train, tmp_path, caplog
) -> None:
    train(smallest(), tmp_path / "run", 5)  # one epoch behind: the rate has decayed once
    with caplog.at_level(logging.INFO):
        second = train(
            smallest(
                "train.lr=0.001",
                "train.optimizer_options.betas=[0.5, 0.9]",
                "train.optimizer_options.weight_decay=0.1",
                "train.lr_schedule_options.gamma=0.5",
            ),
            tmp_path / "run",
            6,
        )
    assert "changed since step_00000005.pt: train.lr was 0.002, is 0.001" in caplog.text
    group = second.state.generator_optimizer.param_groups[0]
    assert group["lr"] == pytest.approx(0.001 * 0.999875)
    assert (tuple(group["betas"]), group["weight_decay"]) == ((0.5, 0.9), 0.1)
    third = train(
        smallest("train.lr=0.001", "train.lr_schedule_options.gamma=0.5"), tmp_path / "run", 9
    )
    group = third.state.discriminator_optimizer.param_groups[0]
    assert group["lr"] == pytest.approx(0.001 * 0.999875 * 0.5)


@pytest.mark.parametrize(
    "setting",
    [
        "model.latent_channels=16",
        "audio.n_mels=10",
        "discriminator.periods=[2]",
        "text.add_blank=false",
        "data.speakers=from_data",
        "train.optimizer=RAdam",
    ],
)
def test_a_change_that_weights_or_moments_do_not_fit_is_refused(
    smallest, train, tmp_path, setting
) -> None:
    train(smallest(), tmp_path / "run", 1)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=setting.partition("=")[0]) as caught:
        train(smallest(setting), tmp_path / "run", 2)
    assert str(caught.value).isprintable()
    assert before == {
        path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()
    }


def test_a_run_goes_on_under_another_precision(smallest, train, tmp_path) -> None:
    train(smallest(), tmp_path / "run", 2)
    contents = newest(tmp_path / "run")
    second = train(smallest("train.mixed_precision=bf16"), tmp_path / "run", 3)
    assert second.state.step == 3
    second.state.scaler = torch.amp.GradScaler("cpu")  # as under fp16
    second.state.load_state_dict(contents, ALONE)
    assert second.state.step == 2


@pytest.mark.parametrize(
    "batch, before, now, position",
    [(2, 4, 8, 4), (3, 4, 2, 1), (1, 4, 1, 0), (0, 4, 9, 0), (3, 4, 4, 3)],
)
def test_the_position_fits_an_epoch_of_another_length(batch, before, now, position) -> None:
    state = TrainingState(
        *[None] * len(PARTS), ema_share=None, count=None, batch=batch, n_batches=before
    )
    resume_position(state, now)
    assert (state.batch, state.n_batches) == (position, now)


@pytest.mark.parametrize("batch_size, last_step", [(1, 6 + 4 + 8), (4, 6 + 1 + 2)])
def test_another_batch_size_goes_on_in_the_epoch_and_finishes_all_epochs(
    smallest, train, tmp_path, caplog, batch_size, last_step
) -> None:
    train(smallest("train.epochs=3"), tmp_path / "run", 6)  # half of the second epoch
    config = smallest("train.epochs=3", f"train.batch_size={batch_size}")
    second = train(config, tmp_path / "run")
    assert "the epoch had 4 batches and now has" in caplog.text
    assert (second.state.step, second.state.epoch, second.state.batch) == (last_step, 3, 0)


def test_weights_of_another_run_start_at_step_0_with_fresh_optimizers(
    smallest, train, tmp_path
) -> None:
    first = train(smallest(), tmp_path / "first", 3)

    def look(experiment: VitsTraining) -> None:
        moments = experiment.state.generator_optimizer.state_dict()["state"]
        assert experiment.state.step == 0 and not moments
        assert_same(experiment.state.generator.state_dict(), first.state.generator.state_dict())
        assert_same(
            experiment.state.discriminator.state_dict(), first.state.discriminator.state_dict()
        )

    train(
        smallest("train.optimizer=RAdam"),
        tmp_path / "second",
        1,
        watch=look,
        beginning=Start(tmp_path / "first", resumes=False),
    )


# Validation


def test_the_best_checkpoint_is_that_of_the_lowest_validation_mel(
    smallest, train, tmp_path, monkeypatch
) -> None:
    mels = iter([math.nan, 3.0, 2.0, 2.5, math.nan, 2.0])
    monkeypatch.setattr(
        VitsTraining,
        "validate",
        lambda experiment: Validation([{"mel": next(mels), "total": 0.0}], []),
    )
    monkeypatch.setattr(VitsTraining, "show", lambda *arguments: None)
    config = smallest("train.validate_every=1", "train.keep_last=2")
    train(config, tmp_path / "run", 4)
    done = train(config, tmp_path / "run", 6)
    assert done.state.best == 2.0
    files = sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    assert files == ["best_step_00000003.pt", "step_00000004.pt", "step_00000006.pt"]
    assert read_checkpoint(tmp_path / "run/checkpoints/best_step_00000003.pt")["step"] == 3


def test_validation_twice_is_the_same_and_leaves_the_training_untouched(
    smallest, train, tmp_path
) -> None:
    experiment = train(smallest(), tmp_path / "run", 2).experiment
    before = experiment.state.state_dict(ALONE)
    before = torch.utils._pytree.tree_map(
        lambda v: v.clone() if isinstance(v, Tensor) else v, before
    )
    first, second = experiment.validate(), experiment.validate()
    assert len(first.losses) == 2 and first == second
    for losses in first.losses:
        assert all(math.isfinite(value) for value in losses.values())
        assert losses.keys() == {
            "discriminator",
            "total",
            *dataclasses.asdict(experiment.config.loss).keys()
            - {"subband", "duration_adversarial"},
        }
    assert_same(experiment.state.state_dict(ALONE), before)


def test_without_validation_utterances_training_goes_on(
    smallest, train, data_folder, tmp_path
) -> None:
    (data_folder / "valid.csv").unlink()
    done = train(smallest("data.n_valid=0", "train.validate_every=1"), tmp_path / "run", 2)
    assert done.state.step == 2 and done.state.best is None
