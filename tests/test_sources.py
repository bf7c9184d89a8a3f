"""Data sets of every common layout are read as the same utterances, and odd lines are told."""

import json
from pathlib import Path

import pytest

from hifigan.errors import UserError
from tests.small_sources import SOURCES, SPEAKERS, TEXTS, lines, listed, sound
from vits.sources.entry import (
    BAD_JSON,
    EMPTY_LIST,
    LINE_BREAKS,
    NO_RECORDING_LISTED,
    NOT_UTF8,
    TWICE,
    WRONG_COLUMNS,
    Entry,
)
from vits.sources.packed_entries import pack_entries
from vits.sources.reader import LAYOUTS, read_source


@pytest.mark.parametrize("kind", SOURCES)
def test_every_layout_is_recognised_and_read(tmp_path, kind):
    write, layout, has_speakers = SOURCES[kind]
    folder = tmp_path / "a data set"
    folder.mkdir()
    source = read_source(write(folder))
    assert source.layout == layout and list(source.problems) == []
    assert sorted(e.text for e in source.entries) == sorted(TEXTS.values())
    by_text = {text: i for i, text in TEXTS.items()}
    for entry in source.entries:
        assert entry.path.is_file() and by_text[entry.text] in entry.path.name
        assert entry.speaker == (SPEAKERS[by_text[entry.text]] if has_speakers else None)
    assert len({e.id for e in source.entries}) == 4


def test_lists_of_splits_say_so_and_a_list_is_read_alone(tmp_path):
    listed(tmp_path, "train.csv", "{id}|{text}")
    sound(tmp_path / "wavs/c.wav")
    (tmp_path / "val.csv").write_bytes(lines("c|Held out."))
    source = read_source(tmp_path)
    assert [e.split for e in source.entries] == ["train"] * 4 + ["valid"]
    assert [e.split for e in read_source(tmp_path / "val.csv").entries] == [None]
    assert source.entries[4].place == "val.csv:1"


def test_a_named_layout_counts_more_than_what_the_columns_look_like(tmp_path):
    (tmp_path / "l.txt").write_bytes(lines("a|x|Hello there, you.", "b|x|Good bye for now."))
    assert read_source(tmp_path / "l.txt").layout == "path_speaker_text"
    by_name = read_source(tmp_path / "l.txt", "styletts")
    assert [(e.text, e.speaker) for e in by_name.entries] == [
        ("x", "Hello there, you."),
        ("x", "Good bye for now."),
    ]


def test_columns_that_could_be_either_are_asked_for(tmp_path):
    (tmp_path / "l.txt").write_bytes(lines(*(f"{i}|anna|yes" for i in range(9))))
    with pytest.raises(
        UserError, match="cannot tell speakers from texts.*'anna' and 'yes'.*--layout"
    ):
        read_source(tmp_path / "l.txt")


def problems(folder: Path, content: bytes, name: str = "metadata.csv") -> dict[str, list[str]]:
    (folder / name).write_bytes(content)
    for i in TEXTS:
        sound(folder / f"wavs/{i}.wav")
    found: dict[str, list[str]] = {}
    for problem in read_source(folder).problems:
        found.setdefault(problem.kind, []).append(f"{problem.place}: {problem.detail}")
    return found


def test_odd_lines_are_problems_with_their_numbers_and_the_rest_is_read(tmp_path):
    rows = [f"{i}|{t}" for i, t in TEXTS.items()]
    content = lines(rows[0], "b1 no bar", rows[1], "", "b1|a|b", rows[0]) + "b1|Добро\n".encode(
        "cp1251"
    )
    content += "b2|déjà vu\n".encode("latin-1") + lines(rows[2], rows[3])
    found = problems(tmp_path, content)
    assert set(found) == {WRONG_COLUMNS, NOT_UTF8, TWICE}
    assert [p.split(":")[1] for p in found[WRONG_COLUMNS]] == ["2", "5"]
    assert found[TWICE] == [
        "metadata.csv:6: 'a1' is listed at metadata.csv:1, too; keep one of them"
    ]
    assert "looks like cp1251 ('b1|Добро')" in found[NOT_UTF8][0]
    assert "déjà" in found[NOT_UTF8][1]
    assert len(read_source(tmp_path).entries) == 4


def test_marks_and_line_ends_of_other_systems_are_read(tmp_path):
    rows = [f"{i}|{t}" for i, t in TEXTS.items()]
    assert problems(tmp_path, b"\xef\xbb\xbf" + "\r\n".join(rows).encode()) == {}
    assert "byte-order mark" in read_source(tmp_path).notes[1]
    assert set(problems(tmp_path, "\r".join(rows).encode())) == {LINE_BREAKS}
    assert set(problems(tmp_path, "\n".join(rows).encode("utf-16"))) == {NOT_UTF8}
    assert [e.text for e in read_source(tmp_path).entries] == [*TEXTS.values()]


def test_recordings_without_a_line_and_lines_without_a_recording_are_told(tmp_path):
    rows = [f"{i}|{t}" for i, t in TEXTS.items() if i != "b2"]
    found = problems(tmp_path, lines(*rows, "A9|gone", "B2 |other case"))
    assert [p.split(":")[0] for p in found[NO_RECORDING_LISTED]] == ["wavs/b2.wav"]
    gone, near = read_source(tmp_path).entries[-2:]
    assert gone.path is None and gone.near is None
    assert near.path is None and near.near.endswith("wavs/b2.wav")


@pytest.mark.parametrize(
    "suffix, line", [("csv", "a|Hello."), ("jsonl", '{"audio": "a", "text": "Hello."}')]
)
@pytest.mark.parametrize("empty", ["", "\n\n"])
def test_a_list_without_an_utterance_beside_a_good_one_is_told(tmp_path, suffix, line, empty):
    (tmp_path / f"train.{suffix}").write_text(f"{line}\n")
    (tmp_path / f"valid.{suffix}").write_text(empty)
    source = read_source(tmp_path)
    assert len(source.entries) == 1
    (problem,) = source.problems
    assert (problem.kind, problem.place) == (EMPTY_LIST, f"valid.{suffix}")


def test_bad_json_is_told_by_line(tmp_path):
    good = [json.dumps({"audio": f"wavs/{i}.wav", "text": t}) for i, t in TEXTS.items()]
    bad = ['{"audio": ', "[1]", '{"audio": "x.wav"}', '{"audio": "y", "text": "t", "speaker": 5}']
    found = problems(tmp_path, lines(*good, *bad), "train.jsonl")
    assert [p.split(":")[1] for p in found[BAD_JSON]] == ["5", "6", "7", "8"]
    assert 'no text "text"' in found[BAD_JSON][2] and "put it in quotes" in found[BAD_JSON][3]


def test_packed_entries_are_the_entries():
    entries = [
        Entry("a", Path("x/a.wav"), None, "Text.", "anna", "en-us", "l:1", "train", 0.0, 1.5),
        Entry("b\udce9", None, "near.wav", "", None, None, "l:2"),
        Entry("c", Path("c\udce9.wav"), None, "Дума", None, "bg", "l:3"),
    ]
    packed = pack_entries(iter(entries))
    assert list(packed) == entries and packed[-1] == entries[2] and packed[:2] == entries[:2]
    assert list(pack_entries([])) == []


def test_empty_columns_at_the_ends_of_a_row_are_columns(tmp_path):
    head = "client_id\tpath\tsentence\tage\tlocale\tsegment"
    rows = [f"{SPEAKERS[i]}\t{i}.mp3\t{t}\t\tbg\t" for i, t in TEXTS.items()]
    (tmp_path / "train.tsv").write_bytes(lines(head, *rows))
    source = read_source(tmp_path)
    assert list(source.problems) == []
    assert [(e.text, e.speaker, e.language) for e in source.entries] == [
        (TEXTS[i], SPEAKERS[i], "bg") for i in TEXTS
    ]


def test_where_the_normalised_text_is_left_out_the_raw_one_counts(tmp_path):
    rows = [f"{i}|{t}|{t}" for i, t in TEXTS.items()]
    (tmp_path / "metadata.csv").write_bytes(lines(*rows, "c|Only raw.|"))
    assert read_source(tmp_path).entries[4].text == "Only raw."


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda f: f / "none", "no such file or folder"),
        (lambda f: f, "no utterances found, expected recordings and a list"),
        (
            lambda f: (f / "x.txt").write_text("no bars\nat all\n") and f / "x.txt",
            "most lines have no |",
        ),
        (
            lambda f: (f / "x.txt").write_text("a|b|c|d|e\n") and f / "x.txt",
            "most lines have 5 columns",
        ),
    ],
)
def test_what_is_no_data_set_ends_in_one_line(tmp_path, make, told):
    with pytest.raises(UserError) as error:
        read_source(make(tmp_path))
    assert told in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_layout_is_told_with_all_there_are():
    with pytest.raises(UserError, match="--layout lj: unknown; choose one of: json_lines"):
        read_source(Path("."), "lj")
    assert all(LAYOUTS.values())
