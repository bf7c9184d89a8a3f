"""Where speech is in one recording, relative to its own noise floor."""

from dataclasses import dataclass

import numpy as np

from vits.doctor.sound_shape import runs
from vits.doctor.sound_spectrum import LOWEST, Spectrum, band_levels, decibels

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
class Speech:
    """active: bool [n_frames]; levels in dBFS, 100 Hz to 7 kHz; n_frames of 10 ms."""

    active: np.ndarray
    level: float  # mean power of the active frames
    noise: float  # mean power of the quietest frames
    start: int  # frame
    end: int  # frame behind the last one


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
