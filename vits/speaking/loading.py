"""A voice out of a file: weights, config and symbols, put together for speaking."""

import logging
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hifigan.checkpoint import open_checkpoint
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from hifigan.start import Opener
from hifigan.weight_norm import fold_weight_norm
from vits.config import VitsConfig
from vits.model import VitsModel, make_model
from vits.speaking.torch_engine import TorchEngine
from vits.speaking.voice import Voice
from vits.stochastic_duration_predictor import StochasticDurationPredictor
from vits.text import SymbolTable, build_front_end

logger = logging.getLogger(__name__)

WEIGHTS = ("ema", "trained")  # the moving average is the better voice where there is one


def open_to_speak(path: Path) -> tuple[Path, dict[str, Any]]:
    """Opens what this project wrote."""
    path, contents = open_checkpoint(path, for_synthesis=True)
    return path, {key: value for key, value in contents.items() if key != "absent"}


def load_voice(
    path: Path,
    device: torch.device,
    weights: str | None = None,
    opener: Opener = open_to_speak,
    precision: str = "float32",
) -> Voice:
    """The voice in a checkpoint or speak-only file, or in a run folder's newest checkpoint.

    `weights` is "ema" for the moving average or "trained"; None for the first of them that is
    there. `opener` opens the path; vits/exchange/speaking.py has one for everyone's files.
    precision: of TorchEngine.
    """
    path, contents = opener(path)
    config: VitsConfig = config_from_dict(VitsConfig, contents["config"], str(path))
    weights, state = choose_weights(path, contents, weights)
    model = make_model(config)
    if "speak_only" in contents:
        drop_training_parts(model)
    absent = contents.get("absent", ())  # what only training uses, in other people's files
    try:
        loaded = model.load_state_dict(state, strict=not absent)
    except RuntimeError as error:
        raise UserError(
            f"{path}: its weights do not fit its config: {str(error).splitlines()[1].strip()}; "
            f"use another checkpoint"
        ) from None
    gaps = [n for n in loaded.missing_keys if not any(fnmatchcase(n, a) for a in absent)]
    if gaps or loaded.unexpected_keys:
        raise UserError(
            f"{path}: its weights do not fit its config: {(gaps + loaded.unexpected_keys)[0]} is "
            f"in one of them alone; use another file"
        )
    if absent:
        drop_training_parts(model)
    fold_weight_norm(model)
    logger.info("voice: %s, step %d, %s weights", path, contents["step"], weights)
    engine = TorchEngine(model.eval().to(device), config.model, precision)
    front_end, symbols = build_front_end(config.text), SymbolTable(config.text)
    return Voice(config, engine, front_end, symbols, contents["step"], weights)


def choose_weights(
    path: Path, contents: dict[str, Any], wanted: str | None
) -> tuple[str, dict[str, Tensor]]:
    """Which of WEIGHTS to speak with and their state_dict, from what read_checkpoint returns."""
    if "speak_only" in contents:
        found = {contents["speak_only"]: contents["generator"]}
    else:
        found = {"ema": contents.get("ema"), "trained": contents["generator"]}
    there = [name for name in WEIGHTS if found.get(name)]
    name = wanted or there[0]
    if name not in there:
        raise UserError(
            f"{path}: has no {name} weights, only {there[0]} ones; leave --weights out"
            + (", or set train.ema_decay in training" if name == "ema" else "")
        )
    state = found[name]
    if not isinstance(state, dict) or not all(isinstance(w, Tensor) for w in state.values()):
        raise UserError(
            f"{path}: its {name} weights are no weights; damaged, use another checkpoint"
        )
    return name, state


def drop_training_parts(model: VitsModel) -> None:
    """Leave what `synthesize` uses, with weight norm folded: the parts of a speak-only file."""
    fold_weight_norm(model)
    model.posterior_encoder = None
    predictor = model.duration_predictor
    if isinstance(predictor, StochasticDurationPredictor):
        predictor.posterior_input = predictor.posterior_convs = None
        predictor.posterior_projection = predictor.posterior_flows = None
        predictor.flows.couplings[0] = nn.Identity()  # its inverse is left out, see SplineFlows
