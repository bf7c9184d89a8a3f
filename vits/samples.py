"""What a voice sounds and looks like at a checkpoint: a sentence's recording, its reconstruction
(posterior encoder to decoder), its synthesis (text to decoder), and how symbols and frames
align."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hifigan.audio import write_audio
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.pictures import alignment_picture, mel_picture, write_png
from vits.data import Utterance, UtteranceDataset, collate
from vits.model import VitsModel

logger = logging.getLogger(__name__)

VALIDATION_SEED = 0  # of the noise in validation and samples, so that steps and runs compare


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
    """
    summaries = []
    for i, sample in enumerate(samples):
        name = f"{i:03d}"
        _write_sample(sample, monitor, folder / name, step)
        summaries.append(
            {
                "id": sample.utterance.id,
                "text": sample.utterance.text,
                "speaker": sample.utterance.speaker,
                "folder": name,
                "frames": sample.utterance.n_frames,
                "symbols": len(sample.durations),
                "alignment": alignment_numbers(sample, symbols),
            }
        )
    if summaries:
        (folder / "samples.json").write_text(
            json.dumps(summaries, ensure_ascii=False, indent=1), encoding="utf-8"
        )


def alignment_numbers(sample: Sample, symbols: Sequence[str]) -> dict[str, Any]:
    """How the frames are spread over the symbols: one frame at most is skipping, many is
    holding.
    """
    longest = int(sample.durations.argmax())
    return {
        "share_of_symbols_with_at_most_one_frame": float((sample.durations <= 1).float().mean()),
        "longest_symbol_frames": int(sample.durations[longest]),
        "longest_symbol": symbols[sample.utterance.tokens[longest]],
    }


def _write_sample(sample: Sample, monitor: Monitor, folder: Path, step: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, wav in sample.wavs.items():
        if not wav.isfinite().all():
            logger.warning(
                "step %d: %s of %s is NaN or infinite and left out", step, name, sample.utterance.id
            )
            continue
        picture = mel_picture(sample.mels[name])
        write_audio(folder / f"{name}.flac", wav, sample.sample_rate)
        write_png(folder / f"{name}_mel.png", picture)
        monitor.audio(f"{folder.name}/{name}", wav, sample.sample_rate, step)
        monitor.picture(f"{folder.name}/{name}_mel", picture, step)
    picture = alignment_picture(sample.durations)
    write_png(folder / "alignment.png", picture)
    monitor.picture(f"{folder.name}/alignment", picture, step)
