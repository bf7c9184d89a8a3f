"""A generator written down as an ONNX graph, node by node, in the layout that runs fastest on CPUs.

A sequence [B, C, T] goes through the graph as an image of height 1, [B, C, 1, T], and every
convolution along T as one over that image. The numbers are the same. But onnxruntime keeps blocks
of 8 or 16 channels together (NCHWc) in two-dimensional convolutions alone: one-dimensional ones are
copied apart for a matrix product, which is slower by 15 to 25 percent.

Writing the few kinds of node by hand takes onnx alone. torch.onnx would take onnxscript, too, and
writes one-dimensional convolutions.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from hifigan.generator import LAST_SLOPE, SLOPE, Generator, ResBlock1, UpsampleStage

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
    graph = _Graph(generator)
    graph.generator(generator)
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


class _Graph:
    """Nodes and constants in the order of the computation; a tensor is known by its name.

    Every method adds nodes for the tensors named and returns the name of what comes out: of
    [B, C, 1, T], unless it says otherwise.
    """

    def __init__(self, generator: Generator) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.names = {layer: name for name, layer in generator.named_modules()}

    def generator(self, generator: Generator) -> None:
        """As Generator.forward, from INPUT to OUTPUT."""
        height = self.constant("height", np.array([2], np.int64))
        x = self.convolution(generator.input, self.node("Unsqueeze", [INPUT, height], {}))
        for stage in generator.stages:
            x = self.stage(stage, x)
        x = self.convolution(generator.output, self.rectified(x, LAST_SLOPE))
        self.node("Tanh", [self.node("Squeeze", [x, height], {})], {}, OUTPUT)  # [B, 1, T_wav]

    def stage(self, stage: UpsampleStage, x: str) -> str:
        """As UpsampleStage.forward."""
        x = self.convolution(stage.upsample, self.rectified(x))
        total = self.resblock(stage.resblocks[0], x)
        for resblock in stage.resblocks[1:]:
            total = self.node("Add", [total, self.resblock(resblock, x)], {})
        share = np.array(1 / len(stage.resblocks), np.float32)
        return self.node("Mul", [total, self.constant(f"{self.names[stage]}.share", share)], {})

    def resblock(self, resblock: nn.Module, x: str) -> str:
        """As ResBlock1.forward and ResBlock2.forward."""
        for i, dilated in enumerate(resblock.dilated):
            y = self.convolution(dilated, self.rectified(x))
            if isinstance(resblock, ResBlock1):
                y = self.convolution(resblock.plain[i], self.rectified(y))
            x = self.node("Add", [y, x], {})
        return x

    def convolution(self, layer: nn.Conv1d | nn.ConvTranspose1d, x: str) -> str:
        (size,), (padding,) = layer.kernel_size, layer.padding
        attributes = {"kernel_shape": [1, size], "pads": [0, padding, 0, padding]}
        if isinstance(layer, nn.ConvTranspose1d):
            kind = "ConvTranspose"
            attributes["strides"] = [1, *layer.stride]
            attributes["output_padding"] = [0, *layer.output_padding]
        else:
            kind = "Conv"
            attributes["dilations"] = [1, *layer.dilation]
        name = self.names[layer]
        # Of a weight-normed layer, `weight` is what the norm makes, so that the file has it folded.
        inputs = [x, self.constant(f"{name}.weight", layer.weight.detach().unsqueeze(2).numpy())]
        if layer.bias is not None:
            inputs.append(self.constant(f"{name}.bias", layer.bias.detach().numpy()))
        return self.node(kind, inputs, attributes)

    def rectified(self, x: str, slope: float = SLOPE) -> str:
        return self.node("LeakyRelu", [x], {"alpha": slope})

    def constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(
        self, kind: str, inputs: list[str], attributes: dict[str, Any], output: str | None = None
    ) -> str:
        from onnx import helper

        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output
