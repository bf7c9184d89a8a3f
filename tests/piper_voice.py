"""Voices as Piper writes them, with weights at random: its ONNX graph and its checkpoint."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hifigan.config import DiscriminatorConfig
from hifigan.discriminators import vits_discriminators
from hifigan.json_config import config_from_dict, config_to_dict, read_json
from tests.tiny_model import perturb, tiny_config
from vits.config import VitsConfig
from vits.exchange import defaults
from vits.exchange.names import voice_table
from vits.model import VitsModel, make_model

onnx = pytest.importorskip("onnx")

BASE = Path(__file__).parent.parent / "configs" / "base.json"
SYMBOLS = ["_", "^", "$", " ", "a", "b", "ç", "<aɪ>", "<unused 8>", "<unused 9>"]
SETTINGS = {
    "audio": {"sample_rate": 16000, "quality": "x_low"},
    "espeak": {"voice": "bg"},
    "phoneme_type": "espeak",
    "phoneme_map": {},
    "phoneme_id_map": {
        "_": [0],
        "^": [1],
        "$": [2],
        " ": [3],
        "a": [4],
        "b": [5],
        "ç": [6],
        "aɪ": [7],
    },
    "num_symbols": 10,
    "num_speakers": 3,
    "speaker_id_map": {"Mara": 2, "Boris": 0},
    "hop_length": 16,
}
SMALL_JUDGE = {
    "periods": [2, 3],
    "period_channels": [4, 8],
    "scale_layers": [[4, 15, 1, 1], [8, 5, 1, 1]],
}


def original(n_speakers: int = 0, kind: str = "stochastic", resblock: str = "1") -> VitsModel:
    """A model of ours in place of one of Piper's, whose weights have other names alone."""
    torch.manual_seed(0)
    model = make_model(config_of(n_speakers, kind, resblock)).eval()
    perturb(model)
    return model


def config_of(n_speakers: int, kind: str, resblock: str) -> VitsConfig:
    model = tiny_config(kind)
    predictor = replace(model.duration_predictor, hidden_channels=16, n_flows=4)
    decoder = replace(
        model.decoder, resblock=resblock, resblock_dilations=((1, 3), (2, 6)), upsample_rates=(8, 2)
    )
    model = replace(model, duration_predictor=predictor, decoder=decoder)
    if not n_speakers:
        model = replace(model, speaker_channels=defaults.SPEAKER_CHANNELS)
    text = config_to_dict(config_from_dict(VitsConfig, read_json(BASE), "base"))["text"]
    text |= {"symbols": SYMBOLS, "language": "bg", "start": "^", "end": "$", "decomposed": True}
    text |= {"expand": False}  # which Piper does not
    audio = read_json(BASE)["audio"] | {"sample_rate": 16000, "hop_length": 16}
    names = ["Boris", "<speaker 1>", "Mara"] if n_speakers else None
    values = defaults.completed(audio, text, config_to_dict(model), names)
    return config_from_dict(VitsConfig, values, "here")


def their_weights(model: VitsModel, config: VitsConfig) -> dict[str, Tensor]:
    state = model.state_dict()
    return {theirs: state[ours] for theirs, ours in voice_table(config).items()}


def folded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without weight norm, as Piper exports."""
    made = {}
    for name, weight in weights.items():
        if name.endswith(".weight_v"):
            norm = torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)
            name, weight = name[:-2], weights[name[:-1] + "g"] * weight / norm
        if not name.endswith(".weight_g"):
            made[name] = weight
    return made


def graph_of(model: VitsModel, config: VitsConfig) -> Any:
    """Nodes and initialisers as Piper's export leaves them, but for what joins them."""
    weights = folded(their_weights(model, config))
    trained_only = re.compile(r"enc_q\.|dp\.post_|dp\.flows\.1\.")
    weights = {name: w for name, w in weights.items() if not trained_only.match(name)}
    nodes, initialisers = [], []

    def stored(name: str) -> str:
        weight = weights[name]
        if name == "dp.flows.0.logs":
            name, weight = "/dp/flows.0/Exp_output_0", (-weight).exp()
        elif ".enc." in name and name.endswith(".weight"):
            name = f"onnx::Conv_{8000 + len(initialisers)}"
        elif name == "enc_p.emb.weight" and not config.n_speakers:
            name = "sid"
        initialisers.append(onnx.numpy_helper.from_array(weight.numpy(), name))
        return name

    def node(kind: str, layer: str, inputs: list[str], **attributes: list[int]) -> None:
        place = "/" + re.sub(r"\.(?=\D)", "/", layer)
        made = onnx.helper.make_node(kind, inputs, [f"{place}/{kind}_output_0"], **attributes)
        made.name = f"{place}/{kind}"
        nodes.append(made)

    for layer in dict.fromkeys(name.rpartition(".")[0] for name in weights):
        tensors = [name for name in weights if name.rpartition(".")[0] == layer]
        kinds = {name.rpartition(".")[2] for name in tensors}
        if layer in ("enc_p.emb", "emb_g"):
            node("Gather", layer, [stored(tensors[0]), "input"])
        elif kinds == {"gamma", "beta"}:
            node("Mul", layer, ["x", stored(f"{layer}.gamma")])
            node("Add", layer, ["x", stored(f"{layer}.beta")])
        elif kinds == {"m", "logs"}:
            node("Sub", layer, ["x", stored(f"{layer}.m")])
            node("Mul", layer, ["x", stored(f"{layer}.logs")])
        elif "emb_rel_k" in kinds:
            node("Pad", layer, [stored(f"{layer}.emb_rel_k"), "x"])
            node("Pad", layer, [stored(f"{layer}.emb_rel_v"), "x"])
        else:
            stage, resblock = (
                re.match(rf"dec\.{row}\.(\d+)", layer) for row in ("ups", "resblocks")
            )
            decoder, attributes = config.model.decoder, {"dilations": [1]}
            if stage:
                attributes["strides"] = [decoder.upsample_rates[int(stage[1])]]
            elif resblock and ".convs2." not in layer:
                row = decoder.resblock_dilations[int(resblock[1]) % 2]
                attributes = {"dilations": [row[int(layer[-1])]]}
            elif ".convs_sep." in layer:
                attributes = {"dilations": [3 ** int(layer[-1])]}
            kind = "ConvTranspose" if stage else "Conv"
            node(
                kind, layer, ["x", *(stored(name) for name in sorted(tensors)[::-1])], **attributes
            )
    # Some exports name a weight by way of another node.
    initialisers[0].name, nodes[0].input[0] = "shared", "alias"
    nodes.insert(0, onnx.helper.make_node("Identity", ["shared"], ["alias"]))
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "voice", [], [], initialisers))


def write_voice(path: Path, graph: Any, **settings: Any) -> Path:
    path.write_bytes(graph.SerializeToString())
    path.with_name(path.name + ".json").write_text(json.dumps(SETTINGS | settings))
    return path


def checkpoint(model: VitsModel, config: VitsConfig) -> dict[str, Any]:
    """What a .ckpt holds, with discriminators of SMALL_JUDGE."""
    judge = vits_discriminators(config_from_dict(DiscriminatorConfig, SMALL_JUDGE, "here"))
    names = (
        (".members.", ".discriminators."),
        (".layers.", ".convs."),
        (".output.", ".conv_post."),
    )
    state = {f"model_g.{name}": w for name, w in their_weights(model, config).items()}
    for name, weight in judge.state_dict().items():
        name = f"model_d.{name}".replace("parametrizations.weight.original0", "weight_g")
        name = name.replace("parametrizations.weight.original1", "weight_v")
        for ours, theirs in names:
            name = name.replace(ours, theirs)
        state[name] = weight
    decoder = config.model.decoder
    settings = {
        "dataset": [Path("data")],  # an object, which nothing here needs
        "sample_rate": 16000,
        "resblock": decoder.resblock,
        "upsample_rates": decoder.upsample_rates,
        "resblock_dilation_sizes": str(decoder.resblock_dilations),
        "filter_length": 1024,
        "hop_length": 16,
        "win_length": 1024,
        "mel_channels": 80,
        "mel_fmin": 0,
        "mel_fmax": None,
        "p_dropout": 0.2,
    }
    return {"state_dict": state, "hyper_parameters": settings, "global_step": 246, "epoch": 3}


def write_checkpoint(path: Path, contents: dict[str, Any], settings: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(contents, path)
    settings.write_text(json.dumps(SETTINGS))
    return path
