"""The losses that VITS adds to HiFi-GAN's (Sec. 2.1.3, 2.2.2), in float32.

Sums over a batch are divided by counts that the caller gives: the batch's own, or in training over
several processes or micro-batches the mean count per part, so that the parts add up to one batch.
"""

import torch
from torch import Tensor

from vits.passes import TrainingOutput


def kl_loss(output: TrainingOutput, n_frames: Tensor | float) -> Tensor:
    """KL divergence of posterior and prior, estimated at the drawn z (VITS Eq. 3 and 4).

    Summed over channels, divided by `n_frames`; nats per frame.
    """
    with torch.autocast(output.z_p.device.type, enabled=False):
        z_p, m_p, logs_p = output.z_p.float(), output.m_p.float(), output.logs_p.float()
        logs_q = output.posterior.logs_q.float()
        kl = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
        return (kl * output.spec_mask).sum() / n_frames


def duration_discriminator_loss(
    real: Tensor, generated: Tensor, x_mask: Tensor, n_symbols: Tensor | float
) -> Tensor:
    """What the duration discriminator minimises, per symbol (VITS2 Sec. 2.1).

    real, generated: its scores [B, 1, T_text].
    """
    squares = (1 - real.float()).square() + generated.float().square()
    return (squares * x_mask).sum() / n_symbols


def duration_adversarial_loss(
    generated: Tensor, x_mask: Tensor, n_symbols: Tensor | float
) -> Tensor:
    """What the predictor minimises so that its durations pass for real ones, per symbol."""
    return ((1 - generated.float()).square() * x_mask).sum() / n_symbols


def duration_loss(output: TrainingOutput, n_symbols: Tensor | float) -> Tensor:
    """The duration predictor's loss per symbol (VITS Eq. 7, or squared error without
    stochasticity).
    """
    return output.duration_losses.float().sum() / n_symbols
