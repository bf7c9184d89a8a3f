"""A step's batch of segments, cut into micro-batches that both updates go through."""

from dataclasses import dataclass

from torch import Tensor

from hifigan.segments import SegmentBatch


@dataclass
class SegmentPart:
    batch: SegmentBatch
    is_whole: bool  # there is no other: what the generator made is kept for both updates
    wav_hat: Tensor | None = None  # [B, 1, segment_samples]


class SegmentParts:
    """Cuts one batch, which is on the device, into any number of micro-batches."""

    def __init__(self, batch: SegmentBatch) -> None:
        self.batch = batch
        self.parts: list[SegmentPart] = []
        self.n_parts = 0

    @property
    def n_utterances(self) -> int:
        return len(self.batch.ids)

    def cut(self, n_parts: int) -> list[SegmentPart]:
        """Micro-batches of nearly as many segments; the same if asked again."""
        if n_parts != self.n_parts:  # what was made of the former ones is of no use any more
            self.n_parts = n_parts
            n_parts = min(n_parts, self.n_utterances)
            edges = [self.n_utterances * i // n_parts for i in range(n_parts + 1)]
            self.parts = [
                SegmentPart(self.batch.rows(*edges[i : i + 2]), is_whole=n_parts == 1)
                for i in range(n_parts)
            ]
        return self.parts

    def describe(self) -> str:
        return f"{self.n_utterances} segments of {self.batch.wav.shape[-1]} samples"
