"""Training steps as CUDA graphs: one launch a step instead of some thousands.

A step is many small kernels, which a GPU finishes faster than Python can launch them. What is done
to batches of one shape is always the same, and nothing in it waits for the host; so the first step
of a shape is taken as it stands, the second is recorded on the way to the GPU instead of being
computed, and from then on a step is: copy the batch to where the recorded one lay, and replay.

A replay does what the step does, draws the same random numbers and leaves the same state. Rates,
the average's share and the count of steps are tensors that the host fills in before the step;
whatever else of the host a step depends on is in the key of the recordings or makes them void.
"""

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.experiment import Experiment, Watched
from hifigan.optimization import FUSED
from hifigan.phases import phase, unmeasured
from hifigan.precision import autocast_dtype
from hifigan.training_config import TrainConfig

Key = tuple[Any, ...]  # what recordings differ in


@dataclass(frozen=True)
class Recording:
    """A step on the device: where its batch lies, and where its values come out."""

    graph: torch.cuda.CUDAGraph
    batch: Any
    values: dict[str, Tensor]

    def replay(self, batch: Any) -> dict[str, Tensor]:
        """batch: of the same shape, on the CPU."""
        for there, here in zip(tensors(self.batch), tensors(batch), strict=True):
            there.copy_(here, non_blocking=True)
        with phase("step"):
            self.graph.replay()
        return self.values


class CapturedSteps(Watched):
    """An experiment whose steps are replayed; in several parts, they are taken as they stand."""

    def __init__(self, experiment: Experiment, device: torch.device) -> None:
        super().__init__(experiment)
        self.device = device
        self.pool = torch.cuda.graph_pool_handle()  # of all recordings: one is at work at a time
        self.recordings: dict[Key, Recording | None] = {}  # None: seen once
        self.version = experiment.state.version

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        if self.experiment.accumulation.n_parts > 1:
            return self.experiment.train_step(batch)
        if self.version != self.experiment.state.version:
            self.recordings.clear()
            self.version = self.experiment.state.version
        key = self._key(batch)
        if key not in self.recordings:
            self.recordings[key] = None
            return self.experiment.train_step(batch)
        recording = self.recordings[key] or self._record(batch)
        self.recordings[key] = recording
        return recording.replay(batch)

    def _key(self, batch: Any) -> Key:
        state = self.experiment.state
        return (state.is_warming_up, *(tuple(tensor.shape) for tensor in tensors(batch)))

    def _record(self, batch: Any) -> Recording:
        """A UserError if that fails: torch's random numbers are of no use any more after it."""
        graph, there = torch.cuda.CUDAGraph(), batch.to(self.device)
        try:
            # The loader's threads go on with theirs meanwhile, which is no concern of this stream.
            with (
                unmeasured(),
                torch.cuda.graph(graph, self.pool, capture_error_mode="thread_local"),
            ):
                values = self.experiment.train_step(there)
        except RuntimeError as error:
            raise UserError(
                f"a training step could not be recorded as a CUDA graph: "
                f"{str(error).splitlines()[0]}; take steps as they stand, which is slower: "
                f"--set train.cuda_graphs=false"
            ) from error
        return Recording(graph, there, values)


def records_steps(config: TrainConfig, ranks: Ranks) -> bool:
    """Whether steps are recorded: where the config asks for it and it can be done.

    Several processes average their gradients while they compute, float16 changes its scale by the
    host's word, activations that are computed again need the random numbers of before, and of the
    optimizers the fused ones alone take rates and skips from the device.
    """
    return (
        config.cuda_graphs
        and ranks.device.type == "cuda"
        and ranks.n_ranks == 1
        and autocast_dtype(config, ranks.device) != torch.float16
        and not config.grad_checkpoint
        and config.accumulate == 1
        and config.optimizer in {kind.__name__ for kind in FUSED}
        and config.optimizer_options.get("fused", True)
    )


def tensors(batch: Any) -> list[Tensor]:
    """Those of a batch, in the order of its fields."""
    values = [getattr(batch, field.name) for field in fields(batch)]
    return [value for value in values if isinstance(value, Tensor)]
