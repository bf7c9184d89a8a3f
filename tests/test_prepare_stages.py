"""Stages and shards of python -m vits.prepare, and what a second run of it does."""

import json
import os
import shutil

import pytest
import soundfile

from tests.prepare_runs import RATE, contents, rows, run, tone, write_source
from vits.prepare.arguments import STAGES


def test_only_what_has_changed_is_made_again_and_what_is_gone_is_removed(tmp_path):
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


def test_shards_together_are_the_whole(tmp_path):
    source = write_source(tmp_path / "in", 10)
    run(source, tmp_path / "whole")
    out = tmp_path / "out"
    assert run(source, out, "--shard", "2/3")[0] == 0 and run(source, out, "--shard", "3/3")[0] == 0
    assert not (out / "manifest.jsonl").exists()
    code, told = run(source, out, "--stage", "split")
    assert code == 2 and "not made yet: 4 recordings; run --shard 1/3 first" in told
    assert run(source, out, "--shard", "1/3")[0] == 0
    assert run(source, out, "--stage", "split")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")
    assert "0 made, 10 as before" in run(source, out)[1]  # one machine goes on where many ended


def test_the_newest_result_counts_whichever_machine_it_is_of(tmp_path):
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


def test_stages_run_apart_are_the_whole(tmp_path):
    source = write_source(tmp_path / "in", 5)
    run(source, tmp_path / "whole")
    for number, stage in enumerate(STAGES, start=1):
        asked = stage if number % 2 else number
        assert run(source, tmp_path / "out", "--stage", asked, "--stop_stage", stage)[0] == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--stage", "audio"), "and --stage audio comes behind it; begin with --stage read"),
        (("--stage", "sound"), "--stage sound: expected one of read, check"),
        (("--stage", 4, "--stop_stage", 2), "--stage split comes behind --stop_stage check"),
        (("--shard", "4/3"), "--shard 4/3: expected a number and how many"),
        (("--shard", "1/2", "--stage", "split"), "--shard 1/2: ends with the stage audio"),
        (("--shard", "1/2", "--stop_stage", "report"), "--shard 1/2: ends with the stage audio"),
        (("--loudness", 5), "--loudness 5: expected LUFS below 0"),
        (("--min_seconds", 9, "--max_seconds", 3), "--min_seconds 9 is not below"),
        (("--stage", "check"), "begin with --stage read"),
        (("--stage", "symbols"), "begin with --stage read"),
        (("--stage", "report"), "begin with --stage read"),
        (("--sample_rate", 22), "--sample_rate 22: expected 1000 to 192000 Hz"),
        (("--sample_rate", 10**6), "--sample_rate 1000000: expected 1000 to 192000 Hz"),
        (("--valid", "nan"), "--valid nan: expected 0 or more"),
        (("--test", "inf"), "--test inf: expected 0 or more"),
        (("--trim_margin", "inf"), "--trim_margin inf: expected 0 or more"),
        (("--layout", "lj"), "invalid choice: 'lj'"),
        (("--jobs", 0), "--jobs 0: expected 1 or more"),
    ],
)
def test_a_mistake_ends_in_one_line_and_code_2(tmp_path, arguments, told):
    source = write_source(tmp_path / "in", 3)
    code, err = run(source, tmp_path / "out", *arguments)
    assert code == 2 and told in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_other_settings_for_the_same_data_set_are_refused_but_on_demand(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out)
    code, err = run(source, out, "--sample_rate", 16000)
    assert code == 2 and "was made with sample_rate 22050, now it is 16000" in err
    assert run(source, out, "--sample_rate", 16000, "--redo")[0] == 0
    assert soundfile.info(out / "audio/wavs/u0.flac").samplerate == 16000
    code, err = run(source, source)
    assert code == 2 and "is the --input, too" in err


def test_settings_are_taken_up_by_all_stages_that_they_concern(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out)
    for stage in ("check", "audio", "split"):
        code, err = run(source, out, "--format", "wav", "--redo", "--stage", stage)
        assert code == 2 and "leave out --stage" in err.splitlines()[-1]
    assert run(source, out, "--format", "wav", "--redo", "--stop_stage", "read")[0] == 0
    code, err = run(source, out, "--format", "wav", "--stage", "audio")
    assert code == 2 and "begin with --stage check" in err
    assert run(source, out, "--format", "wav", "--stage", "check")[0] == 0
    run(source, tmp_path / "fresh", "--format", "wav")
    assert contents(out) == contents(tmp_path / "fresh")


def test_stages_behind_those_that_have_been_run_are_told(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out, "--stop_stage", "audio")
    for stage in ("symbols", "report"):
        code, err = run(source, out, "--stage", stage)
        assert code == 2 and "begin with --stage split" in err.splitlines()[-1]


def test_an_input_is_the_same_from_whichever_folder_it_is_named(tmp_path, monkeypatch):
    source = write_source(tmp_path / "in", 2)
    (tmp_path / "elsewhere").mkdir()
    assert run(source, tmp_path / "out")[0] == 0
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "0 made, 2 as before" in run("../in", "../out")[1]


def test_a_recording_that_can_be_read_again_is_made(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    whole, path = (source / "wavs/u1.wav").read_bytes(), source / "wavs/u1.wav"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(bytes(len(whole)))
    os.utime(path, ns=times)
    assert "2 made, 0 as before, 1 refused" in run(source, out)[1]
    path.write_bytes(whole)
    os.utime(path, ns=times)  # as after a change of its permissions
    assert "1 made, 2 as before, 0 refused" in run(source, out)[1]


def test_a_clock_that_is_ahead_does_not_make_old_results_count(tmp_path):
    source, out = write_source(tmp_path / "in", 2), tmp_path / "out"
    run(source, out)
    notes = out / "work/audio.1_of_1.jsonl"
    ahead = [row | {"when": row["when"] + 10**15} for row in rows(notes)]
    notes.write_text("".join(json.dumps(row) + "\n" for row in ahead), "utf-8")
    assert run(source, out, "--sample_rate", RATE, "--redo")[0] == 0
    assert "0 made, 2 as before" in run(source, out, "--sample_rate", RATE)[1]


def test_a_mistake_in_the_input_does_not_stay(tmp_path):
    source, out = write_source(tmp_path / "in", 2), tmp_path / "out"
    (tmp_path / "empty").mkdir()
    for wrong, told in (("inn", "no such file or folder"), ("empty", "no utterances found")):
        code, err = run(tmp_path / wrong, out)
        assert code == 2 and told in err.splitlines()[-1]
    assert run(source, out)[0] == 0
    assert json.loads((out / "prepare.json").read_text("utf-8"))["versions"]["numpy"]


def test_files_of_others_and_the_source_are_never_written_over(tmp_path):
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


def test_a_recording_that_goes_away_between_two_stages_is_refused(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out, "--stop_stage", "check")
    (source / "wavs/u1.wav").unlink()
    assert run(source, out, "--stage", "audio")[0] == 0
    refused = json.loads((out / "report.json").read_text("utf-8"))["refused"]
    assert [row["id"] for row in refused["missing recording"]] == ["u1"]


def test_what_was_made_in_another_format_is_removed(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out)
    assert run(source, out, "--format", "wav", "--redo", "--stop_stage", "audio")[0] == 0
    assert "removed   3 recordings of before" in run(source, out, "--format", "wav")[1]
    assert {path.suffix for path in (out / "audio/wavs").iterdir()} == {".wav"}
