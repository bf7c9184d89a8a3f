"""By which recipe mels were made, found from their values and their recordings.

Other programs save no recipe beside their mels. So the mel of a recording is computed by the
recipes in common use and compared with the one that is given. Their logarithms differ by a factor
and an offset alone, which are fitted; the softer half of the cells is left out, because programs
differ in where they cut it off. Predicted mels come from no recipe exactly: of them nothing is told
here, and hifigan/mel_faults.py judges how near they are.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hifigan.audio import read_audio
from hifigan.mel_faults import BANDS
from hifigan.mel_recipe import MelRecipe
from hifigan.mels_on_disk import read_mel

EXACT = 0.05  # nats, root mean square; mels of neighbouring windows differ by 0.1 to 0.6
N_TRIED = 3  # recordings that have to agree
MOST_FRAMES_OFF = 1.5  # centred frames are one more
N_FRAMES = 100  # of each, from the middle
HOP_LENGTHS = (128, 200, 220, 240, 256, 275, 276, 300, 320, 512)  # at the recipe's rate
FRAME_RATES = (  # sample rates in Hz and hop lengths of common programs
    (16000, 160),
    (16000, 200),
    (16000, 256),
    (22050, 256),
    (24000, 240),
    (24000, 256),
    (24000, 300),
    (44100, 441),
    (44100, 512),
    (48000, 480),
    (48000, 512),
    (48000, 600),
)
WINDOWS = (  # n_fft and win_length
    (512, 400),
    (512, 512),
    (1024, 600),
    (1024, 800),
    (1024, 1024),
    (1200, 1200),
    (2048, 1024),
    (2048, 1100),
    (2048, 1200),
    (2048, 2048),
)
LOGARITHMS = {  # factor that makes one of a natural logarithm of magnitudes
    "natural logarithm": 1.0,
    "log10": 1 / math.log(10),
    "log2": 1 / math.log(2),
    "dB": 20 / math.log(10),
    "natural logarithm of power": 2.0,
    "log10 of power": 2 / math.log(10),
}
LOWEST = 1e-12  # before the logarithm; what is as soft is not compared
NEAR_FACTOR = 0.02  # of a factor, from one of these


@dataclass(frozen=True)
class Variant:
    """A recipe, and what no config can say."""

    recipe: MelRecipe
    is_htk: bool = False  # the mel scale of HTK, not Slaney's
    is_equal_height: bool = False  # filters with tops of 1, not of equal areas
    of_power: bool = False  # filters add up power, not magnitudes


@dataclass(frozen=True)
class Found:
    variant: Variant
    factor: float  # that the logarithm is multiplied by
    away: float  # nats, root mean square


def recipe_of_mels(pairs: Sequence[tuple[Path, Path]], recipe: MelRecipe) -> Found | None:
    """The recipe that some mels were computed by, on which all that are looked at agree.

    pairs: paths of mels and of their recordings, N_TRIED of which are looked at; recipe: tried
    first, and returned where it fits. None: not computed from these recordings, or in another way.
    UserError where a mel or a recording cannot be read.
    """
    chosen = np.linspace(0, len(pairs) - 1, min(len(pairs), N_TRIED)).round().astype(int)
    found: Found | None = None
    for mel_path, wav_path in (pairs[i] for i in chosen):
        mel = read_mel(mel_path, recipe.n_mels)
        variants = [found.variant] if found else variants_of(recipe, mel, wav_path)
        found = min(_tried(variants, mel, wav_path), key=_badness(recipe), default=None)
        if found is None or found.away > EXACT:
            return None
    return found


def differences(found: Found, recipe: MelRecipe) -> dict[str, str]:
    """What is other than in `recipe`: by the config's key, or by a name where there is no key."""
    own = asdict(recipe)
    told = {
        f"audio.{name}": f"{value:g}"
        for name, value in asdict(found.variant.recipe).items()
        if value != own[name]
    }
    if found.variant.is_htk:
        told["mel scale"] = "HTK's"
    if found.variant.is_equal_height:
        told["filters"] = "of equal height"
    if found.variant.of_power:
        told["sums"] = "of power"
    if not is_natural(found.factor):
        names = (name for name, f in LOGARITHMS.items() if abs(found.factor / f - 1) < NEAR_FACTOR)
        told["logarithm"] = next(names, f"natural, times {found.factor:.3g}")
    return told


def is_natural(factor: float) -> bool:
    return abs(factor - 1) <= NEAR_FACTOR


def variants_of(recipe: MelRecipe, mel: Tensor, wav_path: Path) -> Iterator[Variant]:
    """All that would give a mel so many frames for this recording, the recipe's own first."""
    seconds = len(read_audio(wav_path, recipe.sample_rate)) / recipe.sample_rate
    own_rates = [(recipe.sample_rate, hop) for hop in (recipe.hop_length, *HOP_LENGTHS)]
    for sample_rate, hop_length in dict.fromkeys([*own_rates, *FRAME_RATES]):
        if abs(seconds * sample_rate / hop_length - mel.shape[1]) > MOST_FRAMES_OFF:
            continue
        bands = [(low, high or sample_rate / 2) for low, high in BANDS]
        bands = dict.fromkeys([(recipe.f_min, recipe.f_max), *bands])
        windows = dict.fromkeys([*_windows_like(recipe), *WINDOWS])
        for (n_fft, win_length), (f_min, f_max) in product(windows, bands):
            if win_length < hop_length or n_fft // 2 < recipe.n_mels or f_max > sample_rate / 2:
                continue
            made = replace(
                recipe,
                sample_rate=sample_rate,
                n_fft=n_fft,
                hop_length=hop_length,
                win_length=win_length,
                f_min=f_min,
                f_max=f_max,
            )
            for how in product((False, True), repeat=3):
                yield Variant(made, *how)


def _windows_like(recipe: MelRecipe) -> list[tuple[int, int]]:
    """n_fft and win_length of the recipe, and doubled and halved ones."""
    n_fft, win_length = recipe.n_fft, recipe.win_length
    sizes = (n_fft, 2 * n_fft, n_fft // 2)
    return [(n_fft, win_length), (2 * n_fft, win_length), *((size, size) for size in sizes)]


def _tried(variants: Iterable[Variant], mel: Tensor, wav_path: Path) -> Iterator[Found]:
    """How far each variant's mel is from this one, by the nearer of two ways to lay frames."""
    first = max(0, (mel.shape[1] - N_FRAMES) // 2)
    given = mel[:, first : first + N_FRAMES]
    wavs: dict[int, Tensor] = {}
    powers: dict[tuple[int, ...], Tensor] = {}
    for variant in variants:
        recipe = variant.recipe
        if recipe.sample_rate not in wavs:
            wavs[recipe.sample_rate] = read_audio(wav_path, recipe.sample_rate)
        filters = torch.from_numpy(_filters(variant)).float()
        results = []
        for padding in (recipe.n_fft - recipe.hop_length) // 2, recipe.n_fft // 2:
            key = (recipe.sample_rate, recipe.n_fft, recipe.hop_length, recipe.win_length, padding)
            if key not in powers:
                wav = wavs[recipe.sample_rate]
                powers[key] = _power(wav, recipe, first, given.shape[1], padding)
            power = powers[key]
            own = filters @ power if variant.of_power else filters @ power.sqrt()
            own = own.clamp(min=LOWEST).log() / (1 + variant.of_power)
            results.append(_fitted(variant, own, given))
        yield min(results, key=lambda result: result.away)


def _power(wav: Tensor, recipe: MelRecipe, first: int, n_frames: int, padding: int) -> Tensor:
    """[n_bins, n_frames] from frame `first` on; wav: [T_wav], reflected by `padding` samples."""
    start = first * recipe.hop_length - padding
    stop = start + (n_frames - 1) * recipe.hop_length + recipe.n_fft
    piece = wav[max(0, start) : stop]
    if len(piece) == 0:  # of another recording, which is shorter
        return torch.zeros(recipe.n_fft // 2 + 1, n_frames)
    before = min(max(0, -start), len(piece) - 1)
    piece = F.pad(piece[None, None], (before, 0), "reflect")[0, 0]
    missing = stop - start - len(piece)
    reflected = min(missing, len(piece) - 1)
    piece = F.pad(piece[None, None], (0, reflected), "reflect")[0, 0]
    spec = torch.stft(
        F.pad(piece, (0, missing - reflected)),
        recipe.n_fft,
        recipe.hop_length,
        recipe.win_length,
        torch.hann_window(recipe.win_length),
        center=False,
        return_complex=True,
    )
    return spec.real.square() + spec.imag.square()


def _fitted(variant: Variant, own: Tensor, mel: Tensor) -> Found:
    """What the best factor and offset leave, in own's nats; own, mel: [n_mels, n_frames]."""
    louder = own > own.median()
    x, y = own[louder].double(), mel[louder].double()
    x, y = x - x.mean(), y - y.mean()
    factor = ((x * y).sum() / x.square().sum()).item()  # of silence: NaN
    away = (y / factor - x).square().mean().sqrt().item() if factor > 0 else math.inf
    return Found(variant, factor, away)


def _badness(recipe: MelRecipe) -> Callable[[Found], tuple[bool, bool, float]]:
    """For sorting: exact ones come first, of these the recipe itself."""

    def key(found: Found) -> tuple[bool, bool, float]:
        return found.away > EXACT, found.variant != Variant(recipe), found.away

    return key


def _filters(variant: Variant) -> np.ndarray:
    """Triangles on a mel scale: float64 [n_mels, n_bins]."""
    recipe = variant.recipe
    to_mel, to_hz = (_htk, _hz_of_htk) if variant.is_htk else (_slaney, _hz_of_slaney)
    ends = to_mel(np.array([recipe.f_min, recipe.f_max]))
    edges = to_hz(np.linspace(*ends, recipe.n_mels + 2))
    bins = np.linspace(0, recipe.sample_rate / 2, recipe.n_fft // 2 + 1)
    low, centre, high = (edges[i : recipe.n_mels + i, None] for i in range(3))
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return triangles if variant.is_equal_height else triangles * 2 / (high - low)


def _htk(hz: np.ndarray) -> np.ndarray:
    return 2595 * np.log10(1 + hz / 700)


def _hz_of_htk(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)


def _slaney(hz: np.ndarray) -> np.ndarray:
    above = 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4)
    return np.where(hz < 1000, hz * 3 / 200, above)


def _hz_of_slaney(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
