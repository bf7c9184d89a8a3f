"""Training steps as CUDA graphs: one launch a step instead of some thousands.

A step is many small kernels, which a GPU finishes faster than Python can launch them. What is done
to batches of one shape is always the same, and nothing in it waits for the host; so the first step
of a shape is taken as it stands, the second is recorded on the way to the GPU instead of being
computed, and from then on a step is: copy the batch to where the recorded one lay, and replay.

A replay does what the step does, draws the same random numbers and leaves the same state. Rates
and the average's share are tensors that the host fills in before the step; whatever else of the
host a step depends on is in the key of the recordings or makes them void.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from hifigan.config import TrainConfig
from hifigan.distributed import Ranks
from hifigan.experiment import Experiment, Watched
from hifigan.phases import phase, unmeasured

logger = logging.getLogger(__name__)

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
    """An experiment whose steps are replayed; where that cannot be, they are taken as they stand."""

    def __init__(self, experiment: Experiment, device: torch.device) -> None:
        super().__init__(experiment)
        self.device = device
        self.pool = torch.cuda.graph_pool_handle()  # of all recordings: one is at work at a time
        self.recordings: dict[Key, Recording | None] = {}  # None: seen once
        self.version = experiment.state.version
        self.gave_up = False

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        if self.gave_up or self.experiment.accumulation.n_parts > 1:
            return self.experiment.train_step(batch)
        if self.version != self.experiment.state.version:
            self.recordings.clear()
            self.version = self.experiment.state.version
        key = self._key(batch)
        with fastest_convolutions():
            if key not in self.recordings:
                self.recordings[key] = None
                return self.experiment.train_step(batch)
            recording = self.recordings[key] or self._record(batch)
        if recording is None:
            return self.experiment.train_step(batch)
        self.recordings[key] = recording
        return recording.replay(batch)

    def _key(self, batch: Any) -> Key:
        state = self.experiment.state
        return (state.is_warming_up, *(tuple(tensor.shape) for tensor in tensors(batch)))

    def _record(self, batch: Any) -> Recording | None:
        """None, and no further attempt: something in the step cannot be recorded."""
        graph, there = torch.cuda.CUDAGraph(), batch.to(self.device)
        n_parts = self.experiment.accumulation.n_parts
        try:
            # The loader's threads go on with theirs meanwhile, which is no concern of this stream.
            with (
                unmeasured(),
                torch.cuda.graph(graph, self.pool, capture_error_mode="thread_local"),
            ):
                values = self.experiment.train_step(there)
        except RuntimeError as error:
            self.gave_up = True
            self.recordings.clear()
            self.experiment.accumulation.n_parts = n_parts
            logger.warning(
                "steps are not recorded as CUDA graphs from here on, which costs speed alone: %s; "
                "to be spared the attempt: --set train.cuda_graphs=false",
                str(error).splitlines()[0],
            )
            return None
        return Recording(graph, there, values)


def captured(experiment: Experiment, config: TrainConfig, ranks: Ranks) -> Experiment:
    """The experiment with its steps recorded, where the config asks for it and it can be done.

    Several processes average their gradients while they compute, float16 changes its scale by the
    host's word, and activations that are computed again need the random numbers of before.
    """
    can = (
        ranks.device.type == "cuda"
        and ranks.n_ranks == 1
        and not experiment.state.scaler.is_enabled()
        and not config.grad_checkpoint
        and config.accumulate == 1
    )
    return CapturedSteps(experiment, ranks.device) if config.cuda_graphs and can else experiment


def tensors(batch: Any) -> list[Tensor]:
    """Those of a batch, in the order of its fields."""
    values = [getattr(batch, field.name) for field in fields(batch)]
    return [value for value in values if isinstance(value, Tensor)]


@contextmanager
def fastest_convolutions() -> Iterator[None]:
    """Inside, cuDNN tries all it has for a new shape; worth it for shapes that come again."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
