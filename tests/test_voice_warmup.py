"""While fresh discriminators beside a trained voice warm up, they learn and the voice rests."""

from pathlib import Path

import pytest
import torch

from tests.one_step import NORMS, make, step
from tests.test_resume import (  # noqa: F401
    ALONE,
    BETWEEN,
    assert_equals_unbroken,
    assert_same,
    train,
)
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_generator_rests_to_the_bit_and_then_learns(smallest, accumulate) -> None:
    settings = (f"train.accumulate={accumulate}", "train.ema_decay=0.9", "train.grad_clip=1")
    experiment, batch = make(smallest(*settings))
    state = experiment.state
    state.warmup_until, state.n_batches = 2, 9
    generator, judge = weights(state.generator), weights(state.discriminator)
    for _ in range(2):
        losses = step(experiment, batch)
        assert losses.keys() == {"discriminator", "discriminator_gradient_norm"}
        state.advance()
    assert_same(weights(state.generator), generator)
    assert_same(weights(state.ema), generator)
    assert not state.generator_optimizer.state, "the moments have not begun"
    assert all(p.grad is None for p in state.generator.parameters())
    assert not any(
        torch.equal(value, judge[n]) for n, value in state.discriminator.named_parameters()
    )
    losses = step(experiment, batch)
    assert NORMS < losses.keys() and "mel" in losses
    assert not torch.equal(state.generator.decoder.input.weight, generator["decoder.input.weight"])


def test_a_rehearsal_takes_a_whole_step_all_the_same(smallest) -> None:
    experiment, batch = make(smallest())
    state = experiment.state
    state.warmup_until = 5
    before = weights(state.generator), weights(state.discriminator)
    experiment.rehearse(batch)
    assert state.generator.decoder.input.weight.grad.abs().max() > 0
    assert_same((weights(state.generator), weights(state.discriminator)), before)


def test_a_stop_in_the_warm_up_changes_no_bit(smallest, train, tmp_path: Path) -> None:  # noqa: F811
    def begin(experiment: VitsTraining) -> None:
        if experiment.state.step == 0:
            experiment.state.warmup_until = 4

    config = smallest(*BETWEEN)
    whole = train(config, tmp_path / "whole", 6, watch=begin)
    first = train(config, tmp_path / "run", 2, watch=begin)
    second = train(config, tmp_path / "run", 6, watch=begin)
    assert second.state.state_dict(ALONE)["warmup_until"] == 4
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")


def test_rates_rise_from_the_step_at_which_weights_begin_to_learn(smallest) -> None:
    """With fresh moments, a full rate would move every weight as far as it can."""
    layers = ('train.freeze_layers=["flow"]', "train.unfreeze_at=3", "train.warmup_steps=4")
    state = VitsTraining(smallest(*layers), ALONE, [], []).state
    state.n_batches, state.warmup_until = 100, 2
    found = []
    for _ in range(8):
        state.advance()
        groups = state.generator_optimizer.param_groups
        found.append([round(group["lr"] / group["base_lr"], 6) for group in groups])
    assert found[1:] == [
        [0.25],
        [0.5, 0.25],
        [0.75, 0.5],
        [1.0, 0.75],
        [1.0, 1.0],
        [1.0, 1.0],
        [1.0, 1.0],
    ]
    judges = state.discriminator_optimizer.param_groups
    assert [group["lr"] / group["base_lr"] for group in judges] == [1.0]
