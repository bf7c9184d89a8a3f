"""What a voice sounds and looks like at a checkpoint: a sentence's recording, its reconstruction
(posterior encoder to decoder), its synthesis (text to decoder), how symbols and frames align, and
scores of all that.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hifigan.losses import mel_loss
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.pictures import alignment_picture
from hifigan.samples import StepSamples, finite_values, share_of_clipped
from vits.alignment_numbers import AlignmentNumbers, longest_symbol
from vits.data import Utterance, UtteranceDataset, collate
from vits.model import VitsModel
from vits.text_on_frames import TooManyFrames

logger = logging.getLogger(__name__)

VALIDATION_SEED = 0  # of the noise in validation and samples, so that steps and runs compare


@dataclass(frozen=True)
class Sample:
    utterance: Utterance
    sample_rate: int  # Hz
    wavs: dict[str, Tensor]  # target, reconstruction, synthesis: float32 [T_wav] on the CPU
    mels: dict[str, Tensor]  # of each: [n_mels, T_spec] on the CPU
    durations: Tensor  # [T_text] frames, of the recording's alignment

    @property
    def id(self) -> str:
        return self.utterance.id


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

    output = model(
        batch.tokens,
        batch.token_lengths,
        spec,
        spec_lengths,
        batch.speakers,
        noise,
        batch.languages,
    )
    try:
        synthesis = model.synthesize(
            batch.tokens, batch.token_lengths, batch.speakers, draw=draw, languages=batch.languages
        ).wav_hat
    except TooManyFrames as fault:  # training may yet mend it
        logger.warning("%s: not spoken: %s", utterance.id, fault)
        synthesis = torch.full_like(batch.wav, torch.nan)
    wavs = {
        "target": batch.wav,
        "reconstruction": model.reconstruct(spec, spec_lengths, batch.speakers),
        "synthesis": synthesis,
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
    """The samples of a step. `folder`: see StepSamples."""
    written = StepSamples(monitor, folder, step)
    for sample in samples:
        written.add(
            sample,
            {"alignment": alignment_picture(sample.durations)},
            {
                "text": sample.utterance.text,
                "speaker": sample.utterance.speaker,
                "frames": sample.utterance.n_frames,
                "symbols": len(sample.durations),
                "longest_symbol": longest_symbol(*_alignment(sample), symbols),
                "scores": scores(sample, symbols),
            },
        )
    written.finish()


def scores(sample: Sample, symbols: Sequence[str]) -> dict[str, float]:
    """What can be measured without anyone listening; nothing of a sound that is not finite."""
    numbers = AlignmentNumbers(symbols)
    numbers.add(*_alignment(sample))
    values = numbers.values()
    wavs, mels = sample.wavs, sample.mels
    values["reconstruction_mel_distance"] = float(mel_loss(mels["target"], mels["reconstruction"]))
    if wavs["synthesis"].isfinite().all():
        values["synthesis_length_ratio"] = len(wavs["synthesis"]) / len(wavs["target"])
        values["share_of_clipped_samples"] = share_of_clipped(wavs["synthesis"])
    return finite_values(values)


def _alignment(sample: Sample) -> tuple[Tensor, Tensor]:
    return torch.tensor(sample.utterance.tokens), sample.durations
