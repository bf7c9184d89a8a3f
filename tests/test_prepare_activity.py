"""Where speech begins and ends: found relative to a recording's own noise, soft sounds included."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifigan.corpus.activity import activity
from vits.prepare.recording import trimmed

RATE = 22050
MINI = Path(__file__).parent.parent / "data/ljspeech-mini/flac"
# Seconds where the first word begins and the last one ends, of aligned transcripts.
WORDS = {
    "LJ010-0008": (0.000, 5.750),
    "LJ050-0269": (0.000, 5.140),
    "LJ050-0270": (0.000, 6.950),
    "LJ050-0271": (0.000, 7.472),
    "LJ050-0272": (0.000, 7.420),
    "LJ050-0273": (0.000, 5.400),
}


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize("name", WORDS)
def test_speech_begins_and_ends_where_its_words_do(name):
    wav, rate = soundfile.read(MINI / f"{name}.flac", dtype="float32")
    found = activity(wav, rate)
    begin, end = WORDS[name]
    assert begin - 0.1 < found.start < begin + 0.03
    assert end - 0.06 < found.end < end + 0.1


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("level", [0.0, 1e-4, 5e-4])
def test_trimming_takes_added_silence_and_leaves_every_word(name, level):
    wav, rate = soundfile.read(MINI / f"{name}.flac", dtype="float32")
    wav = np.pad(wav, (rate, rate)) + noise(2 + len(wav) / rate, level)
    found = activity(wav, rate)
    begin, end = (1 + seconds for seconds in WORDS[name])
    assert begin - 0.1 < found.start < begin + 0.04
    assert end - 0.06 < found.end < end + 0.15
    made, cut = trimmed(wav, rate, 0.1)
    first = round((found.start - 0.1) * rate)
    np.testing.assert_array_equal(made, wav[first : first + len(made)])
    assert cut == pytest.approx((len(wav) - len(made)) / rate)


def test_a_soft_hiss_at_the_end_is_speech_and_a_click_is_not():
    t = np.arange(RATE) / RATE
    vowel = (0.2 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)
    hiss = np.diff(noise(0.2, 0.004), prepend=0).astype(np.float32)  # as of an s, 35 dB below
    wav = (
        np.concatenate([np.zeros(RATE), vowel, hiss, np.zeros(RATE)])
        + noise(3 + len(hiss) / RATE, 1e-4, 3)[: 3 * RATE + len(hiss)]
    )
    wav[RATE // 2] += 0.5
    found = activity(wav.astype(np.float32), RATE)
    assert found.start == pytest.approx(1.0, abs=0.03)
    assert found.end == pytest.approx(2.2, abs=0.03)
    assert found.noise < -70


def test_noise_alone_and_silence_alone_hold_no_speech():
    for wav in (noise(2.0, 1e-3), np.zeros(RATE, np.float32)):
        found = activity(wav, RATE)
        assert found.start == found.end == 0 and len(found.levels) == pytest.approx(
            100 * len(wav) / RATE, abs=1
        )


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.2])
def test_the_margin_is_what_is_left_around_speech(margin):
    wav = np.concatenate([noise(0.5, 1e-4), noise(1.0, 0.1, 1), noise(0.5, 1e-4, 2)])
    made, cut = trimmed(wav, RATE, margin)
    assert len(made) / RATE == pytest.approx(1 + 2 * margin, abs=0.05)
    assert cut == pytest.approx(2 - len(made) / RATE)
