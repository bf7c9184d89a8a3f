"""A vocoder's run so small that a training step takes milliseconds, and recordings for it."""

import json
from pathlib import Path

import soundfile
import torch

from hifigan.clips import check_clips
from hifigan.distributed import Ranks
from hifigan.json_config import config_from_dict, override, read_json
from hifigan.segments import Clip, ClipReader, SegmentBatch, SegmentDataset, collate
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoder_training import VocoderTraining
from tests.conftest import REPOSITORY, SAMPLE_RATE, tone_with_noise

SMALLEST = (  # what differs from configs/hifigan_small.json
    f"audio.sample_rate={SAMPLE_RATE}",
    "audio.n_fft=128",
    "audio.hop_length=64",
    "audio.win_length=128",
    "audio.n_mels=20",
    "audio.f_max=3000",
    "data.n_valid=2",
    "data.packed_cache=false",
    "generator.upsample_rates=[8, 8]",
    "generator.upsample_kernel_sizes=[16, 16]",
    "generator.upsample_initial_channels=16",
    "generator.resblock_kernel_sizes=[3]",
    "generator.resblock_dilations=[[1, 2]]",
    "discriminator.periods=[2, 3]",
    "discriminator.period_channels=[4, 8]",
    "discriminator.scale_layers=[[4, 15, 1, 1], [8, 21, 4, 4]]",
    "train.batch_size=2",
    "train.segment_samples=1024",
    "train.lr=0.002",
    "train.ema_decay=null",
    "train.num_workers=0",
    "train.log_every=1",
    "train.validate_every=1000",
    "train.save_every=1000",
    "train.discriminator_warmup_steps=2",
)


def write_wavs(folder: Path, n_wavs: int = 8) -> Path:
    """0.wav, 1.wav, ...: 0.3 s, 0.35 s, ... of a buzz each."""
    folder.mkdir(parents=True)
    for i in range(n_wavs):
        samples = tone_with_noise(0.3 + 0.05 * i, 90 + 20 * i, seed=i)
        soundfile.write(folder / f"{i}.wav", samples, SAMPLE_RATE)
    return folder


def vocoder_values(*settings: str) -> dict:
    values = read_json(REPOSITORY / "configs/hifigan_small.json")
    return override(values, [*SMALLEST, *settings])


def vocoder_config(*settings: str) -> VocoderConfig:
    return config_from_dict(VocoderConfig, vocoder_values(*settings), "smallest")


def write_vocoder_config(path: Path, *settings: str) -> Path:
    path.write_text(json.dumps(vocoder_values(*settings), indent=2), encoding="utf-8")
    return path


def make_training(config: VocoderConfig) -> tuple[VocoderTraining, list[Clip]]:
    """The same weights for the same config, and the clips to train on."""
    data = check_clips(config)
    torch.manual_seed(0)
    ranks = Ranks(0, 1, torch.device("cpu"))
    return VocoderTraining(config, ranks, data.valid, data.valid[:1]), data.train


def make_batch(config: VocoderConfig, clips: list[Clip], n_clips: int = 4) -> SegmentBatch:
    dataset = SegmentDataset(ClipReader(clips, config))
    return collate([dataset[i, i / n_clips] for i in range(n_clips)])
