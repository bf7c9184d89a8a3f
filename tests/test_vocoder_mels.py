"""The mels that a vocoder makes, those that it takes, and what it says of all others."""

import logging
import math

import pytest
import soundfile
import torch
from torch import Tensor

import hifigan
from hifigan.audio import read_audio
from hifigan.mel_recipe import recipe_of
from hifigan.mels_on_disk import mel_of_recording
from hifigan.vocoding import vocoder as vocoder_module
from tests.conftest import REPOSITORY, SAMPLE_RATE, tone_with_noise
from tests.small_vocoder import (  # noqa: F401 (fixture)
    HOP_LENGTH,
    N_MELS,
    full_band_config,
    refusal,
    small_config,
    speech_mel,
    vocoder,
    write_vocoder,
)

# Its mels


def test_its_mel_is_the_recipe_s_own(vocoder, tmp_path):
    wav = torch.from_numpy(tone_with_noise(0.7, 200, seed=0))
    soundfile.write(tmp_path / "a.wav", wav.numpy(), SAMPLE_RATE, "FLOAT")
    expected = mel_of_recording(tmp_path / "a.wav", vocoder._spectrogram)
    assert torch.equal(vocoder.mel(wav), expected)
    assert torch.equal(vocoder.mel(wav.numpy()), expected)
    assert torch.equal(vocoder.mel(wav[None])[0], expected)
    assert expected.shape == (N_MELS, len(wav) // HOP_LENGTH)


@pytest.mark.parametrize("n_samples", [64, 65, 447, 448, 449, 900, 4000])
def test_a_mel_made_in_blocks_is_the_mel_of_the_whole(vocoder, monkeypatch, n_samples):
    wav = torch.from_numpy(tone_with_noise(1, 200, seed=0))[:n_samples]
    whole = vocoder.mel(wav)
    monkeypatch.setattr(vocoder_module, "MEL_BLOCK_FRAMES", 7)
    torch.testing.assert_close(vocoder.mel(wav), whole, rtol=0, atol=1e-5)


def test_a_mel_of_another_recipe_is_refused_with_both(vocoder):
    mel = speech_mel(9)
    assert torch.equal(vocoder.vocode(mel, vocoder.recipe), vocoder.vocode(mel))
    other = recipe_of(small_config("audio.f_max=3000").audio, 1e-9)
    for told in (
        refusal(vocoder.vocode, mel, other),
        refusal(vocoder.stream, mel, recipe=other),
    ):
        assert "f_max 3000.0 here and 4000.0 there" in told and "vocoder.pt" in told


@pytest.mark.parametrize(
    "wav, told",
    [
        (torch.zeros(1, 1, 900), "found shape [1, 1, 900], expected [samples]"),
        (torch.zeros(900, dtype=torch.int16), "found torch.int16 values, expected float32"),
        (torch.full((900,), torch.nan), "900 of 900 values are NaN"),
        (torch.zeros(63), "63 samples at 8000 Hz, expected 64 or more"),
    ],
)
def test_what_is_no_waveform_is_refused(vocoder, wav, told):
    assert told in refusal(vocoder.mel, wav)


# What it refuses as a mel


@pytest.mark.parametrize(
    "mel, told",
    [
        (torch.zeros(30, N_MELS), "it looks transposed; swap its last two axes"),
        (torch.zeros(2, 30, N_MELS), "it looks transposed"),
        (torch.zeros(80, 30), "found shape [80, 30], expected [20, frames] or [batch, 20, frames]"),
        (torch.zeros(N_MELS), "found shape [20]"),
        (torch.zeros(N_MELS, 0), "empty, found shape [20, 0]"),
        (torch.zeros(N_MELS, 5, dtype=torch.int64), "found torch.int64 values"),
        (torch.full((N_MELS, 5), torch.nan), "100 of 100 values are NaN or infinite"),
        (torch.full((N_MELS, 5), -torch.inf), "100 of 100 values are NaN or infinite"),
    ],
)
def test_what_is_no_mel_is_refused(vocoder, mel, told):
    assert told in refusal(vocoder.vocode, mel)
    assert told in refusal(vocoder.vocode, mel.numpy())
    assert told in refusal(vocoder.stream, mel)


NORMALISED = {  # what others make of a natural logarithm, and what is said of it
    "decibels": (lambda mel: mel * 20 / math.log(10), "it looks like decibels"),
    "log10": (lambda mel: mel / math.log(10), "it looks like log10; multiply by 2.3026"),
    "log of power": (lambda mel: 2 * mel, "it looks like the logarithm of power"),
    "magnitudes": (lambda mel: mel.exp(), "it looks like magnitudes"),
    "0..1": (lambda mel: (mel + 11.6) / 14, "it looks normalised to 0..1"),
    "-1..1": (lambda mel: (mel + 11.6) / 7 - 1, "it looks normalised to -1..1"),
    "grey levels": (lambda mel: (mel + 11.6) * 18, "it looks like decibels or grey levels"),
}


@pytest.fixture(scope="module")
def recordings_mels(tmp_path_factory) -> list[Tensor]:
    """Of recorded speech, by V1's recipe but for fewer bins."""
    folder = tmp_path_factory.mktemp("mels")
    vocoder = hifigan.load(write_vocoder(folder / "v.pt", full_band_config()))
    paths = sorted((REPOSITORY / "data/ljspeech-mini").rglob("*.flac"))[:4]
    return [vocoder.mel(read_audio(path, vocoder.recipe.sample_rate)) for path in paths]


@pytest.mark.parametrize("scale", NORMALISED)
def test_a_mel_on_another_scale_is_refused_by_its_name(recordings_mels, tmp_path, scale):
    vocoder = hifigan.load(write_vocoder(tmp_path / "v.pt", full_band_config()))
    turned, told = NORMALISED[scale]
    for mel in recordings_mels:
        assert told in refusal(vocoder.vocode, turned(mel)), scale


def test_mels_of_recordings_are_taken_without_a_word(recordings_mels, tmp_path, caplog):
    vocoder = hifigan.load(write_vocoder(tmp_path / "v.pt", full_band_config()))
    for mel in recordings_mels:
        assert vocoder.checked(mel[:, :200]).shape == (1, 80, mel[:, :200].shape[1])
    assert len(recordings_mels) == 4
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_mel_of_mean_0_is_warned_of(vocoder, caplog):
    vocoder.vocode(torch.randn(N_MELS, 30, generator=torch.Generator().manual_seed(0)))
    assert "its mean is" in caplog.text and "undo that" in caplog.text


def test_a_mel_with_its_recipe_is_taken_at_its_word_but_not_out_of_range(vocoder):
    flat = torch.full((N_MELS, 60), -3.0)  # as of noise, which sounds like nothing else
    assert "log10" in refusal(vocoder.vocode, flat)
    assert vocoder.vocode(flat, vocoder.recipe).shape == (60 * HOP_LENGTH,)
    assert "decibels" in refusal(vocoder.vocode, flat - 60, vocoder.recipe)
