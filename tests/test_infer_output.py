"""infer.py into files, folders and pipes: texts, times, loudness, conversion."""

import io
import json
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import infer
from hifigan.audio import write_audio
from hifigan.errors import UserError
from tests.small_run import (  # noqa: F401 (fixtures)
    SENTENCE,
    call,
    error_line,
    run_script,
    trained,
    write_config,
    write_data,
)
from vits.speaking.sound_output import pcm_16, wav_header, write_growing, write_to_pipe
from vits.speaking.texts import file_name, read_items

RATE = 8000
ROOT = Path(infer.__file__).parent


@pytest.fixture
def run(trained, call):  # noqa: F811
    """infer.py in this process: exit code and what it says."""

    def start(*arguments: object) -> tuple[int, str]:
        return call(trained, infer.main, "--model_path", "runs/voice", *arguments)

    return start


def samples(path: Path) -> np.ndarray:
    found, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    return found


def piped(trained: Path, *arguments: str, text: str | None = None) -> bytes:  # noqa: F811
    command = [sys.executable, str(ROOT / "infer.py"), "--model_path", "runs/voice"]
    made = subprocess.run(
        [*command, "--out_path", "-", *arguments],
        cwd=trained,
        input=None if text is None else text.encode(),
        capture_output=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert b"standard output: " in made.stderr
    return made.stdout


def test_a_pipe_gets_a_wav_that_grows_or_bare_samples(trained, run, tmp_path):  # noqa: F811
    run("--text", SENTENCE, "--out_path", tmp_path / "a.wav", "--seed", 2)
    expected = samples(tmp_path / "a.wav")
    whole = piped(trained, "--text", SENTENCE, "--seed", "2")
    found, rate = soundfile.read(io.BytesIO(whole), dtype="int16")
    assert rate == RATE and np.array_equal(found, expected)
    bare = piped(trained, "--stream", "--raw", "--seed", "2", text=SENTENCE)
    streamed = np.frombuffer(bare, "<i2").astype(int)
    assert len(streamed) == len(expected) and np.abs(streamed - expected).max() <= 1


def test_lines_go_into_files_named_by_their_ids(run, tmp_path):
    (tmp_path / "lines.txt").write_text("x/1|това е\nb|добър ден\n", "utf-8")
    code, _ = run("--text_file", tmp_path / "lines.txt", "--out_path", tmp_path / "out")
    assert code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["1.wav", "b.wav"]
    run("--text", "добър ден", "--out_path", tmp_path / "alone.wav")
    assert np.array_equal(samples(tmp_path / "out/b.wav"), samples(tmp_path / "alone.wav"))
    (tmp_path / "lines.txt").write_text("това е\nдобър ден\n", "utf-8")
    run("--text_file", tmp_path / "lines.txt", "--out_path", tmp_path / "more", "--format", "flac")
    assert sorted(p.name for p in (tmp_path / "more").iterdir()) == ["0001.flac", "0002.flac"]
    assert (
        abs(
            samples(tmp_path / "more/0002.flac").astype(int) - samples(tmp_path / "alone.wav")
        ).max()
        <= 1
    )


def test_an_id_too_long_for_a_file_stops_the_batch_before_anything_is_spoken(run, tmp_path, caplog):
    lines, out = tmp_path / "lines.txt", tmp_path / "out"
    lines.write_text(f"a|това е\n{'я' * 101}|добър ден\n", "utf-8")
    with caplog.at_level("INFO"):
        code, err = run("--text_file", lines, "--out_path", out)
    assert code == 2 and not out.exists() and "voice: " not in caplog.text
    assert "lines.txt: the id of text 2, " in error_line(err)
    assert "has 202 bytes, expected 200 at most" in error_line(err)
    code, _ = run("--text_file", lines, "--out_path", tmp_path / "one.wav")
    assert code == 0  # there the ids name nothing
    lines.write_text(f"{'я' * 100}|добър ден\n", "utf-8")
    assert run("--text_file", lines, "--out_path", out, "--timings", ".TextGrid")[0] == 0
    assert {p.name for p in out.iterdir()} == {f"{'я' * 100}.wav", f"{'я' * 100}.TextGrid"}


def test_times_go_beside_the_sound(run, tmp_path):
    (tmp_path / "lines.txt").write_text("това е. Добър ден.\nедин час", "utf-8")
    out = tmp_path / "a.wav"
    run("--text_file", tmp_path / "lines.txt", "--out_path", out, "--timings", tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text("utf-8"))
    wav = samples(out)
    assert found["seconds"] == pytest.approx(len(wav) / RATE, abs=1e-6)
    assert [piece["text"] for piece in found["pieces"]] == ["това е.", "Добър ден.", "един час"]
    gaps = [
        after["start"] - before["end"]
        for before, after in zip(found["pieces"], found["pieces"][1:])
    ]
    assert gaps == pytest.approx([0.3, 0.3], abs=1e-6)
    assert found["pieces"][-1]["end"] == found["seconds"]
    for piece in found["pieces"][1:]:
        silence = wav[round((piece["start"] - 0.3) * RATE) : round(piece["start"] * RATE)]
        assert not silence.any()
    run(
        *("--text_file", tmp_path / "lines.txt", "--out_path", tmp_path / "folder"),
        *("--timings", ".srt"),
    )
    assert (tmp_path / "folder/0002.srt").read_text("utf-8").startswith("1\n00:00:00,000 --> ")


def test_loudness_is_reached_or_the_peak_keeps_it(run, tmp_path, caplog):
    import pyloudnorm

    for loudness in (-30, -1):
        out = tmp_path / f"{-loudness}.wav"
        with caplog.at_level("WARNING"):
            run("--text", SENTENCE, "--out_path", out, "--loudness", loudness)
        wav, _ = soundfile.read(out)
        if loudness == -30:
            found = pyloudnorm.Meter(RATE).integrated_loudness(wav)
            assert found == pytest.approx(-30, abs=0.1) and "peak" not in caplog.text
        else:
            assert np.abs(wav).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
            assert "the loudest peak allows" in caplog.text


def test_a_voice_tells_what_it_is(trained):  # noqa: F811
    made = run_script(trained, "infer.py", "--model_path", "runs/voice", "--info")
    rows = dict(line.split(maxsplit=1) for line in made.stdout.splitlines())
    assert rows["sound"].startswith("8,000 Hz") and rows["speakers"] == "one"
    assert rows["trained"].startswith("2 steps") and "million" in rows["parameters"]


def test_a_recording_is_said_in_another_voice(tmp_path, call):  # noqa: F811
    write_data(tmp_path / "data", speakers=("Мария", "Иван"))
    write_config(tmp_path / "small.json", "data.speakers=from_data")
    run_script(tmp_path, "train.py", "-c", "small.json", "--max_steps", 1)
    write_audio(tmp_path / "in.wav", 0.3 * torch.randn(4003), RATE)

    def convert(*arguments: object) -> tuple[int, str]:
        return call(tmp_path, infer.main, "--model_path", "runs/small", *arguments)

    both = ("--speaker_from", "Мария", "--speaker", "Иван")
    assert convert("--convert", "in.wav", *both, "--out_path", "out.wav")[0] == 0
    assert len(samples(tmp_path / "out.wav")) == 4003 // 64 * 64
    code, err = convert("--convert", "in.wav", "--speaker", "Иван", "--out_path", "x.wav")
    assert code == 2 and "--convert needs --speaker_from and --speaker" in error_line(err)
    code, err = convert("--convert", "nowhere.wav", *both, "--out_path", "x.wav")
    assert code == 2 and "nowhere.wav: no such file" in error_line(err)
    recording = (tmp_path / "in.wav").rename(tmp_path / "speech.wav").read_bytes()
    code, err = convert("--convert", "speech.wav", *both)  # which is where sound goes by default
    assert code == 2 and "speech.wav: would be written over" in error_line(err)
    assert (tmp_path / "speech.wav").read_bytes() == recording


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--text", "а", "--out_path", "a.wav", "--raw"), "--raw: a.wav is a file"),
        (("--text", "а", "--out_path", "a.wav", "--loudness", 3), "--loudness 3.0: expected LUFS"),
        (
            ("--text", "а", "--out_path", "a.wav", "--stream", "--loudness", -20),
            "--loudness needs the whole sound",
        ),
        (
            ("--text", "а", "--out_path", "a.wav", "--timings", "a.txt"),
            "a.txt: cannot write '.txt'",
        ),
        (
            ("--text_file", "l.txt", "--out_path", "o", "--timings", "a.srt"),
            "give the suffix alone",
        ),
        (
            ("--text", "а", "--out_path", "a.wav", "--timings", "folder.srt"),
            "folder.srt: is a folder",
        ),
        (("--text_file", "l.txt", "--out_path", "file"), "file: is a file, expected a folder"),
        (("--text_file", "l.txt", "--out_path", "o", "--raw"), "--raw: o is a folder"),
        (("--text_file", "l.txt", "--out_path", "o", "--stream"), "--stream is for texts into one"),
        (
            ("--text", "а", "--out_path", "a.wav", "--format", "wav"),
            "--out_path is a.wav; leave it out: the suffix says the format",
        ),
        (("--text", "а", "--out_path", "-", "--format", "flac"), "--out_path is -; leave it out"),
        (("--text", "а", "--out_path", "a.wav", "--speaker_from", "x"), "--speaker_from is for"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    run,
    trained,  # noqa: F811
    caplog,
    arguments,
    told,
):
    (trained / "folder.srt").mkdir(exist_ok=True)
    (trained / "file").write_text("")
    with caplog.at_level("INFO"):
        code, err = run(*arguments)
    assert code == 2 and told in error_line(err) and "voice: " not in caplog.text


def test_a_slash_at_the_end_makes_a_folder(run, tmp_path):
    (tmp_path / "file.wav").write_text("mine")
    for name in ("new.folder", "new.wav", "deep/new"):
        code, err = run("--text", SENTENCE, "--out_path", f"{tmp_path / name}/")
        assert code == 0, err
        assert (tmp_path / name / "0001.wav").stat().st_size > 44
    code, err = run("--text", SENTENCE, "--out_path", f"{tmp_path / 'file.wav'}/")
    assert code == 2 and "file.wav: is a file, expected a folder" in error_line(err)
    assert (tmp_path / "file.wav").read_text() == "mine"


def test_a_folder_may_have_a_dot_in_its_name(run, tmp_path):
    (tmp_path / "lines.txt").write_text("това е\nдобър ден\n", "utf-8")
    (tmp_path / "v1.0").mkdir()
    run("--text_file", tmp_path / "lines.txt", "--out_path", tmp_path / "v1.0")
    assert sorted(p.name for p in (tmp_path / "v1.0").iterdir()) == ["0001.wav", "0002.wav"]


@pytest.mark.parametrize("stream", [(), ("--stream",)])
def test_of_many_lines_what_is_odd_is_told_once_and_the_silent_ones_are_named(
    run, tmp_path, caplog, stream
):
    lines = "a|това ₿ е\nb|\nc|добър ₿ Ф ден\nd|12 ₿\n"
    (tmp_path / "lines.txt").write_text(lines, "utf-8")
    with caplog.at_level("WARNING"):
        run("--text_file", tmp_path / "lines.txt", "--out_path", tmp_path / "a.wav", *stream)
    assert caplog.text.count("U+20BF") == 1 and caplog.text.count("U+0444") == 1
    silent = "left out, because the voice can say nothing in it"
    assert f"b: {silent}: ''" in caplog.text and f"d: {silent}: '12 ₿'" in caplog.text


def faulty(piece: torch.Tensor | None) -> Iterator[torch.Tensor]:
    if piece is None:
        raise UserError("no --speaker given")
    yield piece


@pytest.mark.parametrize("piece", [None, torch.tensor([0.0, float("nan")])])
def test_a_fault_of_the_first_sound_leaves_a_file_as_it_was_and_a_pipe_empty(tmp_path, piece):
    (tmp_path / "a.wav").write_text("mine")
    with pytest.raises(UserError):
        write_growing(tmp_path / "a.wav", faulty(piece), RATE)
    assert (tmp_path / "a.wav").read_text() == "mine"
    out = io.BytesIO()
    with pytest.raises(UserError):
        write_to_pipe(faulty(piece), RATE, False, out)
    assert out.getvalue() == b""


def test_minutes_in_one_piece_do_not_overflow_the_stack_of_vorbis(tmp_path):
    """In a process of its own, which a fault would end."""
    script = (
        "import torch\nfrom pathlib import Path\n"
        "from hifigan.vocoding.streamed_file import write_pieces\n"
        "from vits.speaking.sound_output import write_growing\n"
        "for name, write in (('a', write_pieces), ('b', write_growing)):\n"
        "    assert write(Path(name + '.ogg'), [torch.zeros(4_000_000)], 8000) == 4_000_000\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, cwd=tmp_path, env=environment).returncode == 0
    assert [soundfile.info(tmp_path / n).frames for n in ("a.ogg", "b.ogg")] == [4_000_000] * 2


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_wav_files_of_every_rate_are_read_by_others(tmp_path, rate):
    wav = torch.linspace(-1, 1, 501)
    data = wav_header(rate, len(wav)) + pcm_16(wav)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, 1, 2)
        assert file.getnframes() == 501 and file.readframes(501) == pcm_16(wav)
    growing = io.BytesIO()
    assert write_to_pipe(wav.split(100), rate, False, growing) == 501
    growing.seek(0)
    found, found_rate = soundfile.read(growing, dtype="int16")
    assert found_rate == rate and found.tobytes() == pcm_16(wav)


def test_ids_are_used_where_every_line_has_its_own(tmp_path):
    path = tmp_path / "l.txt"
    path.write_text("a|One | two\n\n b|Three\n")
    assert [(i.id, i.text) for i in read_items(path)] == [("a", "One | two"), ("b", "Three")]
    path.write_text("a|One\nNo bar\n")
    assert [(i.id, i.text) for i in read_items(path)] == [("0001", "a|One"), ("0002", "No bar")]
    path.write_text("x/a|One\ny/a|Two\n")
    with pytest.raises(infer.UserError, match="'y/a' is the id of texts 1 and 2"):
        read_items(path)
    assert file_name("../../etc/passwd") == "passwd" and file_name("..") == "_"
