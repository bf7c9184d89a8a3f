"""One step of training: what it lowers, what it changes, and under which names it tells."""

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hifigan.distributed import Ranks
from hifigan.mel import Spectrogram
from vits.config import VitsConfig
from vits.data import Batch, UtteranceDataset, collate
from vits.data_check import check_data
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
NORMS = {"generator_gradient_norm", "discriminator_gradient_norm"}
Make = Callable[..., tuple[VitsTraining, Batch]]


def make(
    config: VitsConfig, device: str = "cpu", batch_size: int = 4
) -> tuple[VitsTraining, Batch]:
    """The same weights for the same config, and the first training utterances as a batch."""
    data = check_data(config)
    torch.manual_seed(0)
    experiment = VitsTraining(
        data.config, Ranks(0, 1, torch.device(device)), data.valid, data.valid[:1]
    )
    dataset = UtteranceDataset(data.train, data.config.audio.sample_rate)
    return experiment, collate([dataset[i] for i in range(batch_size)]).to(device)


def step(experiment: VitsTraining, batch: Batch, seed: int = 1) -> dict[str, Tensor]:
    """One step with the same draws for the same seed."""
    torch.manual_seed(seed)
    return experiment.train_step(batch)


def gradients(network: nn.Module) -> dict[str, Tensor | None]:
    return {
        name: None if p.grad is None else p.grad.clone() for name, p in network.named_parameters()
    }


def norm(network: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]).norm()


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
    state, update = experiment.state, VitsTraining._update
    networks = {
        id(state.discriminator_optimizer): (state.discriminator, state.generator),
        id(state.generator_optimizer): (state.generator, state.discriminator),
    }
    order = []

    def watched(self: VitsTraining, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        learning, resting = networks[id(optimizer)]
        order.append(learning)
        before = gradients(resting), copy.deepcopy(resting.state_dict())
        result = update(self, optimizer, loss)
        for name, gradient in gradients(resting).items():
            old = before[0][name]
            assert gradient is old is None or torch.equal(gradient, old), (
                f"{name} has got a gradient"
            )
        for name, value in resting.state_dict().items():
            assert torch.equal(value, before[1][name]), f"{name} has moved"
        assert all(p.grad is not None for p in learning.parameters() if p.requires_grad)
        return result

    monkeypatch.setattr(VitsTraining, "_update", watched)
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


@pytest.mark.parametrize("name", ["AdamW", "Adam", "RAdam", "NAdam"])
def test_every_optimizer_trains(smallest, name) -> None:
    experiment, batch = make(smallest(f"train.optimizer={name}", "train.lr=0.001"), batch_size=2)
    assert type(experiment.state.generator_optimizer).__name__ == name
    totals = [float(step(experiment, batch)["total"]) for _ in range(12)]
    assert totals[-1] < totals[0]


@pytest.mark.parametrize(
    "precision, expected",
    [
        ("false", None),
        ("true", torch.bfloat16),
        ("bf16", torch.bfloat16),
        pytest.param("fp16", torch.float16, marks=pytest.mark.gpu),
    ],
)
def test_every_precision_gives_finite_float32_losses(
    smallest, monkeypatch, precision, expected
) -> None:
    device = "cuda" if expected == torch.float16 else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    experiment, batch = make(smallest(f"train.mixed_precision={precision}"), device)
    assert experiment.dtype == expected
    made, seen, waves = set(), set(), set()
    experiment.state.generator.decoder.input.register_forward_hook(
        lambda _, __, x: made.add(x.dtype)
    )
    experiment.state.generator.decoder.register_forward_hook(
        lambda _, __, wav: waves.add(wav.dtype)
    )
    for name in ("magnitudes", "mel"):

        def noted(
            self: Spectrogram, *arguments: Tensor, method=getattr(Spectrogram, name)
        ) -> Tensor:
            result = method(self, *arguments)
            seen.add(result.dtype)
            return result

        monkeypatch.setattr(Spectrogram, name, noted)

    for _ in range(2):
        for name, value in step(experiment, batch).items():
            assert value.dtype == torch.float32, name
            assert value.isfinite() or (expected == torch.float16 and name in NORMS), name
    assert all(p.dtype == torch.float32 for p in experiment.state.generator.parameters())
    assert experiment.validate().keys() >= {"mel", "kl", "discriminator"}
    assert made == {expected or torch.float32} and seen == waves == {torch.float32}


def test_half_precision_losses_are_near_full_precision_ones(smallest) -> None:
    full, half = (make(smallest(f"train.mixed_precision={name}")) for name in ("false", "bf16"))
    full_losses, half_losses = step(*full), step(*half)
    for name in dataclasses.asdict(full[0].config.loss):
        assert float(half_losses[name]) == pytest.approx(float(full_losses[name]), rel=0.1), name


def test_grad_checkpoint_changes_nothing_but_memory(smallest) -> None:
    plain, spared = (make(smallest(f"train.grad_checkpoint={name}")) for name in ("false", "true"))
    for _ in range(3):
        plain_losses, spared_losses = step(*plain), step(*spared)
        for name, value in plain_losses.items():
            torch.testing.assert_close(spared_losses[name], value, msg=name)
    expected = gradients(plain[0].state.generator)
    for name, gradient in gradients(spared[0].state.generator).items():
        torch.testing.assert_close(gradient, expected[name], msg=name)
