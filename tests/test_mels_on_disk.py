"""Mels and their recipe go to disk and come back to the bit; what is no mel is named."""

import io
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from hifigan.config import AudioConfig
from hifigan.corpus.finder import list_recordings
from hifigan.errors import UserError
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import recipe_of
from hifigan.mels_on_disk import (
    frames_of,
    list_mels,
    mel_of_recording,
    mel_path,
    read_mel,
    read_recipe,
    write_mel,
    write_recipe,
)

AUDIO = AudioConfig(16000, 512, 128, 512, 40, 0.0, 7000.0)
FLOOR = 1e-9
RECIPE = recipe_of(AUDIO, FLOOR)
N_MELS, N_FRAMES = 40, 7


def made_up_mel(n_frames: int = N_FRAMES, seed: int = 0) -> Tensor:
    return torch.randn(N_MELS, n_frames, generator=torch.Generator().manual_seed(seed)) - 5


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def test_a_mel_comes_back_to_the_bit(tmp_path: Path) -> None:
    mel = made_up_mel()
    path = mel_path(tmp_path, "deep/er/a.b")
    write_mel(path, mel)
    assert torch.equal(read_mel(path, N_MELS), mel)
    assert frames_of(path, N_MELS) == N_FRAMES
    assert os.listdir(path.parent) == ["a.b.npy"]


def test_many_threads_read_headers_at_once(tmp_path: Path) -> None:
    """numpy's reader uses ast.literal_eval, which fails in CPython 3.11 where threads change."""
    path = mel_path(tmp_path, "a")
    write_mel(path, made_up_mel())
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            found = set(pool.map(lambda _: frames_of(path, N_MELS), range(2000)))
    finally:
        sys.setswitchinterval(before)
    assert found == {N_FRAMES}


def test_mels_are_listed_by_the_ids_of_their_recordings(tmp_path: Path) -> None:
    for name in ("b.npy", "a.b.npy", "deep/er/c.npy", ".hidden.npy", ".hidden/d.npy"):
        save(tmp_path / name, made_up_mel().numpy())
    write_recipe(tmp_path, RECIPE)
    assert list(list_mels(tmp_path).items()) == [
        ("a.b", tmp_path / "a.b.npy"),
        ("b", tmp_path / "b.npy"),
        ("deep/er/c", tmp_path / "deep/er/c.npy"),
    ]


def test_a_folder_without_mels_is_named(tmp_path: Path) -> None:
    for folder, message in ((tmp_path, "no mels inside"), (tmp_path / "mels", "no such folder")):
        with pytest.raises(UserError, match=message):
            list_mels(folder)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
@pytest.mark.parametrize("leading", [True, False])
@pytest.mark.parametrize("in_columns", [True, False])
def test_what_other_programs_save_is_read(
    tmp_path: Path, dtype: str, leading: bool, in_columns: bool
) -> None:
    mel = made_up_mel().numpy().astype(dtype)
    values = np.asarray(mel[None] if leading else mel, order="F" if in_columns else "C")
    path = save(tmp_path / "a.npy", values)
    found = read_mel(path, N_MELS)
    assert found.dtype == torch.float32 and found.is_contiguous()
    np.testing.assert_array_equal(found.numpy(), mel.astype("f4"))
    assert frames_of(path, N_MELS) == N_FRAMES


@pytest.mark.parametrize(
    "values, message",
    [
        (np.zeros((N_FRAMES, N_MELS), "f4"), "transposed"),
        (np.zeros((1, N_FRAMES, N_MELS), "f4"), "transposed"),
        (np.zeros((80, N_FRAMES), "f4"), r"shape \[80, 7\], expected \[40, frames\]"),
        (np.zeros((2, N_MELS, N_FRAMES), "f4"), "each mel alone"),
        (np.zeros(N_MELS, "f4"), r"shape \[40\]"),
        (np.zeros((N_MELS, 0), "f4"), "empty"),
        (np.zeros((N_MELS, N_FRAMES), "i2"), "int16, expected float32"),
        (np.zeros((N_MELS, N_FRAMES), "c8"), "complex64, expected float32"),
        (np.full((N_MELS, N_FRAMES), None), "pickled objects"),
        (np.where(np.eye(N_MELS) > 0, np.nan, 0), "40 of 1600 values are NaN or infinite"),
        (np.where(np.eye(N_MELS) > 0, -np.inf, 0), "40 of 1600 values are NaN or infinite"),
        (np.full((N_MELS, N_FRAMES), 1e300), "280 of 280 values are NaN or infinite"),
    ],
)
def test_what_is_no_mel_is_refused_in_one_line(
    tmp_path: Path, values: np.ndarray, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_mel(save(tmp_path / "a.npy", values), N_MELS)
    assert str(error.value).startswith(f"{tmp_path / 'a.npy'}: ")
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_never_taken_for_another_mel(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.save(whole, made_up_mel().numpy())
    whole, path = whole.getvalue(), tmp_path / "a.npy"
    begun = [whole[:n] for n in (0, 5, 8, 60, 127, 128, len(whole) - 1)]
    for content in (*begun, whole + b"\0", b"PK\3\4" + whole, b"<html>no such page</html>"):
        path.write_bytes(content)
        for read in (read_mel, frames_of):
            with pytest.raises(UserError, match=r"a\.npy: (damaged|cut off)"):
                read(path, N_MELS)
    n_refused = 0
    for place in range(128):  # the header
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert read_mel(path, N_MELS).shape == (N_MELS, N_FRAMES)
        except UserError:
            n_refused += 1
    assert n_refused > 60


def test_a_mel_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "is a folder"), (tmp_path / "a.npy", "no such mel")):
        with pytest.raises(UserError, match=message):
            read_mel(path, N_MELS)


def test_a_recipe_comes_back(tmp_path: Path) -> None:
    write_recipe(tmp_path / "mels", RECIPE)
    write_recipe(tmp_path / "mels", RECIPE)
    assert read_recipe(tmp_path / "mels") == RECIPE
    assert os.listdir(tmp_path / "mels") == ["mel_recipe.json"]


def test_a_folder_keeps_its_recipe(tmp_path: Path) -> None:
    write_recipe(tmp_path, RECIPE)
    before = (tmp_path / "mel_recipe.json").read_bytes()
    with pytest.raises(UserError, match=r"f_max 7000\.0 here and 8000\.0 there"):
        write_recipe(tmp_path, replace(RECIPE, f_max=8000.0))
    assert (tmp_path / "mel_recipe.json").read_bytes() == before


def test_a_missing_or_altered_recipe_is_refused_and_the_fix_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file.*--declare_recipe -c CONFIG"):
        read_recipe(tmp_path)
    write_recipe(tmp_path, RECIPE)
    path = tmp_path / "mel_recipe.json"
    stored = json.loads(path.read_text())
    stored["recipe"]["f_max"] = 8000.0
    for content, message in (
        (json.dumps(stored), f"altered.*{RECIPE.fingerprint}"),
        (json.dumps(stored["recipe"]), 'not a mel recipe.*unknown key "sample_rate"'),
        (path.read_text()[:50], "not a mel recipe.*not JSON"),
        ("[]", "not a mel recipe"),
    ):
        path.write_text(content)
        with pytest.raises(UserError, match=f"{message}.*delete it; .*--declare_recipe") as error:
            read_recipe(tmp_path)
        assert "\n" not in str(error.value)


def test_recordings_are_found_below_links_but_not_in_hidden_places(tmp_path: Path) -> None:
    wavs, elsewhere = tmp_path / "wavs", tmp_path / "elsewhere"
    for name in ("b.mp3", ".hidden/c.wav", "._b.wav", "notes.txt", "sub.wav/a.OGG"):
        (wavs / name).parent.mkdir(parents=True, exist_ok=True)
        (wavs / name).touch()
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep/d.opus").touch()
    (wavs / "link").symlink_to(elsewhere)
    (wavs / "itself").symlink_to(wavs)
    (elsewhere / "deep/back").symlink_to(wavs)
    assert list(list_recordings(wavs)) == ["b", "link/deep/d", "sub.wav/a"]
    (wavs / "b.wav").touch()
    with pytest.raises(UserError, match=r"b\.wav: has the id 'b' of .*b\.mp3"):
        list_recordings(wavs)
    with pytest.raises(UserError, match="is a file"):
        list_recordings(wavs / "b.wav")


def test_a_recording_without_a_mel_is_named(tmp_path: Path) -> None:
    spectrogram, path = Spectrogram(AUDIO, FLOOR), tmp_path / "a.wav"
    for samples, message in (
        (np.zeros(192, "f4"), "192 samples at 16000 Hz, expected 193 or more"),
        (np.full(400, np.nan, "f4"), "NaN or infinite"),
        (np.full(400, np.inf, "f4"), "NaN or infinite"),
    ):
        soundfile.write(path, samples, 16000, "FLOAT")
        with pytest.raises(UserError, match=message):
            mel_of_recording(path, spectrogram)
    soundfile.write(path, np.zeros(193, "f4"), 16000, "FLOAT")
    assert mel_of_recording(path, spectrogram).shape == (N_MELS, 1)
