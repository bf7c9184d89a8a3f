"""How far generated bands are from a recording's: STFTs of several sizes, band by band.

The multi-resolution STFT loss of Parallel WaveGAN (arXiv 1910.11480, Eq. 3 to 6) on the bands of
MB-iSTFT-VITS (arXiv 2210.15975, Sec. 3.2). Without it the filters that join the bands could be fed
anything that sums up well, and the bands would not stay apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifigan.config import InverseStftConfig
from hifigan.filter_bank import filters

SIZES = ((64, 16), (128, 32), (256, 64))  # n_fft and hop_length, in samples of a band
FLOOR = 1e-5  # of squared magnitudes


class SubbandLoss(nn.Module):
    def __init__(self, config: InverseStftConfig) -> None:
        super().__init__()
        self.config = config
        splitting, _ = filters(config.n_bands, config.n_taps)
        self.register_buffer("splitting", splitting, persistent=False)
        for n_fft, _ in SIZES:
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), persistent=False)

    def split(self, wav: Tensor) -> Tensor:
        """[B, 1, T_wav] to its bands [B, n_bands, T_wav / n_bands]."""
        n_bands, n_taps = self.config.n_bands, self.config.n_taps
        return F.conv1d(wav, self.splitting, stride=n_bands, padding=(n_taps - n_bands) // 2)

    def forward(self, wav: Tensor, bands_hat: Tensor) -> Tensor:
        """wav: recordings [B, 1, T_wav]; bands_hat: [B, n_bands, T_band]. In float32.

        The relative error of each band's magnitudes together, and the error of their logarithms, in
        the mean over bands and sizes.
        """
        with torch.autocast(wav.device.type, enabled=False):
            bands = self.split(wav.float()).flatten(0, 1)
            bands_hat = bands_hat.float().flatten(0, 1)
            losses = []
            for n_fft, hop_length in SIZES:
                magnitude, magnitude_hat = (
                    self._magnitudes(x, n_fft, hop_length) for x in (bands, bands_hat)
                )
                error = torch.linalg.matrix_norm(magnitude - magnitude_hat)
                losses.append((error / torch.linalg.matrix_norm(magnitude)).mean())
                losses.append(F.l1_loss(magnitude_hat.log(), magnitude.log()))
            return sum(losses) / len(SIZES)

    def _magnitudes(self, bands: Tensor, n_fft: int, hop_length: int) -> Tensor:
        window = getattr(self, f"window_{n_fft}")
        spec = torch.stft(
            bands, n_fft, hop_length, window=window, center=False, return_complex=True
        )
        return torch.sqrt(spec.real.square() + spec.imag.square() + FLOOR)
