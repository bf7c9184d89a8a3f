"""A data set and a config so small that twenty training steps take seconds.

data_folder: 8 training and 2 validation utterances. smallest_file: the config as a JSON file, for
scripts. smallest: a function from "section.key=value" texts to the config as an object. one_thread:
for what is too small to share; threads that wait for each other on a busy machine cost far more.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifigan.json_config import config_from_dict, override, read_json
from vits.config import VitsConfig

REPOSITORY = Path(__file__).parent.parent
SAMPLE_RATE = 8000
TEXTS = (
    "a low hum",
    "two tones",
    "it rises",
    "falling now",
    "one more hum",
    "soft and slow",
    "a loud end",
    "so it goes",
    "held out",
    "also held out",
)
N_VALID = 2
SMALLEST = (  # what differs from configs/tiny.json
    f"audio.sample_rate={SAMPLE_RATE}",
    "audio.n_fft=128",
    "audio.hop_length=64",
    "audio.win_length=128",
    "audio.n_mels=20",
    "model.latent_channels=8",
    "model.speaker_channels=4",
    "model.text_encoder.hidden_channels=16",
    "model.text_encoder.filter_channels=16",
    "model.text_encoder.n_layers=1",
    "model.posterior_encoder.hidden_channels=16",
    "model.posterior_encoder.n_layers=2",
    "model.flow.n_flows=2",
    "model.flow.wavenet.hidden_channels=16",
    "model.flow.wavenet.n_layers=1",
    "model.duration_predictor.kind=stochastic",
    "model.duration_predictor.hidden_channels=16",
    "model.decoder.upsample_rates=[8, 8]",
    "model.decoder.upsample_kernel_sizes=[16, 16]",
    "model.decoder.upsample_initial_channels=16",
    "model.decoder.resblock_kernel_sizes=[3]",
    "model.decoder.resblock_dilations=[[1, 2]]",
    "discriminator.periods=[2, 3]",
    "discriminator.period_channels=[4, 8]",
    "discriminator.scale_layers=[[4, 15, 1, 1], [8, 21, 4, 4]]",
    "train.batch_size=2",
    "train.segment_samples=1024",
    "train.lr=0.002",
    "train.log_every=1",
    "train.validate_every=1000",
    "train.save_every=1000",
)


def tone_with_noise(seconds: float, pitch: float, seed: int) -> np.ndarray:
    """A buzz of `pitch` Hz that swells and fades, with some hiss: float32 [n_samples]."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * n * pitch * time) / n for n in range(1, 8))
    hiss = np.random.default_rng(seed).normal(0, 0.05, len(time))
    return (0.2 * np.sin(np.pi * time / seconds) * (buzz + hiss)).astype("f4")


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """wavs/0.wav to wavs/9.wav, 0.6 to 1.05 s, with train.csv and valid.csv."""
    folder = tmp_path / "data"
    (folder / "wavs").mkdir(parents=True)
    rows = []
    for i, text in enumerate(TEXTS):
        samples = tone_with_noise(0.6 + 0.05 * i, 90 + 20 * i, seed=i)
        soundfile.write(folder / "wavs" / f"{i}.wav", samples, SAMPLE_RATE)
        rows.append(f"wavs/{i}.wav|{text}\n")
    (folder / "train.csv").write_text("".join(rows[:-N_VALID]), encoding="utf-8")
    (folder / "valid.csv").write_text("".join(rows[-N_VALID:]), encoding="utf-8")
    return folder


@pytest.fixture
def smallest_values(data_folder: Path) -> dict:
    """The config as nested dicts."""
    values = read_json(REPOSITORY / "configs/tiny.json")
    return override(values, [*SMALLEST, f"data.folder={data_folder}"])


@pytest.fixture
def smallest_file(smallest_values: dict, tmp_path: Path) -> Path:
    path = tmp_path / "smallest.json"
    path.write_text(json.dumps(smallest_values, indent=2), encoding="utf-8")
    return path


@pytest.fixture
def smallest(smallest_values: dict) -> Callable[..., VitsConfig]:
    return lambda *settings: config_from_dict(
        VitsConfig, override(copy.deepcopy(smallest_values), settings), "smallest"
    )


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
