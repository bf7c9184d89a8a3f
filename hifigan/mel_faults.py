"""Whether a mel can be of its recording, and what it looks like where it cannot.

Predicted mels are smoother than the recording's own one and have noise of their own, but stay near
it; a mel of another scale, band or recording does not. How near was measured on three data sets
(48 to 64 recordings of ljspeech-mini, kathleen-en and asterisk-ru each, V1's recipe), as the mean
absolute difference in nats, and as the correlation that is left when each bin's mean over time is
taken away:

| mel | difference | correlation |
|---|---|---|
| blurred by 1 bin and 1 frame (standard deviation) | 0.25 to 0.37 | |
| blurred by 2 bins and 3 frames | 0.48 to 0.83 | 0.77 to 0.93 |
| the same and noise of 0.6 | 0.69 to 0.98 | 0.60 to 0.88 |
| blurred by 3 bins and 5 frames | 0.64 to 1.10 | 0.58 to 0.89 |
| frames centred half a hop earlier | 0.19 to 0.39 | 0.93 to 0.98 |
| magnitude floor 1e-6 for 1e-9 | 0 to 0.02 | 1 |
| half or twice as loud | 0.69 | 1 |
| a quarter as loud | 1.38 | 1 |
| log2, log10 | 1.7 to 2.8, 2.2 to 3.6 | 1 |
| -4..0, -4..4, 0..1 | 1.8 to 3.3, 3.6 to 4.3, 4.3 to 6.8 | 1 |
| logarithm of power, magnitudes, dB | 3.9 to 6.3, 3.9 to 6.3, 30 to 48 | |
| another recording | 1.15 to 2.3 | -0.22 to 0.54 |
| 8 frames late | 1.17 to 2.4 | -0.28 to 0.48 |
| bins up to 11025 Hz instead of 8000 | 0.62 to 1.36 | 0.67 to 0.88 |
| bins from 80 to 7600 Hz | 0.38 to 0.70 | 0.74 to 0.94 |

The last two lie among the good ones, so mels of other bands are compared as well: one of another
band is nearer to that band's mel (0 times as far as from the recipe's; blurred by 1 bin and 2
frames 0.32 to 0.63 for 11025 Hz), a good one is not (0.98 times or more, within half and twice as
loud).
"""

import math
from dataclasses import replace

from torch import Tensor

from hifigan.config import AudioConfig
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import MelRecipe

MAX_DIFFERENCE = 1.2  # nats, mean absolute
MIN_CORRELATION = 0.4
MAX_NEARER = 0.85  # times as far from another band's mel as from the recipe's
MIN_SPREAD = 1.0  # nats: speech has 1.3 to 2; a steadier recording has nothing to follow
MARGIN = 3.0  # nats by which a predicted mel may leave the range of real ones
MAX_SHIFT = 50  # frames within which a shifted mel is recognised
LOUD = 4.0  # nats: 50 times as loud is no matter of loudness any more
SURE = 0.7  # correlation of what is recognised

SCALES = {  # by name: the factor and the offset that a natural-log mel goes through
    "log10 instead of the natural logarithm": (1 / math.log(10), 0.0),
    "log2 instead of the natural logarithm": (1 / math.log(2), 0.0),
    "power instead of magnitude": (2.0, 0.0),
    "dB instead of the natural logarithm": (20 / math.log(10), 0.0),
    # Of Tacotron programs: dB over 20 dB, of which -100 to 0 become the two ends.
    "normalised to 0..1": (0.2 / math.log(10), 0.8),
    "normalised to -4..4": (1.6 / math.log(10), 2.4),
    "normalised to -4..0": (0.8 / math.log(10), -0.8),
}
BANDS = (
    (0.0, None),
    (0.0, 8000.0),
    (0.0, 7600.0),
    (80.0, 7600.0),
    (50.0, None),
)  # Hz, in common use


class ValueCheck:
    """Compares mels with their recordings' own mels, which it makes by one recipe."""

    def __init__(self, recipe: MelRecipe) -> None:
        audio = AudioConfig(
            recipe.sample_rate,
            recipe.n_fft,
            recipe.hop_length,
            recipe.win_length,
            recipe.n_mels,
            recipe.f_min,
            recipe.f_max,
        )
        self.n_mels = recipe.n_mels
        self.spectrogram = Spectrogram(audio, recipe.magnitude_floor)
        self.lowest = math.log(recipe.log_floor) - MARGIN
        # No bin of a spectrum is over the window's sum, however the samples in [-1, 1] lie.
        top = self.spectrogram.filterbank.sum(dim=1).max() * self.spectrogram.window.sum()
        self.highest = math.log(top.item()) + MARGIN
        others = (
            replace(audio, f_min=f_min, f_max=f_max or recipe.sample_rate / 2)
            for f_min, f_max in BANDS
            if f_max is None or f_max <= recipe.sample_rate / 2
        )
        self.bands = [
            (
                f"{other.f_min:g} to {other.f_max:g} Hz instead of {audio.f_min:g} to "
                f"{audio.f_max:g} Hz",
                Spectrogram(other),
            )
            for other in others
            if other != audio
        ]  # of these only the filters are used

    def fault_of(self, mel: Tensor, spec: Tensor) -> str | None:
        """What is wrong with the values of a mel, or None.

        mel: [n_mels, T_spec], finite; spec: [1, n_bins, T_spec], of the recording by `spectrogram`.
        They may differ by some frames at the end.
        """
        n_frames = min(mel.shape[-1], spec.shape[-1])
        mel, spec = mel[:, :n_frames], spec[..., :n_frames]
        own = self.spectrogram.mel(spec)[0]
        smallest, largest = mel.min().item(), mel.max().item()
        if smallest < self.lowest or largest > self.highest:
            told = (
                f"values from {smallest:.1f} to {largest:.1f}, expected natural logarithms from "
                f"{self.lowest:.1f} to {self.highest:.1f}"
            )
            return f"{told}; {look(mel, own)}"
        difference = distance(mel, own)
        nearest, band = min((distance(mel, by.mel(spec)[0]), name) for name, by in self.bands)
        told = (
            f"{difference:.2f} nats from the recording's own mel on average, expected "
            f"{MAX_DIFFERENCE} or less"
        )
        if nearest < MAX_NEARER * difference and nearest < MAX_DIFFERENCE:
            return (
                f"{difference:.2f} nats from the recording's own mel on average, but {nearest:.2f} "
                f"from its mel of other bands; bins of {band}?"
            )
        if difference > MAX_DIFFERENCE:
            return f"{told}; {look(mel, own)}"
        together = correlation(mel, own)
        if spread(own) > MIN_SPREAD and together < MIN_CORRELATION:
            return (
                f"does not change as the recording's own mel does (correlation {together:.2f}, "
                f"expected {MIN_CORRELATION} or more); {look(mel, own)}"
            )
        return None


def look(mel: Tensor, own: Tensor) -> str:
    """What a mel looks like beside the recording's own, both [n_mels, T_spec]."""
    level = (mel - own).median().item()
    if abs(level) < LOUD:
        shifted = (
            f"of a recording {math.exp(level):.2g} times as loud, or other n_fft or win_length"
        )
    else:
        shifted = f"{level:+.1f} nats: of int16 samples not scaled to [-1, 1], or a normalised mel"
    looks = {
        name: distance((mel - offset) / factor, own) for name, (factor, offset) in SCALES.items()
    }
    looks[shifted] = distance(mel - level, own)
    nearest = min(looks, key=looks.__getitem__)
    follows = correlation(mel, own) > SURE
    if follows and looks[nearest] < MAX_DIFFERENCE:
        return f"{nearest}?"
    if mel.min() >= 0 and correlation(mel, own.exp()) > SURE:
        return "magnitudes without a logarithm?"
    if follows:
        return "on another scale, as a normalised mel?"
    shift, together = best_shift(mel, own)
    if together > SURE:
        return f"{abs(shift)} frames {'late' if shift > 0 else 'early'}?"
    return "of another recording?"


def best_shift(mel: Tensor, own: Tensor) -> tuple[int, float]:
    """By how many frames a mel comes late, and the correlation without them."""
    furthest = min(MAX_SHIFT, mel.shape[1] // 2)
    found = []
    for shift in range(-furthest, furthest + 1):
        late, early = max(shift, 0), max(-shift, 0)
        n_frames = mel.shape[1] - late - early
        moved, kept = mel[:, late : late + n_frames], own[:, early : early + n_frames]
        found.append((correlation(moved, kept), shift))
    together, shift = max(found)
    return shift, together


def distance(mel: Tensor, own: Tensor) -> float:
    """Mean absolute difference in nats."""
    return (mel - own).abs().mean().item()


def correlation(mel: Tensor, own: Tensor) -> float:
    """Of the changes over time alone; 0 where there are none. Both are [n_mels, T_spec]."""
    changes, own_changes = changes_of(mel), changes_of(own)
    scale = (changes.square().sum() * own_changes.square().sum()).sqrt()
    return ((changes * own_changes).sum() / scale.clamp(min=1e-9)).item()


def spread(own: Tensor) -> float:
    """Nats by which a mel changes over time, root mean square."""
    return changes_of(own).square().mean().sqrt().item()


def changes_of(mel: Tensor) -> Tensor:
    """[n_mels, T_spec] without each bin's mean over time."""
    return mel - mel.mean(dim=1, keepdim=True)
