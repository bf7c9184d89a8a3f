"""The original VITS's pair of files, G_* and D_*, in and out; MMS has the same."""

import logging
import re
from pathlib import Path

from torch import Tensor

from hifigan.errors import UserError, legible
from hifigan.exchange.formats import is_weights
from hifigan.json_config import config_from_dict, config_to_dict
from vits.config import VitsConfig
from vits.exchange.defaults import DISCRIMINATOR
from vits.exchange.formats import Weights, bare, read_voice_file
from vits.exchange.found import FoundVoice, fitted_discriminator, fitted_generator
from vits.exchange.names import judge_table, vits_name, voice_table
from vits.exchange.original_config import resolved, voice_config
from vits.exchange.original_shapes import Shapes, weight_shapes

logger = logging.getLogger(__name__)

N_AXES = {
    "emb_g.weight": 2,
    "dp.pre.weight": 3,
    "dp.conv_1.weight": 3,
    "dp.convs.convs_sep.0.weight": 3,
}
LARGE = re.compile(r"\.\d{4,}\.")  # the number of a layer
CONDITION = re.compile(r"(dec\.cond|dp\.cond|(enc_q|flow\.flows\.\d+)\.enc\.cond_layer)\.")


def open_original(path: Path, weights: Weights, given: VitsConfig | None) -> FoundVoice:
    """The voice in a G_*, whose weights are given, and in the D_* of the same number beside it.

    given: for a voice without a config.json, and for texts that only it says how to read.
    """
    weights = bare(weights)
    require_axes(path, weights)
    if "emb_g.weight" not in weights:
        unused = [name for name in weights if CONDITION.match(name)]
        if unused:  # the original makes them wherever gin_channels is set, and never calls them
            logger.info("%s: left out, for speakers that it has not: %d weights", path, len(unused))
        weights = {name: w for name, w in weights.items() if name not in unused}
    shapes = weight_shapes({name: tuple(w.shape) for name, w in weights.items()})
    source, is_mms = config_beside(path, given is not None), False
    if source is None:
        if given is None:
            raise UserError(
                f"{path}: has no config.json beside it; put the one that it was trained with "
                f"there, or pass a config with -c"
            )
        config = resolved(path, given, shapes)
    else:
        config, is_mms = voice_config(path, source, shapes, given)
    n_resblocks = len(config.model.decoder.resblock_dilations)
    names = {name: vits_name(name, n_resblocks) for name in weights}
    generator = fitted_generator(path, weights, names, config, absent=())
    discriminator = None
    if (judge := judge_beside(path)) is not None:
        config, discriminator = open_judge(judge, _judge_weights(judge), config)
    return FoundVoice(
        "MMS" if is_mms else "original VITS",
        config,
        generator,
        discriminator,
        absent=(),
        step=step_in_name(path),
    )


def original_weights(config: VitsConfig, generator: Weights) -> dict[str, Tensor]:
    """The model of a G_*: our generator under the original's names and in its order."""
    return {name: generator[ours].clone() for name, ours in voice_table(config).items()}


def original_discriminator(config: VitsConfig, discriminator: Weights) -> dict[str, Tensor]:
    """The model of a D_*, likewise."""
    table = judge_table(config.discriminator)
    return {name: discriminator[ours].clone() for name, ours in table.items()}


def open_judge(path: Path, weights: Weights, config: VitsConfig) -> tuple[VitsConfig, Weights]:
    """Discriminators under the original's names; also the config, which then has their widths."""
    shapes = weight_shapes({name: tuple(w.shape) for name, w in weights.items()})
    sections = config_to_dict(config) | {"discriminator": _discriminator_section(path, shapes)}
    config = config_from_dict(VitsConfig, sections, str(path))
    return config, fitted_discriminator(path, weights, config)


def judge_beside(path: Path) -> Path | None:
    """The D_* of the same number as a G_*."""
    beside = path.with_name("D_" + path.name.removeprefix("G_"))
    return beside if path.name.startswith("G_") and beside.is_file() else None


def config_beside(path: Path, is_given: bool) -> Path | None:
    """config.json, else the one JSON file there is, as for the published single downloads."""
    usual = path.parent / "config.json"
    if usual.is_file():
        return usual
    others = sorted(path.parent.glob("*.json"))
    if len(others) > 1 and not is_given:
        raise UserError(
            f"{path}: several configs lie beside it ({', '.join(p.name for p in others[:5])}); "
            f"name its own config.json, or pass a config with -c"
        )
    return others[0] if len(others) == 1 else None


def require_axes(path: Path, weights: Weights) -> None:
    """A UserError unless the weights that the widths are read off have as many axes as VITS's."""
    for name, n_axes in N_AXES.items():
        if name in weights and weights[name].dim() != n_axes:
            raise UserError(
                f"{path}: {name} has the shape {list(weights[name].shape)}, expected {n_axes} "
                f"axes; damaged, use another file"
            )
    for name in weights:
        if LARGE.search(name):
            raise UserError(
                f"{path}: {legible(name)} is no layer of VITS; damaged, use another file"
            )


def step_in_name(path: Path) -> int:
    """The step in a name such as G_1000.pth; 0 where there is none."""
    found = re.search(r"_(\d+)\.pth?$", path.name)
    return int(found[1]) if found else 0


def _judge_weights(path: Path) -> Weights:
    contents = read_voice_file(path)
    weights = contents.get("model") if isinstance(contents, dict) else None
    if not is_weights(weights) or not any("discriminators." in name for name in weights):
        raise UserError(
            f"{path}: holds no discriminators of VITS; put the D_* there, or take the file away"
        )
    return bare(weights)


def _discriminator_section(path: Path, shapes: Shapes) -> dict[str, list]:
    """A DiscriminatorConfig's values. Widths are read off; periods and strides are the original's,
    whose code fixes them.
    """
    scale = _layers(0, shapes)
    period = _layers(1, shapes)
    usual = DISCRIMINATOR["scale_layers"]
    flat = all(len(s) == 3 for s in scale) and all(len(s) == 4 for s in period)
    if len(scale) != len(usual) or not period or not flat:
        raise UserError(
            f"{path}: its discriminators have other layers than VITS's; use its own D_*, or take "
            f"the file away, so that they start afresh"
        )
    before, layers = 1, []
    for (channels, width, kernel_size), (*_, stride, _) in zip(scale, usual, strict=True):
        layers.append([channels, kernel_size, stride, max(1, before // max(1, width))])
        before = channels
    return {
        "periods": DISCRIMINATOR["periods"],
        "period_channels": [shape[0] for shape in period],
        "scale_layers": layers,
    }


def _layers(member: int, shapes: Shapes) -> list[tuple[int, ...]]:
    """The shapes of a member's convolutions, as far as they stand in one row."""
    found = []
    while shape := shapes.get(f"discriminators.{member}.convs.{len(found)}.weight"):
        found.append(tuple(shape))
    return found
