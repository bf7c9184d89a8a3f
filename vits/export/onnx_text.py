"""The text encoder (VITS Sec. 2.5.2) as ONNX nodes, for texts of any length."""

import math
from dataclasses import dataclass

from hifigan.vocoding.onnx_nodes import Nodes
from vits.attention import RelativeAttention
from vits.export.onnx_layers import BOOL, layer_norm, positions, size
from vits.text_encoder import FeedForward, TextEncoder


@dataclass(frozen=True)
class Pairs:
    """What all layers need to know of the pairs of symbols, each the name of a tensor."""

    valid: str  # [B, 1, T, T]: whether both are symbols, not padding
    neighbour: str  # [B, H, T, T]: of query i and key j, the row of their distance
    near: str  # [T, T]: whether that distance is in the window
    key: str  # [B, H, T, 2 * window + 1]: of query i and a row, the key at that distance
    inside: str  # [T, 2 * window + 1]: whether there is such a key


def text_encoder(
    graph: Nodes, encoder: TextEncoder, tokens: str, mask: str, language: str | None = None
) -> tuple[str, str]:
    """As TextEncoder.forward: tokens [B, T] and mask [B, 1, 1, T] to the hidden states [B, C, 1, T]
    and the prior's means and log deviations in one, [B, 2 * C_latent, 1, T], masked both.

    language: int64 [B], for an encoder of several.
    """
    embedding = encoder.embedding
    table = graph.parameter(embedding, "weight", embedding.weight)
    x = graph.node("Gather", [table, tokens])  # [B, T, C]
    x = graph.node("Mul", [x, graph.number(math.sqrt(embedding.embedding_dim))])
    if language is not None:
        added = encoder.language_embedding
        rows = graph.node("Gather", [graph.parameter(added, "weight", added.weight), language])
        x = graph.node("Add", [x, graph.node("Unsqueeze", [rows, graph.integers(1)])])
    x = graph.node("Transpose", [x], {"perm": [0, 2, 1]})
    x = graph.node("Mul", [graph.node("Unsqueeze", [x, graph.integers(2)]), mask])
    if len(encoder.layers):
        pairs = _pairs(graph, encoder.layers[0].attention, tokens, mask)
    for layer in encoder.layers:
        y = graph.node("Add", [x, _attention(graph, layer.attention, x, pairs)])
        x = layer_norm(graph, layer.attention_norm, y)
        y = graph.node("Add", [x, _feed_forward(graph, layer.feed_forward, x, mask)])
        x = layer_norm(graph, layer.feed_forward_norm, y)
    x = graph.node("Mul", [x, mask])
    return x, graph.node("Mul", [graph.convolution(encoder.projection, x), mask])


def _pairs(graph: Nodes, attention: RelativeAttention, tokens: str, mask: str) -> Pairs:
    """As RelativeAttention._neighbours and _weights_by_distance index."""
    window, n_heads = attention.window, attention.n_heads
    n_tokens = size(graph, tokens, 1)
    last = graph.node("Sub", [n_tokens, graph.integer(1)])
    position = positions(graph, graph.node("Squeeze", [n_tokens]))
    row = graph.node("Unsqueeze", [position, graph.integers(1)])  # of the queries

    distance = graph.node("Add", [graph.node("Sub", [position, row]), graph.integer(window)])
    neighbour = _clipped(graph, distance, graph.integer(2 * window))
    key = graph.node("Add", [row, positions(graph, graph.integer(2 * window + 1))])
    key = graph.node("Sub", [key, graph.integer(window)])
    inside_key = _clipped(graph, key, last)

    heads = graph.node("Concat", [size(graph, tokens, 0), graph.integers(n_heads)], {"axis": 0})
    to_pairs = graph.node("Concat", [heads, n_tokens, n_tokens], {"axis": 0})
    widths = graph.integers(2 * window + 1)
    to_rows = graph.node("Concat", [heads, n_tokens, widths], {"axis": 0})
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
