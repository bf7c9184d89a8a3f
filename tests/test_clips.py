"""What a vocoder's data check finds, and what it says of it."""

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.clips import check_clips
from hifigan.errors import UserError
from tests.conftest import SAMPLE_RATE, tone_with_noise
from tests.vocoder_run import vocoder_config, write_wavs


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    return write_wavs(tmp_path / "wavs")


def check(wavs: Path, *settings: str):
    return check_clips(vocoder_config(f"data.wavs={wavs}", *settings))


def ids(clips) -> list[str]:
    return [clip.id for clip in clips]


def test_without_lists_some_recordings_are_held_out_evenly(wavs) -> None:
    data = check(wavs)
    assert ids(data.valid) == ["2", "6"]
    assert ids(data.train) == ["0", "1", "3", "4", "5", "7"]
    assert "6 recordings to train on" in data.summary and "0 refused" in data.summary


def test_lists_name_recordings_by_path_or_by_name_alone(wavs, tmp_path) -> None:
    (wavs / "more").mkdir()
    (wavs / "7.wav").rename(wavs / "more/7.wav")
    train, valid = tmp_path / "train.txt", tmp_path / "valid.txt"
    train.write_text("0|Some text|More\nDUMMY1/1.wav|x\n\n7\nmore/7.wav|again\n", "utf-8")
    valid.write_text("\ufeff5.wav|x\n", "utf-8")
    data = check(wavs, f"data.train_list={train}", f"data.valid_list={valid}")
    assert ids(data.train) == ["0", "1", "more/7"] and ids(data.valid) == ["5"]
    data = check(wavs, f"data.valid_list={valid}")
    assert ids(data.train) == ["0", "1", "2", "3", "4", "6", "more/7"]


def test_what_a_list_names_and_the_folder_lacks_is_refused_by_line(wavs, tmp_path) -> None:
    (wavs / "a").mkdir(), (wavs / "b").mkdir()
    for folder in "ab":
        soundfile.write(wavs / folder / "same.wav", tone_with_noise(0.5, 90, 0), SAMPLE_RATE)
    train = tmp_path / "train.txt"
    train.write_text("0|x\nnowhere|x\nsame|x\n", encoding="utf-8")
    data = check(wavs, f"data.train_list={train}", "data.n_valid=0")
    assert ids(data.train) == ["0"]
    told = {r.id: (r.reason, r.detail) for r in data.refusals}
    assert told["nowhere"] == ("not found", "train.txt:2: no such recording")
    assert told["same"] == ("ambiguous", "train.txt:3: could be a/same or b/same")


def test_every_bad_recording_is_refused_with_its_reason(wavs, tmp_path, caplog) -> None:
    good = tone_with_noise(0.5, 90, 0)
    soundfile.write(wavs / "short.wav", good[:800], SAMPLE_RATE)
    soundfile.write(wavs / "silent.wav", np.zeros(4000), SAMPLE_RATE)
    soundfile.write(wavs / "nan.wav", np.append(good, np.nan), SAMPLE_RATE, subtype="FLOAT")
    (wavs / "text.wav").write_text("no sound")
    soundfile.write(wavs / "long.wav", np.tile(good, 5), SAMPLE_RATE)
    soundfile.write(wavs / "half.wav", good, SAMPLE_RATE // 2)
    caplog.set_level(logging.INFO)
    data = check(wavs, "data.max_seconds=2", "data.n_valid=0")
    assert {r.id: r.reason for r in data.refusals} == {
        "short": "too short",
        "silent": "silent",
        "nan": "NaN or infinite samples",
        "text": "unreadable",
        "long": "too long",
    }
    assert "half" in ids(data.train)
    assert "1 recordings have 4000 Hz and are resampled to 8000" in caplog.text
    assert "no recordings to validate on" in caplog.text
    data.write_report(tmp_path)
    report = (tmp_path / "data_report.txt").read_text(encoding="utf-8").splitlines()
    assert report[0] == data.summary and len(report) == 6
    assert "long: too long: 2.50 s, expected 0.3 to 2" in report


def test_a_folder_without_use_is_one_line(wavs, tmp_path) -> None:
    for settings, words in (
        ([f"data.wavs={tmp_path / 'nowhere'}"], ["nowhere", "no such folder"]),
        (["data.min_seconds=20"], ["nothing to train on", "too short", "expected 20 to 30"]),
        ([f"data.train_list={tmp_path / 'no.txt'}"], ["no.txt: no such list"]),
    ):
        with pytest.raises(UserError) as caught:
            check(wavs, *settings)
        message = str(caught.value)
        assert message.isprintable() and all(word in message for word in words), message
