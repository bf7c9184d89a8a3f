"""What every reader of a foreign format hands back, and the weights fitted to our model."""

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hifigan.errors import UserError
from hifigan.exchange.names import discriminator_name
from hifigan.exchange.weights import Layout, fit
from vits.config import VitsConfig
from vits.discriminators import make_discriminators
from vits.model import make_model

Weights = dict[str, Tensor]

# What synthesis does not use: also the first coupling of the duration predictor's flows.
UNSPOKEN = ("posterior_encoder.*",)
UNSPOKEN_OF_STOCHASTIC = (
    "duration_predictor.posterior_*",
    "duration_predictor.flows.couplings.0.*",
)


@dataclass(frozen=True)
class FoundVoice:
    """A voice as its file has it, under our names."""

    format: str  # such as "Piper ONNX"
    config: VitsConfig  # symbols and speakers resolved
    generator: Weights  # float32; all weights but the absent ones
    discriminator: Weights | None
    absent: tuple[str, ...]  # patterns of the generator's names that the format never holds
    step: int


def only_for_training(config: VitsConfig) -> tuple[str, ...]:
    """Patterns of the generator's names that a file which only speaks does not hold."""
    stochastic = config.model.duration_predictor.kind == "stochastic"
    return UNSPOKEN + UNSPOKEN_OF_STOCHASTIC if stochastic else UNSPOKEN


def generator_layout(config: VitsConfig, absent: tuple[str, ...] = ()) -> Layout:
    """The tensors of the model that a config describes, but for those that `absent` matches."""
    return _layout(_made(lambda: make_model(config)), absent)


def fitted_generator(
    path: Path, found: Weights, names: dict[str, str], config: VitsConfig, absent: tuple[str, ...]
) -> Weights:
    """The generator's weights under our names and in float32; names: ours of each found one.

    Where weight norm was folded, it is made again with the same product. Anything missing, left
    over or misshapen is a UserError.
    """
    decoder = config.model.decoder
    for rate, size in zip(decoder.upsample_rates, decoder.upsample_kernel_sizes):
        if (size - rate) % 2:
            raise UserError(
                f"{path}: its decoder's upsample kernel size {size} less rate {rate} is odd; that "
                f"network makes more samples than frames times hop, and none here can"
            )
    return fit(path, "generator", found, names, generator_layout(config, absent))


def fitted_discriminator(path: Path, found: Weights, config: VitsConfig) -> Weights:
    """Likewise the discriminators', of the original's names."""
    layout = _layout(_made(lambda: make_discriminators(config)), ())
    names = {name: discriminator_name(name) for name in found}
    return fit(path, "discriminators", found, names, layout)


def _made(make: Callable[[], nn.Module]) -> nn.Module:
    # For its names alone: on the meta device it takes no memory and draws nothing at random.
    with torch.device("meta"):
        return make()


def _layout(network: nn.Module, absent: tuple[str, ...]) -> Layout:
    def is_there(name: str) -> bool:
        return not any(fnmatch.fnmatchcase(name, pattern) for pattern in absent)

    return Layout(
        {name: w.shape for name, w in network.state_dict().items() if is_there(name)},
        [name for name, _ in network.named_parameters() if is_there(name)],
    )
