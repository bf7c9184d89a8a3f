"""For any lengths, batch size and number of ranks, an epoch holds every utterance exactly once."""

import random

import pytest
import torch

from hifigan.errors import UserError
from vits.sampler import LengthBucketedBatches


def epoch_of(lengths, batch_size, n_ranks, epoch=0, seed=1):
    """A list of batches for each rank."""
    samplers = [
        LengthBucketedBatches(lengths, batch_size, n_ranks, rank, seed) for rank in range(n_ranks)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    return [list(sampler) for sampler in samplers]


def some_cases():
    draws = random.Random(0)
    for _ in range(300):
        n_ranks = draws.randint(1, 5)
        n_utterances = draws.randint(n_ranks, draws.choice([6, 20, 200]))
        lengths = [draws.randint(1, draws.choice([1, 3, 1000])) for _ in range(n_utterances)]
        yield lengths, draws.randint(1, 20), n_ranks


def test_every_utterance_comes_once_and_every_rank_has_as_many_batches():
    for lengths, batch_size, n_ranks in some_cases():
        ranks = epoch_of(lengths, batch_size, n_ranks)
        held = [i for rank in ranks for batch in rank for i in batch]
        assert sorted(held) == list(range(len(lengths)))
        sizes = [len(batch) for rank in ranks for batch in rank]
        assert 1 <= min(sizes) and max(sizes) - min(sizes) <= 1
        assert max(sizes) <= max(batch_size, 2)
        if batch_size > 1 or len(lengths) % n_ranks == 0:
            assert max(sizes) <= batch_size
        assert len({len(rank) for rank in ranks}) == 1
        assert len(LengthBucketedBatches(lengths, batch_size, n_ranks, 0, 1)) == len(ranks[0])


def test_there_are_no_more_batches_than_needed():
    for lengths, batch_size, n_ranks in some_cases():
        needed = -(-len(lengths) // (batch_size * n_ranks))
        assert len(epoch_of(lengths, batch_size, n_ranks)[0]) <= needed


def test_epochs_differ_and_repeat_from_the_seed_alone():
    lengths = [random.Random(i).randint(100, 900) for i in range(200)]
    first = epoch_of(lengths, 8, 2, epoch=3)
    torch.manual_seed(99)
    random.seed(99)
    assert epoch_of(lengths, 8, 2, epoch=3) == first
    assert epoch_of(lengths, 8, 2, epoch=4) != first
    assert epoch_of(lengths, 8, 2, epoch=3, seed=2) != first
    as_sets = [
        {frozenset(batch) for rank in epoch_of(lengths, 8, 2, epoch) for batch in rank}
        for epoch in (3, 4)
    ]
    assert len(as_sets[0] & as_sets[1]) < 5  # not the same batches in another order


def test_equal_lengths_are_shuffled_too():
    assert epoch_of([7] * 50, 5, 1, 0) != epoch_of([7] * 50, 5, 1, 1)


def test_batches_hold_like_lengths_and_ranks_work_on_like_lengths():
    draws = random.Random(0)
    lengths = [draws.randint(50, 1000) for _ in range(2000)]
    ranks = epoch_of(lengths, 16, 2)
    padded = sum(len(batch) * max(lengths[i] for i in batch) for rank in ranks for batch in rank)
    assert padded < 1.15 * sum(lengths)
    for left, right in zip(*ranks):
        means = [sum(lengths[i] for i in batch) / len(batch) for batch in (left, right)]
        assert abs(means[0] - means[1]) < 100


def test_the_order_of_batches_does_not_follow_their_length():
    lengths = list(range(1, 1001))
    means = [sum(batch) / len(batch) for batch in epoch_of(lengths, 10, 1)[0]]
    rises = sum(later > earlier for earlier, later in zip(means, means[1:]))
    assert 30 < rises < 70


def test_a_start_within_the_epoch_gives_the_rest_of_it_and_the_next_epoch_is_whole():
    sampler = LengthBucketedBatches(list(range(40)), 4, 1, 0, seed=5)
    sampler.set_epoch(2)
    whole = list(sampler)
    sampler.set_epoch(2)
    sampler.set_start(7)
    assert list(sampler) == whole[7:] and len(sampler) == 10
    sampler.set_epoch(3)
    assert len(list(sampler)) == 10


def test_fewer_utterances_than_ranks_is_refused():
    with pytest.raises(UserError, match="3 utterances cannot feed 4 processes"):
        LengthBucketedBatches([1, 2, 3], 1, 4, 0, 0)
