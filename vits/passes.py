"""What the model's passes take of chance and what they give."""

from dataclasses import dataclass

from torch import Tensor

from vits.posterior_encoder import Posterior


@dataclass
class TrainingNoise:
    """Every random draw of a training forward but dropout."""

    posterior: Tensor  # standard normal [B, C, T_spec]
    duration: Tensor  # standard normal [B, 2, T_text]
    segment: Tensor  # uniform in [0, 1) [B]: where the decoded window lies
    # Normal [B, T_spec, T_text], in standard deviations of the scores of the alignment search.
    alignment: Tensor | None = None


@dataclass
class Rhythm:
    """What the duration discriminator judges (VITS2 Sec. 2.1)."""

    hidden: Tensor  # [B, C_text, T_text], without gradient
    x_mask: Tensor  # [B, 1, T_text]
    log_durations: Tensor  # [B, 1, T_text], of the alignment
    log_durations_hat: Tensor  # [B, 1, T_text], of the predictor


@dataclass
class TrainingOutput:
    wav_hat: Tensor  # [B, 1, segment_samples]
    segment_starts: Tensor  # [B] frames
    durations: Tensor  # [B, T_text] frames
    duration_losses: Tensor  # [B], summed over symbols
    posterior: Posterior
    z_p: Tensor  # [B, C, T_spec]
    m_p: Tensor  # [B, C, T_spec], the prior held along the alignment
    logs_p: Tensor  # [B, C, T_spec]
    spec_mask: Tensor  # [B, 1, T_spec]
    bands_hat: Tensor | None = None  # [B, n_bands, T_band], of a decoder that joins bands
    rhythm: Rhythm | None = None  # where there is a duration discriminator


@dataclass
class SpokenPrior:
    """A draw from the prior of a text: what flow and decoder make a waveform of."""

    z_p: Tensor  # [B, C, T_spec]
    spec_mask: Tensor  # [B, 1, T_spec]
    spec_lengths: Tensor  # [B] frames
    durations: Tensor  # [B, T_text] frames


@dataclass
class Synthesis:
    wav_hat: Tensor  # [B, 1, T_wav], zero behind each item's end
    wav_lengths: Tensor  # [B] samples
    durations: Tensor  # [B, T_text] frames
