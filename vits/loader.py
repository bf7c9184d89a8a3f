"""The training batches: who reads them, in which processes."""

import signal

import torch
from torch.utils.data import DataLoader

from hifigan.distributed import Ranks
from vits.config import VitsConfig
from vits.data import Utterance, UtteranceDataset, collate
from vits.sampler import LengthBucketedBatches


def make_loader(utterances: list[Utterance], config: VitsConfig, ranks: Ranks) -> DataLoader:
    """This rank's share of the training batches."""
    train = config.train
    batches = LengthBucketedBatches(
        [u.n_frames for u in utterances], train.batch_size, ranks.n_ranks, ranks.rank, train.seed
    )
    return DataLoader(
        UtteranceDataset(utterances, config.audio.sample_rate),
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=train.num_workers,
        persistent_workers=train.num_workers > 0,
        pin_memory=ranks.device.type == "cuda",
        worker_init_fn=leave_signals_to_the_trainer,
        generator=torch.Generator(),  # of its own: making an iterator draws a number
    )


def leave_signals_to_the_trainer(worker: int) -> None:
    """Ignore what Ctrl-C and job schedulers send to all processes: a dead worker costs the save."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
