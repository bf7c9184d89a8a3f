"""The layers that several parts of VITS share, as ONNX nodes, and what reads the shape of a tensor.

Sequences are images of height 1, [B, C, 1, T], as hifigan/vocoding/onnx_nodes.py explains; a mask
is [B, 1, 1, T], a speaker's embedding [B, speaker_channels, 1, 1].
"""

import math

from hifigan.vocoding.onnx_nodes import Nodes
from vits.layer_norm import ChannelLayerNorm
from vits.wavenet import WaveNet

FLOAT, INT64, BOOL = 1, 7, 9  # of onnx.TensorProto; onnx is imported only where a file is written


def layer_norm(graph: Nodes, norm: ChannelLayerNorm, x: str) -> str:
    """As ChannelLayerNorm.forward."""
    last = graph.node("Transpose", [x], {"perm": [0, 2, 3, 1]})  # [B, 1, T, C]
    scale = graph.parameter(norm, "weight", norm.weight)
    shift = graph.parameter(norm, "bias", norm.bias)
    attributes = {"axis": -1, "epsilon": norm.eps}
    normed = graph.node("LayerNormalization", [last, scale, shift], attributes)
    return graph.node("Transpose", [normed], {"perm": [0, 3, 1, 2]})


def gelu(graph: Nodes, x: str) -> str:
    """x times the normal distribution's share below x."""
    erf = graph.node("Erf", [graph.node("Div", [x, graph.number(math.sqrt(2))])])
    doubled = graph.node("Mul", [x, graph.node("Add", [erf, graph.number(1.0)])])
    return graph.node("Mul", [doubled, graph.number(0.5)])


def wavenet(graph: Nodes, part: WaveNet, x: str, mask: str, speaker: str | None) -> str:
    """As WaveNet.forward."""
    conditions = [None] * part.n_layers
    if part.condition is not None:
        conditions = graph.split(graph.convolution(part.condition, speaker), part.n_layers, 1)
    skips = None
    for gated, residual_skip, condition in zip(part.gated, part.residual_skip, conditions):
        gates = graph.convolution(gated, x)
        if condition is not None:
            gates = graph.node("Add", [gates, condition])
        signal, gate = graph.split(gates, 2, 1)
        signal, gate = graph.node("Tanh", [signal]), graph.node("Sigmoid", [gate])
        skip = graph.convolution(residual_skip, graph.node("Mul", [signal, gate]))
        if residual_skip is not part.residual_skip[-1]:
            residual, skip = graph.split(skip, 2, 1)
            x = graph.node("Mul", [graph.node("Add", [x, residual]), mask])
        skips = skip if skips is None else graph.node("Add", [skips, skip])
    return graph.node("Mul", [skips, mask])


def size(graph: Nodes, x: str, axis: int) -> str:
    """The length of an axis, an int64 of one axis: [1]."""
    return graph.node("Shape", [x], {"start": axis, "end": axis + 1})


def positions(graph: Nodes, length: str) -> str:
    """0, 1, ... up to a length of no axes: [length]."""
    return graph.node("Range", [graph.integer(0), length, graph.integer(1)])


def length_mask(graph: Nodes, lengths: str, position: str) -> str:
    """1.0 where valid: lengths [B] and position [T] to [B, 1, 1, T]."""
    valid = graph.node("Less", [position, graph.node("Unsqueeze", [lengths, graph.integers(1)])])
    valid = graph.node("Unsqueeze", [valid, graph.integers(1, 2)])
    return graph.node("Cast", [valid], {"to": FLOAT})
