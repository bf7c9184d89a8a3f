"""The command that makes mels, as a user runs it: once, again, and on bad recordings."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifigan import extract_mel_spectrograms
from hifigan.audio import read_audio
from hifigan.corpus.finder import list_recordings
from hifigan.exchange.configs import read_vocoder_config
from hifigan.mel import Spectrogram
from hifigan.mel_extraction import LOCK_NAME
from hifigan.mel_recipe import input_recipe
from hifigan.mels_on_disk import list_mels, read_mel, read_recipe
from tests.conftest import REPOSITORY

CONFIG = REPOSITORY / "configs/hifigan_v1.json"
STATE = "recordings.jsonl"


def write_wav(path: Path, seconds: float = 0.4, rate: int = 22050, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.3, 0.3, (int(seconds * rate), 1 + seed % 2))
    soundfile.write(path, samples, rate)
    return path


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    """Six recordings of three rates, one or two channels and two formats, in two folders."""
    names = ("a.wav", "b.flac", "deep/a.wav", "deep/er/c.c.wav", "d.FLAC", "e.wav")
    for i, name in enumerate(names):
        write_wav(tmp_path / "wavs" / name, 0.3 + 0.1 * i, (22050, 44100, 16000)[i % 3], seed=i)
    return tmp_path / "wavs"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, one_thread: None
) -> Iterator:
    """Runs the command in this process. Returns its exit code and what it wrote."""

    def command(*arguments: object) -> tuple[int, str, str]:
        told = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["extract_mel_spectrograms", "-c", str(CONFIG), *told])
        try:
            extract_mel_spectrograms.main()
            code = 0
        except SystemExit as end:
            code = end.code
        written = capsys.readouterr()
        return code, written.out, written.err

    yield command


def extract(run: object, wavs: Path, mels: Path, *more: object) -> tuple[int, str, str]:
    return run("--input_dir", wavs, "--output_dir", mels, "--num_workers", 1, *more)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the lock and the state, whose lines are in the order of their making."""
    others = (STATE, LOCK_NAME)
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in others)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def noted(folder: Path) -> dict[str, dict]:
    lines = map(json.loads, (folder / STATE).read_text().splitlines())
    return {line["id"]: line for line in lines}


def inodes(folder: Path) -> dict[str, int]:
    """By id: another number is another file."""
    return {id_: path.stat().st_ino for id_, path in list_mels(folder).items()}


def test_every_recording_gets_its_mel_to_the_bit(run, wavs: Path, tmp_path: Path) -> None:
    code, out, _ = extract(run, wavs, tmp_path / "mels")
    assert code == 0 and out.startswith("6 mels made of 0.00 hours in ")
    assert "real time), 0 skipped that were there, 0 recordings failed" in out
    config = read_vocoder_config(CONFIG)
    assert read_recipe(tmp_path / "mels") == input_recipe(config)
    mels, recordings = list_mels(tmp_path / "mels"), list_recordings(wavs)
    assert list(mels) == list(recordings) == ["a", "b", "d", "deep/a", "deep/er/c.c", "e"]
    spectrogram = Spectrogram(config.audio, config.mel.magnitude_floor)
    for id_, path in recordings.items():
        wav = read_audio(path, config.audio.sample_rate)[None, None]
        lengths = torch.tensor([wav.shape[2]])
        expected = spectrogram.mel(spectrogram.magnitudes(wav, lengths))[0]  # as training does
        assert torch.equal(read_mel(mels[id_], 80), expected), id_


def test_the_number_of_processes_changes_no_bit(run, wavs: Path, tmp_path: Path) -> None:
    extract(run, wavs, tmp_path / "one")
    run("--input_dir", wavs, "--output_dir", tmp_path / "two", "--num_workers", 2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert noted(tmp_path / "one") == noted(tmp_path / "two")


def test_only_missing_damaged_and_outdated_mels_are_made(run, wavs: Path, tmp_path: Path) -> None:
    mels = tmp_path / "mels"
    extract(run, wavs, mels)
    before, whole = inodes(mels), contents(mels)
    _, out, _ = extract(run, wavs, mels)
    assert out.startswith("0 mels made") and "6 skipped" in out and inodes(mels) == before

    (mels / "a.npy").unlink()
    (mels / "b.npy").write_bytes(whole["b.npy"][:-8])
    status = (wavs / "e.wav").stat()
    write_wav(wavs / "e.wav", seconds=0.7, seed=9)
    os.utime(wavs / "e.wav", ns=(status.st_atime_ns, status.st_mtime_ns - 10**12))  # older
    _, out, _ = extract(run, wavs, mels)
    assert out.startswith("3 mels made") and "3 skipped" in out
    now, after = contents(mels), inodes(mels)
    assert {id_ for id_ in before if after[id_] == before[id_]} >= {"d", "deep/a", "deep/er/c.c"}
    assert {name for name in whole if now[name] != whole[name]} == {"e.npy"}
    extract(run, wavs, tmp_path / "anew")
    assert contents(tmp_path / "anew") == now


def test_a_damaged_state_line_costs_its_mel_alone(run, wavs: Path, tmp_path: Path) -> None:
    mels = tmp_path / "mels"
    extract(run, wavs, mels)
    whole = contents(mels)
    (mels / STATE).write_bytes((mels / STATE).read_bytes()[:-9])
    _, out, _ = extract(run, wavs, mels)
    assert out.startswith("1 mels made") and "5 skipped" in out
    assert contents(mels) == whole and len(noted(mels)) == 6
    assert len((mels / STATE).read_text().splitlines()) == 6


def test_unreadable_recordings_are_named_and_the_others_made(
    run, wavs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mels = tmp_path / "mels"
    extract(run, wavs, mels)
    (wavs / "a.wav").write_bytes(b"<html>gone</html>")
    write_wav(wavs / "f.wav", seconds=0.01)
    write_wav(wavs / "g.wav", seconds=0.5)
    code, out, _ = extract(run, wavs, mels)
    assert code == 1 and out.startswith("1 mels made") and "2 recordings failed" in out
    failed = sorted(record.message for record in caplog.records if "failed:" in record.message)
    assert f"{wavs / 'a.wav'}: not a recording" in failed[0]
    assert f"{wavs / 'f.wav'}: 220 samples" in failed[1] and len(failed) == 2
    assert list(list_mels(mels)) == ["b", "d", "deep/a", "deep/er/c.c", "e", "g"]
    assert extract(run, wavs, mels)[0] == 1  # until they are gone


def test_another_recipe_is_refused_before_anything_is_made(run, wavs: Path, tmp_path: Path) -> None:
    mels = tmp_path / "mels"
    extract(run, wavs, mels)
    before = contents(mels)
    write_wav(wavs / "new.wav")
    values = json.loads(CONFIG.read_text())
    values["audio"]["f_max"] = None
    (tmp_path / "full_band.json").write_text(json.dumps(values))
    code, _, err = extract(run, wavs, mels, "-c", tmp_path / "full_band.json")
    assert code == 2 and err.count("\n") == 1
    assert "f_max 8000.0 here and 11025.0 there" in err and "n_fft 1024 in both" in err
    assert contents(mels) == before


def test_mels_of_another_program_are_not_written_over(run, wavs: Path, tmp_path: Path) -> None:
    mels = tmp_path / "mels"
    mels.mkdir()
    np.save(mels / "a.npy", np.zeros((80, 9), "f4"))
    for folder in (tmp_path / "nowhere", wavs):
        code, _, err = run("--declare_recipe", "--output_dir", folder)
        assert code == 2 and str(folder) in err and not (folder / "mel_recipe.json").exists()
    code, out, _ = run("--declare_recipe", "--output_dir", mels)
    recipe = input_recipe(read_vocoder_config(CONFIG))
    assert code == 0 and recipe.fingerprint in out and read_recipe(mels) == recipe
    before = contents(mels)
    code, _, err = extract(run, wavs, mels)
    assert code == 2 and "1 .npy files that this command did not make" in err
    assert contents(mels) == before and len(before) == 2


def test_mels_of_no_recording_are_told_and_kept(
    run, wavs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    extract(run, wavs, tmp_path / "mels")
    (wavs / "a.wav").unlink()
    extract(run, wavs, tmp_path / "mels")
    assert "1 mels are of no recording" in caplog.text and (tmp_path / "mels/a.npy").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--output_dir", "mels"], "expected either --input_dir"),
        (["--input_dir", "x", "--output_dir", "mels", "--declare_recipe"], "expected either"),
        (["--input_dir", "none", "--output_dir", "mels"], "none: no such folder"),
        (["--input_dir", ".", "--output_dir", "mels"], "no recordings inside"),
        (["--input_dir", ".", "--output_dir", "mels", "--num_workers", "0"], "expected 1 or more"),
        (["--input_dir", ".", "--output_dir", "m", "-c", "c.json"], "c.json: no such file"),
    ],
)
def test_a_wrong_argument_ends_in_one_line(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2 and message in err and err.count("\n") == 1 and not out
    assert not list(tmp_path.iterdir())


def test_two_recordings_of_one_id_are_refused(run, wavs: Path, tmp_path: Path) -> None:
    write_wav(wavs / "deep/a.flac")
    code, _, err = extract(run, wavs, tmp_path / "mels")
    assert code == 2 and "a.flac" in err and "a.wav" in err and not (tmp_path / "mels").exists()


def test_a_full_disk_ends_it_in_one_line(run, wavs: Path, tmp_path: Path) -> None:
    """A folder that has the name of a mel is to the system what cannot be written."""
    (tmp_path / "mels/e.npy").mkdir(parents=True)
    code, _, err = extract(run, wavs, tmp_path / "mels")
    assert code == 2 and "e.npy: not saved" in err and err.splitlines()[-1].startswith("error: ")
