"""What the original HiFi-GAN calls its weights, and what they are called here.

The original's names are spoken far beyond it: Coqui's and bshall's HiFi-GAN keep them, and so does
the decoder of VITS. Both ways of torch to write weight norm are read: `weight_g`, `weight_v`, and
`parametrizations.weight.original0`, `original1` of newer files, which need no translation.
"""

import re
from collections.abc import Callable, Sequence

from hifigan.config import DiscriminatorConfig, GeneratorConfig
from hifigan.discriminators import N_SCALES

Rules = Sequence[tuple[str, str | Callable[[re.Match], str]]]

WEIGHT_NORM: Rules = (
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
)
SPECTRAL_NORM: Rules = (
    (r"\.weight_orig$", ".parametrizations.weight.original"),
    (r"\.weight_u$", ".parametrizations.weight.0._u"),
)
SPECTRAL_VECTOR: Rules = ((r"\.weight_v$", ".parametrizations.weight.0._v"),)
# A layer's tensors in the order in which torch keeps them.
WEIGHT_NORMED = ("bias", "weight_g", "weight_v")
SPECTRAL_NORMED = ("bias", "weight_orig", "weight_u", "weight_v")


def rename(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def generator_name(name: str, n_resblocks: int) -> str:
    """Ours of an original name. `n_resblocks` per upsampling stage: theirs stand in one row."""
    return rename(
        name,
        [
            (r"^conv_pre\.", "input."),
            (r"^conv_post\.", "output."),
            (r"^cond\.", "condition."),
            (r"^ups\.(\d+)\.", r"stages.\1.upsample."),
            (
                r"^resblocks\.(\d+)\.",
                lambda m: f"stages.{int(m[1]) // n_resblocks}.resblocks.{int(m[1]) % n_resblocks}.",
            ),
            (r"\.convs2\.", ".plain."),
            (r"\.convs1?\.", ".dilated."),
            *WEIGHT_NORM,
        ],
    )


def discriminator_name(name: str, spectral_norm: bool = False) -> str:
    """Ours of an original name, inside the multi-period or the multi-scale discriminator.

    `weight_v` is a matrix of weight norm, but a vector in a layer with spectral norm.
    """
    return rename(
        name,
        [
            (r"^discriminators\.", "members."),
            (r"\.convs\.", ".layers."),
            (r"\.conv_post\.", ".output."),
            *SPECTRAL_NORM,
            *(SPECTRAL_VECTOR if spectral_norm else WEIGHT_NORM),
        ],
    )


def generator_table(config: GeneratorConfig) -> dict[str, str]:
    """Ours of each original name, in the order of the original's state_dict and parameters()."""
    n_resblocks, n_stages = len(config.resblock_dilations), len(config.upsample_rates)
    rows = ("convs1", "convs2") if config.resblock == "1" else ("convs",)
    resblocks = [
        f"resblocks.{stage * n_resblocks + i}.{row}.{k}"
        for stage in range(n_stages)
        for i, dilations in enumerate(config.resblock_dilations)
        for row in rows
        for k in range(len(dilations))
    ]
    layers = ["conv_pre", *(f"ups.{i}" for i in range(n_stages)), *resblocks, "conv_post"]
    names = [f"{layer}.{tensor}" for layer in layers for tensor in WEIGHT_NORMED]
    return {name: generator_name(name, n_resblocks) for name in names}


def multi_period_table(config: DiscriminatorConfig) -> dict[str, str]:
    """As generator_table, of the discriminator that is called mpd there."""
    members = [False] * len(config.periods)
    return _discriminator_table("multi_period.", members, len(config.period_channels))


def multi_scale_table(config: DiscriminatorConfig) -> dict[str, str]:
    """As generator_table, of msd, whose first member is spectral-normed."""
    members = [scale == 0 for scale in range(N_SCALES)]
    return _discriminator_table("multi_scale.", members, len(config.scale_layers))


def _discriminator_table(prefix: str, members: list[bool], n_layers: int) -> dict[str, str]:
    """members: of each, whether it is spectral-normed."""
    return {
        name: prefix + discriminator_name(name, spectral_norm)
        for i, spectral_norm in enumerate(members)
        for layer in (*(f"convs.{k}" for k in range(n_layers)), "conv_post")
        for tensor in (SPECTRAL_NORMED if spectral_norm else WEIGHT_NORMED)
        for name in [f"discriminators.{i}.{layer}.{tensor}"]
    }
