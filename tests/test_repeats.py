"""An epoch has every utterance, and speakers and old data as often as is asked for."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from vits.repeats import repeated


def data(balance_speakers=False, mix_in_share=0.3, balance_languages=False):
    return SimpleNamespace(
        balance_speakers=balance_speakers,
        mix_in_share=mix_in_share,
        balance_languages=balance_languages,
    )


def one_language(speaker_ids, is_old, data):
    return repeated(speaker_ids, np.zeros_like(speaker_ids), is_old, data)


def side(n_new, n_old):
    return np.arange(n_new + n_old) >= n_new


def some_sides():
    draws = np.random.default_rng(0)
    for _ in range(100):
        n = int(draws.integers(1, draws.choice([4, 40, 400])))
        share = float(draws.choice([0.01, 0.1, 0.3, 0.5, 0.9]))
        yield draws.integers(0, 5, n), draws.random(n) < draws.random(), share


def test_without_old_data_and_balance_an_epoch_is_the_list():
    for speaker_ids, _, share in some_sides():
        everything = np.arange(len(speaker_ids))
        for is_old in (everything < 0, everything >= 0):
            rows = one_language(speaker_ids, is_old, data(mix_in_share=share))
            assert rows.dtype == np.int64 and np.array_equal(rows, everything)


@pytest.mark.parametrize("balance", [False, True])
def test_every_utterance_comes_and_always_the_same_ones(balance):
    for speaker_ids, is_old, share in some_sides():
        rows = one_language(speaker_ids, is_old, data(balance, share))
        assert set(rows.tolist()) == set(range(len(speaker_ids)))
        assert np.array_equal(rows, np.sort(rows))
        assert np.array_equal(rows, one_language(speaker_ids, is_old, data(balance, share)))


@pytest.mark.parametrize("balance", [False, True])
def test_old_data_has_its_share_and_no_utterance_more(balance):
    for speaker_ids, is_old, share in some_sides():
        if is_old.all() or not is_old.any():
            continue
        rows = one_language(speaker_ids, is_old, data(balance, share))
        n_old, n = int(is_old[rows].sum()), len(rows)
        assert n_old / n >= share - 1e-12
        assert (n_old - 1) / (n - 1) < share or n_old / (n + 1) < share


@pytest.mark.parametrize(
    "n_new, n_old, share, n_new_then, n_old_then",
    [
        (70, 10, 0.3, 70, 30),
        (70, 30, 0.3, 70, 30),
        (70, 31, 0.3, 72, 31),
        (10, 90, 0.1, 810, 90),
        (1, 1000, 0.5, 1000, 1000),
        (1, 1, 0.3, 2, 1),
    ],
)
def test_the_smaller_side_is_one_language(n_new, n_old, share, n_new_then, n_old_then):
    is_old = side(n_new, n_old)
    rows = one_language(np.zeros(n_new + n_old, int), is_old, data(mix_in_share=share))
    assert (~is_old[rows]).sum() == n_new_then and is_old[rows].sum() == n_old_then


def test_a_side_is_repeated_evenly():
    rows = one_language(np.zeros(80, int), side(70, 10), data(mix_in_share=0.25))  # 24 of 10
    counts = np.bincount(rows)
    assert counts[:70].tolist() == [1] * 70
    assert sorted(counts[70:]) == [2] * 6 + [3] * 4
    further = np.flatnonzero(counts == 3)
    assert set(np.diff(further)) <= {2, 3}


def test_speakers_of_a_side_come_equally_often():
    speaker_ids = np.repeat([0, 1, 2, 7, 2], [50, 3, 1, 20, 6])
    is_old = speaker_ids < 2
    for share in (0.5, 0.1):
        rows = one_language(speaker_ids, is_old, data(True, share))
        for speakers in ([0, 1], [2, 7]):
            counts = [(speaker_ids[rows] == speaker).sum() for speaker in speakers]
            assert max(counts) - min(counts) <= 1 and min(counts) >= 20
    rows = one_language(speaker_ids, is_old & False, data(True))
    assert [(speaker_ids[rows] == speaker).sum() for speaker in (0, 1, 2, 7)] == [50] * 4
    assert np.bincount(rows)[:50].tolist() == [1] * 50


def test_a_million_utterances_are_repeated_in_a_second():
    draws = np.random.default_rng(0)
    speaker_ids, is_old = draws.integers(0, 2000, 1_000_000), np.arange(1_000_000) > 20_000
    start = time.process_time()
    rows = one_language(speaker_ids, is_old, data(True))
    assert len(rows) > 3_000_000 and time.process_time() - start < 3  # 0.4 s on a quiet machine


def test_languages_come_equally_often_and_speakers_within_each():
    # Language 0: speakers 0, 1; language 1: speakers 1, 2, 3. Speaker 1 speaks both.
    speaker_ids = np.repeat([0, 1, 1, 2, 3], [40, 5, 10, 2, 3])
    language_ids = np.repeat([0, 0, 1, 1, 1], [40, 5, 10, 2, 3])
    new = np.zeros(60, bool)
    rows = repeated(speaker_ids, language_ids, new, data(balance_languages=True))
    assert np.bincount(language_ids[rows]).tolist() == [45, 45]
    assert np.bincount(rows)[:45].tolist() == [1] * 45
    rows = repeated(speaker_ids, language_ids, new, data(True, balance_languages=True))
    counts = np.bincount(10 * language_ids[rows] + speaker_ids[rows])
    assert counts[[0, 1]].tolist() == [40, 40] and counts[10:].sum() == 80
    assert max(counts[11:]) - min(counts[11:]) <= 1
    assert set(rows.tolist()) == set(range(60))
