"""Error messages of torch, this trainer and its relatives, and words for how a voice fails."""

import re
from collections.abc import Sequence

from vits.doctor import errors_of_machines, errors_of_training, symptoms
from vits.doctor.error_row import Row

ROWS = (*errors_of_machines.ROWS, *errors_of_training.ROWS)  # the first that fits counts
SYMPTOMS = symptoms.ROWS


def row_for(line: str) -> Row | None:
    """The row that explains a line; None: none does."""
    return _first(_ROWS, line)


def symptom_for(words: str) -> Row | None:
    """The row for what a person says of a voice, such as "robotic and buzzing"; None: none."""
    return _first(_SYMPTOMS, words)


def _compiled(rows: Sequence[Row], flags: re.RegexFlag) -> list[tuple[Row, re.Pattern[str]]]:
    return [(row, re.compile(row.pattern, flags)) for row in rows]


def _first(compiled: Sequence[tuple[Row, re.Pattern[str]]], text: str) -> Row | None:
    return next((row for row, pattern in compiled if pattern.search(text)), None)


_ROWS = _compiled(ROWS, re.MULTILINE)
_SYMPTOMS = _compiled(SYMPTOMS, re.IGNORECASE)
