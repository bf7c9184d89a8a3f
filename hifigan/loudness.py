"""Loudness as ITU-R BS.1770 measures it, by the package pyloudnorm."""

import importlib.util

import numpy as np

from hifigan.errors import UserError

BLOCK_SECONDS = 0.4  # of BS.1770; shorter clips are measured with silence around them
LOUDEST_PEAK = 10 ** (-1 / 20)  # -1 dBFS: what a gain may raise a peak to


def loudness_of(wav: np.ndarray, sample_rate: int) -> float:
    """LUFS of a clip [n_samples], -inf where it is too quiet for the standard's gate."""
    import pyloudnorm

    block = int(BLOCK_SECONDS * sample_rate) + 1
    measured = np.pad(wav, (0, max(0, block - len(wav)))).astype(np.float64)
    return float(
        pyloudnorm.Meter(sample_rate, block_size=BLOCK_SECONDS).integrated_loudness(measured)
    )


def gain_to(wav: np.ndarray, sample_rate: int, loudness: float) -> tuple[float, float]:
    """The factor that brings a clip to `loudness` LUFS, and the one that its peak allows.

    The smaller of them clips nothing. Both are 1 for a clip that is too quiet to be measured.
    UserError: pyloudnorm is not installed.
    """
    if importlib.util.find_spec("pyloudnorm") is None:
        raise UserError("loudness is measured by pyloudnorm, not installed: pip install pyloudnorm")
    found = loudness_of(wav, sample_rate)
    if not np.isfinite(found):
        return 1.0, 1.0
    return 10 ** ((loudness - found) / 20), LOUDEST_PEAK / float(np.abs(wav).max())
