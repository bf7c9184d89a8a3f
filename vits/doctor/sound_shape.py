"""What the samples of one recording tell: tops cut flat, clicks, gaps, zeros, words cut off.

All take wav: float32 [n_samples], one channel.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from hifigan.corpus.activity import runs

STEP = 1 / 32768  # of 16 bits
FLAT_SAMPLES = 3  # in a row make a flat top: rounded tops of speech hardly have two alike
FLAT_TOLERANCE = 1.5 * STEP  # a clipped file scaled and dithered afterwards has tops that differ
LOWEST_TOP = 0.05  # below, steps of 16 bits are as coarse as the tops of speech

PLATEAU_BLOCK_SECONDS = 0.005
PLATEAU_WIDTH = 1.03
LEAST_BLOCKS = 100  # with sound; of fewer, many may be alike by chance

CLICK_BLOCK_SECONDS = 0.001
CLICK_AROUND = (2, 10)  # blocks to either side that are compared, the nearest left out
CLICK_RATIO = 12.0  # how far a click's bend stands out of all bends around it
LOWEST_CLICK = 0.03  # of full scale
CLICK_WIDTH = (0.0003, 0.002)  # seconds; the sounds of a mouth are wider than the first
NARROW_RATIO = 5.0  # how far it stands out of the bends between the two widths

WRAP_JUMP = 1.5  # from one sample to the next, of full scale
WRAP_LEVEL = 0.7  # both samples are beyond

LOUD_BELOW = 0.05  # of the peak; a gap between such samples is inside sound
GAP_SECONDS = (0.002, 0.1)  # shorter, zeros may be quiet sound; longer, a pause that was gated


@dataclass(frozen=True)
class Clipping:
    n_tops: int  # that are flat
    longest: int  # samples
    level: float  # of the tops, of full scale


@dataclass(frozen=True)
class Places:
    """How often something is in a recording, and where first."""

    n: int
    first: float  # seconds; 0 if nowhere


@dataclass(frozen=True)
class Zeros:
    """Exact digital silence."""

    seconds: float  # in all runs of 10 ms or more
    longest: float  # seconds
    longest_at: float  # seconds
    dropouts: Places  # short runs with sound on both sides


def clipping(wav: np.ndarray) -> Clipping:
    """Flat tops at the recording's own extremes, wherever these are: a file that was clipped and
    turned down later is still clipped.
    """
    n_tops, longest, level = 0, 0, 0.0
    for side in (wav, -wav):
        top = float(side.max())
        if top < LOWEST_TOP:
            continue
        starts, lengths = runs(side >= top - FLAT_TOLERANCE)
        flat = lengths[lengths >= FLAT_SAMPLES]
        if len(flat) > 0:
            n_tops += len(flat)
            longest = max(longest, int(flat.max()))
            level = max(level, top)
    return Clipping(n_tops, longest, level)


def plateau(wav: np.ndarray, sample_rate: int) -> float:
    """The largest share of the loud 5-ms blocks whose peaks lie within 3 % of each other.

    Speech spreads its peaks; clipping puts many of them at one level, and resampling or a lossy
    codec afterwards, which leaves no flat tops, does not spread them much. 0 of a short recording.
    """
    size = max(1, round(PLATEAU_BLOCK_SECONDS * sample_rate))
    peaks = np.sort(np.abs(wav[: len(wav) // size * size]).reshape(-1, size).max(axis=1))
    peaks = peaks[np.searchsorted(peaks, 0.1 * peaks[-1]) :] if len(peaks) else peaks
    if len(peaks) < LEAST_BLOCKS:
        return 0.0
    high = peaks[np.searchsorted(peaks, 0.5 * peaks[-1]) :]
    within = np.searchsorted(peaks, PLATEAU_WIDTH * high, side="right")
    return float((within - np.searchsorted(peaks, high)).max() / len(peaks))


def wrapped(wav: np.ndarray, sample_rate: int) -> Places:
    """Samples that overflowed their integers: too loud a peak comes out at the other end."""
    jumps = np.abs(np.diff(wav)) > WRAP_JUMP
    if not jumps.any():
        return Places(0, 0.0)
    loud = np.abs(wav) > WRAP_LEVEL
    starts, _ = runs(jumps & loud[:-1] & loud[1:])  # there and back is one
    return Places(len(starts), float(starts[0] / sample_rate) if len(starts) else 0.0)


def clicks(wav: np.ndarray, sample_rate: int) -> Places:
    """Samples where the wave bends as nothing within 10 ms around does, and hardly for longer."""
    size = max(2, round(CLICK_BLOCK_SECONDS * sample_rate))
    if len(wav) < 3 * size:
        return Places(0, 0.0)
    bends = np.abs(np.diff(wav, 2))
    n_blocks = len(bends) // size
    tops = bends[: n_blocks * size].reshape(-1, size).max(axis=1)
    near, far = CLICK_AROUND
    width = far - near + 1
    # Maxima over [b + near, b + far] and [b - far, b - near]; beyond the ends is silence.
    edged = np.pad(tops, far)
    centred = maximum_filter1d(edged, width, mode="nearest")
    half = width // 2
    after = centred[far + near + half :][:n_blocks]
    before = centred[far - near - width + 1 + half :][:n_blocks]
    sharp = (tops > CLICK_RATIO * np.maximum(before, after)) & (tops > LOWEST_CLICK)
    first, last = (max(1, round(seconds * sample_rate)) for seconds in CLICK_WIDTH)
    found = []
    for block in np.flatnonzero(sharp).tolist():
        top = block * size + int(np.argmax(bends[block * size :][:size]))
        sides = np.concatenate(
            (bends[max(0, top - last) : max(0, top - first)], bends[top + first : top + last])
        )
        is_new = not found or top - found[-1] > last  # one on an edge is in two blocks
        if is_new and bends[top] > NARROW_RATIO * sides.max(initial=0.0):
            found.append(top)
    return Places(len(found), found[0] / sample_rate if found else 0.0)


def zeros(wav: np.ndarray, sample_rate: int) -> Zeros:
    """Runs of samples that are exactly 0."""
    starts, lengths = runs(wav == 0)
    shortest = GAP_SECONDS[0] * sample_rate
    starts, lengths = starts[lengths >= shortest], lengths[lengths >= shortest]
    if len(starts) == 0:
        return Zeros(0.0, 0.0, 0.0, Places(0, 0.0))
    long = lengths >= 0.01 * sample_rate
    best = int(np.argmax(lengths))
    gaps = np.flatnonzero(lengths <= GAP_SECONDS[1] * sample_rate)
    loud, span = LOUD_BELOW * float(np.abs(wav).max()), max(1, round(0.003 * sample_rate))
    inside = [
        starts[i]
        for i in gaps.tolist()
        if np.abs(wav[max(0, starts[i] - span) : starts[i]]).max(initial=0.0) > loud
        and np.abs(wav[starts[i] + lengths[i] :][:span]).max(initial=0.0) > loud
    ]
    return Zeros(
        float(lengths[long].sum() / sample_rate),
        float(lengths[best] / sample_rate),
        float(starts[best] / sample_rate),
        Places(len(inside), float(inside[0] / sample_rate) if inside else 0.0),
    )


def edge_levels(wav: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Root mean square of the first and of the last 5 ms, of full scale."""
    size = max(1, round(0.005 * sample_rate))
    first, last = (float(np.sqrt(np.mean(edge**2))) for edge in (wav[:size], wav[-size:]))
    return first, last
