"""One step of training: what it lowers, what it changes, and under which names it tells."""

import copy
import dataclasses

import pytest
import torch
from torch import Tensor

from hifigan.training_state import TrainingState
from tests.one_step import NORMS, gradients, make, norm, step

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_losses_fall_on_one_repeated_batch(smallest) -> None:
    experiment, batch = make(smallest("train.lr=0.004"))
    history = [
        {name: float(value) for name, value in step(experiment, batch).items()} for _ in range(40)
    ]
    first, last = history[0], history[-1]
    assert last["total"] < 0.35 * first["total"]
    assert last["mel"] < 0.35 * first["mel"]
    assert last["kl"] < first["kl"] and last["duration"] < first["duration"]
    assert min(losses["discriminator"] for losses in history) < 0.8 * first["discriminator"]


def test_the_losses_carry_the_names_of_the_config(smallest) -> None:
    config = smallest("loss.mel=3", "loss.kl=0.5", "loss.adversarial=0")
    experiment, batch = make(config)
    losses = step(experiment, batch)
    weights = dataclasses.asdict(config.loss)
    assert weights.pop("subband") == weights.pop("duration_adversarial") == 0  # of other parts
    assert losses.keys() == {*weights, "discriminator", "total", *NORMS}
    assert all(value.shape == () and value.dtype == torch.float32 for value in losses.values())
    assert not any(value.requires_grad for value in losses.values()), (
        "a graph kept alive costs memory"
    )
    assert float(losses["total"]) == pytest.approx(
        sum(weight * float(losses[name]) for name, weight in weights.items()), rel=1e-6
    )


# Who learns from what


def test_each_update_leaves_the_other_network_alone(smallest, monkeypatch) -> None:
    experiment, batch = make(smallest())
    state, update = experiment.state, TrainingState.update
    networks = {
        id(state.discriminator_optimizer): (state.discriminator, state.generator),
        id(state.generator_optimizer): (state.generator, state.discriminator),
    }
    order = []

    def watched(
        self: TrainingState, optimizer: torch.optim.Optimizer, clip: float | None, blocked: Tensor
    ) -> Tensor:
        learning, resting = networks[id(optimizer)]
        order.append(learning)
        before = gradients(resting), copy.deepcopy(resting.state_dict())
        result = update(self, optimizer, clip, blocked)
        for name, gradient in gradients(resting).items():
            old = before[0][name]
            assert gradient is old is None or torch.equal(gradient, old), (
                f"{name} has got a gradient"
            )
        for name, value in resting.state_dict().items():
            assert torch.equal(value, before[1][name]), f"{name} has moved"
        assert all(p.grad is not None for p in learning.parameters() if p.requires_grad)
        return result

    monkeypatch.setattr(TrainingState, "update", watched)
    step(experiment, batch)
    step(experiment, batch)
    assert order == 2 * [state.discriminator, state.generator]
    assert all(p.requires_grad for p in state.discriminator.parameters()), (
        "frozen only for the moment"
    )


def test_every_weight_moves(smallest) -> None:
    experiment, batch = make(smallest())
    networks = (experiment.state.generator, experiment.state.discriminator)
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    for _ in range(2):  # what starts at zero hides the layers before it from the first step
        step(experiment, batch)
    still = [
        name
        for network, old in zip(networks, before)
        for name, value in network.named_parameters()
        if torch.equal(value, old[name])
    ]
    assert not still


# Options


def test_grad_clip_bounds_the_norm_that_is_stepped_with_and_reports_the_one_before(
    smallest,
) -> None:
    free, batch = make(smallest())
    clipped, _ = make(smallest("train.grad_clip=0.5"))
    before, losses = step(free, batch), step(clipped, batch)
    assert float(losses["generator_gradient_norm"]) > 0.5
    torch.testing.assert_close(
        before["discriminator_gradient_norm"], losses["discriminator_gradient_norm"]
    )
    torch.testing.assert_close(norm(free.state.generator), before["generator_gradient_norm"])
    for network in (clipped.state.generator, clipped.state.discriminator):
        assert float(norm(network)) == pytest.approx(0.5, rel=1e-3)


def test_grad_checkpoint_changes_nothing_but_memory(smallest) -> None:
    plain, spared = (make(smallest(f"train.grad_checkpoint={name}")) for name in ("false", "true"))
    for _ in range(3):
        plain_losses, spared_losses = step(*plain), step(*spared)
        for name, value in plain_losses.items():
            torch.testing.assert_close(spared_losses[name], value, msg=name)
    expected = gradients(plain[0].state.generator)
    for name, gradient in gradients(spared[0].state.generator).items():
        torch.testing.assert_close(gradient, expected[name], msg=name)
