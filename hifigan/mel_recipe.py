"""What a mel spectrogram is made of, and whether a vocoder understands it.

Two mels of one recording that differ in any of these numbers are different languages: a vocoder
that learnt one makes buzz or noise of the other. So the recipe goes with every mel on disk and with
every vocoder, and they are compared wherever the two meet. (The mel that a loss compares is another
recipe on purpose: it reaches up to loss_f_max.)
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from hifigan.config import AudioConfig
from hifigan.errors import UserError
from hifigan.mel import LOG_FLOOR
from hifigan.vocoder_config import VocoderConfig

FIX = (
    "make the mels anew with that recipe (python -m hifigan.extract_mel_spectrograms), or use a "
    "vocoder that was trained with this one"
)


@dataclass(frozen=True)
class MelRecipe:
    """All that hifigan/mel.py makes a mel of."""

    sample_rate: int  # Hz
    n_fft: int  # samples
    hop_length: int  # samples
    win_length: int  # samples
    n_mels: int
    f_min: float  # Hz
    f_max: float  # Hz
    magnitude_floor: float  # inside the root
    log_floor: float = LOG_FLOOR  # smallest mel magnitude before the logarithm
    scale: str = "natural logarithm of magnitude, Slaney filters"

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits, which are the same for the same recipe alone."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def recipe_of(audio: AudioConfig, magnitude_floor: float) -> MelRecipe:
    return MelRecipe(
        audio.sample_rate,
        audio.n_fft,
        audio.hop_length,
        audio.win_length,
        audio.n_mels,
        float(audio.f_min),  # 0 and 0.0 are one recipe, and have one fingerprint
        float(audio.f_top),
        float(magnitude_floor),
    )


def input_recipe(config: VocoderConfig) -> MelRecipe:
    """Of the mels that a vocoder turns into sound."""
    return recipe_of(config.audio, config.mel.magnitude_floor)


def require_same_recipe(
    found: MelRecipe, wanted: MelRecipe, where: Any, by: Any, fix: str = FIX
) -> None:
    """A UserError with both recipes side by side unless they are the same.

    where: the mels of the recipe `found`; by: the vocoder or config of the recipe `wanted`.
    """
    if found == wanted:
        return
    pairs = [(name, value, getattr(wanted, name)) for name, value in asdict(found).items()]
    told = [f"{name} {a} here and {b} there" for name, a, b in pairs if a != b]
    told += [f"{name} {a} in both" for name, a, b in pairs if a == b]
    raise UserError(
        f"{where}: made by another mel recipe ({found.fingerprint}) than {by} understands "
        f"({wanted.fingerprint}): {', '.join(told)}; {fix}"
    )
