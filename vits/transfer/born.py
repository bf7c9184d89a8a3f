"""Layers that a voice of another config cannot have. They begin as nothing, or only judge, so that
it stays the voice that it was.
"""

from collections.abc import Iterable
from operator import attrgetter

from hifigan.layers import selects
from vits.config import VitsConfig

OPTIONAL = {  # their names, by the key of the config that is null where there are none
    "model.flow.transformer": "flow.couplings.*.transformer.*",
    "model.text_encoder.speaker_layer": "text_encoder.condition.*",
    "discriminator.durations": "discriminator.durations.*",
}


def born(saved: VitsConfig, names: Iterable[str]) -> set[str]:
    """Those of our names that no voice of the config `saved` has."""
    absent = [pattern for key, pattern in OPTIONAL.items() if attrgetter(key)(saved) is None]
    return {name for name in names for pattern in absent if selects(pattern, name)}


def is_born(key: str, saved: VitsConfig) -> bool:
    """Whether the key of the config is of layers that `saved` lacks."""
    return key in OPTIONAL and attrgetter(key)(saved) is None
