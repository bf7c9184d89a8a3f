"""A step's batch, cut into micro-batches that both updates go through."""

from dataclasses import dataclass, fields, replace

from torch import Tensor

from vits.data import Batch
from vits.model import TrainingNoise, TrainingOutput


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
    """Cuts one batch (and the noise given for it, if any) into any number of micro-batches."""

    def __init__(self, batch: Batch, noise: TrainingNoise | None, hop_length: int) -> None:
        self.batch = batch
        self.noise = noise
        self.hop_length = hop_length
        self.parts: list[MicroBatch] = []
        self.n_parts = 0

    @property
    def n_utterances(self) -> int:
        return len(self.batch.wav)

    def cut(self, n_parts: int) -> list[MicroBatch]:
        """Micro-batches of as many utterances, the longest together; the same if asked again."""
        n_parts = min(n_parts, self.n_utterances)
        if n_parts != self.n_parts:
            self.n_parts = n_parts
            self.parts = [MicroBatch(self.batch, self.noise, is_whole=True)]
            if n_parts > 1:
                order = self.batch.wav_lengths.argsort(descending=True, stable=True)
                self.parts = [self._part(rows) for rows in order.tensor_split(n_parts)]
        return self.parts

    def describe(self) -> str:
        longest = int(self.batch.wav_lengths.argmax())
        return (
            f"{self.n_utterances} utterances of up to "
            f"{int(self.batch.spec_lengths(self.hop_length)[longest])} frames and "
            f"{int(self.batch.token_lengths.max())} symbols, the longest {self.batch.ids[longest]}"
        )

    def _part(self, rows: Tensor) -> MicroBatch:
        batch, noise = select(self.batch, rows), self.noise
        if noise is not None:
            rows = rows.to(noise.segment.device)
            chosen = {field.name: getattr(noise, field.name)[rows] for field in fields(noise)}
            n_frames = int(batch.spec_lengths(self.hop_length).max())
            noise = replace(
                noise,
                posterior=chosen["posterior"][:, :, :n_frames],
                duration=chosen["duration"][:, :, : batch.tokens.shape[1]],
                segment=chosen["segment"],
            )
        return MicroBatch(batch, noise, is_whole=False)


def select(batch: Batch, rows: Tensor) -> Batch:
    """Some utterances of a batch, padded to the longest text and wav among them. rows: [n]."""
    token_lengths, wav_lengths = batch.token_lengths[rows], batch.wav_lengths[rows]
    return Batch(
        tokens=batch.tokens[rows, : int(token_lengths.max())],
        token_lengths=token_lengths,
        wav=batch.wav[rows, :, : int(wav_lengths.max())],
        wav_lengths=wav_lengths,
        speakers=batch.speakers[rows],
        ids=[batch.ids[row] for row in rows.tolist()],
    )
