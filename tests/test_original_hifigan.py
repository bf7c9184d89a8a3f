"""Mels, generators, discriminators and losses equal the original HiFi-GAN's numbers."""

from functools import lru_cache

import pytest
import torch

from hifigan.config import AudioConfig
from hifigan.discriminators import Discriminators, MultiScaleDiscriminator, PeriodDiscriminator
from hifigan.exchange.names import generator_name
from hifigan.generator import Generator
from hifigan.json_config import read_config
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from hifigan.vocoder_config import VocoderConfig
from tests.conftest import REPOSITORY
from tests.recorded import assert_close, fill_by_rule, generator_config, recording

SEGMENT = 8192  # samples that the recorded discriminators saw
MULTI_PERIOD, MULTI_SCALE = "mpd", "msd"
DISCRIMINATOR = read_config(VocoderConfig, REPOSITORY / "configs/hifigan_v1.json").discriminator


@lru_cache
def original() -> dict:
    return recording("original_hifigan")


def mel(f_max: float | None, wav: torch.Tensor) -> torch.Tensor:
    audio = AudioConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_min=0.0,
        f_max=f_max,
    )
    spectrogram = Spectrogram(audio, magnitude_floor=1e-9)
    return spectrogram.mel(spectrogram.magnitudes(wav))


def discriminators(kind: str) -> Discriminators:
    numbers = original()[kind]
    if kind == MULTI_PERIOD:
        members = Discriminators(
            [
                PeriodDiscriminator(period, DISCRIMINATOR.period_channels)
                for period in DISCRIMINATOR.periods
            ]
        )
    else:
        members = MultiScaleDiscriminator(DISCRIMINATOR.scale_layers)
    fill_by_rule(members, numbers["keys"], numbers.get("spectral"))
    return members.eval().requires_grad_(False)


@pytest.mark.parametrize("key, f_max", [("fmax_8000", 8000.0), ("fmax_none", None)])
def test_mel(key: str, f_max: float | None) -> None:
    numbers = original()["mel"]
    assert_close(mel(f_max, numbers["wav"].unsqueeze(1)), numbers[key])


@pytest.mark.parametrize("version", ["generator_v1", "generator_v2", "generator_v3"])
def test_generator(version: str) -> None:
    numbers = original()[version]
    config = generator_config(numbers["config"])
    generator = Generator(80, config)
    names = {
        name: generator_name(name, len(config.resblock_kernel_sizes))
        for name in numbers["state_dict"]
    }
    generator.load_state_dict(
        {names[name]: weight for name, weight in numbers["state_dict"].items()}
    )
    with torch.no_grad():
        assert_close(generator(original()["mel"]["fmax_8000"]), numbers["wav_hat"])


@pytest.mark.parametrize("kind", [MULTI_PERIOD, MULTI_SCALE])
def test_discriminators_and_their_losses(kind: str) -> None:
    numbers = original()[kind]
    judge = discriminators(kind)
    real = judge(original()["mel"]["wav"].unsqueeze(1)[..., :SEGMENT])
    generated = judge(original()["generator_v1"]["wav_hat"][..., :SEGMENT])
    for judgements, key in ((real, "real"), (generated, "generated")):
        for judgement, expected in zip(judgements, numbers[key], strict=True):
            assert_close(judgement.scores, expected)
    assert_close(discriminator_loss(real, generated), numbers["discriminator_loss"], relative=1e-3)
    assert_close(adversarial_loss(generated), numbers["adversarial_loss"], relative=1e-3)
    feature_matching = 2 * feature_matching_loss(
        real, generated
    )  # the original's function doubles it
    assert_close(feature_matching, numbers["feature_matching_loss"], relative=1e-3)


def test_mel_loss() -> None:
    real = mel(None, original()["mel"]["wav"].unsqueeze(1))[..., : SEGMENT // 256]
    generated = mel(None, original()["generator_v1"]["wav_hat"][..., :SEGMENT])
    assert_close(mel_loss(real, generated), original()["mel_l1"], relative=1e-3)
