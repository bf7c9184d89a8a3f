"""The training batches of utterances: which ones meet, and where they are read from."""

import functools
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader, Subset

from hifigan.captured import records_steps
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.loader import batch_loader
from hifigan.packed_cache import open_packed_cache
from hifigan.sampler import LengthBucketedBatches
from vits.config import VitsConfig
from vits.corpus.utterance_table import (
    language_ids,
    mixed_in,
    sample_counts,
    speaker_ids,
)
from vits.data import Utterance, UtteranceDataset, collate, padded_frames
from vits.repeats import repeated

logger = logging.getLogger(__name__)


def make_loader(
    utterances: Sequence[Utterance], config: VitsConfig, ranks: Ranks, beside: Path
) -> DataLoader:
    """This rank's share of the training batches. An epoch has some utterances several times where
    the data section asks for a balance.

    beside: the folder of the runs, where the packed cache is kept, if the config wants one.
    """
    train, rate, hop_length = config.train, config.audio.sample_rate, config.audio.hop_length
    n_samples = sample_counts(utterances)
    n_frames, in_few_shapes = frames_alone(n_samples, config, ranks)
    if train.max_batch_frames is not None:
        require_budget(train.max_batch_frames, utterances, n_frames)
    rows = repeated(
        speaker_ids(utterances), language_ids(utterances), mixed_in(utterances), config.data
    )
    batches = LengthBucketedBatches.of_config(n_frames[rows], train, ranks)
    cache = None
    if config.data.packed_cache:
        folder = beside / "packed_cache"
        cache = open_packed_cache(folder, Path(config.data.folder), n_samples, rate)
    heaviest = max(
        4 * len(batch) * int(n_samples[rows[batch]].max()) for batch in batches.heaviest()
    )
    dataset = UtteranceDataset(utterances, rate, cache)
    if len(rows) > len(utterances):
        dataset = Subset(dataset, rows)
        if ranks.is_first:
            logger.info(
                "balance: an epoch has the %d utterances %d times in all",
                len(utterances),
                len(rows),
            )
    pad = functools.partial(collate, hop_length=hop_length if in_few_shapes else None)
    return batch_loader(dataset, batches, pad, heaviest, train, ranks)


def frames_alone(
    n_samples: np.ndarray, config: VitsConfig, ranks: Ranks
) -> tuple[np.ndarray, bool]:
    """Frames that each utterance takes of train.max_batch_frames, and whether batches are padded to
    few shapes: the budget is for what is computed, padding included.

    n_samples, and what is returned: int64 [n_utterances].
    """
    hop_length = config.audio.hop_length
    if not records_steps(config.train, ranks):
        return n_samples // hop_length, False
    return np.array([padded_frames(int(n), hop_length) for n in n_samples]), True


def require_budget(
    max_batch_frames: int, utterances: Sequence[Utterance], n_frames: np.ndarray
) -> None:
    """UserError if the longest utterance alone is over the budget. n_frames: int [n_utterances]."""
    longest = int(n_frames.argmax())
    if n_frames[longest] > max_batch_frames:
        raise UserError(
            f"train.max_batch_frames is {max_batch_frames}, but {utterances[longest].id} alone "
            f"takes {n_frames[longest]} frames; raise it to {n_frames[longest]} or more, or lower "
            f"data.max_seconds"
        )
