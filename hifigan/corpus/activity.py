"""Where speech is in one recording, relative to its own noise floor.

Not in the papers. Frames are about 23 ms long and 10 ms apart. vits/prepare trims by it, and
vits/doctor measures by it.
"""

from dataclasses import dataclass
from typing import overload

import numpy as np
import scipy.fft

HOP_SECONDS = 0.01
FRAME_SECONDS = 0.0232  # at least; the next power of two in samples
LOWEST = 1e-12  # power, -120 dB: below every quantisation
SPEECH_BAND = (100.0, 7000.0)  # Hz: below are hum and rumble
HISS_BAND = (2500.0, 11000.0)  # Hz: where s and f are, which the whole band hides
FLOOR_SHARE = 0.02  # of the frames, the quietest: a dense, closely cut sentence has no more pauses
LEAST_FLOOR = 3  # frames
ABOVE_FLOOR = 8.0  # dB
LEAST_ABOVE_FLOOR = 4.0  # dB; noise alone stays below
BELOW_PEAK = (45.0, 10.0)  # dB below the loud frames where the threshold may lie
SHORTEST_SOUND = 3  # frames; what is shorter is a click
DIGITAL_SILENCE = -115.0  # dBFS; such frames tell nothing of the noise
PARTLY = 2  # frames beside such a one may overlap with it


@dataclass(frozen=True)
class Activity:
    """Speech in a recording. start, end: seconds, both 0 where there is none."""

    levels: np.ndarray  # dBFS, 100 Hz to 7 kHz, of frames 10 ms apart; [n_frames]
    noise: float  # dBFS, mean power of the quietest frames
    start: float
    end: float


@dataclass(frozen=True)
class Spectrum:
    """power: float32 [n_frames, n_bins]; a frame's bins add up to its mean square."""

    power: np.ndarray
    bin_hz: float
    hop: int  # samples from one frame to the next

    @property
    def n_bins(self) -> int:
        return self.power.shape[1]


@dataclass(frozen=True)
class Speech:
    """active: bool [n_frames]; levels in dBFS, 100 Hz to 7 kHz; n_frames of 10 ms."""

    active: np.ndarray
    level: float  # mean power of the active frames
    noise: float  # mean power of the quietest frames
    start: int  # frame
    end: int  # frame behind the last one


def activity(wav: np.ndarray, sample_rate: int) -> Activity:
    """wav: float32 [n_samples], one channel, one sample or more; sample_rate in Hz."""
    spectrum = power_spectrum(wav, sample_rate)
    speech = find_speech(spectrum)
    levels = band_levels(spectrum, *SPEECH_BAND)
    hop = spectrum.hop / sample_rate
    return Activity(levels, speech.noise, speech.start * hop, speech.end * hop)


def find_speech(spectrum: Spectrum) -> Speech:
    """Frames above the noise floor in the whole band or in that of s and f."""
    levels = band_levels(spectrum, *SPEECH_BAND)
    active = _above_floor(levels) | (
        _above_floor(band_levels(spectrum, *HISS_BAND))
        & (levels > np.percentile(levels, 95) - BELOW_PEAK[0])
    )
    for start, length in zip(*runs(active)):
        if length < SHORTEST_SOUND:
            active[start : start + length] = False
    frames = np.flatnonzero(active)
    noise = _noise(levels)
    if len(frames) == 0:
        return Speech(active, noise, noise, 0, 0)
    level = decibels(np.mean(10 ** (levels[frames] / 10)))
    return Speech(active, level, noise, int(frames[0]), int(frames[-1]) + 1)


def _above_floor(levels: np.ndarray) -> np.ndarray:
    loud, noise = float(np.percentile(levels, 95)), _noise(levels)
    lowest = max(loud - BELOW_PEAK[0], DIGITAL_SILENCE)
    highest = max(loud - BELOW_PEAK[1], noise + LEAST_ABOVE_FLOOR)
    return levels > min(max(noise + ABOVE_FLOOR, lowest), highest)


def _noise(levels: np.ndarray) -> float:
    """Mean power in dBFS of the quietest frames that are not digital silence.

    Frames that lie in part in digital silence or outside of the recording do not count either.
    """
    is_empty = np.pad(levels <= DIGITAL_SILENCE, PARTLY)
    is_partly = np.convolve(is_empty, np.ones(2 * PARTLY + 1, bool), "valid")
    is_partly[[0, -1]] = True
    sounding = np.sort(levels[~is_partly])
    if len(sounding) == 0:
        return decibels(LOWEST)
    quietest = sounding[: max(LEAST_FLOOR, round(FLOOR_SHARE * len(sounding)))]
    return decibels(np.mean(10 ** (quietest / 10)))


def power_spectrum(wav: np.ndarray, sample_rate: int) -> Spectrum:
    """wav: float32 [n_samples], one sample or more."""
    hop = max(1, round(sample_rate * HOP_SECONDS))
    n_fft = 1 << int(np.ceil(np.log2(max(2.0, sample_rate * FRAME_SECONDS - 1))))
    padded = np.pad(wav, (n_fft // 2, n_fft // 2 + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[: len(wav) : hop]
    window = np.hanning(n_fft + 1)[:n_fft].astype(np.float32)
    bins = scipy.fft.rfft(frames * window, axis=1)
    # By Parseval a frame's bins then add up to its mean square.
    scale = np.float32(2 / (n_fft * np.sum(window.astype(np.float64) ** 2)))
    power = (bins.real**2 + bins.imag**2) * scale
    return Spectrum(power, sample_rate / n_fft, hop)


def band_levels(spectrum: Spectrum, low: float, high: float) -> np.ndarray:
    """Level of each frame between two frequencies in Hz: dBFS, float32 [n_frames]."""
    first, last = (round(edge / spectrum.bin_hz) for edge in (low, high))
    return decibels(spectrum.power[:, first : max(last, first + 1)].sum(axis=1))


@overload
def decibels(power: float) -> float: ...
@overload
def decibels(power: np.ndarray) -> np.ndarray: ...
def decibels(power):
    """Of full scale, for mean squares: a number for a number."""
    levels = 10 * np.log10(np.maximum(power, LOWEST))
    return float(levels) if np.ndim(levels) == 0 else levels


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and lengths of the runs of True: int64 [n_runs] each."""
    if not mask.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return edges[::2], edges[1::2] - edges[::2]
