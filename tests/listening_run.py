"""Run folders as training leaves them, of a voice and of a vocoder, with made-up sound: for the
samples and the listening page."""

import base64
import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hifigan.config import AudioConfig
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.samples import VocoderSample, write_vocoder_samples
from vits.data import Utterance
from vits.samples import Sample, write_samples

SAMPLE_RATE, HOP_LENGTH = 22050, 256
SYMBOLS = ("_", "a", "b", " ", ".")
TOKENS = (0, 1, 0, 3, 0, 2, 0, 4, 0)  # "a b." with blanks
DURATIONS = (1, 36, 1, 60, 0, 32, 1, 54, 55)  # 240: 114 of silence, 4 symbols with one or none
FRAMES = {"target": 240, "reconstruction": 240, "synthesis": 312}
VOCODER_LOSSES = ("mel", "feature_matching", "adversarial", "discriminator")
LOSS_AUDIO = AudioConfig(SAMPLE_RATE, 1024, HOP_LENGTH, 1024, 80, 0.0, None)
RECORDINGS = ("a17", "speaker/</script>{{data}}")
LOSSES = ("mel", "kl", "duration", "feature_matching", "adversarial", "discriminator")
SENTENCES = {"a17": "Това е тестово изречение.", "b<3": 'A "quoted" </script> & {{data}} sentence.'}


def tone(step: int, sentence: str, source: str) -> Tensor:
    """A tone with hiss whose pitch tells what it is; the target's is the same at every step."""
    hertz = {"target": 300, "reconstruction": 310 + step, "synthesis": 400 + step}[source]
    time = np.arange(FRAMES[source] * HOP_LENGTH) / SAMPLE_RATE
    wav = 0.25 * np.sin(2 * np.pi * (hertz + len(sentence)) * time)
    hiss = np.random.default_rng(0).normal(0, 0.05, len(time))
    return torch.from_numpy(wav + hiss).float()


def sample(step: int, sentence: str) -> Sample:
    """What a voice made of a sentence at a step; every mel is step / 100 away from the target's."""
    text = SENTENCES[sentence]
    n_frames = FRAMES["target"]
    return Sample(
        Utterance(
            id=sentence,
            path="",
            text=text,
            speaker=None,
            speaker_id=0,
            tokens=TOKENS,
            n_samples=n_frames * HOP_LENGTH,
            n_frames=n_frames,
        ),
        SAMPLE_RATE,
        {source: tone(step, text, source) for source in FRAMES},
        {
            source: torch.linspace(-8, 1, 20 * frames).reshape(20, frames)
            + (step / 100 if source != "target" else 0)
            for source, frames in FRAMES.items()
        },
        torch.tensor(DURATIONS),
    )


def vocoder_sample(step: int, name: str) -> VocoderSample:
    """A recording and its copy, which lies above it by step / 100 nats in every mel."""
    wavs = {source: tone(step, name, source) for source in ("target", "reconstruction")}
    spectrogram = Spectrogram(LOSS_AUDIO, magnitude_floor=1e-9)
    mel = spectrogram.mel(spectrogram.magnitudes(wavs["target"][None, None]))[0]
    return VocoderSample(
        name, SAMPLE_RATE, wavs, {"target": mel, "reconstruction": mel + step / 100}
    )


def step_folder(run: Path, step: int) -> Path:
    return run / "samples" / f"step_{step:08d}"


def write_step(run: Path, step: int, samples: list[Sample] | None = None) -> None:
    """The samples of a step; by default of every sentence."""
    samples = samples or [sample(step, sentence) for sentence in SENTENCES]
    monitor = Monitor(run, step)
    write_samples(samples, SYMBOLS, monitor, step_folder(run, step), step)
    monitor.close()


def write_vocoder_step(run: Path, step: int, samples: list[VocoderSample] | None = None) -> None:
    """The samples of a step of a vocoder; by default of every recording."""
    samples = samples or [vocoder_sample(step, name) for name in RECORDINGS]
    monitor = Monitor(run, step)
    write_vocoder_samples(samples, LOSS_AUDIO, monitor, step_folder(run, step), step)
    monitor.close()


def scalars(step: int, part: str, losses: Sequence[str]) -> dict:
    record = {"step": step, "epoch": step // 10, "time": 1.7e9 + step}
    record |= {f"{part}/{name}": i + 10 / step for i, name in enumerate(losses)}
    if part == "train":
        record |= {
            "train/learning_rate": 2e-4,
            "train/generator_gradient_norm": 3.0,
            "train/samples_per_second": 12.5,
        }
    return record


def write_run(run: Path, steps: Sequence[int] = (20, 40)) -> Path:
    """Of a voice. A log line every 10 steps up to step 50, validation and samples at `steps`."""
    return _write_run(run, steps, LOSSES, write_step)


def write_vocoder_run(run: Path, steps: Sequence[int] = (20, 40)) -> Path:
    return _write_run(run, steps, VOCODER_LOSSES, write_vocoder_step)


def _write_run(
    run: Path, steps: Sequence[int], losses: Sequence[str], write: Callable[[Path, int], None]
) -> Path:
    run.mkdir(parents=True)
    config = {
        "audio": {"sample_rate": SAMPLE_RATE, "hop_length": HOP_LENGTH},
        "train": {"batch_size": 16, "lr": 2e-4},
    }
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for step in steps:
        write(run, step)
    records = [scalars(step, "train", losses) for step in range(10, 60, 10)]
    records += [scalars(step, "valid", losses) for step in steps]
    records.sort(key=lambda record: record["step"])
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (run / "scalars.jsonl").write_text(lines, encoding="utf-8")
    return run


def page_data(page: str) -> dict:
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def page_media(page: str) -> dict[str, bytes]:
    holder = r'<script type="text/plain" id="([\w./-]+)" data-type="[\w/]+">([^<]*)</script>'
    found = re.findall(holder, page)
    return {identifier: base64.b64decode(text, validate=True) for identifier, text in found}


def files_of(data: dict, *made: str) -> set[str]:
    """The files that the page's script looks for, below the run's folder of samples.

    made: the names of those that each sample has.
    """
    names = [f"{s['recording']}{ending}" for s in data["sentences"] for ending in (".wav", ".png")]
    paths = {f"recordings/{name}" for name in names}
    samples = [found for checkpoint in data["steps"] for found in checkpoint["samples"]]
    return paths | {f"{s['folder']}/{name}" for s in samples for name in made}


@pytest.fixture(scope="module")
def untouched_run(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def run(untouched_run, tmp_path) -> Path:
    return shutil.copytree(untouched_run, tmp_path / "runs" / "tiny")
