"""Which utterances are trained on, validated on, tested with: no sentence is on two sides."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

SIDES = ("valid", "test", "train")
MOST = 200  # utterances of valid and test each, where a share is asked for


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the split looks at."""

    sentence: int  # a number that readings of one sentence share
    speaker: str | None
    language: str | None
    split: str | None  # that the source says


def wanted(asked: float, n: int) -> int:
    """Utterances of a side. asked: a number from 1 on, a share below it, of which one is least."""
    if asked >= 1:
        return min(int(asked), n // 3)
    return min(MOST, max(round(asked * n), asked > 0), n // 3)


def split(
    utterances: Sequence[Utterance], valid: float, test: float, seed: int
) -> tuple[list[str], int]:
    """The side of each utterance, and how many sentences the source had on two sides.

    What the source says stays; of a sentence that it has on two sides, all goes to the first of
    valid, test and train that has it, so that none is trained on and judged by. Where it names no
    side of that kind, whole sentences are drawn for it, of every speaker and language in turn.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for i, utterance in enumerate(utterances):
        groups[utterance.sentence].append(i)
    sides: dict[int, str] = {}
    n_torn = 0
    said = Counter(u.split for u in utterances if u.split)
    for sentence, rows in groups.items():
        told = {utterances[i].split for i in rows} - {None}
        n_torn += len(told) > 1
        if told:
            sides[sentence] = next(side for side in SIDES if side in told)
    for side, asked in (("valid", valid), ("test", test)):
        if not said[side]:
            for sentence in _drawn(utterances, groups, sides, wanted(asked, len(utterances)), seed):
                sides[sentence] = side
    return [sides.get(utterance.sentence, "train") for utterance in utterances], n_torn


def _drawn(
    utterances: Sequence[Utterance],
    groups: dict[int, list[int]],
    sides: dict[int, str],
    n: int,
    seed: int,
) -> list[int]:
    """Sentences for a side, of n utterances or a few more, spread over speakers and languages."""
    queues: dict[tuple[str, str], list[int]] = defaultdict(list)

    def spread(sentence: int) -> bytes:
        return hashlib.blake2b(f"{seed} {sentence}".encode(), digest_size=8).digest()

    # Sentences that the source wants to be trained on are free, too, where it has no other side.
    free = [sentence for sentence in groups if sides.get(sentence, "train") == "train"]
    for sentence in sorted(free, key=spread):
        first = utterances[groups[sentence][0]]
        queues[first.language or "", first.speaker or ""].append(sentence)
    for queue in queues.values():  # few readings first: a sentence that many read costs much data
        queue.sort(key=lambda sentence: len(groups[sentence]) > 1)
    chosen: list[int] = []
    n_chosen, turn = 0, 0
    while n_chosen < n and any(turn < len(queue) - 1 for queue in queues.values()):
        for key in sorted(queues):
            if turn < len(queues[key]) - 1 and n_chosen < n:  # one sentence of each is trained on
                chosen.append(queues[key][turn])
                n_chosen += len(groups[chosen[-1]])
        turn += 1
    return chosen
