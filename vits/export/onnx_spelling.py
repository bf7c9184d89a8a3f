"""Ids as a program writes a text down, to ids as a voice reads it, at the entrance of a graph.

Piper's programs and sherpa-onnx put a start and an end around every text, know no voice without
blanks, and take letters apart from their marks (Unicode's NFD): й becomes и and a breve. A voice
whose texts have no start or end, or that knows й as one symbol, gets ids of its own for what it
lacks; the nodes here put letter and mark together again and take the rest out.
"""

from dataclasses import dataclass

import numpy as np

from hifigan.vocoding.onnx_nodes import Nodes
from vits.export.onnx_layers import BOOL, INT64, positions, size


@dataclass(frozen=True)
class Spelling:
    """Ids from n_symbols on are symbols that the voice does not have."""

    n_ids: int
    n_symbols: int
    blanked: bool  # whether an id to be skipped stands between a letter and its mark
    composed: dict[tuple[int, int], int]  # id of a letter and id of a mark, to the one of both
    n_marks: int  # the most that one letter bears
    alone: frozenset[int]  # of the ids that go, those that leave the blank before them in place


def spelling_nodes(graph: Nodes, spelling: Spelling, tokens: str, lengths: str) -> tuple[str, str]:
    """tokens [B, T] and lengths [B] to the same of what the voice reads; T stays."""
    n_tokens = size(graph, tokens, 1)
    step = 2 if spelling.blanked else 1
    read = tokens
    gone: list[str] = []
    if spelling.composed:
        number, table = _tables(spelling)
        number = graph.constant("mark_of_id", number)
        table = graph.constant("composed", table)
        goes_on = None
        for i in range(1, spelling.n_marks + 1):
            mark = graph.node("Gather", [number, _moved(graph, tokens, -i * step)])
            both = graph.node("GatherND", [table, _pairs(graph, read, mark)])
            fits = graph.node("GreaterOrEqual", [both, graph.integer(0)])
            goes_on = fits if goes_on is None else graph.node("And", [goes_on, fits])
            read = graph.node("Where", [goes_on, both, read])
            joined = graph.node("Cast", [goes_on], {"to": INT64})
            gone += [_moved(graph, joined, i * step - back) for back in range(step)]
    unknown = graph.node("GreaterOrEqual", [read, graph.integer(spelling.n_symbols)])
    unknown = graph.node("Cast", [unknown], {"to": INT64})
    gone.append(unknown)
    if spelling.blanked:
        takes_blank = np.array([i not in spelling.alone for i in range(spelling.n_ids)], np.int64)
        takes_blank = graph.node("Gather", [graph.constant("takes_blank", takes_blank), read])
        gone.append(_moved(graph, graph.node("Mul", [unknown, takes_blank]), -1))
    dropped = gone[0]
    for more in gone[1:]:
        dropped = graph.node("Max", [dropped, more])
    return _without(graph, read, lengths, dropped, n_tokens)


def _tables(spelling: Spelling) -> tuple[np.ndarray, np.ndarray]:
    """The number of each id as a mark, 0 for none; and [id, number] to the composed id, or -1."""
    marks = sorted({mark for _, mark in spelling.composed})
    number = np.zeros(spelling.n_ids, np.int64)
    number[marks] = range(1, len(marks) + 1)
    table = np.full((spelling.n_ids, len(marks) + 1), -1, np.int64)
    for (letter, mark), both in spelling.composed.items():
        table[letter, number[mark]] = both
    return number, table


def _pairs(graph: Nodes, first: str, second: str) -> str:
    """[B, T] both, to [B, T, 2]."""
    last = graph.integers(-1)
    first, second = (graph.node("Unsqueeze", [x, last]) for x in (first, second))
    return graph.node("Concat", [first, second], {"axis": -1})


def _moved(graph: Nodes, x: str, by: int) -> str:
    """x [B, T] moved to the right, or where `by` is negative to the left; 0 comes in."""
    if by == 0:
        return x
    before, behind = max(by, 0), max(-by, 0)
    padded = graph.node("Pad", [x, graph.integers(0, before, 0, behind), graph.integer(0)])
    n = size(graph, x, 1)
    start = graph.integers(behind)
    stop = graph.node("Add", [n, start])
    return graph.node("Slice", [padded, start, stop, graph.integers(1)])


def _without(
    graph: Nodes, tokens: str, lengths: str, dropped: str, n_tokens: str
) -> tuple[str, str]:
    """Bring what is dropped (1) behind what stays (0), and count what stays."""
    position = positions(graph, graph.node("Squeeze", [n_tokens]))
    column = graph.node("Unsqueeze", [lengths, graph.integers(1)])
    padding = graph.node("GreaterOrEqual", [position, column])
    dropped = graph.node("Or", [graph.node("Cast", [dropped], {"to": BOOL}), padding])
    behind = graph.node("Where", [dropped, n_tokens, graph.integer(0)])
    place = graph.node("Add", [position, behind])
    outputs = ["places", "order"]
    _, order = graph.many("TopK", [place, n_tokens], outputs, {"axis": 1, "largest": 0})
    clean = graph.node("Where", [dropped, graph.integer(0), tokens])
    tokens = graph.node("GatherElements", [clean, order], {"axis": 1})
    stays = graph.node("Cast", [graph.node("Not", [dropped])], {"to": INT64})
    count = graph.node("ReduceSum", [stays, graph.integers(1)], {"keepdims": 0})
    return tokens, count
