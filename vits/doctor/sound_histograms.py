"""How the measures of a set's recordings are spread."""

import math
from collections.abc import Sequence

import numpy as np

from hifigan.corpus.activity import decibels
from vits.doctor.findings import Histogram
from vits.doctor.sound_rules import CLIFF, EDGES, NOISY, QUIET, Measures, is_silent

MOST_BINS = 40
STEPS = (1.0, 2.0, 5.0, 10.0)  # times a power of ten: edges that people can read


def sound_histograms(measures: Measures) -> list[Histogram]:
    """Of all recordings with samples; loudness, noise and silences only of those with speech."""
    spoken = ~is_silent(measures)
    half_rate = measures["sample_rate"] / 2
    band = np.where(measures["cliff"] >= CLIFF, measures["bandwidth"], half_rate) / 1000
    limits = (measures.min_seconds, measures.max_seconds)
    drawn = [
        histogram("length", "seconds", measures.seconds, limits),
        histogram("signal-to-noise ratio", "dB", measures.snr[spoken], (NOISY[1],)),
        histogram("peak", "dBFS", decibels(np.square(measures["peak"])), (0.0,)),
        histogram("loudness of speech", "dBFS", measures["speech_level"][spoken], (QUIET[1],)),
        histogram("silence before speech", "seconds", measures["speech_start"][spoken], EDGES[:1]),
        histogram("silence behind speech", "seconds", measures.trailing[spoken], EDGES[:1]),
        histogram("highest frequency", "kHz", band[spoken]),
    ]
    return [made for made in drawn if sum(made.counts)]


def histogram(name: str, unit: str, values: np.ndarray, limits: Sequence[float] = ()) -> Histogram:
    """Bins of a readable width, MOST_BINS at most. values: float [n]; NaN is left out."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Histogram(name, unit, (0.0, 1.0), (0,), limits)
    low, high = float(values.min()), float(values.max())
    step = _readable((high - low) / (MOST_BINS - 1) or 0.1)
    first = math.floor(low / step)
    n_bins = max(1, math.floor(high / step) - first + 1)
    edges = [round((first + i) * step, 9) for i in range(n_bins + 1)]
    bins = np.clip(np.floor(values / step).astype(np.int64) - first, 0, n_bins - 1)
    return Histogram(name, unit, edges, np.bincount(bins, minlength=n_bins).tolist(), limits)


def _readable(width: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in STEPS if step * power >= width * (1 - 1e-9))
