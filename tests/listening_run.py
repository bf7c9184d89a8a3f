"""A run folder as training leaves it, with made-up sound: for the samples and the listening page."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hifigan.monitor import Monitor
from vits.data import Utterance
from vits.samples import Sample, write_samples

SAMPLE_RATE, HOP_LENGTH = 22050, 256
SYMBOLS = ("_", "a", "b", " ", ".")
TOKENS = (0, 1, 0, 3, 0, 2, 0, 4, 0)  # "a b." with blanks
DURATIONS = (1, 36, 1, 60, 0, 32, 1, 54, 55)  # 240: 114 of silence, 4 symbols with one or none
FRAMES = {"target": 240, "reconstruction": 240, "synthesis": 312}
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
    """What the model made of a sentence at a step; every mel is step / 100 away from the target's."""
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


def step_folder(run: Path, step: int) -> Path:
    return run / "samples" / f"step_{step:08d}"


def write_step(run: Path, step: int, samples: list[Sample] | None = None) -> None:
    """The samples of a step; by default of every sentence."""
    samples = samples or [sample(step, sentence) for sentence in SENTENCES]
    monitor = Monitor(run, step)
    write_samples(samples, SYMBOLS, monitor, step_folder(run, step), step)
    monitor.close()


def scalars(step: int, part: str) -> dict:
    record = {"step": step, "epoch": step // 10, "time": 1.7e9 + step}
    record |= {f"{part}/{name}": i + 10 / step for i, name in enumerate(LOSSES)}
    if part == "train":
        record |= {
            "train/learning_rate": 2e-4,
            "train/generator_gradient_norm": 3.0,
            "train/samples_per_second": 12.5,
        }
    return record


def write_run(run: Path, steps: tuple[int, ...] = (20, 40)) -> Path:
    """A log line every 10 steps up to step 50, validation and samples at `steps`."""
    run.mkdir(parents=True)
    config = {
        "audio": {"sample_rate": SAMPLE_RATE, "hop_length": HOP_LENGTH},
        "train": {"batch_size": 16, "lr": 2e-4},
    }
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for step in steps:
        write_step(run, step)
    records = [scalars(step, "train") for step in range(10, 60, 10)]
    records += [scalars(step, "valid") for step in steps]
    records.sort(key=lambda record: record["step"])
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (run / "scalars.jsonl").write_text(lines, encoding="utf-8")
    return run
