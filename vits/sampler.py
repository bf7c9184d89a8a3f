"""Batches of utterances of like length, the same number for every rank.

Not in the papers; the original drops what falls outside its fixed buckets and fills buckets up with
repeats. Here an epoch holds every utterance exactly once, over all ranks together.
"""

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler

from hifigan.errors import UserError

JITTER = 0.1  # share of an utterance's length by which sorting misjudges it, so that epochs differ


class LengthBucketedBatches(Sampler[list[int]]):
    """A batch sampler: lists of indices into `lengths`, which depend on (seed, epoch) alone.

    lengths: of all utterances, in any unit; batch_size: utterances per batch and rank. With batch
    size 1, and utterances that do not divide by the ranks, some batches have 2.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, n_ranks: int, rank: int, seed: int
    ) -> None:
        if len(lengths) < n_ranks:
            raise UserError(
                f"{len(lengths)} utterances cannot feed {n_ranks} processes; start at "
                f"most {len(lengths)} or add recordings"
            )
        self.lengths = lengths
        self.n_ranks = n_ranks
        self.rank = rank
        self.seed = seed
        self.epoch = 0
        self.start = 0
        wanted = -(-len(lengths) // (n_ranks * batch_size))
        self.n_batches = min(wanted, len(lengths) // n_ranks)  # no rank may go without

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration gives, from its first batch on."""
        self.epoch = epoch
        self.start = 0

    def set_start(self, batch_index: int) -> None:
        """Let the next iteration begin at this batch of the epoch; call it after set_epoch."""
        self.start = batch_index

    def __len__(self) -> int:
        """Batches per rank in a whole epoch, wherever the iteration starts."""
        return self.n_batches

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._epoch_batches()[self.start :])

    def _epoch_batches(self) -> list[list[int]]:
        draws = random.Random(f"{self.seed} {self.epoch}")  # a text seeds alike on every platform
        order = list(range(len(self.lengths)))
        draws.shuffle(order)
        order.sort(key=lambda i: self.lengths[i] * draws.uniform(1 - JITTER, 1 + JITTER))
        n_chunks = self.n_batches * self.n_ranks
        edges = [len(order) * i // n_chunks for i in range(n_chunks + 1)]
        chunks = [order[start:end] for start, end in zip(edges, edges[1:])]
        steps = [chunks[i : i + self.n_ranks] for i in range(0, n_chunks, self.n_ranks)]
        draws.shuffle(steps)
        return [step[self.rank] for step in steps]
