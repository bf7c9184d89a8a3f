"""Lists of utterances of like length, as many for every rank, within a budget of frames.

Not in the papers; the original drops what falls outside its fixed buckets and fills buckets up with
repeats. Here an epoch holds every utterance exactly once, over all ranks together. Who wants some
more often lists their lengths as often.

Every epoch sorts the utterances anew, by lengths misjudged at random by up to a tenth, and cuts
them at the same places into steps. The places are chosen once, for the worst that misjudging can
bring there; so the number of steps is the same in every epoch and the budget holds in all of them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.training_config import TrainConfig

LOWEST, HIGHEST = 9_000, 11_000  # factors of misjudged lengths; whole numbers, so bounds are exact


class LengthBucketedBatches(Sampler[list[int]]):
    """A batch sampler: per step one list of indices into `lengths`, for all its micro-batches.

    lengths: frames of every utterance; batch_size: the most utterances of a micro-batch;
    accumulate: micro-batches of a list; max_batch_frames: frames of a micro-batch that is padded to
    the list's longest utterance, None for no limit, else no less than the longest utterance.
    The lists depend on (seed, epoch, order) alone. Where lists of one utterance do not divide by
    the ranks, some lists have 2.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        batch_size: int,
        n_ranks: int,
        rank: int,
        seed: int,
        accumulate: int = 1,
        max_batch_frames: int | None = None,
    ) -> None:
        self.lengths = np.asarray(lengths, dtype=np.int64)
        if len(self.lengths) < n_ranks:
            raise UserError(
                f"{len(self.lengths)} utterances cannot feed {n_ranks} processes; start at "
                f"most {len(self.lengths)} or add recordings"
            )
        self.batch_size = batch_size
        self.n_ranks = n_ranks
        self.rank = rank
        self.seed = seed
        self.accumulate = accumulate
        self.max_batch_frames = max_batch_frames
        self.edges = self._edges(np.sort(self.lengths))
        self.set_epoch(0)

    @classmethod
    def of_config(
        cls, lengths: Sequence[int] | np.ndarray, train: TrainConfig, ranks: Ranks
    ) -> "LengthBucketedBatches":
        """This rank's batches as the train section says."""
        return cls(
            lengths,
            train.batch_size,
            ranks.n_ranks,
            ranks.rank,
            train.seed,
            train.accumulate,
            train.max_batch_frames,
        )

    def set_epoch(self, epoch: int, order: int = 0) -> None:
        """Choose the epoch that the next iteration gives, from its first list on.

        Another `order` gives the same epoch's utterances in another order.
        """
        self.epoch, self.order = epoch, order
        self.start = 0

    def set_start(self, batch_index: int) -> None:
        """Let the next iteration begin at this list of the epoch; call it after set_epoch."""
        self.start = batch_index

    def __len__(self) -> int:
        """Lists per rank in a whole epoch, wherever the iteration starts."""
        return len(self.edges) - 1

    def __iter__(self) -> Iterator[list[int]]:
        # Of numpy's methods random() alone is sure to draw alike in every version.
        draws = np.random.Generator(np.random.PCG64([self.seed, self.epoch, self.order]))
        factors = LOWEST + (draws.random(len(self.lengths)) * (HIGHEST - LOWEST + 1)).astype(int)
        utterances = np.argsort(self.lengths * factors, kind="stable")
        for step in np.argsort(draws.random(len(self)), kind="stable")[self.start :]:
            first, last = self.edges[step : step + 2]
            share = first + (last - first) * np.arange(self.rank, self.rank + 2) // self.n_ranks
            yield utterances[slice(*share)].tolist()

    def heaviest(self) -> list[list[int]]:
        """The lists that no epoch exceeds on any rank: in length, in utterances, in padded frames.

        One to three, the same on every rank, of the longest utterances that can meet in each.
        """
        by_length = np.argsort(self.lengths, kind="stable")
        ends = np.searchsorted(  # behind the longest utterance that each step can hold
            self.lengths, self._longest(self.lengths[by_length], self.edges[1:]), "right", by_length
        )
        sizes = -(-np.diff(self.edges) // self.n_ranks)
        frames = sizes * self.lengths[by_length[ends - 1]]
        steps = {len(sizes) - 1} | {np.flatnonzero(x == x.max())[-1] for x in (frames, sizes)}
        return [by_length[ends[step] - sizes[step] : ends[step]].tolist() for step in sorted(steps)]

    def _edges(self, ascending: np.ndarray) -> np.ndarray:
        """Where the sorted utterances are cut: int64 [n_steps + 1].

        From the shortest on every step takes as many as the budget allows; what the last one then
        lacks is shared out. That moves every edge to shorter utterances, so the budget still holds.
        """
        n_utterances, n_ranks = len(ascending), self.n_ranks
        sizes, end, n_items = [], 0, self.batch_size
        while end < n_utterances:
            size = n_ranks * self.accumulate * n_items
            if n_items == 1 or self._fits(ascending, min(end + size, n_utterances), n_items):
                sizes.append(size)
                end += size
            else:
                n_items -= 1
        n_steps = min(len(sizes), n_utterances // n_ranks)
        if n_steps < len(sizes):  # all lists have one utterance, and some are left over
            n_left = n_utterances - n_steps * n_ranks
            sizes = [n_ranks + n_left] + sizes[1:n_steps]
            if not self._fits(ascending, sizes[0], 2):
                raise UserError(
                    f"train.max_batch_frames is {self.max_batch_frames}, which lets no two "
                    f"utterances into a batch, and {n_utterances} utterances do not divide among "
                    f"{n_ranks} processes; raise it to "
                    f"{2 * self._longest(ascending, sizes[0])} or more"
                )
        # Every rank gets one utterance; these are the shares in all further ones.
        room = np.concatenate([[0], np.cumsum(np.array(sizes) - n_ranks)])
        n_further = n_utterances - n_steps * n_ranks
        return n_ranks * np.arange(n_steps + 1) + n_further * room // max(1, room[-1])

    def _fits(self, ascending: np.ndarray, end: int, n_items: int) -> bool:
        if self.max_batch_frames is None:
            return True
        return n_items * self._longest(ascending, end) <= self.max_batch_frames

    def _longest(self, ascending: np.ndarray, end: int | np.ndarray) -> int | np.ndarray:
        """The most frames of any utterance that misjudging can bring before the edge `end`."""
        return np.minimum(ascending[end - 1] * HIGHEST // LOWEST, ascending[-1])
