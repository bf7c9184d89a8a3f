"""Which processes read the training batches, and how these reach the trainer."""

import logging
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from hifigan.distributed import Ranks, usable_cores
from hifigan.training_config import TrainConfig

logger = logging.getLogger(__name__)

MAX_WORKERS = 8  # per training process; more only wait for the disk
SHARED_MEMORY = Path("/dev/shm")  # small in containers; only Linux has it as a folder


def batch_loader(
    dataset: Dataset,
    batches: Sampler[list],
    collate: Callable[[Sequence[Any]], Any],
    n_bytes: int,
    train: TrainConfig,
    ranks: Ranks,
) -> DataLoader:
    """This rank's batches, read as the train section says.

    collate: examples to a dataclass of tensors and lists; n_bytes: of the heaviest batch.
    """
    n_workers = choose_workers(train.num_workers)
    n_held = n_workers * train.prefetch_factor + 2  # with the one in use and the one before it
    needed = n_bytes * n_held * local_processes() if n_workers else 0
    return DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=collate if fits_shared_memory(needed) else Piped(collate),
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        prefetch_factor=train.prefetch_factor if n_workers else None,
        pin_memory=ranks.device.type == "cuda",
        worker_init_fn=leave_signals_to_the_trainer,
        generator=torch.Generator(),  # of its own: making an iterator draws a number
    )


def choose_workers(num_workers: int | None) -> int:
    """Loader processes of one training process; None: by its share of this machine's cores."""
    if num_workers is not None:
        return num_workers
    return max(0, min(usable_cores() // local_processes() - 1, MAX_WORKERS))


def local_processes() -> int:
    """Training processes on this machine, by torchrun's word."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def fits_shared_memory(n_bytes: int) -> bool:
    """Whether this machine's shared memory holds n_bytes of batches; a warning if not.

    Without the room loader processes are killed in the middle of an epoch.
    """
    if not SHARED_MEMORY.is_dir():
        return True
    free = shutil.disk_usage(SHARED_MEMORY).free
    if n_bytes > free:
        logger.warning(
            "%s has %.0f MB free, but the loader processes can fill %.0f MB with batches: batches "
            "go through pipes instead, which is slower; give the container more shared memory "
            "(docker run --shm-size=8g), or lower train.num_workers or train.prefetch_factor",
            SHARED_MEMORY,
            free / 1e6,
            n_bytes / 1e6,
        )
    return n_bytes <= free


@dataclass(frozen=True)
class Piped:
    """Lets batches go from loader processes to the trainer as bytes, not in shared memory."""

    collate: Callable[[Sequence[Any]], Any]

    def __call__(self, examples: Sequence[Any]) -> Any:
        batch = self.collate(examples)
        return batch if get_worker_info() is None else _Sent(batch)


class _Sent:
    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __reduce__(self) -> tuple[Any, ...]:
        values = {field.name: getattr(self.batch, field.name) for field in fields(self.batch)}
        arrays = {k: v.numpy() if isinstance(v, Tensor) else v for k, v in values.items()}
        return _received, (type(self.batch), arrays)


def _received(kind: type, arrays: dict[str, Any]) -> Any:
    tensors = {k: torch.from_numpy(v) for k, v in arrays.items() if isinstance(v, np.ndarray)}
    return kind(**arrays | tensors)


def leave_signals_to_the_trainer(worker: int) -> None:
    """Ignore what Ctrl-C and job schedulers send to all processes: a dead worker costs the save."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
