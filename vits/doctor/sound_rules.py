"""When a measure of a recording is a finding, what it does to a voice, and what to do about it.

Badness is 0 where all is well, small where a person should know, and 1 or more where a voice
suffers. The limits lie between faults planted at strengths that happen (tests/planted_sound.py) and
three sets of real recordings: read books, sentences of a voice donor, and telephone prompts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vits.doctor.sound import Sound

SILENT_PEAK = 1e-3  # of full scale, as in vits/corpus/line_check.py
LEAST_SPEECH = 0.1  # seconds
QUIET = (-40.0, -45.0)  # dBFS of speech: sets are at -15 to -34, and 16 bits hiss at -98
UNEVEN = (8.0, 12.0)  # dB from the speaker's median: one speaker in one session keeps within 6
NOISY = (25.0, 20.0)  # dB: studios have 40 and more, good rooms 30; at 20 hiss is plain to hear
NOISIER = 12.0  # dB below the set's median; between NOISY's limits it takes that, too
LEAST_FOR_FLOOR = (1.0, 2.5)  # seconds; shorter clips may have no pause to measure noise in
ECHO = (13.0, 11.5)  # dB: dry recordings have 15 and more, a room of 0.6 s at a metre 11 or less
LEAST_FOR_ECHO = 1.0  # seconds of speech; a single word may have no sound that ends quickly
HUM_EXCESS, HUM = 12.0, (-45.0, -35.0)  # dB over its surroundings; dB to speech
TONE_EXCESS, TONE = 12.0, (-55.0, -45.0)
LEAST_FOR_STEADY = 1.5  # seconds; in less, a vowel may last
OFFSET = (0.005, 0.02)  # of full scale
CUT = (-15.0, -8.0)  # dB of 5 ms at the very edge to speech: a word's own onset takes longer
CUT_ABOVE_FLOOR = 12.0  # dB
EDGES = (0.8, 1.5)  # seconds
PAUSE = (1.0, 1.5)  # seconds; commas and full stops take 0.2 to 0.7 in read speech
ZEROS = 0.05  # seconds
FLAT_TOPS = (3, 10)  # one or two nobody hears
PLATEAU = 0.18  # share of peaks at one level: up to 0.16 in unclipped speech
CLIFF = 20.0  # dB: up to 17 in recordings that nothing was cut from
NARROW = 0.85  # of the band that the model hears
FOLD_LOSS = 3.0  # dB
OPPOSITE = 10.0  # dB that folding loses
EMPTY_CHANNEL = 30.0  # dB below the other
OVER = (1.0005, 1.26)  # of full scale: lossy codecs overshoot by up to 2 dB
FEW_LEVELS = 256
COARSE_FORMATS = (
    "PCM_S8",
    "PCM_U8",
    "ULAW",
    "ALAW",
    "VOX_ADPCM",
    "IMA_ADPCM",
    "MS_ADPCM",
    "GSM610",
)
STEPS_PER_LEVEL = 8  # steps of 16 bits in the range that one level would have to stand for


@dataclass(frozen=True)
class Measures:
    """Arrays over recordings that have samples. facts: of the type sound_table.FACTS [n]."""

    facts: np.ndarray
    sample_rate: int  # Hz, of the model; or the most frequent one
    min_seconds: float
    max_seconds: float
    usual_level: np.ndarray  # dBFS [n], of speech by the same speaker; NaN: too few to tell

    def __getitem__(self, name: str) -> np.ndarray:
        return self.facts[name]

    @property
    def seconds(self) -> np.ndarray:
        return self["n_samples"] / self["sample_rate"]

    @property
    def snr(self) -> np.ndarray:
        return self["speech_level"] - self["noise_level"]

    @property
    def trailing(self) -> np.ndarray:
        spoken = self["speech_seconds"] > 0
        return np.where(spoken, np.maximum(self.seconds - self["speech_end"], 0), 0)


@dataclass(frozen=True)
class Rule:
    kind: str
    severity: str  # where a badness reaches 1; below, a note
    says: tuple[str, str]  # of one recording, and of several: "is clipped", "are clipped"
    why: str
    fix: str
    badness: Callable[[Measures], np.ndarray]  # float [n]
    detail: Callable[[Sound, Measures], str]


def beyond(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """0 up to the first limit, rising from there through 1 at the second, which may be lower."""
    mild, full = limits
    way = (values - mild) / (full - mild)
    return np.where(way >= 0, 0.01 + 0.99 * way, 0.0)  # NaN gives 0


def is_silent(m: Measures) -> np.ndarray:
    return (m["peak"] < SILENT_PEAK) | (m["speech_seconds"] < LEAST_SPEECH)


def echoing(m: Measures) -> np.ndarray:
    return beyond(m["fall"], ECHO) * (m["speech_seconds"] >= LEAST_FOR_ECHO) * ~is_silent(m)


def noisy(m: Measures) -> np.ndarray:
    """An echo fills the pauses as noise does, but noise leaves no echo to be measured."""
    usual = float(np.nanmedian(m.snr)) if np.isfinite(m.snr).any() else 0.0
    plain = (m.snr <= NOISY[1]) & (m.seconds >= LEAST_FOR_FLOOR[0])
    stands_out = (m.snr < usual - NOISIER) & (m.seconds >= LEAST_FOR_FLOOR[1])
    return beyond(m.snr, NOISY) * (plain | stands_out) * ~is_silent(m) * (echoing(m) == 0)


def clipped(m: Measures) -> np.ndarray:
    tops = np.where(m["n_clipped"] >= FLAT_TOPS[0], m["n_clipped"] / FLAT_TOPS[1], 0.0)
    crowded = np.where(m["plateau"] >= PLATEAU, m["plateau"] / PLATEAU, 0.0)
    return np.maximum(tops, crowded) * ~is_silent(m)


def clicking(m: Measures) -> np.ndarray:
    """What has overflowed or has gaps clicks as well, and is told there."""
    others = (m["n_wrapped"] > 0) | (m["n_dropouts"] > 0)
    return np.where(others, 0.0, m["n_clicks"] / 3)


def narrow(m: Measures) -> np.ndarray:
    band = np.minimum(m["sample_rate"], m.sample_rate) / 2
    cut = (m["cliff"] >= CLIFF) & (m["bandwidth"] < NARROW * band)
    return np.where(cut, NARROW * band / np.maximum(m["bandwidth"], 1), 0.0) * ~is_silent(m)


def cut_off(m: Measures, name: str) -> np.ndarray:
    return beyond(m[name], CUT) * (m[name] + m.snr >= CUT_ABOVE_FLOOR) * ~is_silent(m)


def steady(m: Measures, name: str, excess: float, limits: tuple[float, float]) -> np.ndarray:
    clear = (m[f"{name}_excess"] >= excess) & (m.seconds >= LEAST_FOR_STEADY)
    return beyond(m[f"{name}_level"] - m["speech_level"], limits) * clear * ~is_silent(m)


def in_stereo(m: Measures) -> np.ndarray:
    plain = (m["fold_loss"] < OPPOSITE) & (m["channel_gap"] < EMPTY_CHANNEL)
    loss = np.maximum(m["fold_loss"] / FOLD_LOSS, 0.1)
    return np.where((m["n_channels"] > 1) & plain, loss, 0.0)


def other_rate(m: Measures) -> np.ndarray:
    """Fewer samples a second lack what the others have; more are only work."""
    rates = m["sample_rate"]
    return np.where(rates < m.sample_rate, m.sample_rate / rates, (rates > m.sample_rate) * 0.5)


def coarse(m: Measures) -> np.ndarray:
    few = (m["n_levels"] <= FEW_LEVELS) & (m["n_samples"] >= 5000)
    few &= m["n_levels"] * STEPS_PER_LEVEL <= m["peak"] * 65536
    return np.where(few & ~is_coarse_format(m), 1.0, 0.0)


def is_coarse_format(m: Measures) -> np.ndarray:
    return np.isin(m["subtype"], np.array(COARSE_FORMATS, "S16"))


def told_clipped(s: Sound, m: Measures) -> str:
    if s.n_clipped >= FLAT_TOPS[0]:
        return (
            f"{s.n_clipped} flat tops at {s.clipped_level:.2f} of full scale, up to "
            f"{s.longest_clipped} samples long"
        )
    return f"{s.plateau:.0%} of the loud moments peak at the same level"


def told_float(s: Sound, m: Measures) -> str:
    looks = ": 16-bit numbers written as float" if 100 < s.peak <= 32768 else ""
    return f"peak {s.peak:.4g} of full scale{looks}"


def told_edges(s: Sound, m: Measures) -> str:
    return f"{s.leading:.2f} s of silence before speech, {s.trailing:.2f} s behind it"


def told_silent(s: Sound, m: Measures) -> str:
    if s.peak < SILENT_PEAK:
        return f"peak {s.peak:.1g} of full scale"
    return f"{s.speech_seconds:.2f} s of speech in {s.seconds:.2f} s"


def told_noisy(s: Sound, m: Measures) -> str:
    return (
        f"speech {s.snr:.0f} dB above the noise ({s.speech_level:.0f} and {s.noise_level:.0f} dBFS)"
    )


def told_hum(s: Sound, m: Measures) -> str:
    below = s.speech_level - s.hum_level
    return f"{s.hum_frequency:.0f} Hz and multiples, {below:.0f} dB below speech"


def told_tone(s: Sound, m: Measures) -> str:
    return f"{s.tone_frequency:.0f} Hz, {s.speech_level - s.tone_level:.0f} dB below speech"


def told_zeros(s: Sound, m: Measures) -> str:
    return (
        f"{s.zero_seconds:.2f} s of zeros, the longest {s.longest_zeros:.2f} s at "
        f"{s.longest_zeros_at:.2f} s"
    )


def told_start(s: Sound, m: Measures) -> str:
    return f"the first 5 ms are {_near(s.start_level)} speech"


def told_end(s: Sound, m: Measures) -> str:
    return f"the last 5 ms are {_near(s.end_level)} speech"


def _near(level: float) -> str:
    """A level relative to speech, in words."""
    return f"{-level:.0f} dB below" if level < 0 else f"{level:.0f} dB above"
