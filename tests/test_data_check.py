"""One run names every fault of a data set, and what passes can be trained on as it stands."""

import dataclasses
import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.audio import read_audio
from hifigan.corpus import recordings
from hifigan.errors import UserError
from hifigan.json_config import read_config
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.corpus.tables import BLANK
from vits.data import UtteranceDataset

REPOSITORY = Path(__file__).parent.parent
RATE = 22050


def config(folder, **changes):
    """tiny.json on a folder; changes as section__key=value."""
    base = read_config(VitsConfig, REPOSITORY / "configs/tiny.json", [f"data.folder={folder}"])
    for name, value in {"data__n_valid": 0, **changes}.items():
        section, key = name.split("__")
        part = dataclasses.replace(getattr(base, section), **{key: value})
        base = dataclasses.replace(base, **{section: part})
    return base


def noise(seconds, rate=RATE, channels=1, level=0.3):
    shape = (round(seconds * rate), channels)
    return np.random.default_rng(0).uniform(-level, level, shape).astype("f4")


def record(folder, name, samples=None, rate=RATE, subtype=None):
    soundfile.write(folder / name, noise(1.0) if samples is None else samples, rate, subtype)


def write_list(folder, *rows, name="train.csv"):
    (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def hostile(tmp_path):
    """A data set with everything in it that users have met."""
    record(tmp_path, "good16.wav", noise(1, 16000), 16000)
    record(tmp_path, "good44.wav", noise(1, 44100, 2), 44100, "PCM_24")
    record(tmp_path, "good48.flac", noise(1, 48000), 48000, "PCM_16")
    record(tmp_path, "good8bit.wav", subtype="PCM_U8")
    record(tmp_path, "good32bit.wav", subtype="PCM_32")
    record(tmp_path, "good_float.wav", noise(1, level=3.0), subtype="FLOAT")
    record(tmp_path, "good.ogg")
    record(tmp_path, "one_sample.wav", noise(1 / RATE))
    record(tmp_path, "short.wav", noise(0.4))
    record(tmp_path, "long.wav", noise(16))
    record(tmp_path, "silent.wav", noise(1, level=5e-4))
    record(tmp_path, "cancels.wav", noise(1) * [[1, -1]])
    nan = noise(1)
    nan[10], nan[500] = np.nan, np.inf
    record(tmp_path, "nan.wav", nan, subtype="FLOAT")
    (tmp_path / "broken.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVEnonsense")
    (tmp_path / "empty.wav").touch()
    record(tmp_path, "Case.wav")
    for i in range(9):
        record(tmp_path, f"text{i}.wav")
    rows = [
        "good16|ann|hello",
        "good44|ann|hello",
        "good48|bob|hello",
        "good8bit|bob|hello",
        "good32bit|ann|hello",
        "good_float|ann|hello",
        "good|ann|hello",
        "one_sample|ann|hello",
        "short|ann|hello",
        "long|ann|hello",
        "silent|ann|hello",
        "cancels|ann|hello",
        "nan|ann|hello",
        "broken|ann|hello",
        "empty|ann|hello",
        "case|ann|hello",
        "gone|ann|hello",
        "text0|ann|",
        "text1|ann|heло",
        "text2|cat|hello",
        "text3||hello",
        f"text4|ann|{'o' * 60}",
        f"text5|ann|{'o' * 300}",
        "text6|ann|hello",
    ]
    content = "\ufeff" + "\r\n".join(["", *rows]) + "\r\n"
    (tmp_path / "train.csv").write_bytes(content.encode())
    write_list(tmp_path, "text6|ann|hello", name="valid.csv")
    return config(tmp_path, text__symbols=("_", *"helo"), data__speakers=("ann", "bob"))


def test_one_run_names_every_fault_of_a_hostile_set(hostile):
    checked = check_data(hostile)
    reasons = {refusal.id: refusal.reason for refusal in checked.report.refusals}
    assert reasons == {
        "one_sample": "too short",
        "short": "too short",
        "long": "too long",
        "silent": "silent",
        "cancels": "silent",
        "nan": "NaN or infinite samples",
        "broken": "unreadable",
        "empty": "unreadable",
        "case": "missing file",
        "gone": "missing file",
        "text0": "empty text",
        "text1": "unknown symbols",
        "text2": "unknown speaker",
        "text3": "unknown speaker",
        "text4": "more symbols than frames",
        "text5": "too many symbols",
        "text6": "also in the validation list",
    }
    assert [u.id for u in checked.train] == [
        "good16",
        "good44",
        "good48",
        "good8bit",
        "good32bit",
        "good_float",
        "good",
    ]
    assert [u.id for u in checked.valid] == ["text6"]
    details = {refusal.id: refusal.detail for refusal in checked.report.refusals}
    assert "there is" in details["case"] and "Case.wav" in details["case"]
    assert "'л' (U+043B CYRILLIC SMALL LETTER EL)" in details["text1"]
    assert "2 of 22050 samples" in details["nan"]


def test_nothing_is_dropped_without_being_counted(hostile, tmp_path):
    report = check_data(hostile).report
    assert report.n_read == {"train": 24, "valid": 1} and report.n_used == {"train": 7, "valid": 1}
    assert len(report.refusals) == 17 and report.share_refused == 17 / 25
    assert report.resampled == {16000: 1, 44100: 1, 48000: 1}
    assert report.n_folded == 1 and report.n_scaled == 1
    written = report.write(tmp_path).read_text("utf-8")
    assert written.startswith(report.text())
    for refusal in report.refusals:
        assert f"{refusal.place}: {refusal.id}: {refusal.reason}" in written
    for words in ("68.0 % in all", "1 from 48000 Hz", "folded to mono: 1", "train.csv:9"):
        assert words in report.text()


def test_what_passes_is_read_with_exactly_the_announced_length(hostile):
    checked = check_data(hostile)
    dataset = UtteranceDataset(checked.train, RATE)  # it compares lengths itself
    for utterance, example in zip(checked.train, dataset, strict=True):
        assert utterance.n_frames == utterance.n_samples // 256
        assert len(utterance.tokens) == 2 * len("hello") + 1
        assert example.wav.abs().max() <= 1


def test_more_than_a_twentieth_refused_warns_loudly(hostile, caplog):
    check_data(hostile)
    assert any(
        "REFUSED" in record.message and record.levelno == logging.WARNING
        for record in caplog.records
    )


def test_symbols_and_speakers_come_from_the_training_list_and_stay_sorted(tmp_path):
    for name in "abcd":
        record(tmp_path, f"{name}.wav")
    write_list(tmp_path, "a|zoe|Ба", "b|ann|вa.", "c|ann|бб")
    write_list(tmp_path, "d|ann|щ", "c|zoe|б", name="valid.csv")
    checked = check_data(config(tmp_path, data__speakers="from_data"))
    assert checked.config.text.symbols == ("_", ".", "a", "а", "б", "в")
    assert checked.config.data.speakers == ("ann", "zoe") and checked.config.n_speakers == 2
    assert [(u.id, u.speaker_id, u.tokens) for u in checked.train] == [
        ("a", 1, (0, 4, 0, 3, 0)),
        ("b", 0, (0, 5, 0, 2, 0, 1, 0)),
    ]
    assert Counter(r.reason for r in checked.report.refusals) == {
        "unknown symbols": 1,
        "also in the validation list": 1,
    }
    again = check_data(checked.config)  # a resolved config, as from a checkpoint
    assert again.train == checked.train and again.config == checked.config


@pytest.mark.parametrize(
    "n_samples, fits", [(1, False), (255, False), (256, False), (8191, False), (8192, True)]
)
def test_a_clip_shorter_than_a_training_segment_is_refused(tmp_path, n_samples, fits):
    record(tmp_path, "a.wav", noise(n_samples / RATE))
    record(tmp_path, "b.wav")
    write_list(tmp_path, "a|a", "b|a")
    checked = check_data(config(tmp_path, data__min_seconds=0.0))
    assert [u.id for u in checked.train] == (["a", "b"] if fits else ["b"])
    assert all("train.segment_samples" in refusal.detail for refusal in checked.report.refusals)


def test_symbols_may_be_as_many_as_frames_but_not_more(tmp_path):
    record(tmp_path, "a.wav", noise(33 * 256 / RATE))
    for n_letters, fits in ((16, True), (17, False)):  # 33 and 35 tokens
        record(tmp_path, "b.wav")
        write_list(tmp_path, f"a|{'a' * n_letters}", "b|a")
        checked = check_data(config(tmp_path, data__min_seconds=0.0))
        assert (checked.train[0].id == "a") is fits


def test_a_set_without_anything_usable_names_the_commonest_reason(tmp_path):
    for name in "ab":
        record(tmp_path, f"{name}.wav", noise(1, level=0))
    write_list(tmp_path, "a|hello", "b|hello", "gone|hello")
    with pytest.raises(UserError, match=r"of 3 training .* none.*2 for: silent.*train\.csv:1: a"):
        check_data(config(tmp_path))


def test_texts_in_another_script_than_the_table_are_an_error_with_the_fix(tmp_path):
    for name in "abc":
        record(tmp_path, f"{name}.wav")
    write_list(tmp_path, "a|това", "b|е тест", "c|ok")
    with pytest.raises(
        UserError,
        match=r"2 of 3 training texts.*'т' \(U\+0442 .*\) in 2.*"
        r"--set text\.symbols=from_data",
    ):
        check_data(config(tmp_path, text__symbols=("_", *"ok ")))


def test_growing_tables_keep_their_rows_and_take_what_training_lines_have_besides(tmp_path):
    for name in "abcd":
        record(tmp_path, f"{name}.wav")
    write_list(tmp_path, "a|zoe|hель", "b|bob|hex", "c|ann|oh,")
    write_list(tmp_path, "d|eve|щ", name="valid.csv")
    asked = config(tmp_path, text__symbols=tuple("xohle"), data__speakers=("cat", "bob"))
    checked = check_data(asked, growing=("symbols", "speakers"))
    assert checked.config.text.symbols == (*"xohle", ",", "е", "л", "ь")
    assert checked.config.data.speakers == ("cat", "bob", "ann", "zoe")
    tokens = {u.id: (u.speaker_id, u.tokens[1::2]) for u in checked.train}
    assert tokens == {"a": (3, (2, 6, 7, 8)), "c": (2, (1, 2, 5))}
    reasons = {refusal.id: refusal.reason for refusal in checked.report.refusals}
    assert reasons == {"b": "unknown symbols", "d": "unknown speaker"}  # "x" is the blank for good
    assert checked.report.new_symbols == {",": 1, "е": 1, "л": 1, "ь": 1}
    assert "new speakers, added: ann in 1, zoe in 1" in checked.report.text()
    assert "new symbols, added: ',' (U+002C COMMA) in 1" in checked.report.text()


def test_a_table_that_is_not_named_does_not_grow(tmp_path):
    for name in "ab":
        record(tmp_path, f"{name}.wav")
    write_list(tmp_path, "a|ann|hello", "b|bob|hallo")
    asked = config(tmp_path, text__symbols=("_", *"helo"), data__speakers=("ann",))
    for growing, reasons in (("symbols", ["unknown speaker"]), ("speakers", ["unknown symbols"])):
        checked = check_data(asked, growing=(growing,))
        assert [refusal.reason for refusal in checked.report.refusals] == reasons
    one_voice = config(tmp_path / "one")
    assert one_voice.data.speakers is None
    (tmp_path / "one").mkdir()
    record(tmp_path / "one", "a.wav")
    write_list(tmp_path / "one", "a|hello")
    assert check_data(one_voice, growing=("speakers",)).config.data.speakers is None


def test_texts_in_another_script_are_a_warning_where_the_table_grows(tmp_path, caplog):
    for name in "abc":
        record(tmp_path, f"{name}.wav")
    write_list(tmp_path, "a|това", "b|ok", "c|ok")
    asked = config(tmp_path, text__symbols=("_", *"ok"))
    for row, warns in (("c|ok", False), ("c|о", True)):
        write_list(tmp_path, "a|това", "b|ok", row)
        caplog.clear()
        assert len(check_data(asked, growing=("symbols",)).train) == 3
        told = [r.getMessage() for r in caplog.records if "never met" in r.getMessage()]
        assert len(told) == warns
    assert told[0].startswith("2 of 3 training texts have symbols") and "'о' (U+043E" in told[0]


def test_lines_without_speakers_for_a_voice_with_several_say_what_to_do(tmp_path):
    record(tmp_path, "a.wav")
    write_list(tmp_path, "a|hello")
    with pytest.raises(
        UserError, match=r"add the column of speakers, or .*fine-tune one voice.*speakers=null"
    ):
        check_data(config(tmp_path, data__speakers=("ann", "bob")), growing=("speakers",))


def test_a_voice_of_another_language_than_the_texts_is_an_error(tmp_path):
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("espeakng_loader")
    record(tmp_path, "a.wav", noise(3))
    write_list(tmp_path, "a|Това е тестово изречение.")
    with pytest.raises(UserError, match=r"'en-us' cannot read.*--set text\.language=bg"):
        check_data(config(tmp_path, text__front_end="phonemes"))
    checked = check_data(config(tmp_path, text__front_end="phonemes", text__language="bg"))
    assert "ɐ" in checked.config.text.symbols


def test_no_validation_list_is_said_and_no_error(tmp_path, caplog):
    record(tmp_path, "a.wav")
    write_list(tmp_path, "a|hello")
    assert check_data(config(tmp_path)).valid == []
    assert sum("without a validation loss" in record.message for record in caplog.records) == 1


def test_the_cache_spares_decoding_until_a_file_changes(tmp_path, monkeypatch):
    for name in "abc":
        record(tmp_path, f"{name}.wav")
    write_list(tmp_path, "a|hello", "b|hello", "c|hello")
    decoded, decode = [], recordings.read_samples
    monkeypatch.setattr(
        recordings, "read_samples", lambda path: (decoded.append(path.stem), decode(path))[1]
    )
    cache = tmp_path / "new" / "cache"
    first = check_data(config(tmp_path), cache)
    assert sorted(decoded) == ["a", "b", "c"]
    assert check_data(config(tmp_path), cache) == first and len(decoded) == 3
    record(tmp_path, "b.wav", noise(2))
    assert check_data(config(tmp_path), cache).train[1].n_samples == 2 * RATE
    assert decoded[3:] == ["b"]


def test_a_recording_too_long_before_is_decoded_when_the_limit_is_raised(tmp_path):
    record(tmp_path, "a.wav", noise(3, level=0))
    record(tmp_path, "b.wav")
    write_list(tmp_path, "a|hello", "b|hello")
    cache = tmp_path / "cache"
    reasons = [
        check_data(config(tmp_path, data__max_seconds=s), cache).report.refusals[0].reason
        for s in (2.0, 4.0)
    ]
    assert reasons == ["too long", "silent"]


@pytest.mark.parametrize("name", ["tiny", "base"])
def test_the_bundled_recordings_are_usable_by_every_config_as_they_are(name):
    if name == "base":
        pytest.importorskip("espeakng_loader")
        pytest.importorskip("espeakng_loader")
    folder = REPOSITORY / "data/ljspeech-mini"
    checked = check_data(
        read_config(VitsConfig, REPOSITORY / f"configs/{name}.json", [f"data.folder={folder}"])
    )
    assert (len(checked.train), len(checked.valid)) == (45, 4) and not checked.report.refusals
    assert BLANK == checked.config.text.symbols[0]
    first = checked.train[0]
    assert len(read_audio(Path(first.path), RATE)) == first.n_samples
