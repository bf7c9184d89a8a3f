"""What a vocoder's data check finds, and what it says of it."""

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan import mels_on_disk
from hifigan.clips import check_clips
from hifigan.errors import UserError
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import input_recipe
from tests.conftest import SAMPLE_RATE, tone_with_noise
from tests.vocoder_run import make_training, vocoder_config, write_wavs


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


def test_recordings_in_both_lists_are_validated_on_alone(wavs, tmp_path, caplog) -> None:
    train, valid = tmp_path / "train.txt", tmp_path / "valid.txt"
    train.write_text("0\n1\n2\n", "utf-8")
    valid.write_text("2\n3\n", "utf-8")
    data = check(wavs, f"data.train_list={train}", f"data.valid_list={valid}")
    assert ids(data.train) == ["0", "1"] and ids(data.valid) == ["2", "3"]
    assert "1 recordings stand in both lists and are not trained on" in caplog.text


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


@pytest.mark.parametrize("n_wrong, n_left", [(8, 0), (1, 7)])
def test_mels_of_another_logarithm_are_all_refused(wavs, monkeypatch, n_wrong, n_left) -> None:
    """Also those beyond the few whose values are looked at first."""
    monkeypatch.setattr(mels_on_disk, "N_COMPARED", 2)
    mels = wavs.parent / "mels"
    config = vocoder_config(f"data.wavs={wavs}", f"data.mels={mels}", "data.n_valid=0")
    spectrogram = Spectrogram(config.audio, config.mel.magnitude_floor)
    for i in range(8):
        mel = mels_on_disk.mel_of_recording(wavs / f"{i}.wav", spectrogram)
        mels_on_disk.write_mel(mels / f"{i}.npy", mel / np.log(10) if i < n_wrong else mel)
    mels_on_disk.write_recipe(mels, input_recipe(config))
    if n_left:
        data = check_clips(config)
        assert ids(data.train) == [str(i) for i in range(n_wrong, 8)]
        assert [r.reason for r in data.refusals] == n_wrong * ["mel does not fit"]
    else:
        with pytest.raises(UserError, match="nothing to train on: 8 mel does not fit.*log10"):
            check_clips(config)


def test_mels_without_a_recording_are_counted(wavs, caplog) -> None:
    mels = wavs.parent / "mels"
    config = vocoder_config(f"data.wavs={wavs}", f"data.mels={mels}", "data.n_valid=0")
    spectrogram = Spectrogram(config.audio, config.mel.magnitude_floor)
    for name in ("0", "1", "more"):
        mel = mels_on_disk.mel_of_recording(wavs / f"{min(len(name), 1)}.wav", spectrogram)
        mels_on_disk.write_mel(mels / f"{name}.npy", mel)
    mels_on_disk.write_recipe(mels, input_recipe(config))
    data = check_clips(config)
    assert {r.reason for r in data.refusals} >= {"no mel"}
    assert f"1 mels in {mels} are of no recording that is used, such as more" in caplog.text


def test_the_log_is_short_where_a_report_has_all(wavs, caplog) -> None:
    for i in range(5):
        (wavs / f"text{i}.wav").write_text("no sound")
    for report_follows, n_named in ((True, 3), (False, 5)):
        caplog.clear()
        check_clips(vocoder_config(f"data.wavs={wavs}"), report_follows=report_follows)
        assert caplog.text.count("refused: text") == n_named
        assert ("2 more refused: unreadable" in caplog.text) == report_follows


def test_of_few_recordings_no_more_than_a_quarter_is_held_out(wavs, caplog) -> None:
    data = check(wavs, "data.n_valid=6")
    assert len(data.valid) == 2 and len(data.train) == 6
    assert "data.n_valid is 6, but of 8 recordings only 2 are held out" in caplog.text


def test_the_shortest_recordings_that_pass_can_be_validated(tmp_path) -> None:
    """Frames are mirrored at both ends, of what is left of a recording in whole frames."""
    (tmp_path / "wavs").mkdir()
    for n_samples in range(40, 400, 7):
        noise = np.random.default_rng(n_samples).normal(0, 0.1, n_samples)
        soundfile.write(tmp_path / f"wavs/{n_samples:03}.wav", noise, SAMPLE_RATE)
    settings = ("data.min_seconds=0", "audio.n_fft=320", f"data.wavs={tmp_path / 'wavs'}")
    experiment, clips = make_training(vocoder_config(*settings, "data.n_valid=0"))
    experiment.valid.clips = clips
    assert min(clip.n_samples for clip in clips) < 4 * 64 + 7
    assert all(np.isfinite(losses["mel"]) for losses in experiment.validate().losses)


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
