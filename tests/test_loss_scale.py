"""fp16's loss scale: it finds its size, and a resumed run goes on with the one it had."""

import copy
import logging
import math
from typing import Any

import pytest

from tests.test_resume import ALONE, assert_equals_unbroken, assert_same, newest, train
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
FP16 = "train.mixed_precision=fp16"


def set_scaler(experiment: VitsTraining, **values: Any) -> None:
    scaler = experiment.state.scaler
    scaler.load_state_dict(scaler.state_dict() | values)


def test_an_overflow_skips_the_step_and_halves_the_scale_and_the_run_goes_on(
    smallest, train, tmp_path, caplog
) -> None:
    states = []

    def watch(experiment: VitsTraining) -> None:
        if not states:
            set_scaler(experiment, scale=2.0**9)
        states.append(copy.deepcopy(experiment.state.state_dict(ALONE)))

    with caplog.at_level(logging.INFO):
        trained = train(smallest(FP16, "train.ema_decay=0.9"), tmp_path / "run", 10, watch=watch)
    scales = [state["scaler"]["scale"] for state in states]
    skipped = [i for i, (a, b) in enumerate(zip(scales, scales[1:])) if a != b]
    assert skipped == list(range(len(skipped))) and 0 < len(skipped) < 8
    assert scales[: len(skipped) + 1] == [2.0 ** (9 - i) for i in range(len(skipped) + 1)]
    for i in skipped:  # the networks overflow one by one, the generator first
        assert_same(states[i + 1]["generator"], states[i]["generator"])
        assert_same(states[i + 1]["ema"], states[i]["ema"])
    bias = "decoder.input.bias"
    after = [state["generator"][bias] for state in states[len(skipped) :]]
    assert all(not a.equal(b) for a, b in zip(after, after[1:]))
    assert trained.state.step == 10 and trained.state.order == 0
    assert "is skipped" not in caplog.text, "an overflow is no fault"


def test_a_run_resumed_in_fp16_goes_on_with_its_loss_scale(smallest, train, tmp_path) -> None:
    def watch(experiment: VitsTraining) -> None:
        if experiment.state.step == 0:
            set_scaler(experiment, scale=2.0, growth_interval=2)

    whole = train(smallest(FP16), tmp_path / "whole", 5, watch=watch)
    first = train(smallest(FP16), tmp_path / "run", 3, watch=watch)
    assert newest(tmp_path / "run")["scaler"]["scale"] == 4
    assert newest(tmp_path / "run")["scaler"]["_growth_tracker"] == 1
    second = train(smallest(FP16), tmp_path / "run", 5)
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")
    assert second.state.scaler.get_scale() == 8


@pytest.mark.parametrize("before, after", [("bf16", "fp16"), ("fp16", "bf16"), ("false", "fp16")])
def test_a_run_goes_on_in_another_precision(smallest, train, tmp_path, before, after) -> None:
    train(smallest(f"train.mixed_precision={before}"), tmp_path / "run", 2)
    scales = []
    trained = train(
        smallest(f"train.mixed_precision={after}"),
        tmp_path / "run",
        4,
        watch=lambda experiment: scales.append(experiment.state.scaler.get_scale()),
    )
    assert trained.state.step == 4 and trained.state.scaler.is_enabled() == (after == "fp16")
    assert scales[0] == (65536 if after == "fp16" else 1)
    assert math.isfinite(trained.experiment.validate().losses[0]["total"])
