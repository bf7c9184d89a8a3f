"""python -m vits.prepare: a data set that trains, the same whatever happens on the way."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.audio import resampled_length
from vits.prepare import __main__ as prepare
from vits.prepare.splitting import Utterance, sentence_number, split
from vits.prepare.work import SafeNames

RATE = 16000
MINI = Path(__file__).parent.parent / "data/ljspeech-mini"


def tone(
    seconds: float, level: float = 0.3, before: float = 0.0, behind: float = 0.0
) -> np.ndarray:
    """A swelling tone with silence around it, and a little noise everywhere. [n_samples]"""
    t = np.arange(round(seconds * RATE)) / RATE
    sound = level * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    wav = np.concatenate([np.zeros(round(before * RATE)), sound, np.zeros(round(behind * RATE))])
    return wav + np.random.default_rng(0).normal(0, 1e-4, len(wav))


def write_source(folder: Path, n: int = 12, suffix: str = "wav", **settings: object) -> Path:
    (folder / "wavs").mkdir(parents=True)
    rows = []
    for i in range(n):
        soundfile.write(folder / f"wavs/u{i}.{suffix}", tone(0.5 + 0.05 * i), RATE)
        rows.append(f"u{i}|Sentence number {'abcdefghijklmnop'[i % 16]}.\n")
    (folder / "metadata.csv").write_text("".join(rows), "utf-8")
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process: exit code, and what it says on standard error."""

    def call(source: Path, out: Path, *arguments: object) -> tuple[int, str]:
        asked = ["--input", source, "--output", out, "--jobs", 1, *arguments]
        monkeypatch.setattr(sys, "argv", ["vits.prepare", *map(str, asked)])
        try:
            prepare.main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        return code, capsys.readouterr().err

    return call


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file of a data set that a person uses."""
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "work"
    }


def test_a_data_set_has_lists_recordings_symbols_and_a_report(tmp_path, run):
    source = write_source(tmp_path / "in", 12)
    out = tmp_path / "out"
    assert run(source, out, "--speaker", "anna", "--language", "en-us", "--valid", 2)[0] == 0
    manifest = rows(out / "manifest.jsonl")
    by_side = {side: rows(out / f"{side}.jsonl") for side in ("train", "valid", "test")}
    assert [len(by_side[side]) for side in by_side] == [10, 2, 0]
    assert sorted(r["id"] for r in manifest) == sorted(r["id"] for s in by_side.values() for r in s)
    for row in manifest:
        info = soundfile.info(out / row["audio"])
        assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16")
        assert info.duration == pytest.approx(row["seconds"], abs=1e-3)
        assert (row["speaker"], row["language"]) == ("anna", "en-us")
        assert row["place"].startswith("metadata.csv:")
    symbols = json.loads((out / "symbols.json").read_text("utf-8"))["characters"]["en-us"]
    assert symbols["s"] == {"count": 12, "texts": 12} and "S" not in symbols
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["utterances"] == 12 and report["changes"] == {"resampled": 12}
    assert "kept        12 utterances" in (out / "report.txt").read_text("utf-8")


def test_the_data_set_passes_the_check_of_training(tmp_path, run):
    out = tmp_path / "out"
    assert run(MINI, out)[0] == 0
    command = [sys.executable, "train.py", "-c", "configs/tiny.json", "--data", str(out)]
    made = subprocess.run(
        [*command, "-m", "x", "--check_data"],
        capture_output=True,
        text=True,
        cwd=MINI.parent.parent,
    )
    assert made.returncode == 0, made.stderr
    assert "used               44        4" in made.stderr


def test_recordings_as_they_should_be_are_copied_to_the_bit(tmp_path, run):
    assert run(MINI, tmp_path / "out")[0] == 0
    for row in rows(tmp_path / "out/manifest.jsonl"):
        name = Path(row["audio"]).name
        assert (tmp_path / "out" / row["audio"]).read_bytes() == (MINI / "flac" / name).read_bytes()


def test_resampling_folding_and_16_bits_do_what_they_say(tmp_path, run):
    (tmp_path / "in/wavs").mkdir(parents=True)
    wav = tone(0.7)
    soundfile.write(tmp_path / "in/wavs/a.wav", np.stack([wav, wav], 1), RATE, "FLOAT")
    soundfile.write(tmp_path / "in/wavs/b.wav", wav * 8, RATE, "FLOAT")  # over full scale
    (tmp_path / "in/metadata.csv").write_text("a|One.\nb|Two.\n")
    assert run(tmp_path / "in", tmp_path / "out", "--sample_rate", 24000, "--format", "wav")[0] == 0
    a, b = (soundfile.read(tmp_path / f"out/audio/wavs/{n}.wav")[0] for n in "ab")
    assert len(a) == resampled_length(len(wav), RATE, 24000) and a.ndim == 1
    assert np.abs(a).max() == pytest.approx(0.3, abs=0.01) and 0.99 < np.abs(b).max() <= 1
    changes = json.loads((tmp_path / "out/report.json").read_text())["changes"]
    assert changes == {"channels folded": 1, "resampled": 2, "peak lowered": 1}


def test_loudness_is_that_of_the_standard_and_peaks_stay_below(tmp_path, run):
    import pyloudnorm

    (tmp_path / "in/wavs").mkdir(parents=True)
    peaky = tone(1.0, 0.02)
    peaky[8000] = 0.9
    for name, wav in (("a", tone(2.0, 0.05)), ("b", tone(0.35, 0.2)), ("c", peaky)):
        soundfile.write(tmp_path / f"in/wavs/{name}.wav", wav, RATE, "FLOAT")
    (tmp_path / "in/metadata.csv").write_text("a|One.\nb|Two.\nc|Three.\n")
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, "--loudness", -23, "--sample_rate", RATE)[0] == 0
    a, b, c = (soundfile.read(out / f"audio/wavs/{name}.flac")[0] for name in "abc")
    meter = pyloudnorm.Meter(RATE)
    assert meter.integrated_loudness(a) == pytest.approx(-23, abs=0.1)
    assert meter.integrated_loudness(np.pad(b, (0, 801))) == pytest.approx(-23, abs=0.1)
    assert np.abs(c).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert meter.integrated_loudness(c) < -25
    changes = json.loads((out / "report.json").read_text())["changes"]
    assert changes["gain limited by the peak"] == 1 and changes["gain"] == 3


def test_silent_ends_are_cut_to_the_margin_and_never_speech(tmp_path, run):
    (tmp_path / "in/wavs").mkdir(parents=True)
    for name, ends in (("a", (0.8, 0.6)), ("b", (0.02, 0.03))):
        wav = tone(1.0, before=ends[0], behind=ends[1])
        soundfile.write(tmp_path / f"in/wavs/{name}.wav", wav, RATE)
    (tmp_path / "in/metadata.csv").write_text("a|One.\nb|Two.\n")
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, "--trim", "--sample_rate", RATE)[0] == 0
    a, b = (rows(out / "manifest.jsonl")[i]["seconds"] for i in range(2))
    assert a == pytest.approx(1.2, abs=0.06) and b == pytest.approx(1.05, abs=0.001)
    report = json.loads((out / "report.json").read_text())
    assert report["seconds_of_silence_cut"] == pytest.approx(1.2, abs=0.06)


def test_what_cannot_be_used_is_refused_with_its_reason_and_the_rest_made(tmp_path, run):
    source = write_source(tmp_path / "in", 4)
    soundfile.write(source / "wavs/nan.wav", np.full(9000, np.nan), RATE, "FLOAT")
    soundfile.write(source / "wavs/silent.wav", np.zeros(9000), RATE)
    soundfile.write(source / "wavs/short.wav", tone(0.1), RATE)
    soundfile.write(source / "wavs/long.wav", tone(3.1), RATE)
    (source / "wavs/torn.wav").write_bytes(b"RIFF")
    with (source / "metadata.csv").open("a") as file:
        file.write("".join(f"{n}|Text.\n" for n in ("nan", "silent", "short", "long", "torn")))
        file.write("gone|Text.\nu1|...\nu0 no bar\nu2|Another text.\n")
    out = tmp_path / "out"
    assert run(source, out, "--max_seconds", 3)[0] == 0
    refused = json.loads((out / "report.json").read_text())["refused"]
    assert {reason: [row["id"] for row in found] for reason, found in refused.items()} == {
        "NaN": ["nan"],
        "silent": ["silent"],
        "too short": ["short"],
        "too long": ["long"],
        "unreadable": ["torn"],
        "missing recording": ["gone"],
        "wrong number of columns": [""],
        "id listed twice": ["", ""],
    }
    assert len(rows(out / "manifest.jsonl")) == 4
    assert "3.10 s, --max_seconds asks for 3" in (out / "report.txt").read_text()


def test_only_what_has_changed_is_made_again_and_what_is_gone_is_removed(tmp_path, run):
    source, out = write_source(tmp_path / "in", 6), tmp_path / "out"
    run(source, out)
    before = {p: p.stat().st_mtime_ns for p in (out / "audio").rglob("*.flac")}
    soundfile.write(source / "wavs/u1.wav", tone(0.9), RATE)
    (source / "wavs/u5.wav").unlink()
    code, told = run(source, out)
    assert code == 0
    after = {p: p.stat().st_mtime_ns for p in (out / "audio").rglob("*.flac")}
    assert {p.name for p in before if p not in after} == {"u5.flac"}
    assert {p.name for p in after if after[p] != before[p]} == {"u1.flac"}
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    (out / "audio/wavs/u2.flac").unlink()  # lost, or cut short
    (out / "audio/wavs/u3.flac").write_bytes(b"fLaC")
    run(source, out)
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, run):
    source = write_source(tmp_path / "in", 200)
    command = [sys.executable, "-m", "vits.prepare", "--input", source, "--jobs", "2", "--output"]
    run(source, tmp_path / "whole")
    draw, n_kills = random.Random(0), 0
    for trial in range(4):
        process = subprocess.Popen(
            [*map(str, command), str(tmp_path / "out")],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        made = tmp_path / "out/work/audio.1_of_1.jsonl"
        goal, ends = draw.randrange(20, 45) * (trial + 1), time.monotonic() + 60
        while process.poll() is None and time.monotonic() < ends:
            if made.exists() and made.read_bytes().count(b"\n") >= goal:
                os.killpg(process.pid, signal.SIGKILL)
                n_kills += 1
                break
            time.sleep(0.002)
        process.wait()
    assert n_kills >= 2
    assert run(source, tmp_path / "out")[0] == 0
    assert not list((tmp_path / "out").rglob("*.part"))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_shards_together_are_the_whole(tmp_path, run):
    source = write_source(tmp_path / "in", 10)
    run(source, tmp_path / "whole")
    out = tmp_path / "out"
    assert run(source, out, "--shard", "2/3")[0] == 0 and run(source, out, "--shard", "3/3")[0] == 0
    assert not (out / "manifest.jsonl").exists()
    code, told = run(source, out, "--shards", 3, "--stage", "split")
    assert code == 2
    assert "4 recordings have not been made yet; run --shard 1/3 --stage audio" in told
    assert run(source, out, "--shard", "1/3")[0] == 0
    assert run(source, out, "--shards", 3, "--stage", "split")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_stages_run_apart_are_the_whole(tmp_path, run):
    source = write_source(tmp_path / "in", 5)
    run(source, tmp_path / "whole")
    for number, stage in enumerate(prepare.STAGES, start=1):
        asked = stage if number % 2 else number
        assert run(source, tmp_path / "out", "--stage", asked, "--stop_stage", stage)[0] == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--stage", "audio"), "its source has not been read; run from --stage read on"),
        (("--stage", "sound"), "--stage sound: expected one of read, check"),
        (("--stage", 4, "--stop_stage", 2), "--stage split comes behind --stop_stage check"),
        (("--shard", "4/3"), "--shard 4/3: expected a number and how many"),
        (("--loudness", 5), "--loudness 5: expected LUFS below 0"),
        (("--min_seconds", 9, "--max_seconds", 3), "--min_seconds 9 is not below"),
        (("--sample_rate", 22), "--sample_rate 22: expected Hz"),
        (("--layout", "lj"), "invalid choice: 'lj'"),
        (("--jobs", 0), "--jobs 0: expected 1 or more"),
    ],
)
def test_a_mistake_ends_in_one_line_and_code_2(tmp_path, run, arguments, told):
    source = write_source(tmp_path / "in", 3)
    code, err = run(source, tmp_path / "out", *arguments)
    assert code == 2 and told in err.splitlines()[-1]


def test_other_settings_for_the_same_data_set_are_refused_but_on_demand(tmp_path, run):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out)
    code, err = run(source, out, "--sample_rate", 16000)
    assert code == 2 and "was made with sample_rate 22050, now it is 16000" in err
    assert run(source, out, "--sample_rate", 16000, "--redo")[0] == 0
    assert soundfile.info(out / "audio/wavs/u0.flac").samplerate == 16000
    code, err = run(source, source)
    assert code == 2 and "is the --input, too" in err


def test_nothing_left_is_an_error_that_names_the_report(tmp_path, run):
    source = write_source(tmp_path / "in", 2)
    code, err = run(source, tmp_path / "out", "--min_seconds", 20)
    assert code == 2 and "every utterance was refused" in err.splitlines()[-1]


def test_two_of_them_on_one_data_set_are_refused(tmp_path, run):
    from vits.prepare.work import locked

    source = write_source(tmp_path / "in", 2)
    with locked(tmp_path / "out", "audio.1_of_1"):
        code, err = run(source, tmp_path / "out")
    assert code == 2 and "another prepare works on it" in err


def test_names_lead_nowhere_else_and_none_is_taken_twice():
    names = SafeNames("flac")
    wanted = ["../../etc/x", "/etc/x", "a b/Мария", "A B/мария", "x?*", "..", "a\\b", "a/./b", "a."]
    made = [names.name(name) for name in wanted]
    assert len({name.casefold() for name in made}) == len(wanted)
    assert all(name.startswith("audio/") and ".." not in name for name in made)
    assert made[2:4] == ["audio/a b/Мария.flac", "audio/A B/мария_2.flac"]


def test_no_sentence_is_on_two_sides_and_every_speaker_is_heard():
    draw = random.Random(0)
    for _ in range(200):
        n = draw.randrange(1, 120)
        said = draw.choice(([None], [None, "train"], ["train", "valid", "test"]))
        utterances = [
            Utterance(draw.randrange(n), draw.choice("abc"), None, draw.choice(said))
            for _ in range(n)
        ]
        sides, n_torn = split(utterances, 0.2, 3, draw.randrange(9))
        by_sentence: dict[int, set] = {}
        for utterance, side in zip(utterances, sides):
            by_sentence.setdefault(utterance.sentence, set()).add(side)
        assert all(len(found) == 1 for found in by_sentence.values())
        assert "train" in sides or said[-1] == "test"
        if said == [None] and n > 90:
            assert {u.speaker for u, s in zip(utterances, sides) if s == "valid"} == set("abc")
            assert 0.15 * n < sides.count("valid") < 0.3 * n and 3 <= sides.count("test") < 12
        if said[0] is None:
            assert n_torn == 0


def test_readings_of_a_sentence_are_known_by_their_words():
    assert sentence_number("Hello, World!") == sentence_number("hello — world")
    assert sentence_number("Да, да.") == sentence_number("да да") != sentence_number("дада")
