"""What python -m vits.prepare does to the sound of recordings."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.audio import read_samples, resampled_length
from tests.prepare_runs import MINI, RATE, rows, run, tone, write_source
from vits.prepare import recording


def test_recordings_as_they_should_be_are_copied_to_the_bit(tmp_path):
    assert run(MINI, tmp_path / "out")[0] == 0
    for row in rows(tmp_path / "out/manifest.jsonl"):
        name = Path(row["audio"]).name
        assert (tmp_path / "out" / row["audio"]).read_bytes() == (MINI / "flac" / name).read_bytes()


def test_resampling_folding_and_16_bits_do_what_they_say(tmp_path):
    (tmp_path / "in/wavs").mkdir(parents=True)
    wav = tone(0.7)
    soundfile.write(tmp_path / "in/wavs/a.wav", np.stack([wav, wav], 1), RATE, "FLOAT")
    soundfile.write(tmp_path / "in/wavs/b.wav", wav * 8, RATE, "FLOAT")  # over full scale
    (tmp_path / "in/metadata.csv").write_text("a|One.\nb|Two.\n")
    assert run(tmp_path / "in", tmp_path / "out", "--sample_rate", 24000, "--format", "wav")[0] == 0
    a, b = (soundfile.read(tmp_path / f"out/audio/wavs/{n}.wav")[0] for n in "ab")
    assert len(a) == resampled_length(len(wav), RATE, 24000) and a.ndim == 1
    assert np.abs(a).max() == pytest.approx(0.3, abs=0.01) and 0.99 < np.abs(b).max() <= 1
    changes = json.loads((tmp_path / "out/report.json").read_text())["changes"]
    assert changes == {"channels folded": 1, "resampled": 2, "peak lowered": 1}


def test_loudness_is_that_of_the_standard_and_peaks_stay_below(tmp_path):
    import pyloudnorm

    (tmp_path / "in/wavs").mkdir(parents=True)
    peaky = tone(1.0, 0.02)
    peaky[8000] = 0.9
    for name, wav in (("a", tone(2.0, 0.178)), ("b", tone(0.35, 0.2)), ("c", peaky)):
        soundfile.write(tmp_path / f"in/wavs/{name}.wav", wav, RATE, "FLOAT")
    (tmp_path / "in/metadata.csv").write_text("a|One.\nb|Two.\nc|Three.\n")
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, "--loudness", -23, "--sample_rate", RATE)[0] == 0
    a, b, c = (soundfile.read(out / f"audio/wavs/{name}.flac")[0] for name in "abc")
    meter = pyloudnorm.Meter(RATE)
    assert meter.integrated_loudness(a) == pytest.approx(-23, abs=0.1)
    assert meter.integrated_loudness(np.pad(b, (0, 801))) == pytest.approx(-23, abs=0.1)
    assert np.abs(c).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert meter.integrated_loudness(c) < -25
    report = json.loads((out / "report.json").read_text())
    assert report["changes"]["gain limited by the peak"] == 1 and report["changes"]["gain"] == 3
    sources = (soundfile.read(tmp_path / f"in/wavs/{name}.wav")[0] for name in "cba")
    gains = [20 * np.log10(np.std(made) / np.std(wav)) for made, wav in zip((c, b, a), sources)]
    told = report["least_and_most"]["gain"]
    assert (told["least"], told["most"]) == pytest.approx((min(gains), max(gains)), abs=0.02)


def test_silent_ends_are_cut_to_the_margin_and_never_speech(tmp_path):
    (tmp_path / "in/wavs").mkdir(parents=True)
    for name, ends in (("a", (0.8, 0.6)), ("b", (0.02, 0.03))):
        wav = tone(1.0, before=ends[0], behind=ends[1])
        soundfile.write(tmp_path / f"in/wavs/{name}.wav", wav, RATE)
    (tmp_path / "in/metadata.csv").write_text("a|One.\nb|Two.\n")
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, "--trim", "--sample_rate", RATE)[0] == 0
    a, b = (rows(out / "manifest.jsonl")[i]["seconds"] for i in range(2))
    assert a == pytest.approx(1.2, abs=0.06) and b == pytest.approx(1.05, abs=0.001)
    report = json.loads((out / "report.json").read_text())
    assert report["seconds_of_silence_cut"] == pytest.approx(1.2, abs=0.06)
    assert report["least_and_most"]["silence cut"]["most"] == pytest.approx(1.2, abs=0.06)


def test_parts_of_recordings_are_cut_out(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    ramp = np.arange(4 * RATE) / (4 * RATE)
    soundfile.write(folder / "long.wav", ramp, RATE, "PCM_16")
    (folder / "wav.scp").write_text("rec long.wav\n")
    (folder / "text").write_text("u1 One.\nu2 Two.\nu3 Three.\n")
    (folder / "segments").write_text("u1 rec 0.5 1.25\nu2 rec 2 3.5\nu3 rec 3 9\n")
    out = tmp_path / "out"
    assert run(folder, out, "--sample_rate", RATE)[0] == 0
    one, two = (soundfile.read(out / row["audio"])[0] for row in rows(out / "manifest.jsonl"))
    np.testing.assert_allclose(one, ramp[RATE // 2 : RATE * 5 // 4], atol=1e-4)
    np.testing.assert_allclose(two, ramp[2 * RATE : 7 * RATE // 2], atol=1e-4)
    refused = json.loads((out / "report.json").read_text("utf-8"))["refused"]
    assert "lasts 4.00 s, but the part ends at 9.00 s" in refused["unreadable"][0]["detail"]
    assert "0 made, 2 as before" in run(folder, out, "--sample_rate", RATE)[1]


def test_a_wav_that_is_cut_off_is_refused_but_not_one_of_unknown_length(tmp_path):
    source = write_source(tmp_path / "in", 3)
    cut, piped = source / "wavs/u1.wav", bytearray((source / "wavs/u2.wav").read_bytes())
    cut.write_bytes(cut.read_bytes()[:-3000])
    place = piped.index(b"data") + 4
    piped[place : place + 4] = b"\xff\xff\xff\xff"
    (source / "wavs/u2.wav").write_bytes(piped)
    assert run(source, tmp_path / "out")[0] == 0
    (row,) = json.loads((tmp_path / "out/report.json").read_text())["refused"]["unreadable"]
    assert row["id"] == "u1" and "cut off: has 14,600 bytes" in row["detail"]
    assert len(rows(tmp_path / "out/manifest.jsonl")) == 2


def test_hours_of_sound_are_refused_undecoded(tmp_path, monkeypatch):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    soundfile.write(source / "wavs/u1.wav", np.zeros(40 * RATE), RATE)
    read = []
    monkeypatch.setattr(
        recording, "read_samples", lambda path: read.append(path.stem) or read_samples(path)
    )
    assert run(source, out)[0] == 0
    assert sorted(read) == ["u0", "u2"]
