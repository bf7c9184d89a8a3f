"""A Piper voice in its deployed form, `<voice>.onnx` beside `<voice>.onnx.json`.

The weights are taken out of the graph. Its export folded weight norm, and a folded weight has lost
its name, so each is known by the node that uses it: what /flow/flows.6/enc/in_layers.0/Conv takes
is the weight and the bias of flow.flows.6.enc.in_layers.0. The parts that only train are not there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.vocoding.onnx_backend import require_onnx
from vits.exchange.found import FoundVoice, Weights, fitted_generator, only_for_training
from vits.exchange.names import vits_name
from vits.exchange.original_shapes import model_section
from vits.exchange.own_onnx import is_own, own_voice
from vits.exchange.piper_config import piper_config, piper_settings

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

FORMAT = "Piper ONNX"
ORIGINAL = re.compile(r"(enc_p|dp|flow|dec|emb_g)\.")  # how names of the original begin
NORM = re.compile(r"\.(norm_\d|norms_\d\.\d+|norm_layers_\d\.\d+)$")
DILATED = re.compile(r"dec\.resblocks\.(\d+)\.convs1?\.(\d+)$|.*\.convs_sep\.\d+$")
LOG_SCALE = "dp.flows.0.logs"
FOLDED_LOG_SCALE = {  # by the node that takes what the export has made of it
    "Exp": lambda weight: -weight,
    "Mul": lambda weight: -weight.log(),
}
HINT = "expected a voice that Piper exported, with its weights inside"


@dataclass
class _Graph:
    """What a graph says of the layers, under the original's names."""

    weights: Weights = field(default_factory=dict)
    rates: dict[int, int] = field(default_factory=dict)  # of each upsampling stage
    dilations: dict[tuple[int, int], int] = field(default_factory=dict)  # of resblock, convolution


def open_piper_onnx(path: Path) -> FoundVoice:
    """The voice in an ONNX file, with the settings in the JSON file beside it."""
    proto = _proto(path)
    if is_own(proto):
        return own_voice(path, proto)
    graph = _read(path, proto)
    described = path.with_name(path.name + ".json")
    if not described.is_file():
        raise UserError(
            f"{path}: its settings {described.name} are not beside it; put the file that came with "
            f"the voice there, under that name"
        )
    model = model_section(
        path,
        {name: tuple(weight.shape) for name, weight in graph.weights.items()},
        [graph.rates[i] for i in sorted(graph.rates)],
        _dilations(path, graph),
    )
    speakers = graph.weights.get("emb_g.weight")
    config = piper_config(
        described,
        piper_settings(described),
        {},
        model,
        n_symbols=len(graph.weights["enc_p.emb.weight"]),
        n_speakers=0 if speakers is None else len(speakers),
    )
    absent = only_for_training(config)
    n_resblocks = len(config.model.decoder.resblock_dilations)
    names = {name: vits_name(name, n_resblocks) for name in graph.weights}
    generator = fitted_generator(path, graph.weights, names, config, absent)
    return FoundVoice(FORMAT, config, generator, None, absent, step=0)


def _proto(path: Path) -> "ModelProto":
    require_onnx(path, "onnx")
    import onnx

    if not path.is_file():
        found = "is a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: {found}, expected an ONNX file; check the path")
    try:
        # Weights in other files are not looked for: a graph may name any file there is.
        return onnx.load(path, load_external_data=False)
    except PermissionError:  # says nothing of the file
        raise
    except Exception as error:  # protobuf has several of its own
        raise UserError(
            f"{path}: damaged, or no ONNX file ({type(error).__name__}); download or copy it again"
        ) from None


def _read(path: Path, proto: "ModelProto") -> _Graph:
    import onnx

    graph = proto.graph
    if not graph.initializer:
        raise UserError(f"{path}: an ONNX file without initialisers, so without weights; {HINT}")
    constants = _constants(list(graph.node)) | {t.name: t for t in graph.initializer}
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in constants.values()):
        raise UserError(f"{path}: keeps its initialisers in another file; {HINT}")
    found = _Graph()
    try:
        for node in graph.node:
            _take(path, found, node, constants)
        for name, tensor in constants.items():
            if ORIGINAL.match(name) and name not in found.weights:
                found.weights[name] = _tensor(tensor)
    except (
        ValueError,
        TypeError,
        LookupError,
        RuntimeError,
    ) as error:  # a shape that its numbers do not fill
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged, {_line(error)}; download or copy it again") from None
    if "enc_p.emb.weight" not in found.weights or "dec.conv_pre.weight" not in found.weights:
        raise UserError(
            f"{path}: its nodes do not bear the names of VITS's layers; {HINT}, and not changed by "
            f"another tool since"
        )
    return found


def _constants(nodes: "list[NodeProto]") -> "dict[str, TensorProto]":
    """The tensors that Constant nodes hold, by their output's name."""
    return {
        node.output[0]: attribute.t
        for node in nodes
        if node.op_type == "Constant" and node.output
        for attribute in node.attribute
        if attribute.name == "value"
    }


def _take(
    path: Path, found: _Graph, node: "NodeProto", constants: "dict[str, TensorProto]"
) -> None:
    """Take what a node says of the layer in whose name it stands."""
    if node.op_type in ("Identity", "Cast") and node.output and node.input[0] in constants:
        constants[node.output[0]] = constants[node.input[0]]  # nodes stand in the order of use
    layer = ".".join(node.name.strip("/").split("/")[:-1])
    if not ORIGINAL.match(layer + "."):
        return
    if node.op_type in ("Conv", "ConvTranspose"):
        attributes = {a.name: list(a.ints) for a in node.attribute if a.ints}
        if stage := re.fullmatch(r"dec\.ups\.(\d+)", layer):
            found.rates[int(stage[1])] = attributes.get("strides", [1])[0]
        dilation = attributes.get("dilations", [1])[0]
        place = DILATED.match(layer)
        if place and place[1]:
            found.dilations[int(place[1]), int(place[2])] = dilation
        elif not place and dilation != 1:
            raise UserError(
                f"{path}: {layer} has a dilation of {dilation}, which VITS has not; choose another "
                f"voice"
            )
    for tensor_name, source in _uses(layer, node, constants):
        name = f"{layer}.{tensor_name}"
        weight = _tensor(constants[source])
        if name == LOG_SCALE and node.op_type in FOLDED_LOG_SCALE:
            weight = FOLDED_LOG_SCALE[node.op_type](weight)
        found.weights[name] = weight


def _uses(
    layer: str, node: "NodeProto", constants: "dict[str, TensorProto]"
) -> Iterator[tuple[str, str]]:
    """The layer's tensors among a node's inputs: each one's name in the layer, and in the graph."""
    held = [(i, name) for i, name in enumerate(node.input) if name in constants]
    names: dict[int, str] = {}
    if node.op_type in ("Conv", "ConvTranspose"):
        names = {1: "weight", 2: "bias"}
    elif node.op_type == "Gather" and layer in ("enc_p.emb", "emb_g"):
        names = {0: "weight"}
    elif node.op_type == "LayerNormalization":
        names = {1: "gamma", 2: "beta"}
    elif layer == "dp.flows.0" and node.op_type in ("Sub", "Neg", *FOLDED_LOG_SCALE):
        names = dict.fromkeys((0, 1), "m" if node.op_type == "Sub" else "logs")
    elif NORM.search(layer) and node.op_type in ("Mul", "Add"):
        held = [(i, name) for i, name in held if len(constants[name].dims)]  # no epsilon
        names = dict.fromkeys((0, 1), "gamma" if node.op_type == "Mul" else "beta")
    return ((names[i], name) for i, name in held if i in names)


def _dilations(path: Path, graph: _Graph) -> list[list[int]]:
    """Of each resblock of a stage; they must be the same in all stages, as a config has them."""
    n_resblocks = len({i for i, _ in graph.dilations}) // max(1, len(graph.rates))
    if n_resblocks == 0:
        raise UserError(f"{path}: no layers of a HiFi-GAN decoder found in it; {HINT}")
    rows: list[list[int]] = [[] for _ in range(n_resblocks)]
    for (resblock, k), dilation in sorted(graph.dilations.items()):
        row = rows[resblock % n_resblocks]
        if k == len(row):
            row.append(dilation)
        elif k > len(row) or row[k] != dilation:
            raise UserError(
                f"{path}: the dilations of dec.resblocks.{resblock} differ from those of other "
                f"stages; choose another voice"
            )
    return rows


def _tensor(tensor: "TensorProto") -> Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(numpy_helper.to_array(tensor).copy())


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
