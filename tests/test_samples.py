"""Samples of a step: recordings once per run, scores that are right, nothing of a given-up past."""

import dataclasses
import json

import pytest
import soundfile
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hifigan.run_folder import drop_samples_behind
from tests.listening_run import SENTENCES, SYMBOLS, sample, step_folder, write_step
from vits.samples import scores


def records(run, step):
    text = (step_folder(run, step) / "samples.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=pytest.fail)  # NaN is no JSON


def steps(run):
    return sorted(int(path.name[5:]) for path in (run / "samples").glob("step_0*"))


def test_scores_of_a_sentence_by_hand():
    made = sample(20, "a17")
    made.wavs["synthesis"][:312] = torch.tensor([1.0, -1.0]).repeat(156)  # of 312 frames of 256
    values = scores(made, SYMBOLS)
    assert values.pop("synthesis_length_ratio") == 312 / 240
    assert values.pop("share_of_clipped_samples") == pytest.approx(1 / 256)
    assert values.pop("reconstruction_mel_distance") == pytest.approx(0.2)
    assert values.pop("share_of_silence") == 114 / 240
    assert set(values) == {"share_of_symbols_with_at_most_one_frame", "longest_symbol_frames"}


def test_recordings_are_written_once_however_many_steps_follow(tmp_path):
    write_step(tmp_path, 20)
    recordings = tmp_path / "samples/recordings"
    before = {path.name: path.stat() for path in recordings.iterdir()}
    write_step(tmp_path, 40)
    assert {path.name: path.stat() for path in recordings.iterdir()} == before
    assert len(before) == 2 * len(SENTENCES)  # sound and mel
    assert not list(tmp_path.glob("samples/step_*/*/target*"))
    for record in records(tmp_path, 20):
        wav, _ = soundfile.read(recordings / f"{record['recording']}.wav", dtype="float32")
        target = sample(20, record["id"]).wavs["target"]
        torch.testing.assert_close(torch.from_numpy(wav), target, atol=1 / 32768, rtol=0)


def test_tensorboard_keeps_the_recording_when_the_run_goes_back(tmp_path):
    for step in (40, 20):  # the second monitor purges what is behind step 20
        write_step(tmp_path, step)
    board = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"audio": 0}).Reload()
    assert [event.step for event in board.Audio("000/target")] == [0]
    assert board.Audio("000/synthesis")[-1].step == 20


def test_sentences_that_change_place_keep_their_recordings(tmp_path):
    write_step(tmp_path, 20)
    write_step(tmp_path, 40, [sample(40, sentence) for sentence in reversed(SENTENCES)])
    first, second = records(tmp_path, 20), records(tmp_path, 40)
    assert [r["recording"] for r in first] == [r["recording"] for r in second][::-1]
    assert first[0]["recording"] != first[1]["recording"]


def test_a_step_written_again_holds_nothing_of_before(tmp_path):
    for step in (20, 40):
        write_step(tmp_path, step)
    (step_folder(tmp_path, 40) / "009").mkdir()  # of a sentence that is shown no more
    write_step(tmp_path, 40)
    assert steps(tmp_path) == [20, 40]
    assert not (step_folder(tmp_path, 40) / "009").exists()


def test_a_run_that_goes_back_drops_what_lies_ahead_and_no_more(tmp_path):
    drop_samples_behind(tmp_path / "samples", 0)  # nothing there yet
    for step in (20, 40, 60, 100_000_000):
        write_step(tmp_path, step)
    mine = tmp_path / "samples/step_by_step"
    mine.mkdir()
    drop_samples_behind(tmp_path / "samples", 40)
    assert steps(tmp_path) == [20, 40] and mine.is_dir()
    assert len(list((tmp_path / "samples/recordings").iterdir())) == 2 * len(SENTENCES)


def test_sound_that_is_not_finite_is_left_out_and_named(tmp_path, caplog):
    made = sample(20, "a17")
    wav = torch.full_like(made.wavs["synthesis"], torch.nan)
    mel = torch.full_like(made.mels["reconstruction"], torch.nan)
    made = dataclasses.replace(
        made, wavs=made.wavs | {"synthesis": wav}, mels=made.mels | {"reconstruction": mel}
    )
    write_step(tmp_path, 20, [made])
    assert "step 20: synthesis of a17 is NaN or infinite and left out" in caplog.text
    [record] = records(tmp_path, 20)
    assert set(record["n_samples"]) == {"target", "reconstruction"}
    assert not list(step_folder(tmp_path, 20).glob("*/synthesis*"))
    assert not [name for name in record["scores"] if "synthesis" in name or "clipped" in name]
    assert "reconstruction_mel_distance" not in record["scores"]
    assert record["scores"]["share_of_silence"] == 114 / 240
