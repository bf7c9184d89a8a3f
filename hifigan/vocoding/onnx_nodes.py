"""An ONNX graph under construction: nodes and constants, written one by one.

A sequence [B, C, T] goes through the graph as an image of height 1, [B, C, 1, T], and every
convolution along T as one over that image. The numbers are the same. But onnxruntime keeps blocks
of 8 or 16 channels together (NCHWc) in two-dimensional convolutions alone: one-dimensional ones are
copied apart for a matrix product, which is slower by 15 to 25 percent.

Writing the few kinds of node by hand takes onnx alone. torch.onnx would take onnxscript, too, and
writes one-dimensional convolutions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

if TYPE_CHECKING:
    import onnx


class Nodes:
    """Nodes and constants in the order of the computation; a tensor is known by its name.

    `module` is what the graph computes; a weight has the name there that it has in its state_dict.
    Every method adds nodes for the tensors named and returns the name of what comes out.
    """

    def __init__(self, module: nn.Module) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.names = {layer: name for name, layer in module.named_modules()}
        self._known: set[str] = set()

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        attributes: dict[str, Any] | None = None,
        output: str | None = None,
    ) -> str:
        """A node with one output, whose name it shares."""
        return self.many(kind, inputs, [output or f"{kind}_{len(self.nodes)}"], attributes)[0]

    def many(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: dict[str, Any] | None = None,
    ) -> list[str]:
        """A node with the outputs named; those come back."""
        from onnx import helper

        node = helper.make_node(kind, inputs, outputs, name=outputs[0], **(attributes or {}))
        self.nodes.append(node)
        return list(outputs)

    def split(self, x: str, n_parts: int, axis: int, sizes: str | None = None) -> list[str]:
        """Parts of an axis, alike unless the constant `sizes` says how long each is."""
        outputs = [f"Split_{len(self.nodes)}_{i}" for i in range(n_parts)]
        return self.many("Split", [x] if sizes is None else [x, sizes], outputs, {"axis": axis})

    def constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def number(self, value: float) -> str:
        """A float32 constant of no axes."""
        return self._once(f"number_{value!r}", np.array(value, np.float32))

    def integer(self, value: int) -> str:
        """An int64 constant of no axes."""
        return self._once(f"integer_{value}", np.array(value, np.int64))

    def integers(self, *values: int) -> str:
        """An int64 constant of one axis: axes, shapes, sizes."""
        return self._once("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def _once(self, name: str, values: np.ndarray) -> str:
        if name not in self._known:
            self._known.add(name)
            self.constant(name, values)
        return name

    def parameter(self, owner: nn.Module, name: str, values: Tensor) -> str:
        """The parameter `name` of a part of the module, as it is."""
        return self.constant(f"{self.names[owner]}.{name}", values.detach().numpy())

    def convolution(self, layer: nn.Conv1d | nn.ConvTranspose1d, x: str) -> str:
        """[B, C, 1, T] to [B, C', 1, T']."""
        (size,), (dilation,) = layer.kernel_size, layer.dilation
        if layer.padding == "same":  # PyTorch puts the odd one behind
            before = dilation * (size - 1) // 2
            padding = (before, dilation * (size - 1) - before)
        else:
            padding = (*layer.padding, *layer.padding)
        attributes = {"kernel_shape": [1, size], "pads": [0, padding[0], 0, padding[1]]}
        if layer.groups > 1:
            attributes["group"] = layer.groups
        if isinstance(layer, nn.ConvTranspose1d):
            kind = "ConvTranspose"
            attributes["strides"] = [1, *layer.stride]
            attributes["output_padding"] = [0, *layer.output_padding]
        else:
            kind = "Conv"
            attributes["dilations"] = [1, dilation]
        # Of a weight-normed layer, `weight` is what the norm makes, so that the file has it folded.
        inputs = [x, self.parameter(layer, "weight", layer.weight.unsqueeze(2))]
        if layer.bias is not None:
            inputs.append(self.parameter(layer, "bias", layer.bias))
        return self.node(kind, inputs, attributes)
