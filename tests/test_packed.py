"""Rows made on demand are what a list of objects would be, and files of arrays are whole or refused."""

import pickle

import numpy as np
import pytest

from hifigan.corpus import known_recordings
from hifigan.corpus.columns import Columns, DamagedFile, open_columns, require_whole, write_columns
from hifigan.corpus.known_recordings import MAX_FILES, UNKNOWN, KnownRecordings
from hifigan.corpus.packed import Picked, StringsBuilder, pack
from vits.corpus.utterance_table import TableBuilder, UtteranceTable, sample_counts
from vits.data import Utterance

TEXTS = ["", "a", "Това е", "", "日本\n語", "\udcff/no utf-8", "a\0b", ""]


def same_as_list(rows, expected):
    assert len(rows) == len(expected) and list(rows) == expected and rows == expected
    assert [rows[i] for i in range(-len(expected), len(expected))] == expected + expected
    for piece in (slice(None), slice(2, -1), slice(None, None, -2), slice(3, 3), slice(-2, 99)):
        assert rows[piece] == expected[piece]
    assert rows[np.int64(1)] == expected[1] and rows != expected[:-1] and rows != expected[::-1]
    for i in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            rows[i]


def test_packed_strings_are_the_strings():
    same_as_list(pack(TEXTS), TEXTS)
    same_as_list(Picked(pack(TEXTS), np.array([4, 1, 1, 2])), [TEXTS[i] for i in (4, 1, 1, 2)])
    assert list(pack([])) == list(StringsBuilder().strings()) == list(pack([""] * 0)) == []


def some_utterances(speakers):
    draws = np.random.default_rng(0)
    return [
        Utterance(
            f"wavs/{i}",
            f"data/wavs/{i % 3}.wav",
            TEXTS[i % 5],
            speakers[i % len(speakers)] if speakers else None,
            i % len(speakers) if speakers else 0,
            tuple(draws.integers(0, 300, i).tolist()),
            10**10 + i,
            100 * i,
        )
        for i in range(9)
    ]


@pytest.mark.parametrize("speakers", [None, ["ann", "Боби"]])
@pytest.mark.parametrize("is_kept", [False, True])
def test_a_table_is_the_list_of_its_utterances_also_in_another_process(tmp_path, speakers, is_kept):
    utterances = some_utterances(speakers)
    builder = TableBuilder(n_symbols=300)
    for i, utterance in enumerate(utterances):
        builder.add(utterance, i % 3)
    paths = pack([f"data/wavs/{i}.wav" for i in range(3)])
    columns = Columns(builder.arrays(paths), {"speakers": speakers, "languages": None})
    if is_kept:
        columns = open_columns(write_columns(columns, tmp_path, "a", ".utterances"))
    for table in (UtteranceTable(columns, 2, 7), UtteranceTable(columns, 0, 9)):
        expected = utterances[table.start : table.stop]
        same_as_list(table, expected)
        same_as_list(pickle.loads(pickle.dumps(table)), expected)
        for counted in (table, expected):
            assert sample_counts(counted).tolist() == [u.n_samples for u in expected]
        assert not table.n_frames.flags.writeable or not is_kept


def test_arrays_of_every_type_come_back_from_a_file(tmp_path):
    arrays = {
        str(np.dtype(t)): np.arange(n).astype(t)
        for n, t in enumerate(("u1", "i2", "u4", "i8", "f4", "f8", "?"))
    }
    facts = {"а": [1, None, "ж"], "b": {"c": 0.1}}
    path = write_columns(Columns(arrays, facts), tmp_path / "new", "name", ".kind")
    assert path.name.startswith("name-") and path.suffix == ".kind"
    assert [*path.parent.iterdir()] == [path]
    require_whole(path)
    read = open_columns(path)
    assert read.facts == facts and list(read.arrays) == list(arrays)
    for name, values in arrays.items():
        assert read.arrays[name].dtype == values.dtype
        np.testing.assert_array_equal(read.arrays[name], values)
    assert (
        write_columns(read, tmp_path / "new", "name", ".kind") == path
    )  # same contents, same name


def test_a_file_that_is_torn_or_changed_anywhere_is_refused(tmp_path):
    columns = Columns({"a": np.arange(7), "b": np.arange(3, dtype=np.uint8)}, {"n": 5})
    path = write_columns(columns, tmp_path, "name", ".kind")
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 4
        for damaged in (content[:position], changed):
            path.write_bytes(damaged)
            with pytest.raises(DamagedFile):
                require_whole(path)
    path.write_bytes(content)
    require_whole(path)
    with pytest.raises(DamagedFile):
        require_whole(path.rename(tmp_path / "another name.kind"))


def facts_of(*sizes):
    facts = np.full(len(sizes), UNKNOWN)
    facts["size"] = sizes
    return facts


def test_of_recordings_looked_at_twice_the_later_look_is_known(tmp_path):
    first, second = KnownRecordings(tmp_path), KnownRecordings(tmp_path)  # of two runs
    first.add(["a", "б", "c"], facts_of(1, 2, 3), ["", "broken", "cut"])
    second.add(["c", "d", "б"], facts_of(30, 4, 20), ["", "silent", "broken again"])
    facts, details = first.look_up(["d", "x", "c", "б", "a"])
    assert facts["size"].tolist() == [4, UNKNOWN["size"], 30, 20, 1]
    assert details == {0: "silent", 3: "broken again"}
    assert KnownRecordings(None).look_up(["a"])[0]["size"] == UNKNOWN["size"]


def test_many_files_are_put_together_and_nothing_is_forgotten(tmp_path):
    known = KnownRecordings(tmp_path)
    for i in range(3 * MAX_FILES):
        known.add([f"{i}", "each"], facts_of(i, i), [f"detail {i}", ""])
        assert len(list(tmp_path.iterdir())) <= MAX_FILES
    paths = [*map(str, range(3 * MAX_FILES)), "each"]
    facts, details = known.look_up(paths)
    assert facts["size"].tolist() == [*range(3 * MAX_FILES), 3 * MAX_FILES - 1]
    assert details == {i: f"detail {i}" for i in range(3 * MAX_FILES)}


def test_what_an_older_version_has_found_is_looked_at_again(tmp_path, monkeypatch, caplog):
    """It took a wav that is cut off for a shorter one."""
    with monkeypatch.context() as older:
        older.setattr(known_recordings, "LOOK", known_recordings.LOOK - 1)
        KnownRecordings(tmp_path).add(["a"], facts_of(1), [""])
    known = KnownRecordings(tmp_path)
    assert known.look_up(["a"])[0]["size"] == UNKNOWN["size"]
    assert "older version: its recordings are looked at again" in caplog.text
    known.add(["a"], facts_of(2), [""])
    assert known.look_up(["a"])[0]["size"] == 2
