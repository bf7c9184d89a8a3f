"""What a run takes of a checkpoint whose weights alone it begins with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Taking:
    reinitialise: tuple[str, ...] = ()  # parts, layers and patterns that begin with random weights
    speaker: str | None = None  # whose voice to keep of many in a model of one; None: their mean
