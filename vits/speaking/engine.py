"""What computes a voice: symbol ids to latents, latents to samples; by PyTorch or by onnxruntime.

Both are given the same noise. It is drawn for each text alone, of a seed, so that a text sounds the
same whatever is spoken beside it, and on the CPU, so that it is the same on every device. Noise of
frames is drawn in blocks: the first frames get the same numbers however many follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

BLOCK_FRAMES = 64


@dataclass(frozen=True)
class Scales:
    """How much a voice varies, and how slowly it speaks (VITS Sec. 2.2.2 and 3.2)."""

    noise: float = 0.667  # of the latents
    rhythm: float = 0.8  # of the durations
    length: float = 1.0  # multiplies every duration


@dataclass(frozen=True)
class SpokenLatent:
    """A text on its way through the model."""

    z: Tensor  # [C, T_spec], float32 on the engine's device
    durations: Tensor  # [T_text], int64 on the CPU: frames of each symbol id


class Engine(Protocol):
    """Computes a voice's model. speaker, language: their places in the config's lists."""

    name: str  # for messages
    hop_length: int  # samples of a frame
    context_frames: int  # at either side of a frame, of which its samples are made

    def latents(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None = None,
        language: int | None = None,
    ) -> list[SpokenLatent]:
        """Texts as symbol ids to latents, each as if it were alone."""

    def decode(self, latents: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """latents: [C, T_spec] each, or stretches. Returns [T_wav] each, float32 on the CPU."""


class Noise:
    """The noise of one text."""

    def __init__(self, seed: int) -> None:
        self._draws = torch.Generator().manual_seed(seed)

    def of_symbols(self, n_symbols: int) -> Tensor:
        """Standard normal [2, n_symbols]; comes before that of the frames."""
        return torch.randn(2, n_symbols, generator=self._draws)

    def of_frames(self, n_channels: int, n_frames: int) -> Tensor:
        """Standard normal [n_channels, n_frames]."""
        n_blocks = -(-n_frames // BLOCK_FRAMES)
        blocks = [
            torch.randn(BLOCK_FRAMES, n_channels, generator=self._draws) for _ in range(n_blocks)
        ]
        return torch.cat(blocks)[:n_frames].T
