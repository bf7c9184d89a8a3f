"""One step of a vocoder's training: what it lowers, what it changes, and what it leaves alone."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch

from hifigan.training_state import random_state
from tests.vocoder_run import make_batch, make_training, vocoder_config, write_wavs

pytestmark = pytest.mark.usefixtures("one_thread")
NORMS = {"generator_gradient_norm", "discriminator_gradient_norm"}


@pytest.fixture
def config(tmp_path: Path):
    wavs = write_wavs(tmp_path / "wavs")
    return lambda *settings: vocoder_config(f"data.wavs={wavs}", *settings)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return copy.deepcopy(network.state_dict())


def assert_same(left: dict, right: dict) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


def moved(before: dict, network: torch.nn.Module) -> list[str]:
    """The weights that are no longer what they were."""
    now = network.state_dict()
    return [name for name, value in before.items() if not torch.equal(value, now[name])]


def test_the_losses_have_the_configs_names_and_fall_on_one_repeated_batch(config) -> None:
    experiment, clips = make_training(config("train.lr=0.004"))
    batch = make_batch(experiment.config, clips)
    history = [
        {name: float(v) for name, v in experiment.train_step(batch).items()} for _ in range(60)
    ]
    weights_of = dataclasses.asdict(experiment.config.loss)
    first, last = history[0], history[-1]
    assert first.keys() == {*weights_of, "discriminator", "total", *NORMS}
    assert first["total"] == pytest.approx(
        sum(weight * first[name] for name, weight in weights_of.items()), rel=1e-5
    )
    assert last["mel"] < 0.5 * first["mel"]
    assert min(losses["discriminator"] for losses in history) < 0.7 * first["discriminator"]


def test_every_weight_of_both_networks_moves(config) -> None:
    experiment, clips = make_training(config())
    state = experiment.state
    networks = state.generator, state.discriminator
    before = [weights(network) for network in networks]
    experiment.train_step(make_batch(experiment.config, clips))
    for network, former in zip(networks, before):
        assert {name for name, _ in network.named_parameters()} <= {*moved(former, network)}
    assert all(p.requires_grad for p in state.discriminator.parameters()), "frozen for the moment"


@pytest.mark.parametrize("n_parts", [2, 3, 4])
def test_micro_batches_have_the_gradients_of_the_whole_batch(config, n_parts) -> None:
    """But for the spectral norm, whose estimate every pass sharpens; it is sharp here before."""
    found = []
    for n in (1, n_parts):
        experiment, clips = make_training(config(f"train.accumulate={n}", "train.lr=1e-9"))
        batch = make_batch(experiment.config, clips)
        with torch.no_grad():
            for _ in range(200):
                experiment.state.discriminator(batch.wav)
        losses = experiment.train_step(batch)
        networks = experiment.state.generator, experiment.state.discriminator
        found.append(
            [{k: float(v) for k, v in losses.items()}]
            + [[p.grad.clone() for p in network.parameters()] for network in networks]
        )
    whole, parts = found
    assert parts[0] == pytest.approx(whole[0], rel=2e-4)
    for one, other in zip(whole[1] + whole[2], parts[1] + parts[2], strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=2e-5 * float(one.abs().max()) + 1e-8)


def test_while_fresh_discriminators_warm_up_the_generator_rests(config) -> None:
    experiment, clips = make_training(config("train.ema_decay=0.9"))
    state, batch = experiment.state, make_batch(experiment.config, clips)
    state.warmup_until = 2
    before, average = weights(state.generator), weights(state.ema)
    discriminators = weights(state.discriminator)
    for _ in range(2):
        losses = experiment.train_step(batch)
        assert losses.keys() == {"discriminator", "discriminator_gradient_norm"}
        state.advance()
    assert_same(before, state.generator.state_dict())
    assert_same(average, state.ema.state_dict())
    assert not state.generator_optimizer.state, "the generator's moments have not begun"
    assert moved(discriminators, state.discriminator)
    losses = experiment.train_step(batch)
    assert NORMS < losses.keys()
    assert len(moved(before, state.generator)) == len(before)


def test_a_rehearsal_changes_nothing(config) -> None:
    experiment, clips = make_training(config())
    state, batch = experiment.state, make_batch(experiment.config, clips)
    experiment.train_step(batch)
    before = [weights(state.generator), weights(state.discriminator)]
    moments = copy.deepcopy(state.discriminator_optimizer.state_dict())["state"]
    draws = random_state(torch.device("cpu"))["cpu"].clone()
    state.warmup_until = 100  # a full step's memory is taken all the same
    experiment.rehearse(batch)
    assert state.generator.stages[0].upsample.bias.grad.abs().max() > 0
    assert_same(before[0], state.generator.state_dict())
    assert_same(before[1], state.discriminator.state_dict())
    after = state.discriminator_optimizer.state_dict()["state"]
    for i, moment in moments.items():
        assert torch.equal(moment["exp_avg"], after[i]["exp_avg"])
    assert torch.equal(draws, random_state(torch.device("cpu"))["cpu"])


def test_a_loss_that_is_no_number_keeps_the_weights(config) -> None:
    experiment, clips = make_training(config())
    batch = make_batch(experiment.config, clips)
    batch.around[0, 0, 500] = torch.nan
    before = weights(experiment.state.generator), weights(experiment.state.discriminator)
    losses = experiment.train_step(batch)
    assert not losses["discriminator_gradient_norm"].isfinite()
    assert_same(before[0], experiment.state.generator.state_dict())
    parameters = {name for name, _ in experiment.state.discriminator.named_parameters()}
    assert not parameters & {*moved(before[1], experiment.state.discriminator)}


@pytest.mark.parametrize("mixed_precision", ["true", '"bf16"'])
def test_mixed_precision_gives_nearly_the_same_losses(config, mixed_precision) -> None:
    losses = []
    for precision in ("false", mixed_precision):
        experiment, clips = make_training(config(f"train.mixed_precision={precision}"))
        found = experiment.train_step(make_batch(experiment.config, clips))
        assert all(value.dtype == torch.float32 for value in found.values())
        losses.append({k: float(v) for k, v in found.items() if k not in NORMS})
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_grad_checkpoint_changes_no_bit(config) -> None:
    results = []
    for setting in ("false", "true"):
        experiment, clips = make_training(config(f"train.grad_checkpoint={setting}"))
        experiment.train_step(make_batch(experiment.config, clips))
        results.append(weights(experiment.state.generator))
    assert_same(*results)


def test_validation_is_the_mel_error_of_whole_recordings_and_draws_nothing(config) -> None:
    experiment, _ = make_training(config())
    found = experiment.validate()
    assert len(found.losses) == 2 and found.losses == experiment.validate().losses
    reader = experiment.valid
    spectrogram, loss_spectrogram = experiment.spectrogram, experiment.loss_spectrogram
    for i, losses in enumerate(found.losses):
        wav = reader.wav(i)[None, None]
        with torch.no_grad():
            wav_hat = experiment.state.generator(spectrogram.mel(spectrogram.magnitudes(wav)))
        wav = wav[..., : wav_hat.shape[-1]]
        mel, mel_hat = (
            loss_spectrogram.mel(loss_spectrogram.magnitudes(x)) for x in (wav, wav_hat)
        )
        assert losses["mel"] == pytest.approx(float((mel - mel_hat).abs().mean()), rel=1e-5)
    assert experiment.spectrogram.audio.f_max == 3000 and loss_spectrogram.audio.f_max is None


def test_the_average_speaks_in_validation_where_one_is_kept(config) -> None:
    experiment, clips = make_training(config("train.ema_decay=0.5", "train.lr=0.05"))
    for _ in range(3):
        experiment.train_step(make_batch(experiment.config, clips))
    with_average = experiment.validate().losses
    experiment.state.ema = None
    assert experiment.validate().losses != with_average
