"""Measures of recordings against known answers, and how they are kept."""

import os
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.errors import UserError
from vits.doctor import data_set, sound_table
from vits.doctor.data_set import DataSet, examine_sounds, recordings_of
from vits.doctor.findings import Case, Histogram
from vits.doctor.sound import Sound, measure
from vits.doctor.sound_checks import sound_findings
from vits.doctor.sound_copies import find_copies
from vits.doctor.sound_histograms import histogram
from vits.doctor.sound_shape import clicks, clipping, runs, zeros
from vits.doctor.sound_table import Sounds, table_of
from vits.sources.entry import Entry, Source

RATE = 16000


def sung(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """Harmonics of 150 Hz that swell and fade five times a second: float64 [n_samples]."""
    times = np.arange(int(seconds * RATE)) / RATE
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, 20)
    tones = sum(np.sin(2 * np.pi * 150 * (k + 1) * times + p) for k, p in enumerate(phases))
    wav = tones * (0.3 + np.sin(np.pi * 5 * times) ** 2)
    return level * wav / np.sqrt(np.mean(wav**2))


def noise(seconds: float, level: float = 1e-4) -> np.ndarray:
    return level * np.random.default_rng(1).standard_normal(int(seconds * RATE))


def measured(path: Path, wav: np.ndarray, subtype: str = "PCM_16") -> Sound:
    soundfile.write(path, wav, RATE, subtype)
    return measure(str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty recordings."""
    for i in range(20):
        parts = (noise(0.2), sung(0.5 + 0.1 * i, seed=i), noise(0.3))
        soundfile.write(tmp_path / f"{i:02}.wav", np.concatenate(parts), RATE)
    return tmp_path


def test_levels_and_times_are_those_that_were_made(tmp_path: Path) -> None:
    wav = np.concatenate((noise(0.5), sung(1.0), noise(1.2), sung(0.8), noise(0.7)))
    found = measured(tmp_path / "a.wav", wav)
    assert found.seconds == pytest.approx(4.2)
    assert found.leading == pytest.approx(0.5, abs=0.02)
    assert found.trailing == pytest.approx(0.7, abs=0.02)
    assert found.speech_seconds == pytest.approx(1.8, abs=0.09)
    assert found.longest_pause == pytest.approx(1.2, abs=0.04)
    assert found.longest_pause_at == pytest.approx(1.5, abs=0.03)
    assert found.speech_level == pytest.approx(-20, abs=0.7)
    # White noise of 1e-4 is at -80 dBFS; 100 to 7000 Hz are 0.6 dB less, quiet frames 1 dB less.
    assert found.noise_level == pytest.approx(-81.5, abs=1)
    assert found.peak == pytest.approx(np.abs(wav).max(), abs=1e-4)


def test_offset_is_told_and_changes_nothing_else(tmp_path: Path) -> None:
    wav = np.concatenate((noise(0.5), sung(1.0), noise(0.5)))
    plain, off = measured(tmp_path / "a.wav", wav), measured(tmp_path / "b.wav", wav + 0.05)
    assert off.dc == pytest.approx(0.05, abs=1e-4)
    assert plain.dc == pytest.approx(0, abs=1e-4)
    assert off.snr == pytest.approx(plain.snr, abs=0.2)
    assert (off.speech_start, off.speech_end) == (plain.speech_start, plain.speech_end)


def test_runs_are_found_at_both_ends() -> None:
    starts, lengths = runs(np.array([True, True, False, True, False, False, True]))
    assert starts.tolist() == [0, 3, 6] and lengths.tolist() == [2, 1, 1]
    assert [len(part) for part in runs(np.zeros(5, bool))] == [0, 0]


def test_flat_tops_are_counted_on_both_sides() -> None:
    tone = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE).astype(np.float32)
    assert clipping(np.clip(1.2 * tone, -1, 1)).n_tops == 200
    assert clipping(0.3 * np.clip(1.2 * tone, -1, 1)).n_tops == 200
    dither = (np.random.default_rng(0).random(RATE).astype(np.float32) - 0.5) / 32768
    assert clipping(0.3 * np.clip(1.2 * tone, -1, 1) + dither).n_tops == 200
    assert clipping(np.clip(1.2 * tone, -2, 1)).n_tops == 100
    ramp = np.linspace(0.5, 1, RATE, dtype=np.float32)  # tops of different heights
    assert clipping(ramp * tone).n_tops == 0


def test_a_click_is_found_where_it_is_also_near_the_end() -> None:
    wav = noise(1.0, 1e-3).astype(np.float32)
    for place in (RATE // 2, RATE - 200):
        clicked = wav.copy()
        clicked[place] += 0.2
        found = clicks(clicked, RATE)
        assert found.n == 1 and found.first == pytest.approx(place / RATE, abs=0.001)
    assert clicks(wav, RATE).n == 0
    assert clicks(wav[:10], RATE).n == 0
    wav[-RATE // 300 :] *= 100  # a sound that begins just before the end
    assert clicks(wav, RATE).n == 0


def test_zeros_between_sounds_are_gaps_and_longer_ones_pauses() -> None:
    wav = sung(2.0).astype(np.float32)
    wav[RATE : RATE + RATE // 100] = 0
    found = zeros(wav, RATE)
    assert (found.dropouts.n, found.dropouts.first) == (1, 1.0)
    wav[RATE : RATE + RATE // 2] = 0
    found = zeros(wav, RATE)
    assert (found.dropouts.n, found.longest, found.longest_at) == (0, 0.5, 1.0)


@pytest.mark.parametrize("n", [1, 2, 50, 400])
def test_a_recording_of_some_samples_is_measured(n: int, tmp_path: Path) -> None:
    found = measured(tmp_path / "a.wav", sung(1.0)[:n])
    assert (found.fault, found.n_samples) == ("", n)


@pytest.mark.parametrize("rate", [1, 100, 500, 1000, 4000, 8000, 96000, 192000])
def test_a_recording_of_any_rate_is_measured(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile(sung(1.0), (3, 1)).T, rate)
    found = measure(str(tmp_path / "a.wav"))
    assert (found.fault, found.sample_rate, found.n_channels) == ("", rate, 3)
    assert found.bandwidth <= rate / 2


def test_zeros_around_a_recording_do_not_hide_its_noise(tmp_path: Path) -> None:
    wav = np.concatenate((noise(0.5), sung(1.0), noise(0.5)))
    plain = measured(tmp_path / "a.wav", wav)
    padded = measured(tmp_path / "b.wav", np.pad(wav, RATE))
    assert padded.noise_level == pytest.approx(plain.noise_level, abs=1)
    assert padded.leading == pytest.approx(plain.leading + 1, abs=0.02)


def test_the_ends_of_a_recording_do_not_count_as_quiet(tmp_path: Path) -> None:
    steady = measured(tmp_path / "a.wav", noise(0.3, 0.01))
    assert steady.noise_level == pytest.approx(-40.6, abs=1)


def test_a_word_without_a_pause_is_not_called_noisy(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.wav" for i in range(12)]
    for i, path in enumerate(paths):
        soundfile.write(path, sung(0.6, seed=i), RATE)
    found = _data(paths, [None] * 12, tmp_path)
    assert all(sound.snr < 20 for sound in found.sounds.values())
    assert "noisy" not in [f.kind for f in sound_findings(found)[0]]


def test_a_filter_makes_a_cliff_and_a_dull_voice_none(tmp_path: Path) -> None:
    white = noise(2.0, 0.1)
    spectrum, hz = np.fft.rfft(white), np.fft.rfftfreq(len(white), 1 / RATE)
    dull = np.fft.irfft(spectrum / (1 + (hz / 1000) ** 2))
    cut = np.fft.irfft(np.where(hz < 4000, spectrum, 0.001 * spectrum))
    assert measured(tmp_path / "a.wav", dull).cliff < 10
    found = measured(tmp_path / "b.wav", cut)
    assert found.cliff > 40
    assert found.bandwidth == pytest.approx(4000, abs=70)


def test_a_wav_from_a_pipe_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sung(1.0), RATE)
    whole = bytearray(path.read_bytes())
    at = whole.index(b"data") + 4
    for size in (0xFFFFFFFF, 0x7FFFFFFF):
        path.write_bytes(whole[:at] + struct.pack("<I", size) + whole[at + 4 :])
        assert (measure(str(path)).fault, measure(str(path)).n_samples) == ("", RATE)
    path.write_bytes(whole[:-2000])
    cut = measure(str(path))
    assert (cut.fault, cut.detail) == ("truncated", "15000 samples, 16000 by its header")


def test_a_flac_without_a_length_in_its_header_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, sung(1.0), RATE)
    whole = bytearray(path.read_bytes())
    whole[21] &= 0xF0  # the last 36 bits of 26 bytes are the length
    whole[22:26] = bytes(4)
    path.write_bytes(whole)
    found = measure(str(path))
    assert (found.fault, found.detail) == ("unreadable", "its header gives no length")


def test_opposite_channels_are_measured_as_one_of_them(tmp_path: Path) -> None:
    wav = np.concatenate((noise(0.3), sung(1.0), noise(0.3)))
    one = measured(tmp_path / "a.wav", wav)
    two = measured(tmp_path / "b.wav", np.stack((wav, -wav), axis=1))
    assert two.fold_loss > 60
    assert two.speech_level == pytest.approx(one.speech_level, abs=0.01)


def test_a_long_recording_is_measured_in_part(tmp_path: Path) -> None:
    found = measured(tmp_path / "a.flac", np.tile(sung(10.0), 15))
    assert found.seconds == 150
    assert 60 < found.speech_seconds <= 120
    assert found.trailing == 0 and np.isnan(found.end_level)


def test_processes_measure_what_one_measures(folder: Path) -> None:
    paths = sorted(folder.glob("*.wav"))
    alone, together = examine_sounds(paths, n_jobs=1), examine_sounds(paths, n_jobs=2)
    assert list(together) == [str(path) for path in paths]
    assert alone == together
    assert alone[str(paths[4])] == measure(str(paths[4]))


def test_only_changed_recordings_are_measured_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, cache = sorted(folder.glob("*.wav")), folder / "kept"
    first = examine_sounds(paths, 1, cache)
    counted = _count_measured(monkeypatch)
    assert examine_sounds(paths, 1, cache) == first
    assert counted == []
    soundfile.write(paths[7], sung(0.4), RATE)
    wav, _ = soundfile.read(paths[8])
    soundfile.write(paths[8], wav[::-1], RATE)  # as long as before
    (folder / "00.wav").unlink()
    again = examine_sounds(paths, 1, cache)
    assert sorted(counted) == [str(paths[i]) for i in (0, 7, 8)]
    assert again[str(paths[0])].fault == "missing"
    assert again[str(paths[7])].seconds == pytest.approx(0.4)
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_file_of_measures_costs_a_second_look(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, cache = sorted(folder.glob("*.wav")), folder / "kept"
    first = examine_sounds(paths, 1, cache)
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-100])
    counted = _count_measured(monkeypatch)
    assert examine_sounds(paths, 1, cache) == first
    assert len(counted) == len(paths)


def test_what_was_measured_before_an_interrupt_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, cache = sorted(folder.glob("*.wav")), folder / "kept"
    monkeypatch.setattr(data_set, "N_TOGETHER", 4)
    whole = data_set.measure_all

    def interrupted(names: list[str]) -> tuple[np.ndarray, dict[int, str]]:
        if str(paths[10]) in names:
            raise KeyboardInterrupt
        return whole(names)

    monkeypatch.setattr(data_set, "measure_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examine_sounds(paths, 1, cache)
    monkeypatch.setattr(data_set, "measure_all", whole)
    counted = _count_measured(monkeypatch)
    assert len(examine_sounds(paths, 1, cache)) == 20
    assert len(counted) == 12


def test_a_killed_process_is_told_in_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_set, "N_TOGETHER", 4)
    monkeypatch.setattr(data_set, "measure_all", _killed)
    with pytest.raises(UserError, match="was killed.*fewer --jobs"):
        examine_sounds(sorted(folder.glob("*.wav")), 2)


def test_a_table_gives_back_what_went_in(folder: Path) -> None:
    found = {str(path): measure(str(path)) for path in folder.glob("*.wav")}
    found["gone.wav"] = measure("gone.wav")
    table = table_of(found)
    assert isinstance(table, Sounds) and dict(table)["gone.wav"].detail == "no such file"
    for path, sound in found.items():
        assert repr(table[path]) == repr(sound)  # NaN is NaN


def test_copies_name_the_first_of_them() -> None:
    facts = np.zeros(5, sound_table.FACTS)
    facts["digest"] = [b"a", b"b", b"a", b"", b"a"]
    copies = find_copies(facts)
    assert [(c.row, c.of, c.is_exact) for c in copies] == [(2, 0, True), (4, 0, True)]


def test_loudness_is_compared_with_the_same_speaker(folder: Path) -> None:
    paths = sorted(folder.glob("*.wav"))
    for path in paths[10:]:
        wav, _ = soundfile.read(path)
        soundfile.write(path, 0.1 * wav, RATE)
    kinds = {}
    for two_speakers in (True, False):
        speakers = ["a"] * 10 + ["b" if two_speakers else "a"] * 10
        kinds[two_speakers] = [f.kind for f in _findings(paths, speakers, folder)]
    assert "uneven_loudness" not in kinds[True]
    assert "uneven_loudness" in kinds[False]


def test_a_recording_that_no_list_finds_is_missing_and_hinted_at(folder: Path) -> None:
    (path, *_) = sorted(folder.glob("*.wav"))
    entries = [
        Entry("a", None, "wavs/A.wav", "A text.", None, None, "list.csv:3"),
        Entry("00", path, None, "Another.", None, None, "list.csv:4"),
    ]
    source = Source(folder, "ljspeech", entries, (), ())
    assert recordings_of(source) == [str(path)]
    data = DataSet(source, RATE, None, examine_sounds(recordings_of(source), 1))
    missing = sound_findings(data)[0][0]
    assert (missing.kind, missing.title) == ("missing", "1 of 2 recordings is missing")
    told = "no such recording; there is wavs/A.wav"
    assert missing.cases == [Case("list.csv:3", "a", told, 1.0, None, "A text.")]


def test_nothing_readable_gives_findings_and_no_histograms(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    found, histograms = sound_findings(_data([tmp_path / "a.wav"], [None], tmp_path))
    assert [f.kind for f in found] == ["unreadable"] and histograms == []


def test_histograms_count_every_recording(folder: Path) -> None:
    paths = sorted(folder.glob("*.wav"))
    _, histograms = sound_findings(_data(paths, [None] * 20, folder))
    assert {h.name for h in histograms} >= {"length", "signal-to-noise ratio", "peak"}
    for made in histograms:
        assert sum(made.counts) == 20 and len(made.edges) == len(made.counts) + 1


@pytest.mark.parametrize("values", [[3.0], [0.1, 0.2, 0.3], [-40.0, 5.0], [1e-6, 74.0], [2.0, 2.0]])
def test_histogram_bins_hold_their_values(values: list[float]) -> None:
    made: Histogram = histogram("x", "y", np.array([*values, np.nan]))
    assert len(made.counts) <= 41
    assert sum(made.counts) == len(values)
    for value in values:
        held = [
            low - 1e-6 <= value <= high + 1e-6
            for low, high, n in zip(made.edges, made.edges[1:], made.counts)
            if n
        ]
        assert any(held)


def _killed(names: list[str]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _data(paths: list[Path], speakers: list[str | None], folder: Path) -> DataSet:
    entries = [
        Entry(path.stem, path, None, "text", speaker, None, f"list.csv:{i}")
        for i, (path, speaker) in enumerate(zip(paths, speakers), 1)
    ]
    source = Source(folder, "ljspeech", entries, (), ())
    return DataSet(source, RATE, None, examine_sounds(paths, 1))


def _findings(paths: list[Path], speakers: list[str | None], folder: Path) -> list:
    return sound_findings(_data(paths, speakers, folder))[0]


def _count_measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that will have been decoded."""
    counted: list[str] = []
    whole = sound_table.measure
    monkeypatch.setattr(sound_table, "measure", lambda path: counted.append(path) or whole(path))
    return counted
