"""Opens any HiFi-GAN vocoder: ours, the original's, Coqui's or bshall's; a file or a folder.

Weights load whole or not at all. A config is looked for in the file, beside it, and among the
arguments, in this order; where two speak of the generator, they must agree.
"""

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from hifigan.checkpoint import NAME, open_checkpoint
from hifigan.errors import UserError
from hifigan.exchange.configs import from_values, read_with_mel
from hifigan.exchange.defaults import bshall_values
from hifigan.exchange.formats import (
    Found,
    count,
    is_do,
    is_ours,
    is_weights,
    recognise,
    with_discriminators,
)
from hifigan.exchange.moments import our_moments
from hifigan.exchange.torch_file import read_torch_file
from hifigan.exchange.weights import (
    DIRECTION,
    Layout,
    discriminator_layout,
    discriminator_weights,
    fit,
    generator_layout,
    generator_weights,
)
from hifigan.json_config import config_from_dict, config_to_dict, differences
from hifigan.vocoder_config import VocoderConfig

logger = logging.getLogger(__name__)

NUMBERED = re.compile(r"(g|do)_(\d+)(\.pth?)?")
NAMED = re.compile(r"generator(_v\d\w*)?(\.pth?)?")  # as in the original's downloads
UNKNOWN_MEL = "no config of Coqui's lies beside it, so how its mels are made is unknown"

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class OpenedVocoder:
    path: Path  # of the file with the generator
    format: str  # "ours", "HiFi-GAN", "Coqui" or "bshall"
    config: VocoderConfig
    generator: Weights  # a state_dict under our names; of ours, not its moving average
    discriminator: Weights | None  # likewise; None where the file has none
    step: int
    epoch: int
    # State_dicts of our optimizers, the generator's and the discriminators'; of ours as they are.
    optimizers: tuple[dict[str, Any], dict[str, Any]] | None
    contents: dict[str, Any] | None  # the whole checkpoint, where it is ours
    foreign_mel: str | None  # how its mels differ from what our recipe can say; None: not


def open_vocoder(
    path: Path, config: VocoderConfig | None = None, for_synthesis: bool = False
) -> OpenedVocoder:
    """The vocoder in a file, or the newest in a folder. `config` is for files without one.

    For synthesis a do_* beside the file, which is far larger, stays closed.
    """
    path = _generator_beside(path)
    if path.is_dir():
        place = path
        path, contents = _newest(path)
        logger.debug("%s: taking %s", place, path.name)
    else:
        contents = None
    if contents is None:
        contents = read_torch_file(path)
    if is_ours(contents):
        return _ours(path, contents, config)
    found = recognise(path, contents)
    discriminators = _do_beside(path)
    if found.format == "HiFi-GAN" and discriminators and not for_synthesis:
        contents = read_torch_file(discriminators)
        if not is_do(contents):
            raise UserError(f"{discriminators}: has no mpd and msd, so it is no do_* file")
        found = with_discriminators(found, discriminators, contents)
    elif found.format == "HiFi-GAN" and NUMBERED.fullmatch(path.name):
        found = replace(found, step=_number(path))
    return _foreign(path, discriminators or path, found, config)


def _ours(path: Path, contents: dict[str, Any], given: VocoderConfig | None) -> OpenedVocoder:
    if "text" in contents["config"]:
        raise UserError(
            f"{path}: a VITS voice, whose decoder hears latents, not mels; use it with infer.py, "
            f"or name a checkpoint of a vocoder"
        )
    config = config_from_dict(VocoderConfig, contents["config"], str(path))
    if given is not None:
        _require_same_generator(path, config, given)
    judge = contents.get("discriminator")
    states = contents.get("generator_optimizer"), contents.get("discriminator_optimizer")
    generator = _as_named(path, "generator", contents["generator"], generator_layout(config))
    return OpenedVocoder(
        path,
        "ours",
        config,
        generator,
        None
        if judge is None
        else _as_named(path, "discriminators", judge, discriminator_layout(config)),
        count(path, contents, "step"),
        count(path, {"epoch": 0} | contents, "epoch"),  # a file that only speaks has none
        states if all(isinstance(state, dict) for state in states) else None,
        contents,
        None,
    )


def _as_named(path: Path, what: str, state: Weights, layout: Layout) -> Weights:
    if not is_weights(state):
        raise UserError(f"{path}: {what} are no weights; damaged, use another checkpoint")
    return fit(path, what, state, {name: name for name in state}, layout)


def _foreign(
    path: Path, judge_path: Path, found: Found, given: VocoderConfig | None
) -> OpenedVocoder:
    """judge_path: the file that the discriminators came from."""
    config, foreign_mel = _config_of(path, found, given)
    layout = generator_layout(config)
    n_resblocks = len(config.generator.resblock_dilations)
    generator, generator_order = generator_weights(path, found.generator, layout, n_resblocks)
    discriminator = optimizers = None
    if found.mpd is not None and found.msd is not None:
        judge_layout = discriminator_layout(config)
        discriminator, periods, scales = discriminator_weights(
            judge_path, found.mpd, found.msd, judge_layout
        )
        order = scales + periods if found.scales_first else periods + scales
        if found.optimizers is not None and not _normed(generator_order, layout):
            logger.warning(
                "%s: its weight norm was removed, so the optimizers' states do not fit it and are "
                "left out",
                path,
            )
        elif found.optimizers is not None:
            optimizers = (
                our_moments(judge_path, "optim_g", found.optimizers[0], generator_order, layout),
                our_moments(judge_path, "optim_d", found.optimizers[1], order, judge_layout),
            )
    return OpenedVocoder(
        path,
        found.format,
        config,
        generator,
        discriminator,
        found.step,
        found.epoch,
        optimizers,
        None,
        foreign_mel,
    )


def _normed(order: list[str], layout: Layout) -> bool:
    """Whether the file had weight norm in each layer that has it here."""
    there = set(order)
    return all(name in there for name in layout.shapes if name.endswith(DIRECTION))


def _config_of(
    path: Path, found: Found, given: VocoderConfig | None
) -> tuple[VocoderConfig, str | None]:
    """The config, and how its mels differ from what our recipe can say.

    No foreign config speaks of discriminators, so the given one does where there is one.
    """
    if found.settings is not None:
        own = from_values(found.settings, f"{path}: its config")
    elif (beside := _config_beside(path, given is not None)) is not None:
        own = read_with_mel(beside)
    elif given is not None:
        return given, UNKNOWN_MEL if found.format == "Coqui" else None
    elif found.format == "bshall":
        own = from_values(bshall_values(), "the settings of bshall/hifigan")
    else:
        raise UserError(
            f"{path}: has no config inside and no config.json beside it; put the one that it was "
            f"trained with there, or pass it with -c"
        )
    if given is None:
        return own
    _require_same_generator(path, own[0], given)
    return replace(own[0], discriminator=given.discriminator), own[1]


def _config_beside(path: Path, is_given: bool) -> Path | None:
    usual = path.parent / "config.json"
    if usual.is_file():
        return usual
    others = sorted(path.parent.glob("config_v*.json"))
    if len(others) > 1 and not is_given:
        raise UserError(
            f"{path}: several configs lie beside it ({', '.join(p.name for p in others)}); name "
            f"one config.json, or pass it with -c"
        )
    return others[0] if len(others) == 1 else None


def _require_same_generator(path: Path, own: VocoderConfig, given: VocoderConfig) -> None:
    shapes = [
        {"generator": config_to_dict(c.generator), "audio": {"n_mels": c.audio.n_mels}}
        for c in (own, given)
    ]
    for name, (its, wanted) in differences(*shapes).items():
        raise UserError(
            f"{path}: {name} is {its} by its own config, but {wanted} in the one given; give the "
            f"config that it was trained with, or none"
        )


def _newest(folder: Path) -> tuple[Path, dict[str, Any] | None]:
    """The file to open in a folder; also its contents where it is a run of ours."""
    for place in (folder / "checkpoints", folder):
        if any(NAME.fullmatch(file.name) for file in place.glob("*.pt")):
            return open_checkpoint(folder)
    numbered = [p for p in folder.iterdir() if NUMBERED.fullmatch(p.name) and p.is_file()]
    generators = sorted((p for p in numbered if p.name.startswith("g_")), key=_number)
    pairs = [p for p in generators if _do_beside(p)]
    if pairs:
        if generators[-1] != pairs[-1]:
            logger.warning(
                "%s: has no do_* beside it, so the newest pair is taken; name the file to take it",
                generators[-1],
            )
        return pairs[-1], None
    if generators:
        return generators[-1], None
    named = sorted(p for p in folder.iterdir() if NAMED.fullmatch(p.name) and p.is_file())
    if len(named) == 1:
        return named[0], None
    there = sorted(p.name for p in folder.iterdir() if p.is_file())
    lacks = "discriminators and optimizers (do_*), but no generator" if numbered else "no vocoder"
    raise UserError(
        f"{folder}: has {lacks}; expected a run of ours with checkpoints/step_*.pt, or g_* beside "
        f"config.json; name another file itself"
        + (f", of those there: {', '.join(there[:8])}" if there else "; the folder has no files")
    )


def _do_beside(path: Path) -> Path | None:
    """The do_* of the same number as a g_*."""
    match = NUMBERED.fullmatch(path.name)
    if not match or match[1] != "g":
        return None
    beside = path.with_name(f"do_{match[2]}{match[3] or ''}")
    return beside if beside.is_file() else None


def _generator_beside(path: Path) -> Path:
    """The g_* of the same number as a do_*, where that is there; else the path itself."""
    match = NUMBERED.fullmatch(path.name)
    if not match or match[1] != "do":
        return path
    beside = path.with_name(f"g_{match[2]}{match[3] or ''}")
    return beside if beside.is_file() else path


def _number(path: Path) -> int:
    return int(NUMBERED.fullmatch(path.name)[2])
