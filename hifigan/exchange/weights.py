"""Weights under other names become the weights of our networks: all of them, or none."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Size, Tensor, nn

from hifigan.discriminators import HifiganDiscriminators
from hifigan.errors import UserError, legible
from hifigan.exchange.names import discriminator_name, generator_name
from hifigan.generator import Generator
from hifigan.vocoder_config import VocoderConfig
from hifigan.weight_norm import DIRECTION, NORM

FLOATS = (torch.float32, torch.float16, torch.bfloat16)
N_NAMED = 3  # names of a kind in one message


@dataclass(frozen=True)
class Layout:
    """The tensors of a network of ours."""

    shapes: dict[str, Size]  # of all, in the order of state_dict()
    parameters: list[str]  # those that learn, in the order of parameters()


def generator_layout(config: VocoderConfig) -> Layout:
    return _layout(lambda: Generator(config.audio.n_mels, config.generator))


def discriminator_layout(config: VocoderConfig) -> Layout:
    return _layout(lambda: HifiganDiscriminators(config.discriminator))


def generator_weights(
    path: Path, found: dict[str, Tensor], layout: Layout, n_resblocks: int
) -> tuple[dict[str, Tensor], list[str]]:
    """A state_dict of our generator, of one under the original's names.

    Also returns the names of ours in the file's order. Layers whose weight norm was removed get one
    again that computes the same weight.
    """
    names = {name: generator_name(name, n_resblocks) for name in found}
    return fit(path, "generator", found, names, layout), list(names.values())


def discriminator_weights(
    path: Path, mpd: dict[str, Tensor], msd: dict[str, Tensor], layout: Layout
) -> tuple[dict[str, Tensor], list[str], list[str]]:
    """A state_dict of our discriminators; also our names in the file's order, of mpd and of msd."""
    periods = {name: "multi_period." + discriminator_name(name) for name in mpd}
    scales = {
        name: "multi_scale."
        + discriminator_name(name, name.removesuffix("weight_v") + "weight_orig" in msd)
        for name in msd
    }
    found = {f"mpd.{k}": v for k, v in mpd.items()} | {f"msd.{k}": v for k, v in msd.items()}
    names = {f"mpd.{k}": v for k, v in periods.items()}
    names |= {f"msd.{k}": v for k, v in scales.items()}
    state = fit(path, "discriminators", found, names, layout)
    return state, list(periods.values()), list(scales.values())


def fit(
    path: Path, what: str, found: dict[str, Tensor], names: dict[str, str], layout: Layout
) -> dict[str, Tensor]:
    """The tensors of `found` under our names, in our order and in float32.

    names: ours of each in the file. Anything missing, left over, doubled, misshapen or of another
    type is a UserError.
    """
    ours: dict[str, Tensor] = {}
    spelt: dict[str, str] = {}  # in the file
    for name, tensor in found.items():
        if names[name] in ours:
            raise UserError(
                f"{path}: {what}: {legible(spelt[names[name]])} and {legible(name)} are the same "
                f"weight; use another file"
            )
        ours[names[name]], spelt[names[name]] = tensor, name
    for name in layout.shapes:
        if name.endswith(DIRECTION) and name not in ours:
            _normed_again(ours, spelt, name.removesuffix(DIRECTION))
    faults = [
        _listed("lacks", [name for name in layout.shapes if name not in ours]),
        _listed("has unknown", [spelt[name] for name in ours if name not in layout.shapes]),
        _listed(
            "misfits:",
            [
                f"{spelt[name]} {list(ours[name].shape)} for {list(shape)}"
                for name, shape in layout.shapes.items()
                if name in ours and ours[name].shape != shape
            ],
        ),
        _listed(
            "is no float32:",
            [spelt[name] for name in layout.shapes if name in ours and not _is_plain(ours[name])],
        ),
    ]
    if any(faults):
        raise UserError(
            f"{path}: its {what} and the config do not fit: {'; '.join(filter(None, faults))}; "
            f"pass the config that it was trained with (-c), or use another file"
        )
    return {name: ours[name].float().contiguous() for name in layout.shapes}


def _layout(make: Callable[[], nn.Module]) -> Layout:
    # Made for its names alone; it must not draw from the generator that a run has seeded.
    with torch.random.fork_rng(devices=[]):
        network = make()
    return Layout(
        {name: tensor.shape for name, tensor in network.state_dict().items()},
        [name for name, _ in network.named_parameters()],
    )


def _normed_again(ours: dict[str, Tensor], spelt: dict[str, str], layer: str) -> None:
    """Replace a plain weight by a norm and a direction, which multiply to it."""
    weight = ours.get(f"{layer}.weight")
    if weight is None or weight.dim() < 2 or not _is_plain(weight):
        return
    direction = weight.float()
    norm = torch.linalg.vector_norm(direction, dim=tuple(range(1, weight.dim())), keepdim=True)
    # A channel of zeros has no direction: with any at all, its norm makes it zero, and 0 / 0 not.
    del ours[f"{layer}.weight"]
    ours[layer + NORM], ours[layer + DIRECTION] = norm, direction.where(norm > 0, 1.0)
    spelt[layer + NORM] = spelt[layer + DIRECTION] = spelt.pop(f"{layer}.weight")


def _is_plain(tensor: Any) -> bool:
    return tensor.dtype in FLOATS and tensor.layout is torch.strided and tensor.device.type == "cpu"


def _listed(fault: str, names: list[str]) -> str:
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return f"{fault} {', '.join(map(legible, names[:N_NAMED]))}{more}" if names else ""
