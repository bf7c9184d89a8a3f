"""Magnitude and log-mel spectrograms, computed on the waveform's device, always in float32.

T_spec = T_wav // hop_length: frames are not centred; (n_fft - hop_length) / 2 samples are reflected
at both ends of every utterance, as in the original VITS and HiFi-GAN.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifigan.config import AudioConfig

LOG_FLOOR = 1e-5  # smallest mel magnitude before the logarithm, as in the published models


class Spectrogram(nn.Module):
    """Waveforms to magnitude spectrograms, and those to log-mel spectrograms.

    `magnitude_floor` stands inside the root and keeps its gradient finite: 1e-6 in the original
    VITS, 1e-9 in the original HiFi-GAN.
    """

    def __init__(self, audio: AudioConfig, magnitude_floor: float = 1e-6) -> None:
        super().__init__()
        self.audio = audio
        self.magnitude_floor = magnitude_floor
        self.register_buffer("window", torch.hann_window(audio.win_length), persistent=False)
        self.register_buffer("filterbank", mel_filterbank(audio), persistent=False)

    def magnitudes(self, wav: Tensor, wav_lengths: Tensor | None = None) -> Tensor:
        """wav: [B, 1, T_wav]; wav_lengths: [B] samples, or None where all are T_wav long.

        Returns [B, n_bins, T_spec]. Frames behind an item's own T_spec are zero, and those before
        do not depend on the padding: each item is reflected at its own end.
        """
        with torch.autocast(wav.device.type, enabled=False):
            overlap = self.audio.overlap
            if wav_lengths is None:
                return self.magnitudes_inside(F.pad(wav.float(), (overlap, overlap), "reflect"))
            padded = reflect_ends(wav.float().squeeze(1), wav_lengths, overlap)
            spec = self.magnitudes_inside(padded.unsqueeze(1))
            frames = torch.arange(spec.shape[-1], device=spec.device)
            valid = frames < (wav_lengths // self.audio.hop_length).unsqueeze(1)
            return spec * valid.unsqueeze(1)

    def magnitudes_inside(self, wav: Tensor) -> Tensor:
        """Of the frames that need no samples beyond the ends: [B, 1, T] to [B, n_bins, T_spec].

        T = T_spec * hop_length + n_fft - hop_length, or less than a hop more.
        """
        with torch.autocast(wav.device.type, enabled=False):
            spec = torch.stft(
                wav.float().squeeze(1),
                self.audio.n_fft,
                self.audio.hop_length,
                self.audio.win_length,
                self.window,
                center=False,
                return_complex=True,
            )
            return torch.sqrt(spec.real.square() + spec.imag.square() + self.magnitude_floor)

    def mel(self, spec: Tensor) -> Tensor:
        """[B, n_bins, T_spec] magnitudes to [B, n_mels, T_spec], natural logarithm."""
        with torch.autocast(spec.device.type, enabled=False):
            return torch.log(torch.clamp(self.filterbank @ spec.float(), min=LOG_FLOOR))


def reflect_ends(wav: Tensor, wav_lengths: Tensor, overlap: int) -> Tensor:
    """Extend each item by its own mirror image, `overlap` samples before and behind.

    wav: [B, T_wav]; wav_lengths: [B]. Returns [B, T_wav + 2 * overlap], zero behind each item's
    end.
    """
    position = torch.arange(-overlap, wav.shape[1] + overlap, device=wav.device).abs().unsqueeze(0)
    last = wav_lengths.unsqueeze(1) - 1
    mirrored = torch.where(position > last, 2 * last - position, position)
    samples = wav.gather(1, mirrored.clamp(min=0).expand(wav.shape[0], -1))
    return samples * (position <= last + overlap)


def mel_filterbank(audio: AudioConfig) -> Tensor:
    """Triangular filters of equal area on Slaney's mel scale: [n_mels, n_bins].

    The same as librosa.filters.mel with its defaults. The scale is linear (3 mels per 200 Hz) up
    to 1000 Hz and logarithmic (27 mels per factor 6.4) above.
    """
    edges = _mel_to_hz(
        torch.linspace(
            *_hz_to_mel(torch.tensor([audio.f_min, audio.f_top], dtype=torch.float64)).tolist(),
            audio.n_mels + 2,
            dtype=torch.float64,
        )
    )
    bins = torch.linspace(0, audio.sample_rate / 2, audio.n_bins, dtype=torch.float64)
    low, centre, high = (edges[i : audio.n_mels + i].unsqueeze(1) for i in range(3))
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return (triangles * 2 / (high - low)).float()


def _hz_to_mel(hz: Tensor) -> Tensor:
    above = 15 + 27 * torch.log(hz.clamp(min=1000) / 1000) / torch.log(torch.tensor(6.4).double())
    return torch.where(hz < 1000, hz * 3 / 200, above)


def _mel_to_hz(mel: Tensor) -> Tensor:
    above = 1000 * torch.exp((mel - 15) * torch.log(torch.tensor(6.4).double()) / 27)
    return torch.where(mel < 15, mel * 200 / 3, above)
