"""The training batches: which processes read them, and how they reach the trainer."""

import logging
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from hifigan.distributed import Ranks, usable_cores
from hifigan.errors import UserError
from hifigan.packed_cache import open_packed_cache
from vits.config import VitsConfig
from vits.corpus.utterance_table import sample_counts
from vits.data import Batch, Example, Utterance, UtteranceDataset, collate
from vits.sampler import LengthBucketedBatches

logger = logging.getLogger(__name__)

MAX_WORKERS = 8  # per training process; more only wait for the disk
SHARED_MEMORY = Path("/dev/shm")  # small in containers; only Linux has it as a folder


def make_loader(
    utterances: Sequence[Utterance], config: VitsConfig, ranks: Ranks, beside: Path
) -> DataLoader:
    """This rank's share of the training batches.

    beside: the folder of the runs, where the packed cache is kept, if the config wants one.
    """
    train, rate = config.train, config.audio.sample_rate
    n_samples = sample_counts(utterances)
    n_frames = n_samples // config.audio.hop_length
    if train.max_batch_frames is not None:
        require_budget(train.max_batch_frames, utterances, n_frames)
    batches = LengthBucketedBatches(
        n_frames,
        train.batch_size,
        ranks.n_ranks,
        ranks.rank,
        train.seed,
        train.accumulate,
        train.max_batch_frames,
    )
    cache = None
    if config.data.packed_cache:
        folder = beside / "packed_cache"
        cache = open_packed_cache(folder, Path(config.data.folder), n_samples, rate)
    n_workers = choose_workers(train.num_workers)
    heaviest = max(4 * len(batch) * int(n_samples[batch].max()) for batch in batches.heaviest())
    n_held = n_workers * train.prefetch_factor + 2  # with the one in use and the one before it
    needed = heaviest * n_held * local_processes() if n_workers else 0
    return DataLoader(
        UtteranceDataset(utterances, rate, cache),
        batch_sampler=batches,
        collate_fn=collate if fits_shared_memory(needed) else collate_for_pipe,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        prefetch_factor=train.prefetch_factor if n_workers else None,
        pin_memory=ranks.device.type == "cuda",
        worker_init_fn=leave_signals_to_the_trainer,
        generator=torch.Generator(),  # of its own: making an iterator draws a number
    )


def require_budget(
    max_batch_frames: int, utterances: Sequence[Utterance], n_frames: np.ndarray
) -> None:
    """UserError if the longest utterance alone is over the budget. n_frames: int [n_utterances]."""
    longest = int(n_frames.argmax())
    if n_frames[longest] > max_batch_frames:
        raise UserError(
            f"train.max_batch_frames is {max_batch_frames}, but {utterances[longest].id} alone "
            f"has {n_frames[longest]} frames; raise it to {n_frames[longest]} or more, or lower "
            f"data.max_seconds"
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


class PipedBatch(Batch):
    """A batch that goes from a loader process to the trainer as bytes, not in shared memory."""

    def __reduce__(self) -> tuple[Any, ...]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {k: v.numpy() if isinstance(v, Tensor) else v for k, v in values.items()}
        return _received, (arrays,)


def _received(arrays: dict[str, Any]) -> Batch:
    tensors = {k: torch.from_numpy(v) for k, v in arrays.items() if isinstance(v, np.ndarray)}
    return Batch(**arrays | tensors)


def collate_for_pipe(examples: Sequence[Example]) -> Batch:
    return PipedBatch(**vars(collate(examples)))


def leave_signals_to_the_trainer(worker: int) -> None:
    """Ignore what Ctrl-C and job schedulers send to all processes: a dead worker costs the save."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
