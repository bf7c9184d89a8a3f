"""Mels grouped for vocoding in batches, those of like lengths together."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from torch import Tensor

Key = TypeVar("Key")

# What a batch may hold, padding included, by the kind of device. On a CPU each mel is alone: there
# a batch of 4 mels of 400 frames takes twice the time of the 4 (V3), since its activations leave
# the caches. A GPU waits between the kernels of a short mel; its number is not measured.
BATCH_FRAMES = {"cpu": 0, "cuda": 8192}
N_SORTED = 64  # mels that are held to be sorted by length, at most
N_BATCHES_SORTED = 8  # and the frames of how many full batches
LIKE = 1.25  # times as long as the shortest of its batch a mel may be


def in_batches(
    mels: Iterable[tuple[Key, Tensor]], batch_frames: int
) -> Iterator[list[tuple[Key, Tensor]]]:
    """All mels, each with its key, in batches of at most `batch_frames` frames or of one mel.

    mels: [n_mels, T_spec] each. Where nothing can be together, they come in their order, one by
    one as they are taken.
    """
    held, n_frames = [], 0
    for key, mel in mels:
        held.append((key, mel))
        n_frames += mel.shape[1]
        if len(held) == N_SORTED or n_frames > N_BATCHES_SORTED * batch_frames:
            yield from _batches(held, batch_frames)
            held, n_frames = [], 0
    yield from _batches(held, batch_frames)


def _batches(
    held: list[tuple[Key, Tensor]], batch_frames: int
) -> Iterator[list[tuple[Key, Tensor]]]:
    batch = []
    for key, mel in sorted(held, key=lambda pair: pair[1].shape[1]):
        longest = mel.shape[1]
        fits = (len(batch) + 1) * longest <= batch_frames
        if batch and not (fits and longest <= LIKE * batch[0][1].shape[1]):
            yield batch
            batch = []
        batch.append((key, mel))
    if batch:
        yield batch
