"""The text encoder (VITS Sec. 2.5.2) as ONNX nodes, for texts of any length."""

import math

from hifigan.vocoding.onnx_nodes import Nodes
from vits.export.onnx_transformer import transformer
from vits.text_encoder import TextEncoder


def text_encoder(
    graph: Nodes,
    encoder: TextEncoder,
    tokens: str,
    mask: str,
    language: str | None = None,
    speaker: str | None = None,
) -> tuple[str, str]:
    """As TextEncoder.forward: tokens [B, T] and mask [B, 1, 1, T] to the hidden states [B, C, 1, T]
    and the prior's means and log deviations in one, [B, 2 * C_latent, 1, T], masked both.

    language: int64 [B], for an encoder of several. speaker: the embedding, [B, C_speaker, 1, 1].
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
    if encoder.condition is None:
        x = transformer(graph, encoder.layers, x, mask)
    else:
        n_before = encoder.speaker_layer - 1
        x = transformer(graph, encoder.layers[:n_before], x, mask)
        x = graph.node("Add", [x, graph.convolution(encoder.condition, speaker)])
        x = transformer(graph, encoder.layers[n_before:], x, mask)
    x = graph.node("Mul", [x, mask])
    return x, graph.node("Mul", [graph.convolution(encoder.projection, x), mask])
