"""The generator makes hop_length samples of every frame, whatever its upsampling."""

import dataclasses
import random
from pathlib import Path

import pytest
import torch

from hifigan.config import GeneratorConfig
from hifigan.errors import UserError
from hifigan.generator import Generator
from hifigan.json_config import read_config
from hifigan.vocoder_config import VocoderConfig
from tests.tiny_model import TINY_DECODER
from vits.config import VitsConfig

CONFIGS = [
    path
    for path in sorted((Path(__file__).parent.parent / "configs").glob("*.json"))
    if path.name != "finetune.json"  # has no model of its own
]


def random_upsampling(seed: int) -> GeneratorConfig:
    draws = random.Random(seed)
    rates = tuple(draws.randint(1, 9) for _ in range(draws.randint(1, 3)))
    # A rate of 1 takes an odd kernel only, as every convolution that keeps the length.
    sizes = tuple(
        rate + (2 * draws.randint(0, 4) if rate == 1 else draws.randint(0, 9)) for rate in rates
    )
    return GeneratorConfig(rates, sizes, 2 ** len(rates), "2", (3,), ((1,),))


def assert_makes_whole_frames(config: GeneratorConfig) -> None:
    generator = Generator(4, config)
    for n_frames in (1, 2, 7):
        with torch.no_grad():
            wav_hat = generator(torch.randn(2, 4, n_frames))
        assert wav_hat.shape == (2, 1, n_frames * config.hop_length), config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_one_hop_per_frame_in_every_config(path: Path) -> None:
    if path.name.startswith("hifigan_"):
        config = read_config(VocoderConfig, path)
        generator = config.generator
    else:
        config = read_config(VitsConfig, path)
        generator = config.model.decoder
    narrow = dataclasses.replace(
        generator, upsample_initial_channels=2 ** len(generator.upsample_rates)
    )
    assert narrow.hop_length == config.audio.hop_length
    assert_makes_whole_frames(narrow)


def test_one_hop_per_frame_in_any_valid_config() -> None:
    for seed in range(40):
        assert_makes_whole_frames(random_upsampling(seed))


def test_a_rate_of_1_refuses_an_even_kernel() -> None:
    with pytest.raises(UserError, match="kernel size 4"):
        GeneratorConfig((1,), (4,), 2, "2", (3,), ((1,),))


def test_one_second_later_sounds_the_same() -> None:
    """Away from the ends, a generator knows nothing of the time."""
    torch.manual_seed(0)
    generator, frames = Generator(4, TINY_DECODER).eval(), torch.randn(1, 4, 60)
    with torch.no_grad():
        whole, later = generator(frames), generator(frames[..., 10:])
    inner = slice(20 * 16, 40 * 16)
    torch.testing.assert_close(later[..., inner], whole[..., 30 * 16 : 50 * 16])
