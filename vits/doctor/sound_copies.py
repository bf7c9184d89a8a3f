"""The same sound in two files: to the sample, or the same take at another loudness or quality.

Takes are compared by the course of their loudness in two bands (sound.py). Two readings of one
sentence by one speaker correlate up to 0.98, a take and its copy as MP3 by more than COPY.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vits.doctor.sound import N_ENVELOPE

COPY = 0.993  # correlation
SAME_LENGTH = 0.035  # seconds between the lengths of two copies' speech
LEAST_SPEECH = 0.6  # seconds; in shorter ones a course of 64 points tells too little
N_TOGETHER = 512  # rows compared at a time


@dataclass(frozen=True)
class Copy:
    row: int  # the later one in the list
    of: int  # the first one
    is_exact: bool


def find_copies(facts: np.ndarray) -> list[Copy]:
    """Every recording that is the same as an earlier one. facts: of the type sound_table.FACTS."""
    copies: dict[int, Copy] = {}
    known = np.flatnonzero(facts["digest"] != b"")
    digests, firsts, which = np.unique(
        facts["digest"][known], return_index=True, return_inverse=True
    )
    for position in np.flatnonzero(firsts[which] != np.arange(len(known))).tolist():
        row = int(known[position])
        copies[row] = Copy(row, int(known[firsts[which[position]]]), True)
    different = known[np.sort(firsts)]
    for first, second in _alike(facts, different):
        row, of = max(first, second), min(first, second)
        if row not in copies:
            copies[row] = Copy(row, copies[of].of if of in copies else of, False)
    return [copies[row] for row in sorted(copies)]


def _alike(facts: np.ndarray, rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of rows whose loudness takes the same course, found among those of the same length."""
    length = facts["speech_end"] - facts["speech_start"]
    rows = rows[(length[rows] >= LEAST_SPEECH) & (facts["envelope"][rows] != b"")]
    rows = rows[np.argsort(length[rows], kind="stable")]
    length = length[rows]
    ends = np.searchsorted(length, length + SAME_LENGTH, side="right")
    for first in range(0, len(rows), N_TOGETHER):
        last = min(first + N_TOGETHER, len(rows))
        courses = _courses(facts["envelope"][rows[first:last]])
        for start in range(first, int(ends[last - 1]), N_TOGETHER):
            stop = min(start + N_TOGETHER, int(ends[last - 1]))
            others = _courses(facts["envelope"][rows[start:stop]])
            for i, j in zip(*np.nonzero(courses @ others.T >= COPY)):
                if first + i < start + j < ends[first + i]:
                    yield int(rows[first + i]), int(rows[start + j])


def _courses(envelopes: np.ndarray) -> np.ndarray:
    """Envelopes as unit vectors without a mean: float32 [n, 2 * N_ENVELOPE]."""
    points = bytes.fromhex(b"".join(envelopes.tolist()).decode("ascii"))
    courses = np.frombuffer(points, np.int8).reshape(-1, 2 * N_ENVELOPE).astype(np.float32)
    courses -= courses.mean(axis=1, keepdims=True)
    return courses / np.maximum(np.linalg.norm(courses, axis=1, keepdims=True), 1e-6)
