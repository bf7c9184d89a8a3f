"""Chunks of frames with just enough context around them make the samples of the whole."""

import dataclasses
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hifigan.config import GeneratorConfig
from hifigan.generator import Generator
from hifigan.json_config import read_config
from hifigan.streaming import in_chunks, needed_context
from hifigan.vocoder_config import VocoderConfig
from tests.tiny_model import TINY_DECODER

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("hifigan_v?.json"))


def narrow(config: GeneratorConfig) -> GeneratorConfig:
    """With so few channels that a test is quick; what reaches where is the same."""
    return dataclasses.replace(config, upsample_initial_channels=2 ** len(config.upsample_rates))


def published(path: Path) -> GeneratorConfig:
    return narrow(read_config(VocoderConfig, path).generator)


def random_config(seed: int) -> GeneratorConfig:
    """Kernels less rates odd and even, one to three of each list, both kinds of block."""
    draws = random.Random(seed)
    rates = tuple(draws.randint(1, 7) for _ in range(draws.randint(1, 3)))
    sizes = tuple(
        rate + (2 * draws.randint(0, 3) if rate == 1 else draws.randint(0, 7)) for rate in rates
    )
    kernels = tuple(draws.choice((1, 3, 5)) for _ in range(draws.randint(1, 3)))
    dilations = tuple(
        tuple(draws.randint(1, 4) for _ in range(draws.randint(1, 3))) for _ in kernels
    )
    return GeneratorConfig(rates, sizes, 2 ** len(rates), str(1 + seed % 2), kernels, dilations)


def make_generator(config: GeneratorConfig) -> Generator:
    torch.manual_seed(0)
    return Generator(2, config).eval()


def with_nan(frame: int, n_frames: int) -> Tensor:
    frames = torch.zeros(1, 2, n_frames)
    frames[..., frame] = torch.nan
    return frames


@torch.inference_mode()
def heard(make: Callable[[Tensor], Tensor], frames: Tensor) -> Tensor:
    """Which samples a NaN in the frames reaches, those that depend on it: bool [T_wav]."""
    return make(frames)[0, 0].isnan()


def joined(generator: Generator, chunk: int, context: int, frames: Tensor) -> Tensor:
    with torch.inference_mode():
        return torch.cat(list(in_chunks(generator, frames, chunk, context)), dim=-1)


def assert_context_is_exact(config: GeneratorConfig) -> None:
    context = needed_context(config)
    generator, middle = make_generator(config), context + 2
    frames = with_nan(middle, 2 * middle + 1)
    hears = heard(generator, frames).view(-1, config.hop_length).any(dim=1)
    reached = hears.nonzero().flatten() - middle
    assert max(-reached.min().item(), reached.max().item()) == context, config
    enough, less = (
        heard(partial(joined, generator, 1, frames_around), frames)
        for frames_around in (context, context - 1)
    )
    assert torch.equal(enough, heard(generator, frames)), config
    assert context == 0 or not torch.equal(less, heard(generator, frames)), config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_context_of_the_published_generators_is_enough_and_one_frame_less_is_not(path):
    assert_context_is_exact(published(path))


def test_the_context_of_any_valid_generator_is_enough_and_one_frame_less_is_not():
    for seed in range(12):
        assert_context_is_exact(random_config(seed))


def test_the_context_of_a_published_generator_is_known():
    """By hand for V3, whose blocks reach 3 * (3 + 12) = 45 samples: from sample 0 back, -3 - 45 =
    -48 and its kernel to -13 at 64 times the frame rate, -58 to -8 at 8 times, -53 to -8 frames,
    and the first convolution's 3 are 11. Ahead of sample 255 it is 76, 15 and 8 frames, and 3.
    """
    assert [needed_context(published(path)) for path in CONFIGS] == [13, 13, 11]


@pytest.mark.parametrize("seed", range(6))
def test_pieces_joined_are_the_whole_for_any_chunk_and_any_length(seed):
    config, draws = random_config(seed), random.Random(seed)
    generator, context = make_generator(config), needed_context(config)
    for n_frames in (1, 2, context + 1, 3 * context + 5):
        frames = torch.randn(2, 2, n_frames)
        with torch.inference_mode():
            whole = generator(frames)
        for chunk in (1, draws.randint(2, 9), n_frames, n_frames + 3):
            made = joined(generator, chunk, context, frames)
            torch.testing.assert_close(made, whole, rtol=0, atol=1e-5)


def test_a_piece_has_the_samples_of_its_frames_and_comes_before_the_next_is_made():
    calls = []

    def counted(frames: Tensor) -> Tensor:
        calls.append(frames.shape[-1])
        return frames.repeat_interleave(4, dim=-1)

    pieces = in_chunks(counted, torch.arange(10.0).view(1, 1, 10), 4, 1)
    assert next(pieces).flatten().tolist() == [0.0] * 4 + [1.0] * 4 + [2.0] * 4 + [3.0] * 4
    assert calls == [5]
    assert [piece.shape[-1] for piece in pieces] == [16, 8] and calls == [5, 6, 3]


def test_a_context_of_one_frame_less_gives_other_samples():
    """Where the ends weigh enough to be seen: an equal result would mean that nothing is cut."""
    config = GeneratorConfig((2,), (4,), 2, "2", (3,), ((1,),))
    generator, frames = make_generator(config), torch.randn(1, 2, 12)
    with torch.inference_mode():
        whole = generator(frames)
    context = needed_context(config)
    assert (joined(generator, 3, context, frames) - whole).abs().max() < 1e-6
    assert (joined(generator, 3, context - 1, frames) - whole).abs().max() > 1e-4


def test_a_speaker_is_bound_to_the_generator():
    """As VITS's decoder takes one."""
    generator = Generator(2, TINY_DECODER, speaker_channels=3).eval()
    frames, speaker = torch.randn(1, 2, 40), torch.randn(1, 3, 1)
    with torch.inference_mode():
        whole = generator(frames, speaker)
    spoken = partial(generator, speaker=speaker)
    made = joined(spoken, 7, needed_context(TINY_DECODER), frames)
    torch.testing.assert_close(made, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("chunk, context", [(0, 1), (-1, 1), (1, -1)])
def test_no_chunk_is_empty(chunk, context):
    with pytest.raises(ValueError, match="expected 1 or more"):
        next(in_chunks(lambda frames: frames, torch.zeros(1, 1, 4), chunk, context))
