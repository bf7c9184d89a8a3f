"""The gradients of one update, from micro-batches and over all ranks.

What does not fit into memory at once is worked through in parts; when CUDA runs out of memory on
any rank, all ranks take smaller parts and begin the update anew, so that the step stays the same.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, nn, optim
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

from hifigan.distributed import Ranks
from hifigan.errors import UserError

logger = logging.getLogger(__name__)

REMEDIES = (
    "to use less memory: lower train.batch_size and raise train.accumulate, "
    "--set train.mixed_precision=true, --set train.grad_checkpoint=true, "
    "or limit the longest batches with train.max_batch_frames or data.max_seconds"
)
Losses = dict[str, Tensor]


class AveragedNetwork:
    """A network on every rank, with rank 0's weights and with gradients averaged over the ranks.

    The averaging runs bucket by bucket while backward still computes (DistributedDataParallel). The
    other ranks wait for every bucket, so a rank whose backward fails must take part in the rest.
    """

    def __init__(self, network: nn.Module, ranks: Ranks) -> None:
        self.network = network
        self.ranks = ranks
        self.wrap()

    def __call__(self, *inputs: Any) -> Any:
        return self.wrapped(*inputs)

    def wrap(self) -> None:
        """Start anew, also where a forward pass was left without its backward; all ranks together."""
        self.n_averaged = 0  # buckets
        self.has_finished = False
        self.wrapped = self.network
        if self.ranks.n_ranks == 1:
            return
        if any(weight.requires_grad for weight in self.network.parameters()):
            self.wrapped = DistributedDataParallel(self.network, gradient_as_bucket_view=True)
            self.wrapped.register_comm_hook(None, self._average)
            self.sizes = self._bucket_sizes()
        else:  # frozen as a whole: there are no gradients to average
            for tensor in self.network.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def alone(self, wanted: bool) -> contextlib.AbstractContextManager:
        """If wanted: forward and backward inside keep this rank's gradients to itself."""
        if wanted and self.ranks.n_ranks > 1:
            return self.wrapped.no_sync()
        return contextlib.nullcontext()

    def finish(self) -> None:
        """All ranks have come to the end of a backward whose gradients were averaged."""
        self.n_averaged = 0
        if self.ranks.n_ranks > 1 and not self.has_finished:
            # Buckets in the order in which gradients come. The ranks agree on it; torch would let
            # them do so in the next forward, which some of them may never get to.
            self.wrapped.reducer._rebuild_buckets()
            self.sizes = self._bucket_sizes()
        self.has_finished = True

    def catch_up(self) -> None:
        """Take part in what the others still wait for, with zeros."""
        if self.ranks.n_ranks > 1:
            for size in self.sizes[self.n_averaged :]:
                distributed.all_reduce(torch.zeros(size, device=self.ranks.device))

    def _bucket_sizes(self) -> list[int]:
        zeros = self.wrapped.reducer._get_zeros_like_grad_buckets()  # as torch's Join uses them
        return [bucket.buffer().numel() for bucket in zeros]

    def _average(self, _: None, bucket: distributed.GradBucket) -> torch.futures.Future[Tensor]:
        self.n_averaged = bucket.index() + 1
        return default_hooks.allreduce_hook(None, bucket)


class Parts(Protocol):
    """One step's batch, for cutting into micro-batches."""

    @property
    def n_utterances(self) -> int: ...

    def cut(self, n_parts: int) -> Sequence[Any]:
        """n_parts micro-batches, or as many as there are utterances; the same when asked again."""

    def describe(self) -> str:
        """What a person has to know of the batch whose memory did not suffice."""


class Accumulation:
    """Adds gradients up over micro-batches, whose number grows when memory runs out."""

    def __init__(self, ranks: Ranks, scaler: torch.amp.GradScaler, n_parts: int) -> None:
        self.ranks = ranks
        self.scaler = scaler
        self.n_parts = n_parts

    def gradients(
        self,
        networks: Sequence[AveragedNetwork],
        optimizer: optim.Optimizer,
        parts: Parts,
        compute: Callable[[Any], tuple[Losses, Tensor]],
    ) -> Losses:
        """Leave the batch's gradients in the first network. Returns the losses, summed over parts.

        The other networks are what `compute` goes through besides, with gradients to come. It gives
        the losses of a micro-batch and the one to minimise, both as its share of the whole batch's.
        """
        optimizer.zero_grad()
        while True:
            losses = self._attempt(networks[0], parts.cut(self.n_parts), compute)
            if losses is not None:
                return losses
            self._take_smaller_parts(parts)
            optimizer.zero_grad()
            parts.cut(self.n_parts)  # lets go of what was made of the larger ones
            if self.ranks.device.type == "cuda":
                torch.cuda.empty_cache()
            for network in networks:
                network.wrap()

    def _attempt(
        self,
        network: AveragedNetwork,
        parts: Sequence[Any],
        compute: Callable[[Any], tuple[Losses, Tensor]],
    ) -> Losses | None:
        """None: memory ran out on some rank."""
        sums: Losses = {}
        fits = True
        try:
            for i, part in enumerate(parts):
                is_last = i + 1 == len(parts)
                with network.alone(not is_last):
                    losses, total = compute(part)
                    sums = {
                        name: sums.get(name, 0.0) + loss.detach() for name, loss in losses.items()
                    }
                    if not is_last:
                        self._backward(total)
        except torch.OutOfMemoryError:
            fits = False
        if not self.ranks.all(fits):  # nobody begins to average what somebody does not have
            return None
        try:
            self._backward(total)
        except torch.OutOfMemoryError:
            fits = False
        if not fits:  # out here nothing of the failed backward is held any more
            del total
            network.catch_up()
        if not self.ranks.all(fits):
            return None
        network.finish()
        return sums

    def _backward(self, total: Tensor) -> None:
        """A loss that is no number makes every gradient none, on all ranks: all see it there."""
        poison = torch.where(total.detach().isfinite(), 1.0, torch.nan)
        self.scaler.scale(total * poison).backward()

    def _take_smaller_parts(self, parts: Parts) -> None:
        """Double the number of micro-batches, or end the run if they cannot be smaller."""
        cuda = self.ranks.device.type == "cuda"
        peak = torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0
        told = self.ranks.gather((parts.n_utterances, peak, parts.describe()))
        most, peak, batch = max(told)
        if self.n_parts >= most:
            raise UserError(
                f"out of GPU memory with one utterance at a time; a process had {batch}; peak "
                f"{peak:.1f} GiB; {REMEDIES}"
            )
        self.n_parts = min(2 * self.n_parts, most)
        logger.warning(
            "out of GPU memory: a process had %s; peak %.1f GiB; going on with %d micro-batches a step, "
            "which gives the same gradients more slowly; %s",
            batch,
            peak,
            self.n_parts,
            REMEDIES,
        )
