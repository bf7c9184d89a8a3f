"""A second start takes the first one's check, unless anything has changed that it depends on."""

import dataclasses
import logging
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest

from hifigan.corpus import recordings
from hifigan.errors import UserError
from tests.small_run import ENVIRONMENT
from tests.test_data_check import config, hostile, noise, record, write_list  # noqa: F401 (fixture)
from vits.corpus import check, kept_check
from vits.corpus.check import check_data
from vits.corpus.kept_check import MAX_UNUSED_SECONDS


@pytest.fixture
def folder(tmp_path):
    """Six recordings in two folders, a list that lacks one more, and a list to validate on."""
    (tmp_path / "wavs").mkdir()
    for i in range(6):
        record(tmp_path, f"{'wavs/' * (i % 2)}{i}.wav", noise(1 + i / 10))
    write_list(tmp_path, "0|ann|hello", "1|bob|hello there", "2|ann|it's so", "gone|ann|hello")
    write_list(tmp_path, "3|ann|hello", "4|bob|hot heel", "5|bob|héllo", name="valid.csv")
    return tmp_path


@pytest.fixture
def n_examined(monkeypatch):
    """How often the data was looked through; a list of one number."""
    counter, examine = [0], check._examine

    def counted(*arguments):
        counter[0] += 1
        return examine(*arguments)

    monkeypatch.setattr(check, "_examine", counted)
    return counter


def told(caplog, checked):
    """What a user sees of a check: the report, its file's lines, and what was logged."""
    shown = checked.report.text(), list(map(str, checked.report.refusals)), caplog.record_tuples[:]
    caplog.clear()
    return shown


def test_a_second_start_is_told_the_same_without_looking_again(
    hostile,  # noqa: F811
    n_examined,
    caplog,
):
    caplog.set_level(logging.INFO)
    folder = hostile.data.folder
    without = check_data(hostile)
    expected = told(caplog, without)
    for n_expected in (2, 2):
        checked = check_data(hostile, cache=_cache(folder))
        assert checked == without and told(caplog, checked) == expected
        assert n_examined == [n_expected]


def test_what_from_data_gave_finds_the_same_check(folder, n_examined):
    asked = config(folder, data__speakers="from_data")
    first = check_data(asked, _cache(folder))
    assert first.config.text.symbols != "from_data" and first.config.data.speakers == ("ann", "bob")
    assert check_data(first.config, _cache(folder)) == first  # as a run goes on from a checkpoint
    assert check_data(asked, _cache(folder)) == first and n_examined == [1]
    other = dataclasses.replace(asked, text=dataclasses.replace(asked.text, symbols=("_", *"helo")))
    assert check_data(other, _cache(folder)) != first and n_examined == [2]


def test_grown_tables_are_found_by_those_who_ask_for_them_alone(folder, n_examined, caplog):
    caplog.set_level(logging.INFO)
    asked = config(folder, text__symbols=("_", *"helo"), data__speakers=("ann",))
    both = ("symbols", "speakers")
    plain = check_data(asked, _cache(folder))
    told(caplog, plain)
    grown = check_data(asked, _cache(folder), growing=both)
    assert len(grown.train) > len(plain.train) and n_examined == [2]
    shown = told(caplog, grown)
    assert check_data(asked, _cache(folder)) == plain
    caplog.clear()
    assert told(caplog, check_data(asked, _cache(folder), growing=both)) == shown
    for growing in ((), both):  # as a run goes on from a checkpoint; as another one begins from it
        again = check_data(grown.config, _cache(folder), growing=growing)
        assert again.train == grown.train and again.config == grown.config
        assert not again.report.new_symbols and "new symbols" not in again.report.text()
    assert n_examined == [2]
    check_data(asked, _cache(folder), growing=("symbols",))
    assert n_examined == [3]
    check_data(plain.config, _cache(folder))
    assert n_examined == [3]


def test_a_table_that_lacks_symbols_does_not_do_for_one_that_grows(folder, n_examined):
    asked = config(folder, data__speakers="from_data", text__symbols=("_", *"helo"))
    check_data(asked, _cache(folder))
    assert "t" in check_data(asked, _cache(folder), growing=("symbols",)).config.text.symbols
    assert n_examined == [2]


def test_what_is_mixed_in_is_kept_and_a_change_of_its_list_noticed(folder, n_examined):
    write_list(folder, "2|bob|it is old", "wavs/5|ann|gone by", name="old.txt")
    asked = config(folder, data__speakers="from_data", data__mix_in="old.txt")
    first, kept = (check_data(asked, _cache(folder)) for _ in range(2))
    assert first == kept and n_examined == [1]
    for table in (kept.train, pickle.loads(pickle.dumps(kept.train))):
        assert table.is_mixed_in.tolist() == [False, False, False, True]  # "5" validates
    assert check_data(config(folder, data__speakers="from_data"), _cache(folder)) != first
    write_list(folder, "2|bob|it is older", name="old.txt")
    assert check_data(asked, _cache(folder)).train[-1].text == "it is older"
    assert n_examined == [3]


def reorder(folder):
    rows = (folder / "train.csv").read_text().splitlines()
    write_list(folder, *reversed(rows))


def touch(path):
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: record(folder, "0.wav", noise(2)),
        lambda folder: touch(folder / "wavs/1.wav"),
        lambda folder: (folder / "wavs/5.wav").unlink(),
        lambda folder: record(folder, "wavs/gone.flac"),
        lambda folder: shutil.copy(folder / "2.wav", folder / "wavs/0"),
        lambda folder: shutil.copy(folder / "2.wav", folder / "1.wav"),
        lambda folder: (folder / "wavs").rename(folder / "flac"),
        lambda folder: write_list(folder, "0|ann|hello!", "1|bob|hello"),
        reorder,
        lambda folder: (folder / "valid.csv").unlink(),
        lambda folder: write_list(folder, "4|bob|hot", name="valid.csv"),
    ],
)
def test_any_change_of_lists_and_recordings_is_noticed(folder, n_examined, change):
    asked = config(folder, data__speakers="from_data")
    check_data(asked, _cache(folder))
    change(folder)
    assert check_data(asked, _cache(folder)) == check_data(asked)
    assert n_examined == [3]
    check_data(asked, _cache(folder))
    assert n_examined == [3]


@pytest.mark.parametrize(
    "changes",
    [
        {"audio__sample_rate": 16000},
        {"text__add_blank": False},
        {"text__symbols": ("_", *"helo")},
        {"text__language": "bg"},
        {"data__speakers": ("ann",)},
        {"data__speakers": ("bob", "ann")},
        {"data__min_seconds": 1.05},
        {"data__max_seconds": 1.15},
        {"data__max_symbols": 12},
        {"data__n_valid": 1},
        {"train__segment_samples": 256 * 90},
    ],
)
def test_any_setting_that_matters_is_noticed(folder, n_examined, changes):
    asked = config(folder, data__speakers="from_data")
    changed = config(folder, **{"data__speakers": "from_data", **changes})
    check_data(asked, _cache(folder))
    assert check_data(changed, _cache(folder)) == check_data(changed)
    assert n_examined == [3]


def test_other_code_and_other_packages_look_again(folder, n_examined, monkeypatch, tmp_path):
    asked = config(folder, data__speakers="from_data")
    check_data(asked, _cache(folder))
    edited = tmp_path / "edited.py"
    edited.write_text("# a researcher's other way to read text")
    code = kept_check._code()
    with monkeypatch.context() as patch:
        patch.setattr(kept_check, "_code", lambda: [*code[1:], edited])
        check_data(asked, _cache(folder))
    assert n_examined == [2]
    with monkeypatch.context() as patch:
        patch.setattr(kept_check, "_version", lambda package: "99")
        check_data(asked, _cache(folder))
    assert n_examined == [3]


def test_settings_of_training_alone_do_not_look_again(folder, n_examined):
    check_data(config(folder, data__speakers="from_data"), _cache(folder))
    changes = {"train__batch_size": 3, "data__packed_cache": True}
    changes |= {"data__balance_speakers": True, "data__mix_in_share": 0.5}
    check_data(config(folder, data__speakers="from_data", **changes), _cache(folder))
    assert n_examined == [1]


@pytest.mark.parametrize("damage", ["torn", "one bit"])
def test_a_damaged_file_costs_a_look_and_a_line(folder, caplog, damage):
    asked = config(folder, data__speakers="from_data")
    expected = check_data(asked)
    draws = random.Random(0)
    for _ in range(15):
        check_data(asked, _cache(folder))
        files = list(_cache(folder).iterdir())
        assert {path.suffix for path in files} == {".utterances", ".recordings"}
        for path in files:
            content = bytearray(path.read_bytes())
            position = draws.randrange(len(content))
            content[position] ^= 1 << draws.randrange(8)
            path.write_bytes(content[:position] if damage == "torn" else content)
        caplog.clear()
        assert check_data(asked, _cache(folder)) == expected
        assert sum("again" in record.getMessage() for record in caplog.records) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"vits columns 1\n\0", b"\0" * 4096])
def test_a_foreign_file_costs_a_look_and_a_line(folder, caplog, content):
    asked = config(folder, data__speakers="from_data")
    expected = check_data(asked, _cache(folder))
    for path in list(_cache(folder).iterdir()):
        path.unlink()  # `expected` has it mapped
        path.write_bytes(content)
    caplog.clear()
    assert check_data(asked, _cache(folder)) == expected
    assert sum("again" in record.getMessage() for record in caplog.records) == 2
    caplog.clear()
    assert check_data(asked, _cache(folder)) == expected
    assert not [record for record in caplog.records if "again" in record.getMessage()]


def test_utterances_go_to_another_process_as_the_name_of_a_file(tmp_path):
    record(tmp_path, "a.wav", noise(3))
    write_list(tmp_path, *(f"a|number {i}" for i in range(2000)))
    checked = check_data(config(tmp_path), _cache(tmp_path))
    sent = pickle.dumps(checked)
    assert len(sent) < 5000 and pickle.loads(sent) == checked
    next(_cache(tmp_path).glob("*.utterances")).unlink()
    with pytest.raises(UserError, match=r"\.utterances: .*missing; run all processes in a folder"):
        pickle.loads(sent)


def test_a_check_that_nobody_has_used_for_long_is_cleared_away(folder):
    asked = config(folder, data__speakers="from_data")
    check_data(asked, _cache(folder))
    [old] = _cache(folder).glob("*.utterances")
    killed = _cache(folder) / "0.part"
    killed.touch()
    for path in (old, killed):
        os.utime(path, (0, time.time() - MAX_UNUSED_SECONDS - 1))
    check_data(asked, _cache(folder))  # used: it is young again
    reorder(folder)
    check_data(asked, _cache(folder))
    assert old.exists() and not killed.exists()
    os.utime(old, (0, time.time() - MAX_UNUSED_SECONDS - 1))
    reorder(folder)
    write_list(folder, "0|ann|hello")
    check_data(asked, _cache(folder))
    assert not old.exists()


CHECK = """
import os, signal, sys, zlib
from pathlib import Path
from tests.test_data_check import config
from hifigan.corpus import recordings
from vits.corpus.check import check_data

recordings.SAVE_SECONDS, recordings.N_SCANNED, recordings.MAX_THREADS = 0.0, 2, 1
folder, n_decoded, read = Path(sys.argv[1]), [0], recordings.read_samples

def read_samples(path):
    n_decoded[0] += 1
    if n_decoded[0] > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path)

recordings.read_samples = read_samples
checked = check_data(config(folder), folder / "runs/data_check")
print(n_decoded[0], zlib.crc32(repr(list(checked.train)).encode()), len(checked.train))
"""


def start(folder, n_decoded):
    """A process that checks the folder, and is killed when it has decoded so many."""
    return subprocess.Popen(
        [sys.executable, "-c", CHECK, str(folder), str(n_decoded)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_look_goes_on_where_it_was_and_looks_at_once_agree(tmp_path, monkeypatch):
    for i in range(40):
        record(tmp_path, f"{i}.wav", noise(0.6))
    write_list(tmp_path, *(f"{i}|text {i}" for i in range(40)))
    assert start(tmp_path, 31).wait() == -signal.SIGKILL
    both = [start(tmp_path, 1000) for _ in range(2)]
    results = [process.communicate()[0].split() for process in both]
    assert not any(process.returncode for process in both)
    assert all(int(n_decoded) <= 40 - 30 for n_decoded, *_ in results)
    assert results[0][1:] == results[1][1:] and results[0][2] == "40"
    monkeypatch.setattr(recordings, "read_samples", None)  # nothing is left to decode
    checked = check_data(config(tmp_path), _cache(tmp_path))
    assert results[0][1] == str(zlib.crc32(repr(list(checked.train)).encode()))


def test_a_link_to_nothing_is_refused_until_it_leads_somewhere(tmp_path):
    record(tmp_path, "a.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "away.wav")
    write_list(tmp_path, "a|hello", "b|hello")
    for _ in range(2):
        checked = check_data(config(tmp_path), _cache(tmp_path))
        assert [refusal.reason for refusal in checked.report.refusals] == ["unreadable"]
    record(tmp_path, "away.wav")
    assert len(check_data(config(tmp_path), _cache(tmp_path)).train) == 2


def test_an_interrupt_keeps_what_was_decoded(folder, monkeypatch):
    decoded, read = [], recordings.read_samples

    def interrupted(path):
        if len(decoded) == 3:
            raise KeyboardInterrupt
        decoded.append(path)
        return read(path)

    monkeypatch.setattr(recordings, "MAX_THREADS", 1)
    monkeypatch.setattr(recordings, "read_samples", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_data(config(folder, data__speakers="from_data"), _cache(folder))
    monkeypatch.setattr(
        recordings, "read_samples", lambda path: (decoded.append(path), read(path))[1]
    )
    checked = check_data(config(folder, data__speakers="from_data"), _cache(folder))
    assert len(decoded) == 6 == len(set(decoded)) and len(checked.train) == 3


def test_tables_have_the_narrowest_tokens_that_hold_their_symbols(tmp_path):
    record(tmp_path, "a.wav", noise(5))
    texts = ["".join(map(chr, range(first, first + 150))) for first in (0x4E00, 0x5000)]
    write_list(tmp_path, *(f"a|{text}" for text in texts))
    for n_lines, dtype in ((1, np.uint8), (2, np.uint16)):
        write_list(tmp_path, *(f"a|{text}" for text in texts[:n_lines]))
        checked = check_data(config(tmp_path), _cache(tmp_path))
        assert checked.train.columns.arrays["tokens"].dtype == dtype
        assert checked.train[-1].tokens[1::2][-1] == 150 * n_lines


def _cache(folder):
    from pathlib import Path

    return Path(folder) / "runs/data_check"
