"""python -m vits.prepare: a data set that trains, the same whatever happens on the way."""

import hashlib
import json
import logging
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.audio import read_samples, resampled_length
from tests.small_disk import on_small_disk
from vits.corpus.sentences import sentence_number
from vits.prepare import __main__ as prepare
from vits.prepare import locks, recording
from vits.prepare.splitting import Utterance, split
from vits.prepare.work import SafeNames

RATE = 16000
LONG = 300.0  # seconds that a busy machine may take
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


def write_pairs(folder: Path) -> Path:
    folder.mkdir()
    soundfile.write(folder / "u.wav", tone(0.5), RATE)
    (folder / "u.txt").write_text("One sentence.", "utf-8")
    return folder


@pytest.fixture
def run(monkeypatch, capsys, caplog):
    """Run the command in this process: exit code, and what it says on standard error."""
    caplog.set_level(logging.INFO)

    def call(source: Path, out: Path, *arguments: object) -> tuple[int, str]:
        asked = ["--input", source, "--output", out, "--jobs", 1, *arguments]
        monkeypatch.setattr(sys, "argv", ["vits.prepare", *map(str, asked)])
        try:
            prepare.main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        told = "\n".join([*caplog.messages, capsys.readouterr().err])
        caplog.clear()
        return code, told

    return call


def start(source: Path, out: Path, *arguments: str) -> subprocess.Popen:
    """The command in a process group of its own."""
    asked = ["--input", str(source), "--output", str(out), *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "vits.prepare", *asked],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


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
    assert [len(by_side[side]) for side in by_side] == [9, 2, 1]  # a share is one at least
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
    told = (out / "report.txt").read_text("utf-8")
    assert "kept        12 utterances" in told
    assert "changed     12 recordings: resampled, 16,000 Hz before\n" in told


def test_texts_of_no_language_are_counted_as_written(tmp_path, run):
    folder = write_pairs(tmp_path / "in")
    (folder / "u.txt").write_text("Глава 21.", "utf-8")
    run(folder, tmp_path / "out")
    symbols = json.loads((tmp_path / "out/symbols.json").read_text("utf-8"))["characters"]
    (counts,) = symbols.values()
    assert list(symbols) == ["no language given"] and {"2", "1", "г"} <= counts.keys()
    run(folder, tmp_path / "out", "--language", "bg", "--redo")
    symbols = json.loads((tmp_path / "out/symbols.json").read_text("utf-8"))["characters"]
    assert list(symbols) == ["bg"] and not {"2", "1"} & symbols["bg"].keys()


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
    for name, wav in (("a", tone(2.0, 0.178)), ("b", tone(0.35, 0.2)), ("c", peaky)):
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
    report = json.loads((out / "report.json").read_text())
    assert report["changes"]["gain limited by the peak"] == 1 and report["changes"]["gain"] == 3
    sources = (soundfile.read(tmp_path / f"in/wavs/{name}.wav")[0] for name in "cba")
    gains = [20 * np.log10(np.std(made) / np.std(wav)) for made, wav in zip((c, b, a), sources)]
    told = report["least_and_most"]["gain"]
    assert (told["least"], told["most"]) == pytest.approx((min(gains), max(gains)), abs=0.02)


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
    assert report["least_and_most"]["silence cut"]["most"] == pytest.approx(1.2, abs=0.06)


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
    source = write_source(tmp_path / "in", 150)
    run(source, tmp_path / "whole")
    draw, n_kills = random.Random(0), 0
    for trial in range(3):
        process = start(source, tmp_path / "out", "--jobs", "2")
        made = tmp_path / "out/work/audio.1_of_1.jsonl"
        goal, ends = draw.randrange(20, 45) * (trial + 1), time.monotonic() + LONG
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
    code, told = run(source, out, "--stage", "split")
    assert code == 2 and "4 recordings have not been made yet; run --shard 1/3 first" in told
    assert run(source, out, "--shard", "1/3")[0] == 0
    assert run(source, out, "--stage", "split")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")
    assert "0 made, 10 as before" in run(source, out)[1]  # one machine goes on where many ended


@pytest.mark.slow
def test_shards_that_start_together_do_not_disturb_each_other(tmp_path, run):
    source = write_source(tmp_path / "in", 10)
    run(source, tmp_path / "whole")
    out = tmp_path / "out"
    started = [start(source, out, "--jobs", "1", "--shard", f"{i}/2") for i in (1, 2)]
    assert [process.wait(LONG) for process in started] == [0, 0]
    assert run(source, out, "--stage", "split")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_the_newest_result_counts_whichever_machine_it_is_of(tmp_path, run):
    source, out = write_source(tmp_path / "in", 4), tmp_path / "out"
    run(source, out, "--shard", "1/2")
    run(source, out, "--shard", "2/2")
    soundfile.write(source / "wavs/u0.wav", tone(0.9), RATE)
    soundfile.write(source / "wavs/u1.wav", tone(0.8), RATE)
    run(source, out, "--shard", "1/1")
    soundfile.write(source / "wavs/u2.wav", tone(0.7), RATE)
    run(source, out, "--shard", "1/2")
    assert "0 made, 4 as before" in run(source, out)[1]
    seconds = {row["id"]: row["seconds"] for row in rows(out / "manifest.jsonl")}
    assert [seconds[f"u{i}"] for i in range(3)] == pytest.approx([0.9, 0.8, 0.7], abs=1e-3)


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


@pytest.mark.slow
def test_a_full_disk_ends_in_one_line_and_what_was_made_stays(tmp_path, run):
    source, disk, left = write_source(tmp_path / "in", 40), tmp_path / "disk", tmp_path / "left"
    rate = ["--sample_rate", str(RATE), "--format", "wav"]
    run(source, tmp_path / "whole", *rate)
    disk.mkdir()
    out = ["--input", str(source), "--output", str(disk / "out"), "--jobs", "2", *rate]
    made = shlex.join([sys.executable, "-m", "vits.prepare", *out])
    script = (
        f"{made} 2> {tmp_path}/first; echo $? >> {tmp_path}/first; "
        f"mount -o remount,size=50m {disk}; {made} 2> {tmp_path}/second; cp -r {disk}/out {left}"
    )
    subprocess.run(on_small_disk(disk, 1000, ["sh", "-c", script]), check=True, timeout=LONG)
    *_, told, code = (tmp_path / "first").read_text("utf-8").splitlines()
    assert code == "2" and told.startswith("error: ") and "make room on the disk" in told
    assert "Traceback" not in (tmp_path / "first").read_text("utf-8")
    kept = re.search(r"(\d+) as before", (tmp_path / "second").read_text("utf-8"))
    assert int(kept[1]) > 3
    assert contents(left) == contents(tmp_path / "whole")


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
    assert code == 2 and "every utterance was refused, most as 'too short'" in err.splitlines()[-1]
    assert "too short: 2" in (tmp_path / "out/report.txt").read_text("utf-8")
    assert (tmp_path / "out/train.jsonl").read_text("utf-8") == ""


@pytest.mark.parametrize("mine, others", [((), False), ((), True), (("--shard", "1/2"), False)])
def test_two_of_them_on_one_data_set_are_refused(tmp_path, run, monkeypatch, mine, others):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    source = write_source(tmp_path / "in", 2)
    with locks.locked(tmp_path / "out", "run", is_shared=others):
        code, err = run(source, tmp_path / "out", *mine)
    assert code == 2 and "another prepare works on it" in err


def test_the_same_shard_twice_at_once_is_refused(tmp_path, run, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    source = write_source(tmp_path / "in", 2)
    with (
        locks.locked(tmp_path / "out", "run", is_shared=True),
        locks.locked(tmp_path / "out", "shard.1_of_2"),
    ):
        assert run(source, tmp_path / "out", "--shard", "1/2")[0] == 2
        assert run(source, tmp_path / "out", "--shard", "2/2")[0] == 0


@pytest.mark.slow
def test_when_its_leader_alone_is_killed_its_processes_end_and_free_the_lock(
    tmp_path, run, monkeypatch
):
    monkeypatch.setattr(locks, "PATIENCE", LONG)
    source, out = write_source(tmp_path / "in", 200), tmp_path / "out"
    process = start(source, out, "--jobs", "2")
    made, ends = out / "work/audio.1_of_1.jsonl", time.monotonic() + LONG
    while not (made.exists() and made.stat().st_size) and time.monotonic() < ends:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert run(source, out)[0] == 0
    run(source, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")
    with pytest.raises(ProcessLookupError):  # nobody of its group is left
        while time.monotonic() < ends:
            os.killpg(process.pid, 0)
            time.sleep(0.01)


def test_a_note_that_was_cut_off_costs_one_recording_at_most(tmp_path, run):
    source, out = write_source(tmp_path / "in", 4), tmp_path / "out"
    run(source, out)
    notes = out / "work/audio.1_of_1.jsonl"
    notes.write_bytes(notes.read_bytes()[:-30])
    assert "1 made, 3 as before" in run(source, out)[1]
    assert "0 made, 4 as before" in run(source, out)[1]


def test_a_mistake_in_the_input_does_not_stay(tmp_path, run):
    source, out = write_source(tmp_path / "in", 2), tmp_path / "out"
    (tmp_path / "empty").mkdir()
    for wrong, told in (("inn", "no such file or folder"), ("empty", "no utterances found")):
        code, err = run(tmp_path / wrong, out)
        assert code == 2 and told in err.splitlines()[-1]
    assert run(source, out)[0] == 0
    assert json.loads((out / "prepare.json").read_text("utf-8"))["versions"]["numpy"]


def test_files_of_others_and_the_source_are_never_written_over(tmp_path, run):
    source = write_source(tmp_path / "in", 2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/train.jsonl").write_text("{}")
    for out, told in (
        (tmp_path / "mine", "holds files that prepare has not made (train.jsonl)"),
        (source / "out", "lies in the --input, or the --input in it"),
        (tmp_path, "lies in the --input, or the --input in it"),
        (source / "metadata.csv", "lies in the --input"),
    ):
        code, err = run(source, out)
        assert code == 2 and told in err.splitlines()[-1]
    assert (tmp_path / "mine/train.jsonl").read_text() == "{}"
    listed = tmp_path / "list.txt"
    out = tmp_path / "out"
    run(source, out)
    listed.write_text(f"{out / 'audio/wavs/u0.flac'}|One.\n{source / 'wavs/u1.wav'}|Two.\n")
    code, err = run(listed, out, "--redo")
    assert code == 2 and "lies where the data set's own recordings go" in err


def test_odd_names_are_made_and_told(tmp_path, run):
    folder = tmp_path / "in"
    outside = tmp_path / "elsewhere/deep/u.wav"
    outside.parent.mkdir(parents=True)
    soundfile.write(outside, tone(0.5), RATE)
    names = ["a/u.wav", "b/u.wav", "Добро утро/да не.wav", "x" * 120 + "й" * 64 + ".wav"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, tone(0.5), RATE)
    told = [*names, "../elsewhere/deep/u.wav", str(outside.parent / "../deep/u.wav")]
    rows_in = "".join(f"{name}|Sentence {'abcdef'[i]}.\n" for i, name in enumerate(told))
    (folder / "metadata.csv").write_text(rows_in, "utf-8")
    out = tmp_path / "out"
    assert run(folder, out)[0] == 0
    manifest = rows(out / "manifest.jsonl")
    assert len(manifest) == len({row["audio"] for row in manifest}) == 6
    for row in manifest:
        assert ".." not in row["audio"] and (out / row["audio"]).is_file()
    assert manifest[0]["audio"] == "audio/a/u.flac" and manifest[1]["audio"] == "audio/b/u.flac"


def test_a_recording_whose_name_is_no_utf8_is_refused_and_the_rest_made(tmp_path, run):
    folder = write_pairs(tmp_path / "in")
    name = os.fsdecode(os.fsencode(folder) + b"/caf\xe9")
    soundfile.write(folder / "x.wav", tone(0.5), RATE)
    os.rename(folder / "x.wav", name + ".wav")
    Path(name + ".txt").write_text("A café.", "utf-8")
    assert run(folder, tmp_path / "out")[0] == 0
    (row,) = rows(tmp_path / "out/manifest.jsonl")
    assert row["id"] == "u"
    refused = json.loads((tmp_path / "out/report.json").read_text("utf-8"))["refused"]
    (told,) = refused["name that is not UTF-8"]
    assert told["id"] == "caf?" and "rename it" in told["detail"]


def test_parts_of_recordings_are_cut_out(tmp_path, run):
    folder = tmp_path / "in"
    folder.mkdir()
    ramp = np.arange(4 * RATE) / (4 * RATE)
    soundfile.write(folder / "long.wav", ramp, RATE, "PCM_16")
    (folder / "wav.scp").write_text("rec long.wav\n")
    (folder / "text").write_text("u1 One.\nu2 Two.\nu3 Three.\n")
    (folder / "segments").write_text("u1 rec 0.5 1.25\nu2 rec 2 3.5\nu3 rec 3 9\n")
    out = tmp_path / "out"
    assert run(folder, out, "--sample_rate", RATE)[0] == 0
    one, two = (soundfile.read(out / row["audio"])[0] for row in rows(out / "manifest.jsonl"))
    np.testing.assert_allclose(one, ramp[RATE // 2 : RATE * 5 // 4], atol=1e-4)
    np.testing.assert_allclose(two, ramp[2 * RATE : 7 * RATE // 2], atol=1e-4)
    refused = json.loads((out / "report.json").read_text("utf-8"))["refused"]
    assert "lasts 4.00 s, but the part ends at 9.00 s" in refused["unreadable"][0]["detail"]
    assert "0 made, 2 as before" in run(folder, out, "--sample_rate", RATE)[1]


def test_a_recording_that_goes_away_between_two_stages_is_refused(tmp_path, run):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out, "--stop_stage", "check")
    (source / "wavs/u1.wav").unlink()
    assert run(source, out, "--stage", "audio")[0] == 0
    refused = json.loads((out / "report.json").read_text("utf-8"))["refused"]
    assert [row["id"] for row in refused["missing recording"]] == ["u1"]


def test_a_recording_that_two_lines_name_is_trained_on_once(tmp_path, run):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    with (source / "metadata.csv").open("a") as file:
        file.write("wavs/u1|Sentence number b.\nwavs/u2|Something else.\n")
    assert run(source, out)[0] == 0
    refused = json.loads((out / "report.json").read_text("utf-8"))["refused"]
    assert {kind: len(found) for kind, found in refused.items()} == {
        "id listed twice": 1,
        "two texts for a recording": 1,
    }
    assert len(rows(out / "manifest.jsonl")) == 3


def test_what_was_made_in_another_format_is_removed(tmp_path, run):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out)
    assert run(source, out, "--format", "wav", "--redo", "--stop_stage", "audio")[0] == 0
    assert "3 old files removed" in run(source, out, "--format", "wav")[1]
    assert {path.suffix for path in (out / "audio/wavs").iterdir()} == {".wav"}


def test_hours_of_sound_are_refused_undecoded(tmp_path, run, monkeypatch):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    soundfile.write(source / "wavs/u1.wav", np.zeros(40 * RATE), RATE)
    read = []
    monkeypatch.setattr(
        recording, "read_samples", lambda path: read.append(path.stem) or read_samples(path)
    )
    assert run(source, out)[0] == 0
    assert sorted(read) == ["u0", "u2"]


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


def test_sides_that_the_source_says_stay_and_a_sentence_on_two_is_told(tmp_path, run):
    source, out = write_source(tmp_path / "in", 8), tmp_path / "out"
    listed = (source / "metadata.csv").read_text("utf-8").splitlines(keepends=True)
    (source / "metadata.csv").unlink()
    (source / "train.csv").write_text("".join(listed[:5]) + "u7|SENTENCE number f!\n", "utf-8")
    (source / "valid.csv").write_text("".join(listed[5:7]), "utf-8")
    assert run(source, out, "--test", 0)[0] == 0
    sides = {row["id"]: row["split"] for row in rows(out / "manifest.jsonl")}
    assert sides == dict.fromkeys(["u0", "u1", "u2", "u3", "u4"], "train") | dict.fromkeys(
        ["u5", "u6", "u7"], "valid"
    )
    assert "split       1 sentences stood in two" in (out / "report.txt").read_text("utf-8")
    assert run(source, out, "--test", 0, "--valid", 1, "--resplit", "--redo")[0] == 0
    assert len(rows(out / "valid.jsonl")) == 1


def test_readings_of_a_sentence_are_known_by_their_words():
    assert sentence_number("Hello, World!") == sentence_number("hello — world")
    assert sentence_number("Да, да.") == sentence_number("да да") != sentence_number("дада")
