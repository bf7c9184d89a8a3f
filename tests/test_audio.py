"""Recordings of every kind come in as mono at one rate; clips go out whole or not at all."""

import math

import numpy as np
import pytest
import soundfile
import torch

from hifigan.audio import read_audio, read_header, resample, resampled_length, write_audio
from hifigan.errors import UserError


def tone(hertz, rate, seconds=0.5, level=0.5):
    """float32 [n_samples]"""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype("f4")


def pitch(wav, rate):
    """Hz of the strongest partial."""
    power = np.abs(np.fft.rfft(np.asarray(wav) * np.hanning(len(wav)), 8 * len(wav)))
    return power.argmax() * rate / (8 * len(wav))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_a_tone_keeps_its_pitch_level_and_length_through_resampling(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(1000, rate), rate)
    wav = read_audio(tmp_path / "a.wav", 22050)
    assert wav.dtype == torch.float32 and wav.shape == (11025,)
    assert pitch(wav, 22050) == pytest.approx(1000, abs=1)
    assert wav[2000:-2000].abs().max().item() == pytest.approx(0.5, abs=0.01)


def test_what_lies_above_half_the_new_rate_does_not_fold_back():
    assert np.abs(resample(tone(15000, 48000), 48000, 22050)[500:-500]).max() < 1e-3


@pytest.mark.parametrize(
    "suffix, subtype, tolerance",
    [
        ("wav", "PCM_U8", 1e-2),
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "PCM_32", 1e-6),
        ("wav", "FLOAT", 1e-7),
        ("wav", "DOUBLE", 1e-7),
        ("flac", "PCM_16", 1e-4),
        ("flac", "PCM_24", 1e-6),
        ("ogg", "VORBIS", 0.05),
    ],
)
def test_every_format_and_depth_gives_the_same_samples(tmp_path, suffix, subtype, tolerance):
    wav = tone(440, 22050)
    soundfile.write(tmp_path / f"a.{suffix}", wav, 22050, subtype)
    read = read_audio(tmp_path / f"a.{suffix}", 22050).numpy()
    np.testing.assert_allclose(read, wav, atol=tolerance)


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    left, right = tone(440, 22050), tone(1000, 22050)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 22050, "FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 22050), (left + right) / 2, atol=1e-6)
    assert read_header(tmp_path / "a.wav").n_channels == 2


def test_a_float_file_above_full_scale_is_scaled_not_clipped(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(440, 22050, level=3.0), 22050, "FLOAT")
    wav = read_audio(tmp_path / "a.wav", 22050)
    assert wav.abs().max().item() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(wav, tone(440, 22050, level=1.0), atol=2e-3)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 3, 100, 12345])
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_length_is_known_before_resampling(n_samples, rate):
    wav = np.random.default_rng(0).standard_normal(n_samples).astype("f4")
    expected = math.floor(n_samples * 22050 / rate + 0.5)
    assert len(resample(wav, rate, 22050)) == resampled_length(n_samples, rate, 22050) == expected


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00\x00\x00WAVE", b"<html>not found</html>"])
def test_what_is_no_recording_is_named(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.wav: not a recording"):
        read_header(tmp_path / "a.wav")


def test_missing_files_folders_and_headerless_files_are_named(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"\0" * 100)
    for name, message in (("b.wav", "no such file"), (".", "folder"), ("a.raw", "no header")):
        with pytest.raises(UserError, match=message):
            read_audio(tmp_path / name, 22050)


def test_a_cut_off_flac_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).uniform(-1, 1, 50000), 22050)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a\.flac: (cut off|cannot be decoded)"):
        read_audio(tmp_path / "a.flac", 22050)


@pytest.mark.parametrize(
    "suffix, coding", [("wav", "PCM_16"), ("wav", "FLOAT"), ("wav", "PCM_24"), ("aiff", "PCM_16")]
)
def test_a_cut_off_wav_is_refused(tmp_path, suffix, coding):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, (50000, 2)), 22050, coding)
    assert read_audio(path, 22050).shape == (50000,)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match="cut off: has .* bytes of sound, expected .*; make or"):
        read_audio(path, 22050)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_which_does_not_know_its_length_is_whole(tmp_path, size):
    soundfile.write(tmp_path / "a.wav", tone(440, 22050), 22050)
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    place = whole.index(b"data") + 4
    whole[place : place + 4] = size.to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(whole)
    torch.testing.assert_close(
        read_audio(tmp_path / "b.wav", 22050), read_audio(tmp_path / "a.wav", 22050)
    )


@pytest.mark.parametrize(
    "suffix, tolerance", [(".wav", 1e-4), (".flac", 1e-4), (".ogg", 0.05), (".mp3", 0.1)]
)
def test_what_is_written_reads_back(tmp_path, suffix, tolerance):
    wav = torch.from_numpy(tone(440, 22050, seconds=4))
    write_audio(tmp_path / "new" / f"a{suffix}", wav.unsqueeze(0), 22050)
    read = read_audio(tmp_path / "new" / f"a{suffix}", 22050)
    assert pitch(read, 22050) == pytest.approx(440, abs=1)
    assert read.abs().max().item() == pytest.approx(0.5, abs=tolerance)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"a{suffix}"]


def test_a_written_peak_above_one_scales_the_whole_clip(tmp_path):
    write_audio(tmp_path / "a.wav", torch.tensor([0.5, -2.0, 1.0]), 22050)
    read = read_audio(tmp_path / "a.wav", 22050)
    torch.testing.assert_close(read, torch.tensor([0.25, -1.0, 0.5]), atol=1e-4, rtol=0)
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_16"


@pytest.mark.parametrize(
    "wav, name, message",
    [
        (torch.tensor([0.0, math.nan, math.inf]), "a.wav", "2 of 3 samples"),
        (torch.zeros(0), "a.wav", r"shape \[0\]"),
        (torch.zeros(2, 8), "a.wav", r"shape \[2, 8\]"),
        (torch.zeros(8), "a.aac", r"\.wav, \.flac"),
    ],
)
def test_a_refused_clip_leaves_the_earlier_file_alone(tmp_path, wav, name, message):
    (tmp_path / name).write_bytes(b"earlier")
    with pytest.raises(UserError, match=message):
        write_audio(tmp_path / name, wav, 22050)
    assert (tmp_path / name).read_bytes() == b"earlier" and len(list(tmp_path.iterdir())) == 1
