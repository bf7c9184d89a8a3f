"""How often an epoch has each utterance: more often where speakers or new and old data are to
balance.

Not in the papers. No utterance is left out; the side that is to weigh more is repeated.
"""

import math
from fractions import Fraction

import numpy as np

from vits.data_config import DataConfig

SEED = 0  # of where the remainders begin


def repeated(
    speaker_ids: np.ndarray, language_ids: np.ndarray, is_mixed_in: np.ndarray, data: DataConfig
) -> np.ndarray:
    """The utterances of an epoch, each at least once: int64 indices, rising.

    speaker_ids, language_ids: int [n_utterances]; is_mixed_in: bool [n_utterances], True for old
    data. With data.balance_speakers every speaker of a side, new or old, gets as many as its
    largest; with data.balance_languages every language does, and with both every language and every
    speaker within it. Then one side is repeated until old data has data.mix_in_share of all, or the
    least above it.
    """
    draws = np.random.Generator(np.random.PCG64(SEED))
    sides = [np.flatnonzero(~is_mixed_in), np.flatnonzero(is_mixed_in)]
    if data.balance_languages:
        within = speaker_ids if data.balance_speakers else np.zeros_like(speaker_ids)
        sides = [_balanced_languages(side, language_ids, within, draws) for side in sides]
    elif data.balance_speakers:
        sides = [_balanced(side, speaker_ids[side], draws) for side in sides]
    new, old = sides
    if len(new) and len(old):
        share = Fraction(str(data.mix_in_share))  # as it is written: 0.3 is 3/10
        n_old = math.ceil(len(new) * share / (1 - share))
        if len(old) < n_old:
            old = _stretched(old, n_old, draws)
        else:
            n_new = math.floor(len(old) * (1 - share) / share)
            new = _stretched(new, max(n_new, len(new)), draws)
    return np.sort(np.concatenate([new, old]))


def _balanced_languages(
    side: np.ndarray, language_ids: np.ndarray, speaker_ids: np.ndarray, draws: np.random.Generator
) -> np.ndarray:
    """The utterances of a side, as many of each language, and in it as many of each speaker."""
    groups = [
        _balanced(group, speaker_ids[group], draws) for group in _groups(side, language_ids[side])
    ]
    return _evened(groups, draws)


def _balanced(side: np.ndarray, speaker_ids: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """The utterances of a side, as many of each of its speakers."""
    return _evened(_groups(side, speaker_ids), draws)


def _groups(side: np.ndarray, ids: np.ndarray) -> list[np.ndarray]:
    """The utterances of a side, those of one id together. ids: of each of them."""
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    return np.split(side[order], starts[1:]) if len(side) else []


def _evened(groups: list[np.ndarray], draws: np.random.Generator) -> np.ndarray:
    """All groups, each as long as the longest."""
    most = max(map(len, groups), default=0)
    stretched = [_stretched(group, most, draws) for group in groups]
    return np.concatenate(stretched) if stretched else np.empty(0, np.int64)


def _stretched(indices: np.ndarray, n: int, draws: np.random.Generator) -> np.ndarray:
    """n of the indices: each as many whole times as fit, and the rest in even distances."""
    n_times, n_more = divmod(n, len(indices))
    start = int(draws.random() * len(indices))
    further = (np.arange(n_more) * len(indices) + start) // max(1, n_more)
    return np.concatenate([np.tile(indices, n_times), indices[further]])
