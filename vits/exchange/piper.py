"""A Piper voice in training, a Lightning `.ckpt`: generator and discriminators, all of them.

What its symbols and speakers are called stands in the voice's settings, which have to lie nearby.
"""

import ast
import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from hifigan.errors import UserError, legible
from hifigan.exchange.torch_file import read_torch_file
from vits.exchange.found import FoundVoice, Weights, fitted_discriminator, fitted_generator
from vits.exchange.names import vits_name
from vits.exchange.original_shapes import model_section, weight_shapes
from vits.exchange.piper_config import piper_config, piper_settings

logger = logging.getLogger(__name__)

FORMAT = "Piper"
GENERATOR, DISCRIMINATOR = "model_g.", "model_d."
AUDIO = {  # theirs, ours
    "sample_rate": "sample_rate",
    "filter_length": "n_fft",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "mel_channels": "n_mels",
    "mel_fmin": "f_min",
    "mel_fmax": "f_max",
}
OPTIMIZERS = 2  # Lightning counts the steps of both


def is_piper(contents: Any) -> bool:
    """Whether the contents of a torch file are a Piper voice in training."""
    return (
        isinstance(contents, dict)
        and isinstance(contents.get("state_dict"), dict)
        and any(str(name).startswith(GENERATOR) for name in contents["state_dict"])
    )


def open_piper(path: Path, contents: Any = None) -> FoundVoice:
    """The voice in a `.ckpt`; contents: what read_torch_file read of it, where that is done."""
    if contents is None:
        contents = read_torch_file(path)
    if not is_piper(contents):
        raise UserError(
            f"{path}: has no state_dict with names like {GENERATOR}*, expected a Piper .ckpt; use "
            f"another file"
        )
    found, judge = (_below(path, contents, prefix) for prefix in (GENERATOR, DISCRIMINATOR))
    settings = contents.get("hyper_parameters")
    if not isinstance(settings, dict):
        raise UserError(
            f"{path}: has no hyper_parameters, which tell the widths; use a .ckpt that Piper wrote"
        )
    described = _settings_near(path)
    values = piper_settings(described)
    audio = {ours: settings[theirs] for theirs, ours in AUDIO.items() if theirs in settings}
    rates = values["audio"]["sample_rate"], audio.get("sample_rate")
    if rates[1] not in (None, rates[0]):
        raise UserError(
            f"{described}: audio.sample_rate is {rates[0]}, but {path.name} was trained at "
            f"{rates[1]!r}; put the settings of that voice there"
        )
    if type(audio.get("f_min")) is int:
        audio["f_min"] = float(audio["f_min"])
    model = model_section(
        path,
        {name: weight.shape for name, weight in found.items()},
        _listed(path, settings, "upsample_rates"),
        _listed(path, settings, "resblock_dilation_sizes"),
        *([settings["p_dropout"]] if "p_dropout" in settings else []),
    )
    shapes = weight_shapes({name: weight.shape for name, weight in found.items()})
    config = piper_config(
        described,
        values,
        audio,
        model,
        n_symbols=shapes["enc_p.emb.weight"][0],
        n_speakers=shapes.get("emb_g.weight", (0,))[0],
    )
    n_resblocks = len(config.model.decoder.resblock_dilations)
    names = {name: vits_name(name, n_resblocks) for name in found}
    step = contents.get("global_step")
    return FoundVoice(
        FORMAT,
        config,
        fitted_generator(path, found, names, config, ()),
        fitted_discriminator(path, judge, config) if judge else None,
        (),
        step // OPTIMIZERS if type(step) is int and step >= 0 else 0,
    )


def _below(path: Path, contents: dict[str, Any], prefix: str) -> Weights:
    """The weights of a part, without its prefix."""
    weights = {
        name.removeprefix(prefix): weight
        for name, weight in contents["state_dict"].items()
        if isinstance(name, str) and name.startswith(prefix)
    }
    for name, weight in weights.items():
        if not isinstance(weight, Tensor):
            raise UserError(
                f"{path}: {legible(prefix + name)} is a {type(weight).__name__}, expected a "
                f"tensor; damaged, download or copy it again"
            )
    return weights


def _settings_near(path: Path) -> Path:
    """The JSON file of the voice: beside the checkpoint, or where Piper's training writes it."""
    beside = [path.with_name(path.name + ".json"), path.with_suffix(".json")]
    beside += [path.with_name("config.json"), *sorted(path.parent.glob("*.onnx.json"))]
    # lightning_logs/version_0/checkpoints/ stands in the folder that holds config.json.
    if path.absolute().parent.name == "checkpoints" and len(path.absolute().parents) > 3:
        beside.append(path.absolute().parents[3] / "config.json")
    there = [place for place in beside if place.is_file()]
    if not there:
        raise UserError(
            f"{path}: no config.json lies beside it, so its symbols are unknown; put the settings "
            f"that came with the voice there, as config.json"
        )
    logger.debug("%s: its settings are %s", path, there[0])
    return there[0]


def _listed(path: Path, settings: dict[str, Any], key: str) -> list[Any]:
    """A list of the hyper-parameters, which can also stand there as a text."""
    value = settings.get(key)
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)  # literals alone: it runs nothing
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass  # the text itself is refused below
    if not isinstance(value, (list, tuple)):
        raise UserError(
            f"{path}: hyper_parameters.{key} is {legible(repr(value)[:60])}, expected a list of "
            f"numbers; use a .ckpt that Piper wrote"
        )
    return [list(item) if isinstance(item, tuple) else item for item in value]
