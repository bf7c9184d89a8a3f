"""A voice out of an ONNX file that this project wrote (vits/export), for Piper or sherpa-onnx."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from vits.config import VitsConfig
from vits.exchange.found import FoundVoice, fitted_generator, only_for_training

if TYPE_CHECKING:
    from onnx import ModelProto

PARTS = ("text_encoder.", "flow.", "duration_predictor.", "decoder.", "speaker_embedding.")


def is_own(proto: "ModelProto") -> bool:
    return any(entry.key == "config" for entry in proto.metadata_props)


def own_voice(path: Path, proto: "ModelProto") -> FoundVoice:
    """The voice in a graph with our metadata `config` and `step`."""
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    try:
        values, step = json.loads(metadata["config"]), int(metadata["step"])
    except (KeyError, ValueError):
        raise UserError(
            f"{path}: its metadata config and step are damaged; export the voice anew with "
            f"python -m vits.export"
        ) from None
    config = config_from_dict(VitsConfig, values, f"{path}: metadata config")
    absent = only_for_training(config)
    weights = graph_weights(proto)
    names = {name: name for name in weights}
    generator = fitted_generator(path, weights, names, config, absent)
    return FoundVoice("ours, as ONNX", config, generator, None, absent, step)


def graph_weights(proto: "ModelProto") -> dict[str, Tensor]:
    """The weights in a graph of voice_graph, as in the model's state_dict, weight norm folded.

    The parts that only training uses are not there.
    """
    from onnx import numpy_helper

    found = {}
    for tensor in proto.graph.initializer:
        if tensor.name.startswith(PARTS):
            values = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            found[tensor.name] = values.squeeze(2) if values.dim() == 4 else values
    return {name: values for name, values in found.items() if not name.endswith(".share")}
