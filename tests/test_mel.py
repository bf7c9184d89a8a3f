"""Spectrograms and mels against plain numpy and librosa, and beside padding."""

import numpy as np
import pytest
import torch

from hifigan.config import AudioConfig
from hifigan.mel import Spectrogram, mel_filterbank
from tests.tiny_model import TINY_AUDIO


def numpy_mel(wav: np.ndarray, audio: AudioConfig, filters: np.ndarray) -> np.ndarray:
    """[T_wav] to [n_mels, T_spec], frame by frame."""
    margin = (audio.n_fft - audio.win_length) // 2
    window = np.zeros(audio.n_fft)
    window[margin : margin + audio.win_length] = 0.5 - 0.5 * np.cos(
        2 * np.pi * np.arange(audio.win_length) / audio.win_length
    )
    reflected = np.pad(wav, (audio.n_fft - audio.hop_length) // 2, mode="reflect")
    frames = []
    for start in range(0, len(reflected) - audio.n_fft + 1, audio.hop_length):
        power = np.abs(np.fft.rfft(reflected[start : start + audio.n_fft] * window)) ** 2
        frames.append(np.log(np.maximum(filters @ np.sqrt(power + 1e-6), 1e-5)))
    return np.stack(frames, axis=1)


def test_mel_equals_numpys() -> None:
    wav = 0.3 * torch.randn(1, 1, 400, generator=torch.Generator().manual_seed(0))
    spectrogram = Spectrogram(TINY_AUDIO)
    mel = spectrogram.mel(spectrogram.magnitudes(wav))
    expected = numpy_mel(
        wav[0, 0].double().numpy(), TINY_AUDIO, mel_filterbank(TINY_AUDIO).double().numpy()
    )
    assert mel.shape == (1, 10, 400 // 16)
    np.testing.assert_allclose(mel[0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(
    "sample_rate, n_fft, n_mels, f_min, f_max",
    [
        (22050, 1024, 80, 0.0, None),
        (22050, 1024, 80, 0.0, 8000.0),
        (16000, 1024, 80, 50.0, 7600.0),
        (48000, 2048, 128, 20.0, None),
        (8000, 256, 20, 0.0, 1000.0),
    ],
)
def test_filterbank_equals_librosas(
    sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float | None
) -> None:
    librosa = pytest.importorskip("librosa")
    audio = AudioConfig(sample_rate, n_fft, n_fft // 4, n_fft, n_mels, f_min, f_max)
    expected = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=f_max
    )
    np.testing.assert_allclose(mel_filterbank(audio).numpy(), expected, atol=1e-8, rtol=1e-5)


def test_spectrogram_has_whole_frames_only() -> None:
    spectrogram = Spectrogram(TINY_AUDIO)
    for n_samples in (160, 161, 175, 176):
        assert spectrogram.magnitudes(torch.rand(1, 1, n_samples)).shape == (1, 33, n_samples // 16)


def test_padding_changes_no_spectrogram() -> None:
    lengths = torch.tensor([200, 160, 77, 49])
    wav = torch.randn(4, 1, 200, generator=torch.Generator().manual_seed(0))
    wav = wav * (torch.arange(200) < lengths.view(-1, 1, 1))
    spectrogram = Spectrogram(TINY_AUDIO)
    together = spectrogram.magnitudes(wav, lengths)
    assert together.shape == (4, 33, 12)
    for spec, item, length in zip(together, wav, lengths):
        n_frames = length // 16
        torch.testing.assert_close(
            spec[:, :n_frames], spectrogram.magnitudes(item[None, :, :length])[0]
        )
        assert not spec[:, n_frames:].any()


def test_spectrogram_of_silence_has_a_finite_gradient() -> None:
    wav = torch.zeros(1, 1, 160, requires_grad=True)
    spectrogram = Spectrogram(TINY_AUDIO)
    spectrogram.mel(spectrogram.magnitudes(wav)).sum().backward()
    assert wav.grad.isfinite().all()


def test_mel_is_float32_under_autocast() -> None:
    wav = torch.randn(1, 1, 160)
    spectrogram = Spectrogram(TINY_AUDIO)
    expected = spectrogram.mel(spectrogram.magnitudes(wav))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = spectrogram.mel(spectrogram.magnitudes(wav))
    assert torch.equal(found, expected)


def test_filterbank_and_magnitudes_equal_torchaudios() -> None:
    """A second opinion where torchaudio imports, which it does beside CUDA builds of torch only."""
    functional = pytest.importorskip("torchaudio.functional", exc_type=(ImportError, OSError))
    audio = AudioConfig(22050, 1024, 256, 1024, 80, 0.0, None)
    filters = functional.melscale_fbanks(audio.n_bins, 0.0, 11025.0, 80, 22050, "slaney", "slaney")
    torch.testing.assert_close(mel_filterbank(audio), filters.T, atol=1e-6, rtol=1e-4)
    wav = 0.3 * torch.randn(1, 1, 8192, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(wav, (384, 384), mode="reflect").squeeze(1)
    power = functional.spectrogram(
        padded, 0, torch.hann_window(1024), 1024, 256, 1024, 2.0, False, center=False
    )
    torch.testing.assert_close(
        Spectrogram(audio).magnitudes(wav), (power + 1e-6).sqrt(), atol=1e-4, rtol=1e-4
    )
