"""For any lengths, batch size, budget and number of ranks, an epoch holds every utterance exactly
once."""

import random
import time

import numpy as np
import pytest
import torch

from hifigan.errors import UserError
from hifigan.sampler import LengthBucketedBatches


def epoch_of(lengths, batch_size, n_ranks, epoch=0, seed=1, order=0, **budget):
    """A list of batches for each rank."""
    samplers = [
        LengthBucketedBatches(lengths, batch_size, n_ranks, rank, seed, **budget)
        for rank in range(n_ranks)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch, order)
    return [list(sampler) for sampler in samplers]


def some_cases():
    draws = random.Random(0)
    for _ in range(300):
        n_ranks = draws.randint(1, 5)
        n_utterances = draws.randint(n_ranks, draws.choice([6, 20, 200]))
        lengths = [draws.randint(1, draws.choice([1, 3, 1000])) for _ in range(n_utterances)]
        yield lengths, draws.randint(1, 20), n_ranks


def some_budgets():
    """Cases with a budget; every third one so small that the longest utterance fills it."""
    draws = random.Random(1)
    for lengths, batch_size, n_ranks in some_cases():
        budget = max(lengths) * draws.choice([1, draws.uniform(1, 3), draws.uniform(1, 30)])
        accumulate = draws.randint(1, 4)
        yield (
            lengths,
            batch_size,
            n_ranks,
            dict(accumulate=accumulate, max_batch_frames=int(budget)),
        )


def padded(batch, lengths):
    return len(batch) * max(lengths[i] for i in batch)


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


def test_no_list_exceeds_the_budget_and_still_every_utterance_comes_once():
    n_refused = 0
    for lengths, batch_size, n_ranks, budget in some_budgets():
        accumulate, frames = budget["accumulate"], budget["max_batch_frames"]
        try:
            epochs = [epoch_of(lengths, batch_size, n_ranks, e, **budget) for e in range(3)]
        except UserError as error:
            assert "do not divide" in str(error) and len(lengths) % n_ranks and accumulate == 1
            n_refused += 1
            continue
        for ranks in epochs:
            held = [i for rank in ranks for batch in rank for i in batch]
            assert sorted(held) == list(range(len(lengths)))
            assert {len(rank) for rank in ranks} == {len(epochs[0][0])}
            for batch in (batch for rank in ranks for batch in rank):
                longest = max(lengths[i] for i in batch)
                assert 1 <= len(batch)
                # So every micro-batch of an even split is within the budget by itself.
                assert -(-len(batch) // accumulate) * longest <= frames
                if batch_size > 1 or accumulate > 1 or len(lengths) % n_ranks == 0:
                    assert len(batch) <= batch_size * accumulate
    assert n_refused < 30


def test_a_budget_is_made_use_of():
    draws = random.Random(2)
    lengths = [draws.randint(50, 1000) for _ in range(5000)]
    batches = epoch_of(lengths, 1000, 1, max_batch_frames=20_000)[0]
    assert sum(padded(batch, lengths) for batch in batches) > 0.8 * 20_000 * len(batches)


def test_the_heaviest_lists_are_exceeded_in_no_epoch():
    for lengths, batch_size, n_ranks, budget in [*some_budgets()][:100]:
        for budget in ({}, budget):
            try:
                ranks = epoch_of(lengths, batch_size, n_ranks, **budget)
            except UserError:
                continue
            ranks += epoch_of(lengths, batch_size, n_ranks, epoch=7, **budget)
            heaviest = [
                LengthBucketedBatches(lengths, batch_size, n_ranks, r, 1, **budget).heaviest()
                for r in range(n_ranks)
            ]
            assert all(lists == heaviest[0] for lists in heaviest)
            assert all(len(set(batch)) == len(batch) for batch in heaviest[0])
            all_batches = [batch for rank in ranks for batch in rank]
            for weight in (len, lambda b: max(lengths[i] for i in b), lambda b: padded(b, lengths)):
                assert max(map(weight, heaviest[0])) >= max(map(weight, all_batches))
            if budget:
                most = budget["max_batch_frames"] * budget["accumulate"]
                assert max(padded(batch, lengths) for batch in heaviest[0]) <= most


def test_equal_batches_have_one_heaviest_list_of_the_longest_utterances():
    lengths = list(range(1, 41))
    assert LengthBucketedBatches(lengths, 4, 2, 0, 1).heaviest() == [[36, 37, 38, 39]]


def test_a_budget_for_single_utterances_that_leave_ranks_without_is_refused():
    with pytest.raises(UserError, match="max_batch_frames is 10, .* raise it to 20 or more"):
        LengthBucketedBatches([10] * 5, 4, 2, 0, 1, max_batch_frames=10)
    assert len(LengthBucketedBatches([10] * 5, 4, 2, 0, 1, max_batch_frames=20)) == 2


def test_there_are_no_more_batches_than_needed():
    for lengths, batch_size, n_ranks in some_cases():
        needed = -(-len(lengths) // (batch_size * n_ranks))
        assert len(epoch_of(lengths, batch_size, n_ranks)[0]) <= needed


def test_epochs_differ_and_repeat_from_seed_epoch_and_order_alone():
    lengths = [random.Random(i).randint(100, 900) for i in range(200)]
    first = epoch_of(lengths, 8, 2, epoch=3)
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    assert epoch_of(lengths, 8, 2, epoch=3) == first
    for change in (dict(epoch=4), dict(epoch=3, seed=2), dict(epoch=3, order=1)):
        as_sets = [
            {frozenset(batch) for rank in ranks for batch in rank}
            for ranks in (first, epoch_of(lengths, 8, 2, **change))
        ]
        assert len(as_sets[0] & as_sets[1]) < 5  # not the same batches in another order


def test_equal_lengths_are_shuffled_too():
    assert epoch_of([7] * 50, 5, 1, 0) != epoch_of([7] * 50, 5, 1, 1)


def test_batches_hold_like_lengths_and_ranks_work_on_like_lengths():
    draws = random.Random(0)
    lengths = [draws.randint(50, 1000) for _ in range(2000)]
    for budget in ({}, {"max_batch_frames": 8000}):
        ranks = epoch_of(lengths, 16, 2, **budget)
        total = sum(padded(batch, lengths) for rank in ranks for batch in rank)
        assert total < 1.15 * sum(lengths)
        for left, right in zip(*ranks):
            means = [sum(lengths[i] for i in batch) / len(batch) for batch in (left, right)]
            assert abs(means[0] - means[1]) < 110


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


def test_a_million_utterances_are_dealt_in_a_second():
    lengths = np.random.default_rng(0).integers(50, 1200, 1_000_000)
    start = time.process_time()
    sampler = LengthBucketedBatches(lengths, 32, 2, 0, seed=1, max_batch_frames=20_000)
    n_held = sum(map(len, sampler))
    assert time.process_time() - start < 1.5  # 0.3 s on a quiet machine
    assert abs(n_held - 500_000) < len(sampler)
