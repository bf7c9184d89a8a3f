"""What the spectrum of one recording tells: the highest frequency in it, mains hum, steady tones.

All is measured on the frames of hifigan/corpus/activity.py; the hum on frames of 200 ms, which tell
50 from 60 Hz.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import median_filter

from hifigan.corpus.activity import LOWEST, Spectrum, decibels

EDGE_HZ = (100.0, 500.0)  # a cliff is looked for between what is so far below it and above it
BASS_HZ = 2500.0  # a cliff below is none: the spectrum of speech falls steeply there
TONE_BINS = 17  # of which the middle one is compared with the median
TONE_EXCESS = 9.0  # dB
HUM_SECONDS = 0.2
HUM_RATE = 2000.0  # Hz; enough for the harmonics
HUM_LEAST_RATE = 900.0  # Hz; too low for them below
MAINS = (50.0, 60.0)
N_HARMONICS = 6
QUIET_SHARE = 0.2  # of the frames: what is in all of them lasts through the pauses


@dataclass(frozen=True)
class Line:
    """A steady line in the spectrum."""

    level: float  # dBFS
    frequency: float  # Hz; 0: there is none
    excess: float  # dB above its surroundings


NO_LINE = Line(-120.0, 0.0, 0.0)


def cliff(power: np.ndarray, bin_hz: float) -> tuple[float, float]:
    """Where a mean spectrum has lost all that is above: the frequency in Hz, the height in dB.

    power: [n_bins], up to half the sample rate. Speech fades towards the top, and noise stays; only
    a filter makes a cliff with nothing behind it. The height is from the mean of a band just below
    the edge to the loudest above it, which is small where there is no edge.
    """
    near, far = (max(1, round(width / bin_hz)) for width in EDGE_HZ)
    levels = decibels(np.convolve(power, np.full(3, 1 / 3), "same"))[:-1]
    first = max(far, round(BASS_HZ / bin_hz))
    edges = np.arange(first, len(levels) - 2 * near)
    if len(edges) == 0:
        return bin_hz * (len(power) - 1), 0.0
    sums = np.concatenate(([0.0], np.cumsum(levels)))
    below = (sums[edges - near] - sums[edges - far]) / (far - near)
    loudest = np.maximum.accumulate(levels[::-1])[::-1]
    heights = below - loudest[edges + near]
    best = int(np.argmax(heights))
    if heights[best] <= 0:
        return bin_hz * (len(power) - 1), 0.0
    around = np.arange(edges[best] - far, edges[best] + near)
    above_halfway = around[levels[around] > below[best] - heights[best] / 2]
    return float(above_halfway[-1] * bin_hz), float(heights[best])


def steady_tone(spectrum: Spectrum, lowest: float) -> Line:
    """Narrow lines above `lowest` Hz that never pause: their level together, the strongest one's
    frequency, the clearest one's excess.
    """
    steady = _steady(spectrum.power)
    around = np.maximum(median_filter(steady, TONE_BINS, mode="nearest"), LOWEST)
    ratio = steady / around
    ratio[: round(lowest / spectrum.bin_hz)] = 0.0
    lines = ratio > 10 ** (TONE_EXCESS / 10)
    if not lines.any():
        return NO_LINE
    power = np.where(lines, steady - around, 0.0)
    best = int(np.argmax(power))
    near = np.arange(max(0, best - 1), min(len(power), best + 2))
    frequency = float(np.average(near, weights=power[near])) * spectrum.bin_hz
    return Line(decibels(float(power.sum())), frequency, decibels(float(ratio.max())))


def hum(wav: np.ndarray, sample_rate: int) -> Line:
    """Mains hum: wav float32 [n_samples].

    50 or 60 Hz and its multiples, in all of the recording; of less than a second nothing is told.
    """
    step = max(1, int(sample_rate // HUM_RATE))
    rate = sample_rate / step
    size = round(HUM_SECONDS * rate)
    slow = wav[: len(wav) // step * step].reshape(-1, step).mean(axis=1)
    if len(slow) < 5 * size or rate < HUM_LEAST_RATE:
        return NO_LINE
    frames = np.lib.stride_tricks.sliding_window_view(slow, size)[:: size // 4]
    window = np.hanning(size + 1)[:size].astype(np.float32)
    bins = scipy.fft.rfft(frames * window, axis=1)
    power = (bins.real**2 + bins.imag**2) * (2 / (size * np.sum(window**2)))
    steady, bin_hz = _steady(power), rate / size
    found = NO_LINE
    for mains in MAINS:
        total, excesses = 0.0, []
        for harmonic in range(1, N_HARMONICS + 1):
            centre = round(harmonic * mains / bin_hz)
            line = steady[centre - 1 : centre + 2].sum()
            sides = np.concatenate(
                (steady[centre - 4 : centre - 2], steady[centre + 3 : centre + 5])
            )
            around = 3 * sides.mean()
            excesses.append(decibels(line) - decibels(around))
            total += max(0.0, float(line - around))
        excess = sorted(excesses)[-2]  # two harmonics have to stand out: one may be anything
        if excess > found.excess:
            found = Line(decibels(total), mains, excess)
    return found


def _steady(power: np.ndarray) -> np.ndarray:
    """What each bin has in nearly all frames: [n_frames, n_bins] to [n_bins]."""
    index = int(QUIET_SHARE * (len(power) - 1))
    return np.partition(power, index, axis=0)[index]
