"""Speakers enter through `condition` layers, which a voice of one speaker does not have.

Here such a voice becomes one of many, each of whom begins as it, and a speaker out of many a voice
of one.
"""

import re

import torch
from torch import Tensor

from hifigan.weight_norm import DIRECTION, NORM, normed_weight

CONDITION = re.compile(r"(.+)\.condition\.")


def is_condition(name: str) -> bool:
    return CONDITION.match(name) is not None


def entered_names(names: list[str], speaker_layer: int | None) -> dict[str, list[str]]:
    """Per condition layer's owner, such as "flow.couplings.0.wavenet", the biases it enters.

    speaker_layer: the text encoder's. What enters before it does so behind the norm of the one
    before.
    """
    entered: dict[str, list[str]] = {}
    for name in names:
        owner, _, rest = name.rpartition(".gated.")
        if owner and rest.endswith(".bias"):
            entered.setdefault(owner, []).append(name)
    for owner, biases in (
        ("decoder", ["decoder.input.bias"]),
        (
            "duration_predictor",
            ["duration_predictor.input.bias", "duration_predictor.conv_1.bias"],  # by its kind
        ),
        (
            "text_encoder",
            [f"text_encoder.layers.{(speaker_layer or 1) - 2}.feed_forward_norm.bias"],
        ),
    ):
        found = [name for name in biases if name in names]
        if found:
            entered[owner] = found
    return entered


def silenced(names: list[str], shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """What makes condition layers add nothing, so that every speaker sounds like the old voice.

    names: their tensors. Of weight norm only the norm becomes 0: the direction stays as it was
    drawn, so that the layer can learn.
    """
    return {name: torch.zeros(shapes[name]) for name in names if not name.endswith(DIRECTION)}


def folded(
    state: dict[str, Tensor], embedding: Tensor, speaker_layer: int | None
) -> dict[str, Tensor]:
    """The generator's state_dict without speakers, speaking as one of them did.

    embedding: [speaker_channels], the speaker's; speaker_layer: of the state's text encoder. What
    the speaker adds goes into the biases of the layers that it enters. That is exact but in the
    deterministic duration predictor: there it enters before a convolution that pads with zeros, so
    that the first and last symbols of a text (kernel_size // 2 each) may get other durations.
    """
    single = {
        name: tensor
        for name, tensor in state.items()
        if not is_condition(name) and not name.startswith("speaker_embedding.")
    }
    for owner, biases in entered_names(list(single), speaker_layer).items():
        if f"{owner}.condition.bias" not in state:
            continue
        added = _weight(state, f"{owner}.condition").flatten(1) @ embedding.float()
        added = added + state[f"{owner}.condition.bias"].float()
        if biases[0].endswith("conv_1.bias"):
            kernel = single["duration_predictor.conv_1.weight"].float()
            added = torch.einsum("oik,i->o", kernel, added)
        # Gates come in the order of the layers, whose names need not be in order: 10 before 2.
        for bias, part in zip(sorted(biases, key=_layer), added.chunk(len(biases))):
            single[bias] = single[bias].float() + part
    return single


def _layer(bias: str) -> int:
    numbers = re.findall(r"\.gated\.(\d+)\.", bias)
    return int(numbers[0]) if numbers else 0


def _weight(state: dict[str, Tensor], layer: str) -> Tensor:
    """A layer's weight, with or without weight norm."""
    if f"{layer}.weight" in state:
        return state[f"{layer}.weight"].float()
    return normed_weight(*(state[layer + tensor].float() for tensor in (NORM, DIRECTION)))
