"""python -m hifigan.infer as a user runs it: a folder in, the same names out."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import hifigan
import hifigan.infer
from hifigan.audio import read_audio, write_audio
from hifigan.exchange.names import generator_table
from hifigan.mel_recipe import recipe_of
from hifigan.mels_on_disk import mel_path, write_mel, write_recipe
from hifigan.vocoding import folder as folder_module
from tests.conftest import REPOSITORY, SAMPLE_RATE, tone_with_noise
from tests.small_run import ENVIRONMENT, call, contents, error_line  # noqa: F401 (a fixture)
from tests.small_vocoder import (
    HOP_LENGTH,
    N_MELS,
    random_generator,
    small_config,
    speech_mel,
    write_vocoder,
)

LENGTHS = {"a": 40, "b": 45, "deep/er/c": 90, "deep/d": 41}  # frames, by id
SUMMARY = re.compile(r"\w+: (\d+) files, ([\d.]+) s of audio(, [\d.]+ x real time)?(.*)")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """vocoder.pt, mels/ with its recipe and wavs/, in the current folder."""
    monkeypatch.chdir(tmp_path)
    config = small_config()
    write_vocoder(Path("vocoder.pt"), config)
    write_mels(Path("mels"))
    for i, id_ in enumerate(LENGTHS):
        path = Path("wavs") / f"{id_}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone_with_noise(0.4 + 0.1 * i, 120 + 40 * i, i), SAMPLE_RATE)
    return tmp_path


def write_mels(folder: Path) -> None:
    vocoder = hifigan.load("vocoder.pt")
    folder.mkdir()
    write_recipe(folder, vocoder.recipe)
    for id_, n_frames in LENGTHS.items():
        write_mel(mel_path(folder, id_), speech_mel(n_frames, seed=n_frames))


@pytest.fixture
def infer(place, call, monkeypatch):  # noqa: F811
    """Run it in this process: the exit code and stderr."""

    def run(*arguments: object, source: str = "mels", checkpoint: str = "vocoder.pt"):
        command = ["--checkpoint", checkpoint, f"--input_{source}_dir", source]
        command += ["--output_dir", "out", "--device", "cpu"]
        with monkeypatch.context() as patch:  # pytest's handlers would keep its own log from it
            patch.setattr(logging.getLogger(), "handlers", [])
            return call(place, hifigan.infer.main, *command, *arguments)

    level = logging.getLogger().level
    yield run
    logging.getLogger().setLevel(level)


def told(err: str) -> tuple[int, float, str]:
    """Files, seconds and the rest of the last line."""
    match = SUMMARY.fullmatch(err.rstrip("\n").splitlines()[-1])
    assert match, err
    assert bool(match[3]) == (int(match[1]) > 0)
    return int(match[1]), float(match[2]), match[4]


def samples(path: Path) -> np.ndarray:
    made, rate = soundfile.read(path, dtype="int16")
    assert rate == SAMPLE_RATE
    return made


def expected(wav_hat: torch.Tensor, name: str = "expected.wav") -> np.ndarray:
    write_audio(Path(name), wav_hat, SAMPLE_RATE)
    return samples(Path(name))


def steps_apart(made: np.ndarray, other: np.ndarray) -> int:
    """The largest difference, in steps of 16 bits."""
    assert made.shape == other.shape
    return int(np.abs(made.astype(int) - other).max())


def test_the_command_of_the_guide_works_word_for_word(place):
    """In a process of its own, whose progress and last line go to stderr."""
    command = "-m hifigan.infer --checkpoint vocoder.pt --input_mels_dir mels --output_dir out"
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=place,
        env=ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout == "", done.stderr
    n_files, seconds, rest = told(done.stderr)
    assert (n_files, rest) == (4, "")
    assert seconds == pytest.approx(sum(LENGTHS.values()) * HOP_LENGTH / SAMPLE_RATE, abs=0.01)
    assert samples(place / "out/deep/er/c.wav").shape == (90 * HOP_LENGTH,)


def test_mels_become_waveforms_of_the_same_names(infer):
    code, err = infer()
    assert code == 0 and told(err)[0] == 4
    vocoder = hifigan.load("vocoder.pt")
    for id_, n_frames in LENGTHS.items():
        wav_hat = vocoder.vocode(speech_mel(n_frames, seed=n_frames))
        assert np.array_equal(samples(Path(f"out/{id_}.wav")), expected(wav_hat))
    assert len([p for p in Path("out").rglob("*") if p.is_file()]) == 4


def test_recordings_of_any_rate_and_channels_become_copies(infer):
    stereo = np.stack([tone_with_noise(0.5, 200, 0), tone_with_noise(0.5, 300, 1)], axis=1)
    soundfile.write("wavs/Stereo.FLAC", stereo, 16000)
    Path("wavs/notes.txt").write_text("no recording")
    code, err = infer("--format", "flac", source="wavs")
    assert code == 0 and told(err)[0] == 5
    vocoder = hifigan.load("vocoder.pt")
    wav_hat = vocoder.vocode(vocoder.mel(read_audio(Path("wavs/Stereo.FLAC"), SAMPLE_RATE)))
    assert np.array_equal(samples(Path("out/Stereo.flac")), expected(wav_hat))
    assert soundfile.info("out/Stereo.flac").format == "FLAC"


@pytest.mark.parametrize("source", ["mels", "wavs"])
def test_pieces_make_the_same_files(infer, source):
    infer(source=source)
    code, _ = infer("--chunk_frames", 16, "--output_dir", "pieces", source=source)
    assert code == 0
    for id_ in LENGTHS:
        whole, pieces = samples(Path(f"out/{id_}.wav")), samples(Path(f"pieces/{id_}.wav"))
        assert steps_apart(whole, pieces) <= 1 and len(np.unique(whole)) > 50


def test_batches_make_the_same_files(infer, monkeypatch):
    infer()
    calls = []
    together = folder_module.Vocoder.vocode_together
    monkeypatch.setitem(folder_module.BATCH_FRAMES, "cpu", 200)
    monkeypatch.setattr(
        folder_module.Vocoder,
        "vocode_together",
        lambda self, mels, recipe: calls.append(len(mels)) or together(self, mels, recipe),
    )
    code, err = infer("--output_dir", "batched")
    assert code == 0 and "4 files" in err and sorted(calls) == [1, 3]
    for id_ in LENGTHS:
        whole, batched = samples(Path(f"out/{id_}.wav")), samples(Path(f"batched/{id_}.wav"))
        assert steps_apart(whole, batched) <= 1


def test_what_is_there_is_left_and_counted_and_overwrite_makes_it_anew(infer):
    infer()
    before = contents(Path("out"))
    Path("out/a.wav").unlink()
    Path("out/b.wav").write_bytes(b"mine")
    code, err = infer()
    assert code == 0 and told(err)[0] == 1
    assert "; 3 were there already (--overwrite makes them anew)" in err
    assert contents(Path("out")) == before | {"b.wav": b"mine"}
    code, err = infer("--overwrite")
    assert code == 0 and told(err)[0] == 4 and contents(Path("out")) == before


def test_nothing_left_to_do_is_no_fault(infer):
    infer()
    code, err = infer()
    assert code == 0 and told(err)[:2] == (0, 0.0)


def test_bad_mels_are_named_and_counted_and_the_others_made(infer):
    np.save("mels/wide.npy", np.zeros((N_MELS + 1, 30), "f4"))
    np.save("mels/turned.npy", speech_mel(30).T.numpy())
    np.save("mels/nan.npy", np.full((N_MELS, 30), np.nan, "f4"))
    np.save("mels/decibels.npy", speech_mel(30).numpy() * 8.7)
    Path("mels/cut.npy").write_bytes(Path("mels/a.npy").read_bytes()[:-8])
    code, err = infer()
    assert code == 1
    n_files, _, rest = told(err)
    assert n_files == 4 and rest == "; 5 refused, named above"
    lines = [line for line in err.splitlines() if line.startswith("refused: ")]
    assert len(lines) == 5 and "Traceback" not in err
    for name, why in {
        "wide": "found shape [21, 30]",
        "turned": "transposed",
        "nan": "NaN",
        "decibels": "decibels",
        "cut": "cut off",
    }.items():
        (line,) = [line for line in lines if line.startswith(f"refused: mels/{name}.npy: ")]
        assert why in line
        assert not Path(f"out/{name}.wav").exists()


def test_bad_recordings_are_named_and_counted_and_the_others_made(infer):
    Path("wavs/text.wav").write_text("no sound")
    soundfile.write("wavs/short.wav", np.zeros(20, "f4"), SAMPLE_RATE)
    soundfile.write("wavs/nan.wav", np.full(900, np.nan, "f4"), SAMPLE_RATE, "FLOAT")
    code, err = infer(source="wavs")
    assert code == 1 and told(err)[0] == 4 and told(err)[2] == "; 3 refused, named above"
    for name in ("text", "short", "nan"):
        assert f"refused: wavs/{name}.wav: " in err and not Path(f"out/{name}.wav").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_bad_one(infer):
    Path("mels/a.npy").chmod(0)
    code, err = infer()
    assert code == 1 and "refused: mels/a.npy: cannot be read: Permission denied" in err


def test_a_file_that_has_gone_meanwhile_is_a_bad_one(infer, monkeypatch):
    def gone(path: Path, n_mels: int) -> torch.Tensor:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(folder_module, "read_mel", gone)
    code, err = infer()
    assert code == 1 and "refused: mels/a.npy: cannot be read: No such file or directory" in err
    assert told(err)[0] == 0


def refused(infer, *arguments: object, **named: str) -> str:
    """The one line of what must stop it, with nothing written."""
    code, err = infer(*arguments, **named)
    assert code == 2 and not Path("out").exists()
    return error_line(err)


def test_mels_of_another_recipe_are_refused_with_both(infer):
    Path("mels/mel_recipe.json").unlink()
    write_recipe(Path("mels"), recipe_of(small_config("audio.f_max=3000").audio, 1e-9))
    line = refused(infer)
    assert "f_max 3000.0 here and 4000.0 there" in line and "error: mels: " in line


def test_mels_without_a_recipe_are_refused(infer):
    Path("mels/mel_recipe.json").unlink()
    assert "--declare_recipe" in refused(infer)


def test_mistakes_in_the_arguments_stop_it(infer):
    assert "--chunk_frames 0: expected 1 or more" in refused(infer, "--chunk_frames", 0)
    assert "no.pt" in refused(infer, checkpoint="no.pt")
    assert "is or lies in the input folder" in refused(infer, "--output_dir", "mels")
    assert "is or lies in the input folder" in refused(infer, "--output_dir", "mels/../mels/out")
    assert "not allowed with" in refused(infer, "--input_wavs_dir", "wavs")
    for path in Path("wavs").rglob("*.wav"):
        path.unlink()
    assert "wavs: no recordings inside" in refused(infer, source="wavs")


def test_two_recordings_of_one_name_are_refused(infer):
    soundfile.write("wavs/a.flac", np.zeros(900), SAMPLE_RATE)
    assert "a.wav: has the id 'a' of wavs/a.flac, too" in refused(infer, source="wavs")


def test_damaged_weights_stop_it(infer):
    state = random_generator(small_config()).state_dict()
    state["output.bias"] = torch.full_like(state["output.bias"], torch.nan)
    write_vocoder(Path("bad.pt"), small_config(), generator=state)
    for extra in ((), ("--chunk_frames", "16")):
        code, err = infer(*extra, checkpoint="bad.pt")
        assert code == 2 and "weights that made them are damaged" in error_line(err)
        assert not [path for path in Path("out").rglob("*") if path.is_file()]


def test_a_vocoder_of_other_mels_takes_such_mels_alone(infer):
    """Coqui's, whose config is not there: its mels have no recipe of ours."""
    state, table = (
        random_generator(small_config()).state_dict(),
        generator_table(small_config().generator),
    )
    weights = {f"model_g.{theirs}": state[ours] for theirs, ours in table.items()}
    torch.save({"model": weights, "step": 3}, "coqui.pth")
    Path("small.json").write_text(hifigan.json_config.config_to_json(small_config()))
    coqui = {"checkpoint": "coqui.pth"}
    assert "is unknown" in refused(infer, "-c", "small.json", source="wavs", **coqui)
    assert "is unknown" in refused(infer, "-c", "small.json", **coqui)
    Path("mels/mel_recipe.json").unlink()
    code, err = infer("-c", "small.json", **coqui)
    assert code == 0 and told(err)[0] == 4
