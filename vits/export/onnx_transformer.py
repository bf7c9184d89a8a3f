"""Transformer layers (VITS Sec. 2.5.2, VITS2 Sec. 2.3) as ONNX nodes, for any length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hifigan.vocoding.onnx_nodes import Nodes
from vits.attention import RelativeAttention
from vits.export.onnx_layers import BOOL, layer_norm, positions, size
from vits.transformer import FeedForward, TransformerLayer


@dataclass(frozen=True)
class Pairs:
    """What all layers need to know of the pairs of symbols or frames, each the name of a tensor."""

    valid: str  # [B, 1, T, T]: whether neither is padding
    neighbour: str  # [B, H, T, T]: of query i and key j, the row of their distance
    near: str  # [T, T]: whether that distance is in the window
    key: str  # [B, H, T, 2 * window + 1]: of query i and a row, the key at that distance
    inside: str  # [T, 2 * window + 1]: whether there is such a key


def transformer(graph: Nodes, layers: Sequence[TransformerLayer], x: str, mask: str) -> str:
    """The layers one after the other: x [B, C, 1, T] and mask [B, 1, 1, T] to x."""
    if len(layers):
        pairs = _pairs(graph, layers[0].attention, x, mask)
    for layer in layers:
        y = graph.node("Add", [x, _attention(graph, layer.attention, x, pairs)])
        x = layer_norm(graph, layer.attention_norm, y)
        y = graph.node("Add", [x, _feed_forward(graph, layer.feed_forward, x, mask)])
        x = layer_norm(graph, layer.feed_forward_norm, y)
    return x


def _pairs(graph: Nodes, attention: RelativeAttention, x: str, mask: str) -> Pairs:
    """Which keys lie within the window of a query and how far off, for x [B, C, 1, T]."""
    window, n_heads = attention.window, attention.n_heads
    length = size(graph, x, 3)
    last = graph.node("Sub", [length, graph.integer(1)])
    position = positions(graph, graph.node("Squeeze", [length]))
    row = graph.node("Unsqueeze", [position, graph.integers(1)])  # of the queries

    distance = graph.node("Add", [graph.node("Sub", [position, row]), graph.integer(window)])
    neighbour = _clipped(graph, distance, graph.integer(2 * window))
    key = graph.node("Add", [row, positions(graph, graph.integer(2 * window + 1))])
    key = graph.node("Sub", [key, graph.integer(window)])
    inside_key = _clipped(graph, key, last)

    heads = graph.node("Concat", [size(graph, x, 0), graph.integers(n_heads)], {"axis": 0})
    to_pairs = graph.node("Concat", [heads, length, length], {"axis": 0})
    widths = graph.integers(2 * window + 1)
    to_rows = graph.node("Concat", [heads, length, widths], {"axis": 0})
    mask_of_queries = graph.node("Transpose", [mask], {"perm": [0, 1, 3, 2]})
    valid = graph.node("Mul", [mask, mask_of_queries])
    return Pairs(
        graph.node("Cast", [valid], {"to": BOOL}),
        graph.node("Expand", [neighbour, to_pairs]),
        graph.node("Equal", [distance, neighbour]),
        graph.node("Expand", [inside_key, to_rows]),
        graph.node("Equal", [key, inside_key]),
    )


def _clipped(graph: Nodes, x: str, highest: str) -> str:
    return graph.node("Min", [graph.node("Max", [x, graph.integer(0)]), highest])


def _attention(graph: Nodes, attention: RelativeAttention, x: str, pairs: Pairs) -> str:
    """As RelativeAttention.forward: [B, C, 1, T] to the same."""
    layers = (attention.query, attention.key, attention.value)
    n_heads, channels = attention.n_heads, attention.query.out_channels
    to_heads = graph.integers(0, n_heads, channels // n_heads, -1)  # 0 stands for B
    query, key, value = (
        graph.node("Reshape", [graph.convolution(layer, x), to_heads]) for layer in layers
    )  # [B, H, C / H, T]
    query = graph.node("Transpose", [query], {"perm": [0, 1, 3, 2]})
    query = graph.node("Div", [query, graph.number(math.sqrt(channels // n_heads))])
    value = graph.node("Transpose", [value], {"perm": [0, 1, 3, 2]})

    relative_keys = graph.parameter(attention, "relative_keys", attention.relative_keys)
    relative_keys = graph.node("Transpose", [relative_keys], {"perm": [0, 2, 1]})
    by_distance = graph.node("MatMul", [query, relative_keys])  # [B, H, T, 2 * window + 1]
    near = _taken(graph, by_distance, pairs.neighbour, pairs.near)
    scores = graph.node("Add", [graph.node("MatMul", [query, key]), near])
    scores = graph.node("Where", [pairs.valid, scores, graph.number(-1e4)])
    weights = graph.node("Softmax", [scores], {"axis": -1})

    relative_values = graph.parameter(attention, "relative_values", attention.relative_values)
    by_distance = _taken(graph, weights, pairs.key, pairs.inside)
    states = graph.node(
        "Add",
        [
            graph.node("MatMul", [weights, value]),
            graph.node("MatMul", [by_distance, relative_values]),
        ],
    )
    states = graph.node("Transpose", [states], {"perm": [0, 1, 3, 2]})
    states = graph.node("Reshape", [states, graph.integers(0, channels, 1, -1)])
    return graph.convolution(attention.output, states)


def _taken(graph: Nodes, x: str, index: str, there: str) -> str:
    """Entries of the last axis, 0 where there is none."""
    taken = graph.node("GatherElements", [x, index], {"axis": -1})
    return graph.node("Where", [there, taken, graph.number(0.0)])


def _feed_forward(graph: Nodes, part: FeedForward, x: str, mask: str) -> str:
    """As FeedForward.forward."""
    x = graph.node("Relu", [graph.convolution(part.conv_1, graph.node("Mul", [x, mask]))])
    x = graph.convolution(part.conv_2, graph.node("Mul", [x, mask]))
    return graph.node("Mul", [x, mask])
