"""The original VITS's modules, said again with torch's old weight norm: names, shapes and orders.

They have no forward pass: they are what state_dict() of the original looks like. Layer counts that
its code fixes can be fewer here, so that a test is quick.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.exchange_original import (
    OriginalDiscriminator,
    OriginalMember,
    OriginalResblock,
    weight_norm,
)

SYMBOLS = list("_ abcdefghij")
CONFIG = {
    "train": {
        "log_interval": 200,
        "seed": 7,
        "epochs": 100,
        "learning_rate": 0.0003,
        "betas": [0.8, 0.98],
        "eps": 1e-9,
        "batch_size": 4,
        "fp16_run": True,
        "lr_decay": 0.99,
        "segment_size": 96,
        "c_mel": 40,
        "c_kl": 0.5,
    },
    "data": {
        "text_cleaners": ["english_cleaners2"],
        "max_wav_value": 32768.0,
        "sampling_rate": 8000,
        "filter_length": 64,
        "hop_length": 16,
        "win_length": 48,
        "n_mel_channels": 10,
        "mel_fmin": 0.0,
        "mel_fmax": None,
        "add_blank": True,
        "n_speakers": 0,
        "cleaned_text": True,
    },
    "model": {
        "inter_channels": 6,
        "hidden_channels": 8,
        "filter_channels": 12,
        "n_heads": 2,
        "n_layers": 2,
        "kernel_size": 3,
        "p_dropout": 0.2,
        "resblock": "1",
        "resblock_kernel_sizes": [3, 5],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 2, 4]],
        "upsample_rates": [4, 4],
        "upsample_initial_channel": 8,
        "upsample_kernel_sizes": [8, 8],
        "n_layers_q": 3,
        "use_spectral_norm": False,
    },
    "symbols": SYMBOLS,
}
SCALE = (
    (4, 15, 1),
    (8, 41, 4),
    (8, 41, 4),
    (8, 41, 8),
    (8, 41, 8),
    (8, 5, 1),
)  # width, kernel, groups
PERIODS = (4, 6)


@dataclass(frozen=True)
class Counts:
    """Layers that the original's code fixes."""

    posterior: int = 16
    flows: int = 4
    flow_layers: int = 4
    duration_flows: int = 4


FEW = Counts(posterior=2, flows=2, flow_layers=1, duration_flows=2)


def with_speakers(n_speakers: int, channels: int = 5) -> dict[str, Any]:
    """CONFIG of a multi-speaker voice."""
    return CONFIG | {
        "data": CONFIG["data"] | {"n_speakers": n_speakers},
        "model": CONFIG["model"] | {"gin_channels": channels},
    }


class Norm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))


class Attention(nn.Module):
    def __init__(self, channels: int, n_heads: int) -> None:
        super().__init__()
        for name in ("conv_q", "conv_k", "conv_v", "conv_o"):
            setattr(self, name, nn.Conv1d(channels, channels, 1))
        self.emb_rel_k = nn.Parameter(torch.zeros(1, 9, channels // n_heads))
        self.emb_rel_v = nn.Parameter(torch.zeros(1, 9, channels // n_heads))


class FeedForward(nn.Module):
    def __init__(self, channels: int, inner: int, size: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, inner, size)
        self.conv_2 = nn.Conv1d(inner, channels, size)


class Transformer(nn.Module):
    def __init__(self, model: dict[str, Any]) -> None:
        super().__init__()
        width, count = model["hidden_channels"], range(model["n_layers"])
        self.attn_layers = nn.ModuleList(Attention(width, model["n_heads"]) for _ in count)
        self.norm_layers_1 = nn.ModuleList(Norm(width) for _ in count)
        self.ffn_layers = nn.ModuleList(
            FeedForward(width, model["filter_channels"], model["kernel_size"]) for _ in count
        )
        self.norm_layers_2 = nn.ModuleList(Norm(width) for _ in count)


class Text(nn.Module):
    def __init__(self, n_symbols: int, model: dict[str, Any]) -> None:
        super().__init__()
        self.emb = nn.Embedding(n_symbols, model["hidden_channels"])
        self.encoder = Transformer(model)
        self.proj = nn.Conv1d(model["hidden_channels"], 2 * model["inter_channels"], 1)


class WaveNet(nn.Module):
    def __init__(self, width: int, n_layers: int, gin: int) -> None:
        super().__init__()
        self.in_layers = nn.ModuleList(
            weight_norm(nn.Conv1d(width, 2 * width, 5)) for _ in range(n_layers)
        )
        self.res_skip_layers = nn.ModuleList(
            weight_norm(nn.Conv1d(width, 2 * width if i < n_layers - 1 else width, 1))
            for i in range(n_layers)
        )
        if gin:
            self.cond_layer = weight_norm(nn.Conv1d(gin, 2 * width * n_layers, 1))


class Posterior(nn.Module):
    def __init__(self, n_bins: int, model: dict[str, Any], n_layers: int, gin: int) -> None:
        super().__init__()
        width = model["hidden_channels"]
        self.pre = nn.Conv1d(n_bins, width, 1)
        self.enc = WaveNet(width, n_layers, gin)
        self.proj = nn.Conv1d(width, 2 * model["inter_channels"], 1)


class Coupling(nn.Module):
    def __init__(self, model: dict[str, Any], n_layers: int, gin: int) -> None:
        super().__init__()
        half, width = model["inter_channels"] // 2, model["hidden_channels"]
        self.pre = nn.Conv1d(half, width, 1)
        self.enc = WaveNet(width, n_layers, gin)
        self.post = nn.Conv1d(width, half, 1)


class Flow(nn.Module):
    def __init__(self, model: dict[str, Any], counts: Counts, gin: int) -> None:
        super().__init__()
        self.flows = nn.ModuleList()
        for _ in range(counts.flows):
            self.flows += [Coupling(model, counts.flow_layers, gin), nn.Identity()]


class Separable(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs_sep = nn.ModuleList(nn.Conv1d(width, width, 3, groups=width) for _ in range(3))
        self.convs_1x1 = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(3))
        self.norms_1 = nn.ModuleList(Norm(width) for _ in range(3))
        self.norms_2 = nn.ModuleList(Norm(width) for _ in range(3))


class Affine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.m, self.logs = nn.Parameter(torch.zeros(2, 1)), nn.Parameter(torch.zeros(2, 1))


class Spline(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(1, width, 1)
        self.convs = Separable(width)
        self.proj = nn.Conv1d(width, 29, 1)


class Stochastic(nn.Module):
    def __init__(self, width: int, n_flows: int, gin: int) -> None:
        super().__init__()
        for prefix in ("", "post_"):
            flows = nn.ModuleList([Affine()])
            for _ in range(n_flows):
                flows += [Spline(width), nn.Identity()]
            if prefix:
                self.post_pre = nn.Conv1d(1, width, 1)
                self.post_proj = nn.Conv1d(width, width, 1)
                self.post_convs = Separable(width)
            setattr(self, f"{prefix}flows", flows)
        self.pre, self.proj = nn.Conv1d(width, width, 1), nn.Conv1d(width, width, 1)
        self.convs = Separable(width)
        if gin:
            self.cond = nn.Conv1d(gin, width, 1)


class Deterministic(nn.Module):
    def __init__(self, width: int, inner: int, gin: int) -> None:
        super().__init__()
        self.conv_1, self.norm_1 = nn.Conv1d(width, inner, 3), Norm(inner)
        self.conv_2, self.norm_2 = nn.Conv1d(inner, inner, 3), Norm(inner)
        self.proj = nn.Conv1d(inner, 1, 1)
        if gin:
            self.cond = nn.Conv1d(gin, width, 1)


class Decoder(nn.Module):
    def __init__(self, model: dict[str, Any], gin: int) -> None:
        super().__init__()
        channels = model["upsample_initial_channel"]
        self.conv_pre = nn.Conv1d(model["inter_channels"], channels, 7)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for i, size in enumerate(model["upsample_kernel_sizes"]):
            layer = nn.ConvTranspose1d(channels // 2**i, channels // 2 ** (i + 1), size)
            self.ups.append(weight_norm(layer))
        sizes, dilations = model["resblock_kernel_sizes"], model["resblock_dilation_sizes"]
        for i in range(len(self.ups)):
            width = channels // 2 ** (i + 1)
            for size, row in zip(sizes, dilations, strict=True):
                self.resblocks.append(OriginalResblock(model["resblock"], width, size, tuple(row)))
        self.conv_post = nn.Conv1d(width, 1, 7, bias=False)
        if gin:
            self.cond = nn.Conv1d(gin, channels, 1)


class Synthesizer(nn.Module):
    """SynthesizerTrn, whose parts are made in this order."""

    def __init__(
        self, config: dict[str, Any], n_symbols: int, counts: Counts, stochastic: bool
    ) -> None:
        super().__init__()
        model, data = config["model"], config["data"]
        gin, width = model.get("gin_channels", 0), model["hidden_channels"]
        self.enc_p = Text(n_symbols, model)
        self.dec = Decoder(model, gin)
        n_bins = data["filter_length"] // 2 + 1
        self.enc_q = Posterior(n_bins, model, counts.posterior, gin)
        self.flow = Flow(model, counts, gin)
        self.dp = (
            Stochastic(width, counts.duration_flows, gin)
            if stochastic
            else Deterministic(width, 10, gin)
        )
        if data["n_speakers"] > 1:
            self.emb_g = nn.Embedding(data["n_speakers"], gin)


def g_weights(
    config: dict[str, Any] = CONFIG,
    n_symbols: int = len(SYMBOLS),
    counts: Counts = FEW,
    stochastic: bool = True,
) -> dict[str, Tensor]:
    """The model of a G_*, every number of it at random."""
    return at_random(Synthesizer(config, n_symbols, counts, stochastic))


def d_weights() -> dict[str, Tensor]:
    """The model of a D_*, narrow."""
    layers, before = [], 1
    for width, size, groups in SCALE:
        layers.append(nn.Conv1d(before, width, size, groups=groups if before > 1 else 1))
        before = width
    members = [OriginalMember([*layers, nn.Conv1d(before, 1, 3)], weight_norm)]
    for _ in range(5):
        widths = (1, *PERIODS)
        layers = [nn.Conv2d(i, o, (5, 1)) for i, o in zip(widths, PERIODS)]
        members.append(OriginalMember([*layers, nn.Conv2d(widths[-1], 1, (3, 1))], weight_norm))
    return at_random(OriginalDiscriminator(members))


def at_random(network: nn.Module) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(weight.shape, generator=draw)
        for name, weight in network.state_dict().items()
    }


def checkpoint(weights: dict[str, Tensor]) -> dict[str, Any]:
    """What the original saves."""
    return {"model": weights, "iteration": 3, "optimizer": {}, "learning_rate": 0.0002}


def write_voice(
    folder: Path,
    weights: dict[str, Tensor],
    config: dict[str, Any] | None = CONFIG,
    judge: dict[str, Tensor] | None = None,
    step: int = 1200,
) -> Path:
    """G_*, config.json and D_* in a folder; returns the G_*."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"G_{step}.pth"
    torch.save(checkpoint(weights), path)
    if judge is not None:
        torch.save(checkpoint(judge), folder / f"D_{step}.pth")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return path
