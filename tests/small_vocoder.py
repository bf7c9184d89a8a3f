"""A vocoder of random weights, so small that a test takes no time, and mels for it.

full_band_config: of one that hears the mels of V1.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import hifigan
from hifigan.checkpoint import write_checkpoint
from hifigan.errors import UserError
from hifigan.generator import Generator
from hifigan.json_config import config_from_dict, config_to_dict, override, read_json
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoding.vocoder import Vocoder
from tests.conftest import REPOSITORY, SAMPLE_RATE
from tests.tiny_model import perturb

N_MELS, HOP_LENGTH = 20, 64
SMALL = (  # what differs from configs/hifigan_v1.json
    f"audio.sample_rate={SAMPLE_RATE}",
    "audio.n_fft=128",
    f"audio.hop_length={HOP_LENGTH}",
    "audio.win_length=128",
    f"audio.n_mels={N_MELS}",
    "audio.f_max=4000",
    "generator.upsample_rates=[8, 8]",
    "generator.upsample_kernel_sizes=[16, 16]",
    "generator.upsample_initial_channels=16",
    "generator.resblock_kernel_sizes=[3]",
    "generator.resblock_dilations=[[1, 2]]",
    "train.segment_samples=1024",
)


def small_config(*settings: str) -> VocoderConfig:
    values = override(read_json(REPOSITORY / "configs/hifigan_v1.json"), [*SMALL, *settings])
    return config_from_dict(VocoderConfig, values, "small")


def random_generator(config: VocoderConfig, seed: int = 0) -> Generator:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = Generator(config.audio.n_mels, config.generator)
        perturb(generator)
    return generator.eval()


def write_vocoder(path: Path, config: VocoderConfig, **contents: object) -> Path:
    """A checkpoint of random weights, or of what `contents` says."""
    whole = {
        "config": config_to_dict(config),
        "generator": random_generator(config).state_dict(),
        "step": 7,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(path, whole | contents)
    return path


def speech_mel(n_frames: int, seed: int = 0) -> Tensor:
    """[N_MELS, n_frames] with values as of speech: loud and soft frames."""
    draw = torch.Generator().manual_seed(seed)
    return -5 + 2 * torch.randn(N_MELS, n_frames, generator=draw)


def full_band_config() -> VocoderConfig:
    unchanged = [setting for setting in SMALL if not setting.startswith("audio.")]
    values = override(
        read_json(REPOSITORY / "configs/hifigan_v1.json"),
        [
            *unchanged,
            "generator.upsample_rates=[16, 16]",
            "generator.upsample_kernel_sizes=[32, 32]",
        ],
    )
    values["train"]["segment_samples"] = 8192
    return config_from_dict(VocoderConfig, values, "full band")


def load_small(folder: Path) -> Vocoder:
    """The vocoder that write_vocoder writes, as vocoder.pt in a folder."""
    return hifigan.load(write_vocoder(folder / "vocoder.pt", small_config()))


@pytest.fixture
def vocoder(tmp_path: Path) -> Vocoder:
    return load_small(tmp_path)


def refusal(call, *arguments: object, **named: object) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)
