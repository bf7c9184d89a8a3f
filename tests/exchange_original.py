"""The original HiFi-GAN's modules, said again with torch's old norms: names, shapes and orders.

They have no forward pass: they are what state_dict() and parameters() of the original look like.
"""

import dataclasses
import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hifigan.config import DiscriminatorConfig, GeneratorConfig
from hifigan.exchange.configs import from_values
from hifigan.vocoder_config import VocoderConfig

V1 = {
    "resblock": "1",
    "num_gpus": 0,
    "batch_size": 16,
    "learning_rate": 0.0002,
    "adam_b1": 0.8,
    "adam_b2": 0.99,
    "lr_decay": 0.999,
    "seed": 1234,
    "upsample_rates": [8, 8, 2, 2],
    "upsample_kernel_sizes": [16, 16, 4, 4],
    "upsample_initial_channel": 512,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "segment_size": 8192,
    "num_mels": 80,
    "num_freq": 1025,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 22050,
    "fmin": 0,
    "fmax": 8000,
    "fmax_for_loss": None,
    "num_workers": 4,
    "dist_config": {
        "dist_backend": "nccl",
        "dist_url": "tcp://localhost:54321",
        "world_size": 1,
    },
}
V2 = V1 | {"upsample_initial_channel": 128}
V3 = V1 | {
    "resblock": "2",
    "upsample_rates": [8, 8, 4],
    "upsample_kernel_sizes": [16, 16, 8],
    "upsample_initial_channel": 256,
    "resblock_kernel_sizes": [3, 5, 7],
    "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]],
}
NARROW_1 = V1 | {
    "upsample_rates": [16, 16],
    "upsample_kernel_sizes": [32, 32],
    "upsample_initial_channel": 8,
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 2, 4]],
    "num_mels": 6,
}
NARROW_2 = NARROW_1 | {"resblock": "2", "resblock_dilation_sizes": [[1, 2], [2, 6]]}
NARROW_DISCRIMINATOR = DiscriminatorConfig(
    periods=(2, 3), period_channels=(4, 6), scale_layers=((4, 15, 1, 1), (8, 41, 4, 4))
)


def narrow(values: dict[str, Any]) -> VocoderConfig:
    """Of NARROW_1 or NARROW_2, with narrow discriminators, of which no file of theirs speaks."""
    config, _ = from_values(values, "narrow.json")
    return dataclasses.replace(config, discriminator=NARROW_DISCRIMINATOR)


def saved(path: Path, contents: Any, config: dict[str, Any] | None = None, **options: Any) -> Path:
    """A torch file at `path`, and a config.json beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(contents, path, **options)
    if config is not None:
        (path.parent / "config.json").write_text(json.dumps(config))
    return path


def over_ddp(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Under the names of DistributedDataParallel."""
    return {f"module.{name}": w for name, w in weights.items()}


class OriginalResblock(nn.Module):
    def __init__(self, kind: str, channels: int, kernel_size: int, dilations: tuple) -> None:
        super().__init__()
        for row in ("convs1", "convs2") if kind == "1" else ("convs",):
            layers = [weight_norm(nn.Conv1d(channels, channels, kernel_size)) for _ in dilations]
            setattr(self, row, nn.ModuleList(layers))


class OriginalGenerator(nn.Module):
    def __init__(self, n_mels: int, config: GeneratorConfig) -> None:
        super().__init__()
        channels = config.upsample_initial_channels
        self.conv_pre = weight_norm(nn.Conv1d(n_mels, channels, 7))
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for i, size in enumerate(config.upsample_kernel_sizes):
            ups = nn.ConvTranspose1d(channels // 2**i, channels // 2 ** (i + 1), size)
            self.ups.append(weight_norm(ups))
        for i in range(len(self.ups)):
            for size, dilations in zip(
                config.resblock_kernel_sizes, config.resblock_dilations, strict=True
            ):
                width = channels // 2 ** (i + 1)
                self.resblocks.append(OriginalResblock(config.resblock, width, size, dilations))
        self.conv_post = weight_norm(nn.Conv1d(width, 1, 7))


class OriginalMember(nn.Module):
    def __init__(self, layers: list[nn.Module], norm: Any) -> None:
        super().__init__()
        self.convs = nn.ModuleList([norm(layer) for layer in layers[:-1]])
        self.conv_post = norm(layers[-1])


class OriginalDiscriminator(nn.Module):
    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(members)


def original_discriminators(config: DiscriminatorConfig) -> tuple[nn.Module, nn.Module]:
    """mpd, msd."""
    periods, scales = [], []
    for _ in config.periods:
        widths = (1, *config.period_channels)
        layers = [nn.Conv2d(i, o, (5, 1)) for i, o in itertools.pairwise(widths)]
        periods.append(OriginalMember([*layers, nn.Conv2d(widths[-1], 1, (3, 1))], weight_norm))
    for scale in range(3):
        layers, before = [], 1
        for channels, size, stride, groups in config.scale_layers:
            layers.append(nn.Conv1d(before, channels, size, stride, groups=groups))
            before = channels
        norm = nn.utils.spectral_norm if scale == 0 else weight_norm
        scales.append(OriginalMember([*layers, nn.Conv1d(before, 1, 3)], norm))
    return OriginalDiscriminator(periods), OriginalDiscriminator(scales)


class OriginalRun:
    """The networks and optimizers of the original's train.py."""

    def __init__(self, config: VocoderConfig, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.generator = OriginalGenerator(config.audio.n_mels, config.generator)
        self.mpd, self.msd = original_discriminators(config.discriminator)
        settings = {"lr": 0.0002, "betas": [0.8, 0.99]}
        self.optim_g = torch.optim.AdamW(self.generator.parameters(), **settings)
        both = itertools.chain(self.msd.parameters(), self.mpd.parameters())
        self.optim_d = torch.optim.AdamW(both, **settings)
        for optimizer in (self.optim_g, self.optim_d):  # names initial_lr in the groups
            torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.999)

    def step(self, seed: int) -> None:
        for part in (self.generator, self.mpd, self.msd):
            give_gradients(dict(part.named_parameters()), seed)
        self.optim_g.step()
        self.optim_d.step()

    def g(self) -> dict[str, Any]:
        return {"generator": dict(self.generator.state_dict())}

    def do(self, steps: int = 7, epoch: int = 3) -> dict[str, Any]:
        return {
            "mpd": dict(self.mpd.state_dict()),
            "msd": dict(self.msd.state_dict()),
            "optim_g": self.optim_g.state_dict(),
            "optim_d": self.optim_d.state_dict(),
            "steps": steps,
            "epoch": epoch,
        }


def give_gradients(parameters: dict[str, nn.Parameter], seed: int) -> None:
    """Gradients that depend on a weight's shape, size and place in its own numbers alone."""
    for parameter in parameters.values():
        place = torch.arange(parameter.numel(), dtype=torch.float64)
        waves = torch.sin(place * (seed + 1) + parameter.numel())
        parameter.grad = waves.float().view_as(parameter) * parameter.detach().clone()


def weight_norm(layer: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's newer one has other names
        return nn.utils.weight_norm(layer)
