"""A vocoder's run so small that a training step takes milliseconds, and recordings for it.

trained: a folder in which one was trained for two steps.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch

from hifigan import train as train_script
from hifigan.checkpoint import read_checkpoint
from hifigan.clips import check_clips
from hifigan.distributed import Ranks
from hifigan.exchange.official import write_official
from hifigan.json_config import config_from_dict, override, read_json
from hifigan.segments import Clip, ClipReader, SegmentBatch, SegmentDataset, collate
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoder_training import VocoderTraining
from tests.conftest import REPOSITORY, SAMPLE_RATE, tone_with_noise
from tests.small_run import ENVIRONMENT

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


def run(cwd: Path, module: str, *arguments: object, n_processes: int = 1, expect: int = 0) -> str:
    """A command as a process of its own, or of torchrun's; what it told on stderr."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={n_processes}"]
    command = [*(launcher if n_processes > 1 else []), "-m", module, *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wavs/, small.json and runs/voice, trained for 2 steps; the same weights as the
    original's files in official/, and g_ alone in alone/.
    """
    folder = tmp_path_factory.mktemp("vocoder")
    write_wavs(folder / "wavs")
    write_vocoder_config(folder / "small.json")
    run(folder, "hifigan.train", "-c", "small.json", "-m", "voice", "--max_steps", 2)
    state = read_checkpoint(folder / "runs/voice/checkpoints/step_00000002.pt")
    config = config_from_dict(VocoderConfig, state["config"], "a checkpoint")
    state["config"]["mel"]["magnitude_floor"] = 1e-9
    paths = write_official(folder / "official", state, config)
    (folder / "alone").mkdir()
    for path in paths:
        if not path.name.startswith("do_"):
            os.link(path, folder / "alone" / path.name)
    return folder


def go(call, folder: Path, *arguments: object, expect: int = 0) -> str:
    code, err = call(folder, train_script.main, *arguments)
    assert code == expect, err
    return err


def weights(run_folder: Path, step: int, name: str = "generator") -> dict[str, torch.Tensor]:
    return read_checkpoint(run_folder / f"checkpoints/step_{step:08d}.pt")[name]


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(torch.equal(v, right[k]) for k, v in left.items())
