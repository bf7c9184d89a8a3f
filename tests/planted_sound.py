"""Faults that recordings have in real data sets, planted into good ones at strengths that happen.

PLANTS: the fault's name in a test, the kind under which the doctor has to find it, and what makes
it of a good recording: a function of wav (float64 [n_samples]), the rate in Hz and a random
generator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import soxr

GOOD_IDS = (  # of data/ljspeech-mini, whose other clips have overflowed samples or are short
    "LJ001-0001",
    "LJ001-0003",
    "LJ001-0004",
    "LJ001-0007",
    "LJ001-0012",
    "LJ001-0016",
    "LJ001-0020",
    "LJ001-0021",
    "LJ001-0024",
    "LJ001-0028",
    "LJ050-0269",
    "LJ050-0271",
)


@dataclass(frozen=True)
class Planted:
    """What is to be written: samples float64 [n_samples] or [n_samples, n_channels]."""

    samples: np.ndarray
    sample_rate: int
    format: str = "WAV"
    subtype: str = "PCM_16"


@dataclass(frozen=True)
class Plant:
    kind: str  # of the finding
    make: Callable[[np.ndarray, int, np.random.Generator], Planted]


def write(planted: Planted, path: Path) -> None:
    soundfile.write(
        path, planted.samples, planted.sample_rate, planted.subtype, format=planted.format
    )


def in_stereo(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    other = 0.7 * np.roll(wav, 3) + 1e-4 * rng.standard_normal(len(wav))
    return Planted(np.stack((wav, other), axis=1), rate)


def out_of_phase(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    other = -wav + 1e-4 * rng.standard_normal(len(wav))
    return Planted(np.stack((wav, other), axis=1), rate)


def on_one_channel(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(np.stack((1e-4 * rng.standard_normal(len(wav)), wav), axis=1), rate)


def at_48_khz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(soxr.resample(wav, rate, 48000), 48000)


def at_16_khz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(soxr.resample(wav, rate, 16000), 16000)


def from_8_khz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(soxr.resample(soxr.resample(wav, rate, 8000), 8000, rate)[: len(wav)], rate)


def from_16_khz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(soxr.resample(soxr.resample(wav, rate, 16000), 16000, rate)[: len(wav)], rate)


def clipped(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    loud = wav / np.abs(wav).max() * 2  # by 6 dB
    return Planted(np.clip(loud, -1, 1), rate)


def clipped_and_turned_down(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    loud = wav / np.abs(wav).max() * 1.6
    dither = (rng.random(len(wav)) - 0.5) / 32768
    return Planted(0.4 * np.clip(loud, -0.9, 0.9) + dither, rate)


def clipped_at_44_khz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    loud = soxr.resample(wav / np.abs(wav).max() * 4, rate, 2 * rate)
    return Planted(0.6 * soxr.resample(np.clip(loud, -1, 1), 2 * rate, rate), rate)


def overflowed(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    steps = np.rint(wav / np.abs(wav).max() * 1.1 * 32768).astype(np.int64)
    return Planted(((steps + 32768) % 65536 - 32768) / 32768, rate)


def above_full_scale(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav / np.abs(wav).max() * 1.5, rate, subtype="FLOAT")


def in_16_bit_numbers(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav * 32768, rate, subtype="FLOAT")


def not_a_number(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    broken = wav.copy()
    broken[len(wav) // 2] = np.nan
    return Planted(broken, rate, subtype="FLOAT")


def silent(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(np.zeros(len(wav)), rate)


def room_alone(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(1e-3 * rng.standard_normal(len(wav)), rate)


def faint(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav * 10 ** (-30 / 20), rate)


def softer_than_the_rest(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav * 10 ** (-13 / 20), rate)


def in_hiss(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav + speech_level(wav) * 0.2 * rng.standard_normal(len(wav)), rate)


def in_rumbling_room(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    noise = np.cumsum(rng.standard_normal(len(wav)))  # brown, above 100 Hz
    noise -= np.convolve(noise, np.full(rate // 100, 100 / rate), "same")
    return Planted(wav + speech_level(wav) * 0.2 * noise / noise.std(), rate)


def in_echoing_room(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(echoed(wav, rate, 0.6, 0.0, rng), rate)


def far_away_in_a_hall(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(echoed(wav, rate, 1.2, -6.0, rng), rate)


def with_50_hz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav + mains(wav, rate, 50), rate)


def with_60_hz(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav + mains(wav, rate, 60), rate)


def with_usb_whine(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    times = np.arange(len(wav)) / rate
    tones = sum(np.sin(2 * np.pi * 1000 * n * times) / n for n in (1, 2, 3))
    return Planted(wav + 0.015 * speech_level(wav) * tones, rate)


def with_offset(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(0.9 * wav + 0.03, rate)


def clicking(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    broken = wav.copy()
    for place in rng.integers(rate // 4, len(wav) - rate // 4, 6):
        broken[place : place + 2] += 0.3 * rng.choice((-1, 1))
    return Planted(np.clip(broken, -1, 1), rate)


def begun_late(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav[loudest(wav[: len(wav) // 2], rate) :], rate)


def ended_early(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    half = len(wav) // 2
    return Planted(wav[: half + loudest(wav[half:], rate)], rate)


def waiting_at_the_ends(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(np.concatenate((room(rate, 2.0, rng), wav, room(rate, 2.0, rng))), rate)


def padded_with_zeros(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(np.pad(wav, (0, rate * 4 // 10)), rate)


def waiting_inside(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    place = quietest(wav, rate)
    pieces = (wav[:place], room(rate, 1.8, rng), wav[place:])
    return Planted(np.concatenate(pieces), rate)


def with_lost_packets(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    broken = wav.copy()
    for seconds in (0.4, 0.9, 1.3):
        place = int(seconds * rate) + loudest(wav[int(seconds * rate) :][: rate // 2], rate)
        broken[place : place + rate // 50] = 0  # 20 ms, as networks send
    return Planted(broken, rate)


def of_a_syllable(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav[: rate // 5], rate)


def of_a_chapter(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(np.tile(wav, 5), rate)


def in_8_bits(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav, rate, subtype="PCM_U8")


def in_mu_law(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(wav, rate, subtype="ULAW")


def once_in_8_bits(wav: np.ndarray, rate: int, rng: np.random.Generator) -> Planted:
    return Planted(np.rint(wav * 127) / 128, rate)


PLANTS = {
    "stereo": Plant("stereo", in_stereo),
    "opposite phase": Plant("opposite_phase", out_of_phase),
    "one channel silent": Plant("one_channel_silent", on_one_channel),
    "48 kHz among 22.05": Plant("other_rate", at_48_khz),
    "16 kHz among 22.05": Plant("other_rate", at_16_khz),
    "made from 8 kHz": Plant("low_bandwidth", from_8_khz),
    "made from 16 kHz": Plant("low_bandwidth", from_16_khz),
    "clipped": Plant("clipped", clipped),
    "clipped and turned down": Plant("clipped", clipped_and_turned_down),
    "clipped and resampled": Plant("clipped", clipped_at_44_khz),
    "overflowed": Plant("wrapped", overflowed),
    "float above 1": Plant("too_loud_float", above_full_scale),
    "float of 16-bit numbers": Plant("too_loud_float", in_16_bit_numbers),
    "NaN": Plant("nan", not_a_number),
    "digital silence only": Plant("silent", silent),
    "noise only": Plant("silent", room_alone),
    "faint": Plant("quiet", faint),
    "softer than the rest": Plant("uneven_loudness", softer_than_the_rest),
    "hiss": Plant("noisy", in_hiss),
    "room noise": Plant("noisy", in_rumbling_room),
    "echo": Plant("echo", in_echoing_room),
    "echo of a hall": Plant("echo", far_away_in_a_hall),
    "hum of 50 Hz": Plant("hum", with_50_hz),
    "hum of 60 Hz": Plant("hum", with_60_hz),
    "whine": Plant("tone", with_usb_whine),
    "offset": Plant("dc_offset", with_offset),
    "clicks": Plant("clicks", clicking),
    "start cut off": Plant("cut_start", begun_late),
    "end cut off": Plant("cut_end", ended_early),
    "long silence at the ends": Plant("long_edges", waiting_at_the_ends),
    "long silence inside": Plant("inner_silence", waiting_inside),
    "padded with zeros": Plant("digital_silence", padded_with_zeros),
    "lost packets": Plant("dropouts", with_lost_packets),
    "too short": Plant("too_short", of_a_syllable),
    "too long": Plant("too_long", of_a_chapter),
    "8 bits": Plant("sample_format", in_8_bits),
    "mu-law": Plant("sample_format", in_mu_law),
    "8 bits in 16": Plant("coarse_steps", once_in_8_bits),
}


def speech_level(wav: np.ndarray) -> float:
    """Root mean square, of full scale; pauses are few in these recordings."""
    return float(np.sqrt(np.mean(wav**2)))


def echoed(
    wav: np.ndarray, rate: int, seconds: float, direct: float, rng: np.random.Generator
) -> np.ndarray:
    """As loud as before. seconds: in which the echo falls by 60 dB; direct: dB over the echo."""
    times = np.arange(int(1.2 * seconds * rate)) / rate
    echo = rng.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    echo[times < 0.004] = 0  # the way to a wall and back
    echo *= 10 ** (-direct / 20) / np.sqrt(np.sum(echo**2))
    echo[0] = 1
    wet = scipy.signal.oaconvolve(wav, echo)[: len(wav)]
    return wet * speech_level(wav) / speech_level(wet)


def mains(wav: np.ndarray, rate: int, frequency: float) -> np.ndarray:
    """A hum 30 dB below speech, with the harmonics that a bad cable brings."""
    times = np.arange(len(wav)) / rate
    parts = {1: 1.0, 2: 0.5, 3: 0.6, 5: 0.3}
    tones = sum(a * np.sin(2 * np.pi * frequency * n * times + n) for n, a in parts.items())
    return 0.03 * speech_level(wav) * tones


def room(rate: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """The noise of these recordings' pauses."""
    return 5e-4 * rng.standard_normal(int(seconds * rate))


def loudest(wav: np.ndarray, rate: int) -> int:
    """Where the loudest 20 ms are in the middle of."""
    return _extreme(wav, rate, np.argmax)


def quietest(wav: np.ndarray, rate: int) -> int:
    """Where the quietest 20 ms are in the middle of, the ends left out."""
    edge = len(wav) // 5
    return edge + _extreme(wav[edge:-edge], rate, np.argmin)


def _extreme(wav: np.ndarray, rate: int, pick: Callable[[np.ndarray], int]) -> int:
    size = rate // 50
    power = np.mean(wav[: len(wav) // size * size].reshape(-1, size) ** 2, axis=1)
    return int(pick(power)) * size + size // 2
