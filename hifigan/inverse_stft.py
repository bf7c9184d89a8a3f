"""A head that ends a generator early: bands as short spectra, an inverse STFT, and a filter bank.

MB-iSTFT-VITS (arXiv 2210.15975, Sec. 3): instead of the last upsampling stages, in which most of a
generator's time goes, the network gives the magnitude and the phase of a small STFT for each band
of frequencies. The filters that join the bands learn, too (its multi-stream variant); they begin
as a perfect bank.

Axes: T steps at the input, T_band = T * hop_length samples of a band, T_wav = T_band * n_bands.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifigan.config import InverseStftConfig
from hifigan.filter_bank import filters
from hifigan.weight_norm import weight_norm

LARGEST_LOG_MAGNITUDE = 5.0  # far above speech, far below what float32 holds


class InverseStftHead(nn.Module):
    def __init__(self, in_channels: int, config: InverseStftConfig) -> None:
        super().__init__()
        self.config = config
        n_outputs = config.n_bands * 2 * config.n_bins
        self.projection = weight_norm(nn.Conv1d(in_channels, n_outputs, 7, padding=3))
        self.register_buffer("waves", inverse_stft_rows(config), persistent=False)
        self.synthesis = nn.Parameter(filters(config.n_bands, config.n_taps)[1])

    def bands(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, n_bands, T_band]."""
        config = self.config
        spectra = self.projection(x).reshape(-1, 2 * config.n_bins, x.shape[-1])
        log_magnitude, angle = spectra.split(config.n_bins, dim=1)
        magnitude = log_magnitude.clamp(max=LARGEST_LOG_MAGNITUDE).exp()
        phase = math.pi * angle.sin()
        parts = torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], dim=1)
        samples = F.conv_transpose1d(
            parts, self.waves, stride=config.hop_length, padding=config.padding
        )
        return samples.reshape(x.shape[0], config.n_bands, -1)

    def join(self, bands: Tensor) -> Tensor:
        """[B, n_bands, T_band] to the waveform [B, 1, T_wav]."""
        n_bands, n_taps = self.config.n_bands, self.config.n_taps
        return F.conv_transpose1d(
            bands, self.synthesis, stride=n_bands, padding=(n_taps - n_bands) // 2
        )


def inverse_stft_rows(config: InverseStftConfig) -> Tensor:
    """What each real and each imaginary part adds to the samples: [2 n_bins, 1, n_fft].

    The inverse DFT of a real signal, windowed (Hann), as a transposed convolution. Where all frames
    overlap, the squared windows of a hop of a quarter or less add up to 3 / 8 n_fft / hop_length,
    which is divided by; the (n_fft - hop_length) / 2 samples at either end of a waveform, where
    they do not, fade in and out.
    """
    n = torch.arange(config.n_fft, dtype=torch.float64)
    bins = torch.arange(config.n_bins, dtype=torch.float64).unsqueeze(1)
    angles = 2 * math.pi * bins * n / config.n_fft
    twice = torch.full((config.n_bins, 1), 2.0, dtype=torch.float64)  # for the negative frequency
    twice[0] = twice[-1] = 1.0
    waves = torch.cat([twice * angles.cos(), -twice * angles.sin()]) / config.n_fft
    window = torch.hann_window(config.n_fft, dtype=torch.float64)
    overlap = 3 / 8 * config.n_fft / config.hop_length
    return (waves * window / overlap).float().unsqueeze(1)
