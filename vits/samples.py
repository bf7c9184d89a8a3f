"""What a voice sounds and looks like at a checkpoint: a sentence's recording, its reconstruction
(posterior encoder to decoder), its synthesis (text to decoder), how symbols and frames align, and
scores of all that.
"""

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hifigan.audio import write_audio
from hifigan.losses import mel_loss
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.pictures import alignment_picture, mel_picture, write_png
from vits.alignment_numbers import AlignmentNumbers, longest_symbol
from vits.data import Utterance, UtteranceDataset, collate
from vits.model import VitsModel

logger = logging.getLogger(__name__)

VALIDATION_SEED = 0  # of the noise in validation and samples, so that steps and runs compare
CLIPPED = 0.999  # the decoder's tanh comes close to 1 only where speech would be cut off


@dataclass(frozen=True)
class Sample:
    utterance: Utterance
    sample_rate: int  # Hz
    wavs: dict[str, Tensor]  # target, reconstruction, synthesis: float32 [T_wav] on the CPU
    mels: dict[str, Tensor]  # of each: [n_mels, T_spec] on the CPU
    durations: Tensor  # [T_text] frames, of the recording's alignment


@torch.no_grad()
def render(
    model: VitsModel, spectrogram: Spectrogram, utterance: Utterance, device: torch.device
) -> Sample:
    """One sentence through the model, with noise that is the same at every step."""
    audio = spectrogram.audio
    batch = collate([UtteranceDataset([utterance], audio.sample_rate)[0]]).to(device)
    spec = spectrogram.magnitudes(batch.wav, batch.wav_lengths)
    spec_lengths = batch.spec_lengths(audio.hop_length)
    draws = torch.Generator(device).manual_seed(VALIDATION_SEED)
    noise = model.draw_noise(batch.tokens, spec, draws)

    def draw(*shape: int, device: torch.device) -> Tensor:
        return torch.randn(*shape, device=device, generator=draws)

    output = model(batch.tokens, batch.token_lengths, spec, spec_lengths, batch.speakers, noise)
    synthesis = model.synthesize(batch.tokens, batch.token_lengths, batch.speakers, draw=draw)
    wavs = {
        "target": batch.wav,
        "reconstruction": model.reconstruct(spec, spec_lengths, batch.speakers),
        "synthesis": synthesis.wav_hat,
    }
    mels = {name: spectrogram.mel(spectrogram.magnitudes(wav)) for name, wav in wavs.items()}
    return Sample(
        utterance,
        audio.sample_rate,
        {name: wav[0, 0].float().cpu() for name, wav in wavs.items()},
        {name: mel[0].cpu() for name, mel in mels.items()},
        output.durations[0].cpu(),
    )


def write_samples(
    samples: Sequence[Sample], symbols: Sequence[str], monitor: Monitor, folder: Path, step: int
) -> None:
    """Each sample into a folder of its own and to TensorBoard, and samples.json about all of
    them.

    `folder` is the step's own, in the run's folder of samples. Each recording is written once, into
    `recordings` beside it. Sounds are wav files: Chromium fails when it seeks near the end of a FLAC
    file.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of a run that went back and is there again
    summaries = []
    for i, sample in enumerate(samples):
        name = f"{i:03d}"
        recording = _write_recording(sample, name, monitor, folder.parent / "recordings")
        _write_sample(sample, monitor, folder / name, step)
        summaries.append(
            {
                "id": sample.utterance.id,
                "text": sample.utterance.text,
                "speaker": sample.utterance.speaker,
                "folder": name,
                "recording": recording,
                "frames": sample.utterance.n_frames,
                "symbols": len(sample.durations),
                "longest_symbol": longest_symbol(*_alignment(sample), symbols),
                "n_samples": {source: len(wav) for source, wav in _finite(sample).items()},
                "scores": scores(sample, symbols),
            }
        )
    (folder / "samples.json").write_text(  # last: a folder with it is whole
        json.dumps(summaries, ensure_ascii=False, indent=1), encoding="utf-8"
    )


def scores(sample: Sample, symbols: Sequence[str]) -> dict[str, float]:
    """What can be measured without anyone listening; nothing of a sound that is not finite."""
    numbers = AlignmentNumbers(symbols)
    numbers.add(*_alignment(sample))
    values = numbers.values()
    wavs, mels = sample.wavs, sample.mels
    values["reconstruction_mel_distance"] = float(mel_loss(mels["target"], mels["reconstruction"]))
    if wavs["synthesis"].isfinite().all():
        values["synthesis_length_ratio"] = len(wavs["synthesis"]) / len(wavs["target"])
        clipped = wavs["synthesis"].abs() >= CLIPPED
        values["share_of_clipped_samples"] = float(clipped.float().mean())
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _alignment(sample: Sample) -> tuple[Tensor, Tensor]:
    return torch.tensor(sample.utterance.tokens), sample.durations


def _finite(sample: Sample) -> dict[str, Tensor]:
    return {name: wav for name, wav in sample.wavs.items() if wav.isfinite().all()}


def _write_recording(sample: Sample, name: str, monitor: Monitor, folder: Path) -> str:
    """The recording and its mel, if they are not there yet. Returns their name in the folder.

    It is made of the sound, so that a run that goes on with other sentences mixes up nothing.
    """
    wav = sample.wavs["target"]
    digest = hashlib.sha256(wav.numpy().tobytes()).hexdigest()[:16]
    path = folder / f"{digest}.wav"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        picture = mel_picture(sample.mels["target"])
        write_png(path.with_suffix(".png"), picture)
        # At step 0 it stays in TensorBoard when the run goes back to an earlier step.
        monitor.audio(f"{name}/target", wav, sample.sample_rate, 0)
        monitor.picture(f"{name}/target_mel", picture, 0)
        write_audio(path, wav, sample.sample_rate)  # last: with it, all is there
    return digest


def _write_sample(sample: Sample, monitor: Monitor, folder: Path, step: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wavs = _finite(sample)
    for name in ("reconstruction", "synthesis"):
        if name not in wavs:
            logger.warning(
                "step %d: %s of %s is NaN or infinite and left out", step, name, sample.utterance.id
            )
            continue
        picture = mel_picture(sample.mels[name])
        write_audio(folder / f"{name}.wav", wavs[name], sample.sample_rate)
        write_png(folder / f"{name}_mel.png", picture)
        monitor.audio(f"{folder.name}/{name}", wavs[name], sample.sample_rate, step)
        monitor.picture(f"{folder.name}/{name}_mel", picture, step)
    picture = alignment_picture(sample.durations)
    write_png(folder / "alignment.png", picture)
    monitor.picture(f"{folder.name}/alignment", picture, step)
