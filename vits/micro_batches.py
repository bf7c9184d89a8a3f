"""A step's batch, cut into micro-batches that both updates go through."""

from dataclasses import dataclass

from torch import Tensor

from vits.data import Batch
from vits.passes import TrainingNoise, TrainingOutput


@dataclass(frozen=True)
class Counts:
    """What the losses of one rank are divided by: the whole batch's counts, per rank.

    The mean over the ranks of losses divided so equals one process's loss on the whole batch, and
    the sum over micro-batches that of all of them together.
    """

    utterances: float
    symbols: Tensor | float
    frames: Tensor | float


@dataclass(frozen=True)
class GeneratorPass:
    """What the generator made of a micro-batch, and the recordings' windows beside it."""

    output: TrainingOutput
    wav: Tensor  # [B, 1, segment_samples]
    mel: Tensor  # [B, n_mels, segment_frames]


@dataclass
class MicroBatch:
    batch: Batch
    noise: TrainingNoise | None
    is_whole: bool  # there is no other: the generator's pass is kept for both updates
    made: GeneratorPass | None = None
    random: dict[str, Tensor] | None = None  # else: the draws of the pass, to repeat it


class MicroBatches:
    """Cuts one batch (and the noise given for it, if any) into any number of micro-batches.

    `batch` is on the CPU, so that its lengths are at hand, and `on_device` the same on the device.
    """

    def __init__(
        self, batch: Batch, on_device: Batch, noise: TrainingNoise | None, hop_length: int
    ) -> None:
        self.batch = batch
        self.on_device = on_device
        self.noise = noise
        self.hop_length = hop_length
        self.parts: list[MicroBatch] = []
        self.n_parts = 0

    @property
    def n_utterances(self) -> int:
        return len(self.batch.wav)

    def cut(self, n_parts: int) -> list[MicroBatch]:
        """Micro-batches of as many utterances, the longest together; the same if asked again."""
        if n_parts != self.n_parts:  # what was made of the former ones is of no use any more
            self.n_parts = n_parts
            self.parts = [MicroBatch(self.on_device, self.noise, is_whole=True)]
            if min(n_parts, self.n_utterances) > 1:
                order = self.batch.wav_lengths.argsort(descending=True, stable=True)
                chunks = order.tensor_split(min(n_parts, self.n_utterances))
                self.parts = [self._part(rows) for rows in chunks]
        return self.parts

    def describe(self) -> str:
        longest = int(self.batch.wav_lengths.argmax())
        return (
            f"{self.n_utterances} utterances of up to "
            f"{int(self.batch.spec_lengths(self.hop_length)[longest])} frames and "
            f"{int(self.batch.token_lengths.max())} symbols, the longest {self.batch.ids[longest]}"
        )

    def _part(self, rows: Tensor) -> MicroBatch:
        n_tokens = int(self.batch.token_lengths[rows].max())
        n_samples = int(self.batch.wav_lengths[rows].max())
        noise = self.noise
        ids = [self.batch.ids[row] for row in rows.tolist()]
        rows = rows.to(self.on_device.wav.device)
        batch = Batch(
            tokens=self.on_device.tokens[rows, :n_tokens],
            token_lengths=self.on_device.token_lengths[rows],
            wav=self.on_device.wav[rows, :, :n_samples],
            wav_lengths=self.on_device.wav_lengths[rows],
            speakers=self.on_device.speakers[rows],
            languages=self.on_device.languages[rows],
            ids=ids,
        )
        if noise is not None:
            n_frames = n_samples // self.hop_length
            alignment = noise.alignment
            noise = TrainingNoise(
                noise.posterior[rows, :, :n_frames],
                noise.duration[rows, :, :n_tokens],
                noise.segment[rows],
                None if alignment is None else alignment[rows, :n_frames, :n_tokens],
            )
        return MicroBatch(batch, noise, is_whole=False)
