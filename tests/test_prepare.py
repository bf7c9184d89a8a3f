"""python -m vits.prepare: a data set that trains, and a report of what was refused and why."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.prepare_runs import MINI, RATE, rows, run, tone, write_pairs, write_source
from vits.prepare.work import SafeNames


def test_a_data_set_has_lists_recordings_symbols_and_a_report(tmp_path):
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
    assert "layout      path_text\nnote        lists: metadata.csv\n" in told
    seconds = sum(row["seconds"] for row in manifest)
    assert f"kept        12 utterances, {seconds:.1f} s, 12 different sentences" in told
    assert "changed     12 recordings: resampled, 16,000 Hz before\n" in told


def test_texts_of_no_language_are_counted_as_written(tmp_path):
    folder = write_pairs(tmp_path / "in")
    (folder / "u.txt").write_text("Глава 21.", "utf-8")
    run(folder, tmp_path / "out")
    symbols = json.loads((tmp_path / "out/symbols.json").read_text("utf-8"))["characters"]
    (counts,) = symbols.values()
    assert list(symbols) == ["no language given"] and {"2", "1", "г"} <= counts.keys()
    run(folder, tmp_path / "out", "--language", "bg", "--redo")
    symbols = json.loads((tmp_path / "out/symbols.json").read_text("utf-8"))["characters"]
    assert list(symbols) == ["bg"] and not {"2", "1"} & symbols["bg"].keys()


def test_the_data_set_passes_the_check_of_training(tmp_path):
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


def test_what_cannot_be_used_is_refused_with_its_reason_and_the_rest_made(tmp_path):
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


def test_what_is_odd_and_read_all_the_same_is_a_note_and_not_refused(tmp_path):
    source = write_source(tmp_path / "in", 3)
    listed = (source / "metadata.csv").read_text("utf-8")
    for content, told in (
        (listed.replace("\n", "\r").encode(), "lines end with carriage returns alone"),
        (listed.encode("utf-16"), "it is UTF-16"),
    ):
        (source / "metadata.csv").write_bytes(content)
        assert run(source, tmp_path / "out")[0] == 0
        report = json.loads((tmp_path / "out/report.json").read_text("utf-8"))
        assert report["utterances"] == 3 and report["refused"] == {}
        assert any(told in note for note in report["notes"])


def test_half_characters_are_refused_and_the_rest_made(tmp_path):
    source = write_source(tmp_path / "in", 2)
    told = [{"audio": f"u{i}.wav", "text": text} for i, text in enumerate(("Good.", "A \ud800."))]
    (source / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    assert run(source, tmp_path / "out")[0] == 0
    refused = json.loads((tmp_path / "out/report.json").read_text("utf-8"))["refused"]
    (row,) = refused["text that is not Unicode"]
    assert row["place"] == "manifest.jsonl:2" and "half of a character" in row["detail"]


def test_nothing_left_is_an_error_that_names_the_report(tmp_path):
    source = write_source(tmp_path / "in", 2)
    code, err = run(source, tmp_path / "out", "--min_seconds", 20)
    assert code == 2 and "every utterance was refused, most as 'too short'" in err.splitlines()[-1]
    assert "too short: 2" in (tmp_path / "out/report.txt").read_text("utf-8")
    assert (tmp_path / "out/train.jsonl").read_text("utf-8") == ""


def test_odd_names_are_made_and_told(tmp_path):
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


def test_a_recording_whose_name_is_no_utf8_is_refused_and_the_rest_made(tmp_path):
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


def test_a_recording_that_two_lines_name_is_trained_on_once(tmp_path):
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


def test_names_lead_nowhere_else_and_none_is_taken_twice():
    names = SafeNames("flac")
    wanted = ["../../etc/x", "/etc/x", "a b/Мария", "A B/мария", "x?*", "..", "a\\b", "a/./b", "a."]
    made = [names.name(name) for name in wanted]
    assert len({name.casefold() for name in made}) == len(wanted)
    assert all(name.startswith("audio/") and ".." not in name for name in made)
    assert made[2:4] == ["audio/a b/Мария.flac", "audio/A B/мария_2.flac"]
