"""Which sentences every validation renders: of as many speakers as there is room for."""

from collections.abc import Sequence

import numpy as np

from vits.corpus.utterance_table import speaker_ids
from vits.data import Utterance


def shown(valid: Sequence[Utterance], n: int) -> list[Utterance]:
    """n utterances, or all if there are fewer, in the list's order; the first ones of each speaker.

    Of more than n speakers, those that stand in even distances in data.speakers: the first and the
    last one are among them, so that an old and a new voice are heard where one has been added.
    """
    ids = speaker_ids(valid)
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))  # of each speaker's utterances
    n_speakers = len(starts)
    if n_speakers > n:
        chosen = order[starts[np.linspace(0, n_speakers - 1, n).round().astype(int)]]
    else:
        sizes = np.diff(starts, append=len(order))
        turns = np.arange(len(order)) - np.repeat(starts, sizes)  # 0 for a speaker's first one
        chosen = order[np.lexsort((order, turns))[:n]]
    return [valid[int(i)] for i in np.sort(chosen)]
