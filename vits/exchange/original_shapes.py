"""The model section of a config, read off the shapes of weights under the original VITS's names.

Shapes tell every width and count; what they do not tell (upsampling rates, dilations) comes along.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from vits.exchange.defaults import (
    DURATION_DROPOUT,
    DURATION_FLOWS,
    POSTERIOR_LAYERS,
    SPEAKER_CHANNELS,
    TEXT_DROPOUT,
    WAVENET_KERNEL_SIZE,
)

DIRECTION = re.compile(r"\.(weight_v|parametrizations\.weight\.original1)$")

Shapes = Mapping[str, Sequence[int]]


def weight_shapes(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """The shapes as they are without weight norm: a direction has its weight's."""
    return {DIRECTION.sub(".weight", name): tuple(shape) for name, shape in shapes.items()}


def model_section(
    path: Path,
    shapes: Shapes,
    upsample_rates: Sequence[int],
    resblock_dilations: Sequence[list[int]],
    dropout: float = TEXT_DROPOUT,
) -> dict[str, Any]:
    """The values of a ModelConfig. shapes: of all weights of the generator, original names.

    resblock_dilations: of each resblock of a stage. A weight that every VITS has and this one lacks
    is a UserError.
    """
    shapes = weight_shapes(shapes)

    def shape(name: str, n_axes: int) -> tuple[int, ...]:
        found = shapes.get(name)
        if found is None or len(found) != n_axes or 0 in found:
            what = "lacks" if found is None else f"has the shape {list(found)} for"
            raise UserError(
                f"{path}: {what} {name}, so that the model's widths cannot be told; use a whole "
                f"VITS voice"
            )
        return found

    _, hidden = shape("enc_p.emb.weight", 2)
    _, n_distances, head_channels = shape("enc_p.encoder.attn_layers.0.emb_rel_k", 3)
    filter_channels, _, kernel_size = shape("enc_p.encoder.ffn_layers.0.conv_1.weight", 3)
    latent = shape("enc_p.proj.weight", 3)[0] // 2
    decoder_channels = shape("dec.conv_pre.weight", 3)[0]
    flow_channels = shape("flow.flows.0.pre.weight", 3)[0]
    posterior_channels, n_posterior_layers, posterior_kernel = (
        flow_channels,
        POSTERIOR_LAYERS,
        WAVENET_KERNEL_SIZE,
    )
    if "enc_q.pre.weight" in shapes:
        posterior_channels = shape("enc_q.pre.weight", 3)[0]
        n_posterior_layers = _count(r"enc_q\.enc\.in_layers\.(\d+)\.", shapes)
        posterior_kernel = shape("enc_q.enc.in_layers.0.weight", 3)[2]
    n_stages = _count(r"dec\.ups\.(\d+)\.", shapes)
    n_resblocks = _count(r"dec\.resblocks\.(\d+)\.", shapes) // max(1, n_stages)
    row = "convs1" if "dec.resblocks.0.convs1.0.weight" in shapes else "convs"
    return {
        "latent_channels": latent,
        "speaker_channels": (
            shape("emb_g.weight", 2)[1] if "emb_g.weight" in shapes else SPEAKER_CHANNELS
        ),
        "text_encoder": {
            "hidden_channels": hidden,
            "filter_channels": filter_channels,
            "n_heads": hidden // max(1, head_channels),
            "n_layers": _count(r"enc_p\.encoder\.ffn_layers\.(\d+)\.", shapes),
            "kernel_size": kernel_size,
            "dropout": dropout,
            "attention_window": n_distances // 2,
        },
        "posterior_encoder": {
            "hidden_channels": posterior_channels,
            "n_layers": n_posterior_layers,
            "kernel_size": posterior_kernel,
        },
        "flow": {
            "n_flows": _count(r"flow\.flows\.(\d+)\.", shapes),
            "wavenet": {
                "hidden_channels": flow_channels,
                "n_layers": _count(r"flow\.flows\.0\.enc\.in_layers\.(\d+)\.", shapes),
                "kernel_size": shape("flow.flows.0.enc.in_layers.0.weight", 3)[2],
            },
        },
        "duration_predictor": _duration_predictor(shapes, shape),
        "decoder": {
            "upsample_rates": list(upsample_rates),
            "upsample_kernel_sizes": [shape(f"dec.ups.{i}.weight", 3)[2] for i in range(n_stages)],
            "upsample_initial_channels": decoder_channels,
            "resblock": "1" if row == "convs1" else "2",
            "resblock_kernel_sizes": [
                shape(f"dec.resblocks.{i}.{row}.0.weight", 3)[2] for i in range(n_resblocks)
            ],
            "resblock_dilations": list(resblock_dilations),
        },
    }


def _duration_predictor(shapes: Shapes, shape: Callable[[str, int], tuple]) -> dict[str, Any]:
    if "dp.conv_1.weight" in shapes:
        kind, n_flows = "deterministic", DURATION_FLOWS
        channels, _, kernel_size = shape("dp.conv_1.weight", 3)
    else:
        # Number 0 is the affine one; number 1 is not where only synthesis is.
        kind, n_flows = "stochastic", len(_indices(r"dp\.flows\.(\d+)\.", shapes) - {0} | {1})
        channels = shape("dp.pre.weight", 3)[0]
        kernel_size = shape("dp.convs.convs_sep.0.weight", 3)[2]
    return {
        "kind": kind,
        "hidden_channels": channels,
        "kernel_size": kernel_size,
        "dropout": DURATION_DROPOUT,
        "n_flows": n_flows,
    }


def _indices(pattern: str, names: Iterable[str]) -> set[int]:
    return {int(match[1]) for name in names if (match := re.match(pattern, name))}


def _count(pattern: str, names: Iterable[str]) -> int:
    return len(_indices(pattern, names))
