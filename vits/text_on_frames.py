"""Which symbol each frame belongs to: searched for in training (VITS Sec. 2.2.1), told by durations
in speaking.
"""

import math

import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.phases import phase
from vits import alignment
from vits.text_encoder import EncodedText, length_mask

# What a text may ask for: beyond it lies no speech, but a duration predictor that has diverged, and
# more frames than memory holds. At 86 frames a second they are 2.3 s and 39 minutes.
MOST_FRAMES_OF_SYMBOL = 200  # in the mean over a text
MOST_FRAMES = 200_000


class TooManyFrames(UserError):
    """A text would last longer than speech does."""

    def __init__(self, frames: float, n_symbols: int) -> None:
        self.n_symbols = n_symbols
        allowed = min(MOST_FRAMES_OF_SYMBOL * n_symbols, MOST_FRAMES)
        super().__init__(
            f"{frames:.4g} frames for {n_symbols} symbols, expected {allowed:,} at most: "
            f"{MOST_FRAMES_OF_SYMBOL} a symbol, and {MOST_FRAMES:,} in all; the voice's durations "
            f"have diverged, or length_scale is too large: use an earlier checkpoint, or lower it"
        )


@torch.no_grad()
def align(
    z_p: Tensor,
    text: EncodedText,
    token_lengths: Tensor,
    spec_lengths: Tensor,
    noise: Tensor | None = None,
) -> Tensor:
    """The most likely monotonic alignment of frames and symbols (VITS Eq. 6): durations [B,
    T_text]. noise: see add_noise.
    """
    with phase("alignment"):
        scores = alignment_scores(z_p, text.m_p, text.logs_p)
        if noise is not None:
            spec_mask = length_mask(spec_lengths, scores.shape[1])
            scores = add_noise(scores, noise, spec_mask.transpose(1, 2) * text.x_mask)
        return alignment.search(scores, token_lengths, spec_lengths)


def add_noise(scores: Tensor, noise: Tensor, valid: Tensor) -> Tensor:
    """Scores that let the search try other paths than its first (VITS2 Sec. 2.2).

    noise: in standard deviations of the item's scores, so that neither padding nor other items
    count; valid: 1 where frame and symbol are. All are [B, T_spec, T_text].
    """
    n_scores = valid.sum((1, 2), keepdim=True)
    mean = (scores * valid).sum((1, 2), keepdim=True) / n_scores
    variance = ((scores - mean).square() * valid).sum((1, 2), keepdim=True) / n_scores
    return scores + variance.sqrt() * noise


def alignment_scores(z_p: Tensor, m_p: Tensor, logs_p: Tensor) -> Tensor:
    """log N(z_p[t]; m_p[x], exp(logs_p[x])) of every frame t under every symbol x, in nats.

    z_p: [B, C, T_spec]; m_p, logs_p: [B, C, T_text]. Returns [B, T_spec, T_text]. With p = exp(-2
    logs_p), the square is multiplied out so that all frames meet all symbols in one matrix product:
    -(z - m)^2 p / 2 = -z^2 p / 2 + z m p - m^2 p / 2.
    """
    with torch.autocast(z_p.device.type, enabled=False):
        z_p, m_p, logs_p = z_p.float(), m_p.float(), logs_p.float()
        precision = torch.exp(-2 * logs_p)
        of_symbol = (-0.5 * math.log(2 * math.pi) - logs_p - 0.5 * m_p.square() * precision).sum(1)
        frames = torch.cat([z_p.square(), z_p], dim=1).transpose(1, 2)  # [B, T_spec, 2C]
        symbols = torch.cat([-0.5 * precision, m_p * precision], dim=1)  # [B, 2C, T_text]
        return torch.baddbmm(of_symbol.unsqueeze(1), frames, symbols)


def whole_frames(log_durations: Tensor, x_mask: Tensor, length_scale: float) -> Tensor:
    """Durations as a predictor gives them, in whole frames of which each symbol has one at least.

    log_durations, x_mask: [B, 1, T_text]. Returns int64 [B, T_text], 0 on padding. TooManyFrames:
    an item would be too long.
    """
    durations = torch.ceil(log_durations.float().exp() * x_mask * length_scale).squeeze(1)
    for frames, n_symbols in zip(durations.sum(1).tolist(), x_mask.sum((1, 2)).long().tolist()):
        require_speech(frames, n_symbols)
    return durations.clamp(min=1).long() * x_mask.squeeze(1).long()


def require_speech(frames: float, n_symbols: int) -> None:
    """TooManyFrames if so many symbols ask for more than speech takes, or for no number."""
    if not frames <= min(MOST_FRAMES_OF_SYMBOL * n_symbols, MOST_FRAMES):  # nor NaN
        raise TooManyFrames(frames, n_symbols)


def hold(durations: Tensor, n_frames: int) -> Tensor:
    """Which symbol each frame belongs to: durations [B, T_text] to indices [B, n_frames].

    Frames behind an item's end get its last column.
    """
    ends = durations.cumsum(1)
    frames = torch.arange(n_frames, device=durations.device).expand(durations.shape[0], -1)
    return torch.searchsorted(ends, frames.contiguous(), right=True).clamp(
        max=durations.shape[1] - 1
    )


def expand(states: Tensor, symbol_of_frame: Tensor) -> Tensor:
    """Hold each text state for as many frames as its symbol lasts.

    states: [B, C, T_text]; symbol_of_frame: [B, T_spec]. Returns [B, C, T_spec].
    """
    return states.gather(2, symbol_of_frame.unsqueeze(1).expand(-1, states.shape[1], -1))
