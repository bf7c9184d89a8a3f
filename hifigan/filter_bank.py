"""A bank of filters that splits a waveform into bands of equal width, and joins them again.

Pseudo-quadrature mirror filters: one low-pass prototype, moved to the middle of each band by a
cosine whose phases make what neighbouring bands fold into each other cancel. Each band has a
n_bands-th of the samples. (MB-iSTFT-VITS, arXiv 2210.15975, Sec. 3.2, which takes them from
multi-band MelGAN.)
"""

import functools

import numpy as np
import torch
from torch import Tensor

KAISER_BETA = 9.0  # of the prototype's window: stops some 90 dB
N_CUTOFFS = 400  # tried for the prototype


@functools.cache
def prototype(n_bands: int, n_taps: int) -> np.ndarray:
    """The low-pass filter [n_taps], float64, symmetric.

    Its cutoff is the one by which the bank gives back most exactly what it was given: the filter's
    product with itself, moved by any multiple of 2 n_bands, is to be nothing.
    """
    n = np.arange(n_taps) - (n_taps - 1) / 2
    window = np.kaiser(n_taps, KAISER_BETA)

    def low_pass(cutoff: float) -> np.ndarray:  # as a share of half the sample rate
        return window * cutoff * np.sinc(cutoff * n)

    def fault(cutoff: float) -> float:
        product = np.correlate(low_pass(cutoff), low_pass(cutoff), "full")[n_taps - 1 :]
        return float(np.abs(product[2 * n_bands :: 2 * n_bands]).max() / product[0])

    cutoffs = np.linspace(0.5 / n_bands, 0.8 / n_bands, N_CUTOFFS)
    return low_pass(min(cutoffs, key=fault))


def filters(n_bands: int, n_taps: int) -> tuple[Tensor, Tensor]:
    """Those that split and those that join, float32 [n_bands, 1, n_taps] each.

    To split: a convolution with stride n_bands. To join: a transposed one. Both with padding
    (n_taps - n_bands) / 2, so that nothing is delayed.
    """
    n = np.arange(n_taps) - (n_taps - 1) / 2
    low_pass = prototype(n_bands, n_taps)
    band = np.arange(n_bands)[:, None]
    angles = (2 * band + 1) * np.pi / (2 * n_bands) * n
    turns = (-1.0) ** band * np.pi / 4
    joining = 2 * low_pass * np.cos(angles - turns)
    # A convolution of torch does not turn its filter round, a transposed one does.
    splitting = (2 * low_pass * np.cos(angles + turns))[:, ::-1]
    gain = np.sqrt(0.5 / np.square(low_pass).sum())
    return tuple(
        torch.from_numpy(np.ascontiguousarray(gain * values)).float().unsqueeze(1)
        for values in (splitting, joining)
    )
