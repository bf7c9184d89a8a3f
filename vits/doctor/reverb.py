"""How fast sounds die away in one recording, which is slow in a room that echoes.

Not in the papers. Where a sound ends, a voice itself falls by 20 dB and more within 80 ms; an echo
fills these falls. Of each frame near the loudest ones the fall until 80 ms later is taken, of these
the 90th percentile, and the mean of that over four bands. In dB, 1st, 50th and 99th percentile of
recordings with a second of speech or more:

| recordings | kathleen-en | ljspeech-mini | asterisk-ru |
|---|---|---|---|
| as they are (1,616, 49 and 209) | 18, 23, 26 | 22, 24, 27 | 24, 33, 38 |
| a third slower and deeper | 17, 21, 24 | 20, 22, 25 | 23, 30, 36 |
| in hiss 17 dB below, where it is measured | 16, 21, 25 | 19, 22, 24 | 21, 24, 27 |
| echo of 0.2 s, 6 dB below the voice | 16, 19, 22 | 19, 20, 23 | 18, 21, 23 |
| echo of 0.3 s, as loud as the voice | 13, 14, 16 | 14, 16, 17 | 12, 15, 17 |
| echo of 0.6 s, as loud | 8.9, 9.9, 11 | 9.9, 10, 11 | 9.1, 10, 12 |
| echo of 0.6 s, 6 dB above | 8.0, 9.2, 10 | 8.6, 9.6, 11 | 7.7, 9.3, 12 |
| echo of 0.8 s, as loud | 7.8, 8.6, 9.9 | 8.4, 9.1, 10 | 7.5, 9.2, 12 |
| echo of 1.2 s, as loud | 6.6, 7.6, 9.3 | 7.2, 8.0, 9.2 | 6.2, 8.3, 11 |
| small room of 0.25 s, 1 m away | 13, 15, 17 | 15, 16, 19 | 14, 16, 17 |
| small room of 0.6 s, 25 cm away | 11, 13, 14 | 12, 13, 15 | 12, 14, 15 |
| small room of 0.6 s, 1 m away | 7.9, 8.8, 10 | 8.5, 9.3, 10 | 7.7, 9.0, 11 |

Echoes are decaying noise, in which the sound falls by 60 dB in the time given; rooms are of 4.2 by
5.1 by 2.6 m, by the image method. Other sample rates change it by 2 dB at most.
"""

import numpy as np

from hifigan.corpus.activity import DIGITAL_SILENCE, Spectrum, band_levels

BANDS = ((300.0, 700.0), (700.0, 1400.0), (1400.0, 2800.0), (2800.0, 5600.0))  # Hz
N_LATER = 8  # frames of 10 ms: consonants last as long
BELOW_LOUD = 15.0  # dB below the loud frames where falls may begin
ABOVE_FLOOR = 18.0  # dB; nearer to noise, it would hide how far sounds fall
LOUD, FLOOR = 0.95, 0.03  # shares of a band's frames that are below these levels
LARGE = 0.9  # share of the falls that are smaller: most frames are inside of a sound
LEAST_FRAMES = 20  # in a band
LEAST_BANDS = 2  # that have so many


def fall(spectrum: Spectrum) -> float:
    """dB by which ending sounds fall within 80 ms; NaN where noise or shortness hides it."""
    falls = [_fall(band_levels(spectrum, *band)) for band in BANDS]
    known = [value for value in falls if value is not None]
    return float(np.mean(known)) if len(known) >= LEAST_BANDS else float("nan")


def _fall(levels: np.ndarray) -> float | None:
    """Of one band: levels in dBFS [n_frames]."""
    sounding = levels[levels > DIGITAL_SILENCE]
    if len(sounding) < LEAST_FRAMES:
        return None
    least = max(_quantile(sounding, LOUD) - BELOW_LOUD, _quantile(sounding, FLOOR) + ABOVE_FLOOR)
    now, later = levels[:-N_LATER], levels[N_LATER:]
    is_loud = now > least
    if np.count_nonzero(is_loud) < LEAST_FRAMES:
        return None
    return _quantile(now[is_loud] - later[is_loud], LARGE)


def _quantile(values: np.ndarray, share: float) -> float:
    """The nearest value: numpy's own percentile takes longer than all else here."""
    index = round(share * (len(values) - 1))
    return float(np.partition(values, index)[index])
