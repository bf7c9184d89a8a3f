"""What computes a voice, in three steps, by PyTorch or by onnxruntime: symbol ids to a draw from
the prior, that through the flow to latents, those to samples (VITS Fig. 1b). The second and the
third can be done a stretch of frames at a time.

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
class Drawn:
    """A text as a draw from the prior."""

    z_p: Tensor  # [C, T_spec], float32
    durations: Tensor  # [T_text], int64 on the CPU: frames of each symbol id


class Engine(Protocol):
    """Computes a voice's model. speaker, language: their places in the config's lists."""

    name: str  # for messages
    batch: int  # texts that it is best given together
    hop_length: int  # samples of a frame
    flow_context: int | None  # frames at either side that a latent depends on; None: all
    context_frames: int  # latents at either side that a frame's samples depend on

    def draw(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None = None,
        language: int | None = None,
    ) -> list[Drawn]:
        """Texts as symbol ids to draws, each as if it were alone."""

    def flow(self, z_p: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """[C, T_spec] each, or stretches, to latents of the same shapes."""

    def decode(self, z: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """Latents [C, T_spec] each, or stretches, to [T_wav] each, float32 on the CPU."""


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
