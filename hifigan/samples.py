"""What a run sounds and looks like at a checkpoint: how it is written, and a vocoder's own part.

Not in the papers. A vocoder's sample is a recording and its copy synthesis: the recording's mel
through the generator, with a picture and scores of how far apart the two are.
"""

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from hifigan.audio import write_audio
from hifigan.config import AudioConfig
from hifigan.losses import mel_loss
from hifigan.mel import mel_filterbank
from hifigan.monitor import Monitor
from hifigan.pictures import mel_picture, write_png

logger = logging.getLogger(__name__)

CLIPPED = 0.999  # the generator's tanh comes close to 1 only where speech would be cut off
# Nats between two log-mels. A good copy is some tenths away, so that the top (17 dB) is a fault.
DIFFERENCE_RANGE = (0.0, 2.0)
BANDS = {  # Hz: pitch and vowels; what sets vowels and voices apart; hiss
    "below_2_khz": (0, 2000),
    "2_to_5_khz": (2000, 5000),
    "above_5_khz": (5000, math.inf),
}


class Sounding(Protocol):
    """A sample by name of its sounds: the recording, "target", and what a model made."""

    @property
    def id(self) -> str: ...

    @property
    def sample_rate(self) -> int: ...  # Hz

    @property
    def wavs(self) -> dict[str, Tensor]: ...  # float32 [T_wav] on the CPU

    @property
    def mels(self) -> dict[str, Tensor]: ...  # of each: [n_mels, T_spec]


@dataclass(frozen=True)
class VocoderSample:
    id: str
    sample_rate: int  # Hz
    wavs: dict[str, Tensor]  # target, reconstruction: float32 [T_wav] on the CPU
    mels: dict[str, Tensor]  # of each: [n_mels, T_spec] by the loss's recipe, the full band


def write_vocoder_samples(
    samples: Sequence[VocoderSample],
    loss_audio: AudioConfig,
    monitor: Monitor,
    folder: Path,
    step: int,
) -> None:
    """A vocoder's samples of a step; loss_audio: what their mels are made by. `folder`: see
    StepSamples.
    """
    written = StepSamples(monitor, folder, step)
    for sample in samples:
        scores = vocoder_scores(sample, loss_audio)
        pictures = {}
        if "reconstruction" in finite_wavs(sample):
            difference = (sample.mels["reconstruction"] - sample.mels["target"]).abs()
            pictures["difference"] = mel_picture(difference, DIFFERENCE_RANGE)
        frames = sample.mels["target"].shape[-1]
        written.add(sample, pictures, {"frames": frames, "scores": scores})
    written.finish()


def vocoder_scores(sample: VocoderSample, loss_audio: AudioConfig) -> dict[str, float]:
    """How far the copy is from its recording, in nats, over all mels and band by band, and how
    much of it is clipped; nothing of a sound that is not finite, nor of a band without a mel.
    """
    if "reconstruction" not in finite_wavs(sample):
        return {}
    mel, mel_hat = sample.mels["target"], sample.mels["reconstruction"]
    values = {"mel_distance": float(mel_loss(mel, mel_hat))}
    hertz = mel_frequencies(loss_audio)
    for name, (low, high) in BANDS.items():
        inside = (low <= hertz) & (hertz < high)
        if inside.any():
            values[f"mel_distance_{name}"] = float(mel_loss(mel[inside], mel_hat[inside]))
    values["share_of_clipped_samples"] = share_of_clipped(sample.wavs["reconstruction"])
    return finite_values(values)


def mel_frequencies(audio: AudioConfig) -> Tensor:
    """Where each mel filter hears best: [n_mels] Hz, rising, to the width of an FFT bin."""
    bin_hertz = audio.sample_rate / audio.n_fft
    return mel_filterbank(audio).argmax(dim=1) * bin_hertz


def share_of_clipped(wav: Tensor) -> float:
    """wav: [T_wav]. Returns the share of samples at full scale, 0 to 1."""
    return float((wav.abs() >= CLIPPED).float().mean())


def finite_wavs(sample: Sounding) -> dict[str, Tensor]:
    """The sample's sounds without those that hold NaN or infinity: float32 [T_wav] by name."""
    return {name: wav for name, wav in sample.wavs.items() if wav.isfinite().all()}


def finite_values(scores: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if math.isfinite(value)}


class StepSamples:
    """Writes each sample of a step into a folder of its own and to TensorBoard, and samples.json
    about all of them.

    `folder` is the step's own, in the run's folder of samples. Each recording is written once, into
    `recordings` beside it. Sounds are wav files: Chromium fails when it seeks near the end of a
    FLAC file.
    """

    def __init__(self, monitor: Monitor, folder: Path, step: int) -> None:
        self.monitor = monitor
        self.folder = folder
        self.step = step
        self.records: list[dict[str, Any]] = []
        shutil.rmtree(folder, ignore_errors=True)  # of a run that went back and is there again
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, sample: Sounding, pictures: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """pictures: uint8 [H, T_spec, 3] by name, besides those of the mels; facts: for
        samples.json, `frames` of the recording and `scores` among them.
        """
        name = f"{len(self.records):03d}"
        recording = self._write_recording(sample, name)
        self._write_made(sample, name)
        for title, picture in pictures.items():
            self._write_picture(f"{name}/{title}", picture)
        self.records.append(
            {
                "id": sample.id,
                "folder": name,
                "recording": recording,
                "sounds": made_sounds(sample),  # n_samples lacks those that are not finite
                "n_samples": {source: len(wav) for source, wav in finite_wavs(sample).items()},
                "pictures": list(pictures),
                **facts,
            }
        )

    def finish(self) -> None:
        (self.folder / "samples.json").write_text(  # last: a folder with it is whole
            json.dumps(self.records, ensure_ascii=False, indent=1), encoding="utf-8"
        )

    def _write_recording(self, sample: Sounding, name: str) -> str:
        """The recording and its mel, if they are not there yet. Returns their name in the folder.

        It is made of the sound, so that a run that goes on with other recordings mixes up nothing.
        """
        wav, folder = sample.wavs["target"], self.folder.parent / "recordings"
        digest = hashlib.sha256(wav.numpy().tobytes()).hexdigest()[:16]
        path = folder / f"{digest}.wav"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            picture = mel_picture(sample.mels["target"])
            write_png(path.with_suffix(".png"), picture)
            # At step 0 it stays in TensorBoard when the run goes back to an earlier step.
            self.monitor.audio(f"{name}/target", wav, sample.sample_rate, 0)
            self.monitor.picture(f"{name}/target_mel", picture, 0)
            write_audio(path, wav, sample.sample_rate)  # last: with it, all is there
        return digest

    def _write_made(self, sample: Sounding, name: str) -> None:
        (self.folder / name).mkdir(exist_ok=True)
        wavs = finite_wavs(sample)
        for source in made_sounds(sample):
            if source not in wavs:
                logger.warning(
                    "step %d: %s of %s is NaN or infinite and left out",
                    self.step,
                    source,
                    sample.id,
                )
                continue
            title, wav = f"{name}/{source}", wavs[source]
            write_audio(self.folder / f"{title}.wav", wav, sample.sample_rate)
            self.monitor.audio(title, wav, sample.sample_rate, self.step)
            self._write_picture(f"{title}_mel", mel_picture(sample.mels[source]))

    def _write_picture(self, title: str, picture: np.ndarray) -> None:
        write_png(self.folder / f"{title}.png", picture)
        self.monitor.picture(title, picture, self.step)


def made_sounds(sample: Sounding) -> list[str]:
    """Names of what a model made, which is all but the recording."""
    return [name for name in sample.wavs if name != "target"]
