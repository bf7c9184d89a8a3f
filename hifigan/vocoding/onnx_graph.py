"""A generator written down as an ONNX graph, in the layout that runs fastest on CPUs (onnx_nodes.py
says which).
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from hifigan.generator import LAST_SLOPE, SLOPE, Generator, ResBlock1, UpsampleStage
from hifigan.inverse_stft import LARGEST_LOG_MAGNITUDE, InverseStftHead
from hifigan.vocoding.onnx_nodes import Nodes

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 13, 7  # the oldest that have all the nodes, for the oldest readers
INPUT, OUTPUT = "mel", "wav"


def generator_graph(generator: Generator, metadata: dict[str, str]) -> "onnx.ModelProto":
    """The model `mel` [B, n_mels, T] to `wav` [B, 1, T_wav], float32, B and T of any size.

    generator: on the CPU, weight norm folded or not, without speakers.
    """
    from onnx import TensorProto, checker, helper

    assert generator.condition is None, "mels alone go into the graph, no speakers"
    graph = Nodes(generator)
    height = graph.integers(2)
    wav_hat = generator_nodes(graph, generator, graph.node("Unsqueeze", [INPUT, height]))
    graph.node("Squeeze", [wav_hat, height], output=OUTPUT)  # [B, 1, T_wav]
    n_mels = generator.input.in_channels
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "HiFi-GAN generator",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["B", n_mels, "T"])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["B", 1, "T_wav"])],
            graph.constants,
        ),
        producer_name="hifigan",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, metadata)
    checker.check_model(model)
    return model


def generator_nodes(
    graph: Nodes, generator: Generator, frames: str, speaker: str | None = None
) -> str:
    """As Generator.forward: frames [B, C, 1, T] and, where it has speakers, their embedding
    [B, speaker_channels, 1, 1] to the waveform [B, 1, 1, T_wav].
    """
    x = graph.convolution(generator.input, frames)
    if generator.condition is not None:
        x = graph.node("Add", [x, graph.convolution(generator.condition, speaker)])
    for stage in generator.stages:
        x = _stage(graph, stage, x)
    x = _rectified(graph, x, LAST_SLOPE)
    if generator.config.inverse_stft is not None:
        return _head(graph, generator.head, x)
    return graph.node("Tanh", [graph.convolution(generator.output, x)])


def _stage(graph: Nodes, stage: UpsampleStage, x: str) -> str:
    """As UpsampleStage.forward."""
    x = graph.convolution(stage.upsample, _rectified(graph, x))
    total = _resblock(graph, stage.resblocks[0], x)
    for resblock in stage.resblocks[1:]:
        total = graph.node("Add", [total, _resblock(graph, resblock, x)])
    share = np.array(1 / len(stage.resblocks), np.float32)
    return graph.node("Mul", [total, graph.constant(f"{graph.names[stage]}.share", share)])


def _resblock(graph: Nodes, resblock: nn.Module, x: str) -> str:
    """As ResBlock1.forward and ResBlock2.forward."""
    for i, dilated in enumerate(resblock.dilated):
        y = graph.convolution(dilated, _rectified(graph, x))
        if isinstance(resblock, ResBlock1):
            y = graph.convolution(resblock.plain[i], _rectified(graph, y))
        x = graph.node("Add", [y, x])
    return x


def _head(graph: Nodes, head: InverseStftHead, x: str) -> str:
    """As InverseStftHead's bands, then join."""
    config, name = head.config, graph.names[head]
    shape = graph.integers(-1, 2 * config.n_bins, 1, 0)  # each band an item of its own
    spectra = graph.node("Reshape", [graph.convolution(head.projection, x), shape])
    log_magnitude, angle = graph.split(spectra, 2, axis=1)
    limit = graph.number(LARGEST_LOG_MAGNITUDE)
    magnitude = graph.node("Exp", [graph.node("Min", [log_magnitude, limit])])
    phase = graph.node("Mul", [graph.node("Sin", [angle]), graph.number(math.pi)])
    turned = [graph.node("Mul", [magnitude, graph.node(k, [phase])]) for k in ("Cos", "Sin")]
    parts = graph.node("Concat", turned, {"axis": 1})
    waves = graph.constant(f"{name}.waves", head.waves.unsqueeze(2).numpy())
    samples = _transposed(graph, parts, waves, config.n_fft, config.hop_length)
    bands = graph.node("Reshape", [samples, graph.integers(-1, config.n_bands, 1, 0)])
    synthesis = graph.parameter(head, "synthesis", head.synthesis.unsqueeze(2))
    return _transposed(graph, bands, synthesis, config.n_taps, config.n_bands)


def _transposed(graph: Nodes, x: str, weight: str, size: int, rate: int) -> str:
    padding = (size - rate) // 2
    attributes = {
        "kernel_shape": [1, size],
        "strides": [1, rate],
        "pads": [0, padding, 0, padding],
    }
    return graph.node("ConvTranspose", [x, weight], attributes)


def _rectified(graph: Nodes, x: str, slope: float = SLOPE) -> str:
    return graph.node("LeakyRelu", [x], {"alpha": slope})
