"""Folders that are data sets without a list: VCTK's, Kaldi's, and texts beside recordings."""

from pathlib import Path

import pytest

from hifigan.errors import UserError
from tests.small_sources import TEXTS, lines, sound, write_kaldi, write_pairs, write_vctk
from vits.sources.entry import NO_RECORDING_LISTED, NO_TEXT_FILE, NOT_UTF8, TWICE, WRONG_COLUMNS
from vits.sources.reader import read_source


def test_a_recording_without_a_text_file_is_a_problem(tmp_path):
    write_pairs(tmp_path)
    sound(tmp_path / "anna/x.wav")
    sound(tmp_path / "anna/y.wav").with_suffix(".txt").write_bytes("привет".encode("cp1251"))
    kinds = {p.place: p.kind for p in read_source(tmp_path).problems}
    assert kinds == {"anna/x.wav": NO_TEXT_FILE, "anna/y.txt": NOT_UTF8}


def test_texts_of_other_systems_are_read_and_a_link_to_nowhere_is_told(tmp_path):
    for i, name in enumerate(("a.txt", "b.TXT")):
        sound(tmp_path / f"{name[0]}.wav")
        (tmp_path / name).write_text(f"Число {i}.", "utf-8" if i else "utf-16")
    sound(tmp_path / "c.wav").with_suffix(".txt").symlink_to(tmp_path / "nowhere")
    source = read_source(tmp_path)
    assert [e.text for e in source.entries] == ["Число 0.", "Число 1."]
    (problem,) = source.problems
    assert (problem.place, problem.kind) == ("c.txt", NO_TEXT_FILE)
    assert "not readable (No such file" in problem.detail


def test_two_recordings_beside_a_text_are_told_and_one_is_taken(tmp_path):
    for suffix in ("flac", "wav"):
        sound(tmp_path / f"a.{suffix}").with_suffix(".txt").write_text("A text.", "utf-8")
    source = read_source(tmp_path, "pairs")
    assert [e.path.name for e in source.entries] == ["a.flac"]
    assert [(p.place, p.kind) for p in source.problems] == [("a.wav", TWICE)]


def test_kaldi_commands_and_segments_are_told(tmp_path):
    write_kaldi(tmp_path)
    (tmp_path / "wav.scp").write_bytes(lines("a1 sox a.wav -t wav - |", "a2 sound/a2.wav"))
    source = read_source(tmp_path)
    assert "is a command" in source.problems[0].detail and source.problems[0].place == "wav.scp:1"
    told = {p.place: p.kind for p in source.problems}
    assert told["wav.scp:1"] == WRONG_COLUMNS
    assert [(e.id, e.path) for e in source.entries][1:] == [("b1", None), ("b2", None)]


def test_kaldi_segments_are_parts_of_recordings_for_those_who_want_them(tmp_path):
    write_kaldi(tmp_path)
    (tmp_path / "segments").write_bytes(
        lines("a1 b2 0.5 1.25", "a2 b2 2 1", "b1 b2 x 3", "c b2 1 2")
    )
    with pytest.raises(UserError, match="parts of longer recordings; run python -m vits.prepare"):
        read_source(tmp_path)
    source = read_source(tmp_path, with_parts=True)
    (entry,) = source.entries
    assert (entry.id, entry.path.name, entry.start, entry.end) == ("a1", "b2.wav", 0.5, 1.25)
    assert entry.text == TEXTS["a1"] and entry.speaker == "anna"
    told = {p.place: p.kind for p in source.problems}
    told_of_b2 = next(p.detail for p in source.problems if p.place == "text:4")
    assert "segments has no line of 'b2'" in told_of_b2
    assert told == {
        "segments:2": WRONG_COLUMNS,
        "segments:3": WRONG_COLUMNS,
        "text:4": WRONG_COLUMNS,
        "segments:4": NO_RECORDING_LISTED,
    }


def test_a_kaldi_id_on_two_lines_counts_once_and_a_path_is_told_what_is_near(tmp_path):
    write_kaldi(tmp_path)
    with (tmp_path / "text").open("ab") as file:
        file.write(lines("a1 Another text."))
    (tmp_path / "wav.scp").write_bytes(
        lines(
            f"a1 {tmp_path}/sound/a1.wav", "a2 sound/A2.wav", "b1  sound/b1.wav", "b2\tsound/b2.wav"
        )
    )
    source = read_source(tmp_path)
    assert [(p.kind, p.place) for p in source.problems] == [(TWICE, "text:5")]
    assert "stands at text:1" in source.problems[0].detail
    found = {entry.id: entry for entry in source.entries}
    assert list(found) == ["a1", "a2", "b1", "b2"] and found["a1"].text == TEXTS["a1"]
    assert found["a2"].path is None and found["a2"].near.endswith("sound/a2.wav")
    assert found["a2"].place == "wav.scp:2" and found["a1"].place == "text:1"
    assert all(found[i].path == tmp_path / f"sound/{i}.wav" for i in ("a1", "b1", "b2"))


def test_a_kaldi_recording_is_found_below_the_folder_that_scripts_run_in(tmp_path):
    folder = tmp_path / "data/train"
    folder.mkdir(parents=True)
    write_kaldi(folder)
    (folder / "sound").rename(tmp_path / "sound")
    assert {e.path for e in read_source(folder).entries} == {
        tmp_path / f"sound/{i}.wav" for i in TEXTS
    }


def test_recordings_of_vctk_without_a_text_are_told_once(tmp_path):
    write_vctk(tmp_path)
    for mic in (1, 2):
        sound(tmp_path / f"wav48_silence_trimmed/p315/p315_001_mic{mic}.flac")
    sound(tmp_path / "wav48_silence_trimmed/anna/anna_x.wav")
    upper = tmp_path / "wav48_silence_trimmed/anna/anna_a1_mic1.flac"
    upper.rename(upper.with_suffix(".FLAC"))
    source = read_source(tmp_path)
    assert [(p.kind, Path(p.place).name) for p in source.problems] == [
        (NO_TEXT_FILE, "anna_x.wav"),
        (NO_TEXT_FILE, "p315_001_mic1.flac"),
    ]
    assert source.entries[0].path.name == "anna_a1_mic1.FLAC"


def test_many_texts_beside_recordings_are_no_lists(tmp_path):
    sound(tmp_path / "a.wav")
    (tmp_path / "a.normalized.txt").write_text("Read me.", "utf-8")
    (tmp_path / "readme.txt").write_text("About it.", "utf-8")
    source = read_source(tmp_path)
    assert source.layout == "pairs" and [e.text for e in source.entries] == ["Read me."]
