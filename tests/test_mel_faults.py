"""Mels beside their recordings: a planted fault is found and told, and a soft or noisy mel is none.

The recordings are made up; the figures of real ones stand in hifigan/mel_faults.py.
"""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor
from torch.nn import functional as F

from hifigan.audio import read_audio
from hifigan.config import AudioConfig
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import MelRecipe, recipe_of
from hifigan.mels_on_disk import N_COMPARED, check_mels
from tests.conftest import REPOSITORY
from tests.test_mels_on_disk import AUDIO, FLOOR, N_FRAMES, RECIPE, made_up_mel, save

Change = Callable[[Tensor, Tensor], Tensor]  # of a mel [n_mels, T_spec] and its wav [T_wav]


def babble(seconds: float, seed: int) -> np.ndarray:
    """Syllables of many pitches and colours with pauses, float32 [n_samples] at 16000 Hz."""
    draw = np.random.default_rng(seed)
    syllables = []
    while sum(map(len, syllables)) < seconds * 16000:
        time = np.arange(int(draw.uniform(0.06, 0.2) * 16000)) / 16000
        partials = draw.uniform(90, 300) * np.arange(1, 24)
        colour = np.exp(-(((partials - draw.uniform(200, 5000)) / 900) ** 2))
        voice = (colour[:, None] * np.sin(2 * np.pi * partials[:, None] * time)).sum(0)
        hiss = draw.normal(0, draw.choice([0.002, 0.3]), len(time))
        envelope = np.sin(np.pi * time / time[-1])
        syllables += [0.2 * envelope * (voice + hiss), draw.normal(0, 3e-4, len(time) // 2)]
    samples = np.concatenate(syllables)[: int(seconds * 16000)]
    return samples.clip(-1, 1).astype("f4")


def mel_by(audio: AudioConfig, wav: Tensor) -> Tensor:
    """wav: [T_wav]. Returns [n_mels, T_spec]."""
    spectrogram = Spectrogram(audio, FLOOR)
    return spectrogram.mel(spectrogram.magnitudes(wav[None, None]))[0]


def blurred(mel: Tensor, n_frames: int = 5) -> Tensor:
    """The mean of 3 bins and n_frames."""
    ends = F.pad(mel[None], (n_frames // 2, n_frames // 2, 1, 1), mode="replicate")
    return F.avg_pool2d(ends, (3, n_frames), stride=1)[0]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wavs")
    for i in range(3):
        soundfile.write(folder / f"{i}.wav", babble(2 + 0.3 * i, seed=i), 16000, "FLOAT")
    return sorted(folder.iterdir())


def faults_of(
    folder: Path, recordings: list[Path], mels: list[Tensor], recipe: MelRecipe = RECIPE
) -> list[str]:
    """What check_mels says of these mels."""
    pairs = []
    for wav_path, mel in zip(recordings, mels, strict=True):
        path = save(folder / f"{wav_path.stem}.npy", mel.numpy())
        pairs.append((wav_path.stem, path, wav_path, soundfile.info(wav_path).frames))
    return [str(fault) for fault in check_mels(pairs, recipe)]


@pytest.mark.parametrize(
    "change",
    [
        lambda mel, wav: mel,
        lambda mel, wav: blurred(mel),
        lambda mel, wav: blurred(mel) + 0.4 * made_up_mel(mel.shape[1]).add(5),
        lambda mel, wav: mel[:, :-1],
        lambda mel, wav: F.pad(mel, (0, 1), value=-11.6),
        lambda mel, wav: mel_by(AUDIO, 2 * wav),
        lambda mel, wav: mel.half(),
        lambda mel, wav: (mel - 1.0).where(mel < -10, mel),  # undershoots the floor
    ],
    ids=["its own", "blurred", "noisy", "shorter", "longer", "louder", "half", "undershoot"],
)
def test_mels_that_an_acoustic_model_may_make_are_no_faults(
    tmp_path: Path, recordings: list[Path], change: Change
) -> None:
    wavs = [read_audio(path, 16000) for path in recordings]
    mels = [change(mel_by(AUDIO, wav), wav) for wav in wavs]
    assert faults_of(tmp_path, recordings, mels) == []


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda mel, wav: mel / math.log(10), r"log10 instead of the natural logarithm\?"),
        (lambda mel, wav: blurred(mel) / math.log(10), r"log10 instead of the natural"),
        (lambda mel, wav: mel / math.log(2), r"log2 instead of the natural logarithm\?"),
        (lambda mel, wav: 20 * mel / math.log(10), r"dB instead of the natural logarithm\?"),
        (lambda mel, wav: 2 * mel, r"power instead of magnitude\?"),
        (lambda mel, wav: mel.exp(), r"magnitudes without a logarithm\?"),
        (lambda mel, wav: (mel * 0.0869 + 0.8).clamp(0, 1), r"normalised to 0\.\.1\?"),
        (lambda mel, wav: (mel * 0.695 + 2.4).clamp(-4, 4), r"normalised to -4\.\.4\?"),
        (lambda mel, wav: mel + math.log(32768), "int16 samples"),
        (lambda mel, wav: mel_by(AUDIO, wav / 5), r"a recording 0\.2 times as loud"),
        (lambda mel, wav: mel_by(replace(AUDIO, f_max=None), wav), r"bins of 0 to 8000 Hz inst"),
        (lambda mel, wav: mel.roll(12, 1), r"; 12 frames late\?"),
        (lambda mel, wav: mel.roll(-12, 1), r"; 12 frames early\?"),
        (lambda mel, wav: mel.flip(1), r"of another recording\?"),
        (lambda mel, wav: mel.mean(1, keepdim=True).expand_as(mel), "of another recording"),
        (lambda mel, wav: 0 * mel, r"of another recording\?"),
        (lambda mel, wav: mel[:, : mel.shape[1] // 2], "or hop_length 25. instead of 128"),
        (lambda mel, wav: mel[:, :-2], "frames, expected"),
        (lambda mel, wav: F.pad(mel, (0, 2)), "frames, expected"),
        (lambda mel, wav: mel.T, "transposed"),
        (lambda mel, wav: mel[1:], r"expected \[40, frames\]"),
        (lambda mel, wav: mel / 0, "NaN or infinite"),
    ],
)
def test_a_planted_fault_is_found_in_every_mel_and_told(
    tmp_path: Path, recordings: list[Path], change: Change, message: str
) -> None:
    wavs = [read_audio(path, 16000) for path in recordings]
    mels = [change(mel_by(AUDIO, wav), wav).contiguous() for wav in wavs]
    faults = faults_of(tmp_path, recordings, mels)
    assert len(faults) == 3
    for fault, path in zip(faults, recordings, strict=True):
        assert fault.startswith(f"{tmp_path / path.stem}.npy: ") and "\n" not in fault
        assert re.search(message, fault), fault


def test_the_bands_of_recorded_speech_are_told_apart_by_the_values(tmp_path: Path) -> None:
    recordings = sorted((REPOSITORY / "data/ljspeech-mini/flac").iterdir())[:4]
    audio = AudioConfig(22050, 1024, 256, 1024, 80, 0.0, 8000.0)
    full_band = replace(audio, f_max=None)
    wavs = [read_audio(path, 22050) for path in recordings]
    mels = [mel_by(full_band, wav) for wav in wavs]
    faults = faults_of(tmp_path, recordings, mels, recipe_of(audio, FLOOR))
    told = "bins of 0 to 11025 Hz instead of 0 to 8000 Hz?"
    assert len(faults) == 4 and all(told in fault for fault in faults)
    assert faults_of(tmp_path, recordings, mels, recipe_of(full_band, FLOOR)) == []
    soft = [blurred(mel_by(audio, wav)) for wav in wavs]
    assert faults_of(tmp_path, recordings, soft, recipe_of(audio, FLOOR)) == []


def test_mels_of_each_others_recordings_are_found(tmp_path: Path) -> None:
    recordings = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for i, path in enumerate(recordings):
        soundfile.write(path, babble(2, seed=10 + i), 16000, "FLOAT")
    mels = [mel_by(AUDIO, read_audio(path, 16000)) for path in reversed(recordings)]
    faults = faults_of(tmp_path, recordings, mels)
    assert len(faults) == 2 and all("of another recording?" in fault for fault in faults)


def test_every_length_is_checked_and_the_values_of_evenly_spread_mels(tmp_path: Path) -> None:
    """Evenly spread ones come first; as these are wrong, all the others are compared, too."""
    wav, n = babble(0.5, seed=0), N_COMPARED + 20
    soundfile.write(tmp_path / "a.wav", wav, 16000, "FLOAT")
    mel = mel_by(AUDIO, torch.from_numpy(wav)).numpy()
    wrong = save(tmp_path / "wrong.npy", mel / np.float32(math.log(10)))
    short = save(tmp_path / "short.npy", mel[:, 2:])
    pairs = [(str(i), wrong, tmp_path / "a.wav", len(wav)) for i in range(n)]
    pairs[33] = ("33", short, tmp_path / "a.wav", len(wav))
    faults = check_mels(pairs, RECIPE)
    assert faults[0].id == "33" and "frames" in faults[0].told
    found = [int(fault.id) for fault in faults[1:]]
    compared = found[:N_COMPARED]
    assert compared[0] == 0 and compared[-1] == n - 1
    assert sorted(found) == [i for i in range(n) if i != 33]
    assert max(b - a for a, b in zip(compared, compared[1:], strict=False)) <= 3
    assert check_mels([], RECIPE) == []


def test_a_recording_that_cannot_be_read_is_a_fault_of_its_pair(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npy", made_up_mel().numpy())
    (fault,) = check_mels([("a", path, tmp_path / "a.wav", N_FRAMES * 128)], RECIPE)
    assert "a.wav: no such file" in str(fault)


def test_steady_recordings_have_no_changes_to_follow(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype("f4")
    soundfile.write(tmp_path / "a.wav", noise, 16000, "FLOAT")
    mel = blurred(mel_by(AUDIO, torch.from_numpy(noise)), n_frames=15)
    assert faults_of(tmp_path, [tmp_path / "a.wav"], [mel]) == []
