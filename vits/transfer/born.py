"""Layers that a voice of another config cannot have and that begin as nothing, so that it stays the
voice that it was.
"""

from collections.abc import Callable, Iterable
from typing import Any

from hifigan.layers import selects
from vits.config import VitsConfig

# How their names begin, and the value that is null where there are none.
OPTIONAL: tuple[tuple[str, str, Callable[[VitsConfig], Any]], ...] = (
    (
        "flow.couplings.*.transformer.*",
        "model.flow.transformer",
        lambda c: c.model.flow.transformer,
    ),
)


def born(saved: VitsConfig, names: Iterable[str]) -> set[str]:
    """Those of our names that no voice of the config `saved` has."""
    absent = [pattern for pattern, _, value in OPTIONAL if value(saved) is None]
    return {name for name in names for pattern in absent if selects(pattern, name)}


def begins_as_nothing(key: str, saved: VitsConfig) -> bool:
    """Whether the key of the config is of layers that `saved` lacks."""
    return any(key == name and value(saved) is None for _, name, value in OPTIONAL)
