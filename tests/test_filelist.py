"""Lists of every accepted form are read alike, and a wrong line is named with its number."""

import dataclasses
import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from hifigan.errors import UserError
from vits.corpus.filelist import Line, find_lists, hold_out, read_list, read_lists
from vits.data_config import DataConfig


def config(folder, **changes):
    usual = DataConfig(str(folder), None, None, 0, None, 0.1, 15.0, 500, False)
    return dataclasses.replace(usual, **changes)


@pytest.fixture
def folder(tmp_path):
    """Empty recordings: a list's reader looks at their names only."""
    for name in (
        "wavs/a.wav",
        "flac/b.flac",
        "deep/er/c.ogg",
        "d.mp3",
        "wavs/Ab.WAV",
        "wavs/e.1.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def write(folder, name, *rows, encoding="utf-8", end="\n"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes("".join(row + end for row in rows).encode(encoding))
    return folder / name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_mark_line_ends_and_blank_lines_change_nothing(folder, encoding, end):
    rows = "wavs/a.wav|Първо.", "", "  ", "b|Второ."
    path = write(folder, "train.csv", *rows, encoding=encoding, end=end)
    lines = read_list(path, config(folder))
    assert [(line.id, line.text, line.place) for line in lines] == [
        ("wavs/a", "Първо.", "train.csv:1"),
        ("b", "Второ.", "train.csv:4"),
    ]
    assert [line.path.name for line in lines] == ["a.wav", "b.flac"]


def test_only_line_feeds_end_a_line(folder):
    path = write(folder, "train.csv", "a|one\u2028still one\x0b\x85", "b|two")
    places = [line.place for line in read_list(path, config(folder))]
    assert places == ["train.csv:1", "train.csv:2"]


@pytest.mark.parametrize(
    "written, found",
    [
        ("wavs/a.wav", "wavs/a.wav"),
        ("wavs/a", "wavs/a.wav"),
        ("a.wav", "wavs/a.wav"),
        ("a", "wavs/a.wav"),
        ("b", "flac/b.flac"),
        ("deep/er/c", "deep/er/c.ogg"),
        ("deep\\er\\c.ogg", "deep/er/c.ogg"),
        ("./d.mp3", "d.mp3"),
        ("e.1", "wavs/e.1.wav"),
        ("../lists/../d", "d.mp3"),
    ],
)
@pytest.mark.parametrize("list_name", ["train.csv", "lists/train.csv"])
def test_a_path_is_found_from_the_list_or_the_data_folder_with_or_without_suffix(
    folder, written, found, list_name
):
    (folder / "lists").mkdir()
    path = write(folder, list_name, f"{written}|text")
    [line] = read_list(path, config(folder))
    assert line.path.resolve() == (folder / found).resolve() and line.near is None


def test_an_absolute_path_is_found(folder):
    path = write(folder, "train.csv", f"{folder}/deep/er/c.ogg|text", f"{folder}/deep/er/c|text")
    assert [line.path for line in read_list(path, config(folder))] == [folder / "deep/er/c.ogg"] * 2


@pytest.mark.parametrize(
    "written, near",
    [
        ("wavs/A.wav", "a.wav"),
        ("ab", "Ab.WAV"),
        ("B", "b.flac"),
        ("wavs/a.flac", "a.wav"),
        ("zzz", None),
        ("", None),
    ],
)
def test_a_missing_recording_suggests_one_of_almost_its_name(folder, written, near):
    path = write(folder, "train.csv", f"{written}|text")
    [line] = read_list(path, config(folder))
    assert line.path is None
    assert (None if line.near is None else Path(line.near).name) == near


def test_of_several_recordings_of_almost_the_name_the_first_is_suggested(folder):
    for name in ("x.wav", "X.flac", "X.wav"):
        (folder / name).touch()
    [line] = read_list(write(folder, "train.csv", "x.mp3|text"), config(folder))
    assert line.path is None and Path(line.near).name == "X.flac"


def test_speakers_stand_in_the_second_of_three_columns(folder):
    path = write(folder, "train.csv", "a|ann|One.", "b| bob |Two.")
    lines = read_list(path, config(folder, speakers="from_data"))
    assert [(line.speaker, line.text) for line in lines] == [("ann", "One."), ("bob", "Two.")]


def test_the_text_of_ljspeech_metadata_is_its_last_column(folder):
    path = write(folder, "metadata.csv", "a|In 1813|In eighteen thirteen", "b|No numbers")
    texts = [line.text for line in read_list(path, config(folder))]
    assert texts == ["In eighteen thirteen", "No numbers"]


@pytest.mark.parametrize(
    "name, row, speakers, message",
    [
        (
            "train.csv",
            "a|ann|Hello",
            None,
            r"found 3 columns, expected 2 .*data\.speakers=from_data",
        ),
        ("train.csv", "a|Hello", ("ann",), r"found 2 columns, expected 3 .*data\.speakers=null"),
        ("train.csv", "a Hello", None, r"found 1 columns, expected 2"),
        ("train.csv", "a|b|c|d", ("ann",), r"found 4 columns, expected 3"),
        ("metadata.csv", "a|b|c|d", None, r"found 4 columns, expected 2"),
    ],
)
def test_wrong_columns_name_file_line_and_fix(folder, name, row, speakers, message):
    good = "b|ann|Fine." if speakers else "b|Fine."
    path = write(folder, name, good, "", row)
    with pytest.raises(UserError, match=rf"{name}: line 3: {message}") as caught:
        read_list(path, config(folder, speakers=speakers))
    assert repr(row) in str(caught.value) and "\n" not in str(caught.value)


def test_metadata_whose_second_column_is_the_speaker_is_not_read_as_one_voice(folder):
    rows = (f"{i}|{'ann' if i % 2 else 'bob'}|Text {i}" for i in range(8))
    path = write(folder, "metadata.csv", *rows)
    with pytest.raises(UserError, match="data.speakers=from_data"):
        read_list(path, config(folder))
    rows = (f"{i}|In {i % 3}|In number {i % 3}" for i in range(8))
    same = write(folder, "metadata.csv", *rows)
    assert len(read_list(same, config(folder))) == 8  # one sentence read often is no speaker


def test_another_encoding_is_named_with_its_line(folder):
    path = write(folder, "train.csv", "a|Hello", "b|Здравей", encoding="cp1251")
    with pytest.raises(UserError, match=r"train\.csv: line 2: not UTF-8.*save the file as UTF-8"):
        read_list(path, config(folder))


@pytest.mark.parametrize(
    "present, train, valid",
    [
        (["train.csv", "valid.csv", "metadata.csv"], "train.csv", "valid.csv"),
        (["train.txt", "val.txt"], "train.txt", "val.txt"),
        (["metadata.csv"], "metadata.csv", None),
    ],
)
def test_lists_are_found_by_their_usual_names(tmp_path, present, train, valid):
    for name in present:
        write(tmp_path, name, "a|text")
    assert find_lists(config(tmp_path)) == (tmp_path / train, valid and tmp_path / valid)


def test_named_lists_are_taken_and_a_wrong_name_lists_what_is_there(tmp_path):
    write(tmp_path, "mine.csv", "a|text")
    assert find_lists(config(tmp_path, train_list="mine.csv"))[0] == tmp_path / "mine.csv"
    with pytest.raises(UserError, match=r"your\.csv: no such file.*data\.valid_list.*mine\.csv"):
        find_lists(config(tmp_path, train_list="mine.csv", valid_list="your.csv"))
    with pytest.raises(UserError, match=r"found no list.*data\.train_list=NAME.*mine\.csv"):
        find_lists(config(tmp_path))


def test_a_missing_folder_says_what_to_get_and_how_to_go_on_without():
    with pytest.raises(
        UserError,
        match=r"LJSpeech-1\.1\.tar\.bz2.*data/ljspeech/metadata\.csv.*"
        r"data/ljspeech/wavs.*--data data/ljspeech-mini",
    ):
        find_lists(config("data/ljspeech"))
    with pytest.raises(UserError, match="nowhere: no such folder.*--data DIR"):
        find_lists(config("nowhere"))


def test_an_empty_list_and_too_small_a_list_to_hold_out_from_are_refused(folder):
    write(folder, "train.csv", "", "")
    with pytest.raises(UserError, match="holds no utterance"):
        read_lists(config(folder))
    write(folder, "train.csv", *(f"{i}|text {i}" for i in range(49)))
    with pytest.raises(UserError, match=r"49 utterances.*100.*data\.n_valid=4"):
        read_lists(config(folder, n_valid=100))


def lines(n_lines, n_texts):
    return [
        Line(f"u{i}", None, None, f"Text {i % n_texts}", None, f"train.csv:{i}")
        for i in range(n_lines)
    ]


def test_the_same_utterances_are_held_out_whatever_the_order_of_the_list():
    listed = lines(500, 500)
    train, valid = hold_out(listed, 20, Path("train.csv"))
    assert len(valid) == 20 and len(train) == 480 and not set(train) & set(valid)
    shuffled = random.Random(0).sample(listed, len(listed))
    assert set(hold_out(shuffled, 20, Path("train.csv"))[1]) == set(valid)
    places = [int(line.id[1:]) for line in valid]
    assert min(places) < 100 and max(places) > 400  # spread over the list


@pytest.mark.parametrize("n_texts, n_valid", [(7, 9), (40, 9), (60, 30), (23, 8)])
def test_the_sentences_of_least_hash_are_held_out_as_far_as_they_fit(n_texts, n_valid):
    listed = lines(60, n_texts)
    readings = {}
    for line in listed:
        readings.setdefault(line.text, []).append(line)

    def least_hash(same):
        return min(hashlib.sha256(line.id.encode()).digest() for line in same)

    held = []
    for same in sorted(readings.values(), key=least_hash):
        if len(held) + len(same) <= n_valid:
            held += same
    train, valid = hold_out(listed, n_valid, Path("train.csv"))
    assert set(valid) == set(held) and len(train) + len(valid) == 60
    assert list(train) == [line for line in listed if line not in held]


def test_readings_of_one_sentence_stay_on_one_side():
    train, valid = hold_out(lines(300, 100), 21, Path("train.csv"))
    assert len(valid) == 21
    assert not {line.text for line in train} & {line.text for line in valid}


def test_adding_utterances_keeps_most_of_the_held_out_ones():
    before, after = (
        {line.id for line in hold_out(lines(n, n), 20, Path("train.csv"))[1]} for n in (500, 550)
    )
    assert len(before & after) >= 14


def test_readings_of_one_name_are_held_out_alike_in_every_process(folder):
    write(folder, "train.csv", *(f"a|text {i}" for i in range(40)), *(f"b|{i}" for i in range(40)))
    program = (
        "import sys; from pathlib import Path; from tests.test_filelist import config\n"
        "from vits.corpus.filelist import read_lists\n"
        "print([line.place for line in read_lists(config(Path(sys.argv[1]), n_valid=9))[1]])"
    )
    held = {
        subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            env=os.environ
            | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(held) == 1
