"""Loads the numbers recorded from the original implementations (tests/fixtures/README.md)."""

from pathlib import Path

import torch
from torch import Tensor, nn

from hifigan.config import GeneratorConfig
from hifigan.exchange.names import discriminator_name

FIXTURES = Path(__file__).parent / "fixtures"


def recording(name: str) -> dict:
    return torch.load(FIXTURES / f"{name}.pt", weights_only=True)


def generator_config(config: dict) -> GeneratorConfig:
    return GeneratorConfig(
        upsample_rates=tuple(config["upsample_rates"]),
        upsample_kernel_sizes=tuple(config["upsample_kernel_sizes"]),
        upsample_initial_channels=config["upsample_initial_channel"],
        resblock=str(config["resblock"]),
        resblock_kernel_sizes=tuple(config["resblock_kernel_sizes"]),
        resblock_dilations=tuple(tuple(d) for d in config["resblock_dilation_sizes"]),
    )


def assert_close(found: Tensor, expected: Tensor, relative: float = 1e-4) -> None:
    """The largest difference, as a share of the largest number expected."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    difference = (found.double() - expected.double()).abs().max() / expected.double().abs().max()
    assert difference <= relative, f"relative difference {difference:.2e} is over {relative:.0e}"


def fill_by_rule(
    discriminator: nn.Module, keys: list[str], stored: dict[str, Tensor] | None = None
) -> None:
    """Give a discriminator the fixtures' weights, which follow a rule over the original's names."""
    ours, state = discriminator.state_dict(), {}
    for i, key in enumerate(keys):
        name = discriminator_name(key)
        if stored and key in stored:
            if key.endswith("weight_v"):  # of spectral norm, a vector; weight norm's is a matrix
                name = name.replace("original1", "0._v")
            state[name] = stored[key]
            continue
        count = ours[name].numel()
        k = torch.arange(count, dtype=torch.float64)
        if key.endswith("bias"):
            values = 0.01 * torch.cos(k + i)
        elif key.endswith("weight_g"):
            values = torch.full((count,), 2.0)
        else:
            waves = 43758.5453 * torch.sin(12.9898 * k + 78.233 * i)
            values = waves - torch.floor(waves) - 0.5
        state[name] = values.float().view_as(ours[name])
    discriminator.load_state_dict(state)
