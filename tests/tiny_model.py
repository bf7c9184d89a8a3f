"""A VITS model small enough for a test, with weights that leave no part idle."""

import torch
from torch import Tensor, nn

from hifigan.config import AudioConfig, GeneratorConfig
from vits.config import (
    DurationPredictorConfig,
    FlowConfig,
    ModelConfig,
    TextEncoderConfig,
    WaveNetConfig,
)
from vits.model import VitsModel

N_SYMBOLS, N_BINS, SEGMENT_FRAMES = 12, 33, 6
TINY_AUDIO = AudioConfig(
    sample_rate=8000, n_fft=64, hop_length=16, win_length=48, n_mels=10, f_min=50.0, f_max=3500.0
)
TINY_DECODER = GeneratorConfig(
    upsample_rates=(4, 4),
    upsample_kernel_sizes=(8, 8),
    upsample_initial_channels=16,
    resblock="1",
    resblock_kernel_sizes=(3, 5),
    resblock_dilations=((1, 3), (1, 2)),
)


def tiny_config(kind: str = "stochastic") -> ModelConfig:
    return ModelConfig(
        latent_channels=8,
        speaker_channels=6,
        text_encoder=TextEncoderConfig(
            hidden_channels=16,
            filter_channels=32,
            n_heads=2,
            n_layers=2,
            kernel_size=3,
            dropout=0.1,
            attention_window=2,
        ),
        posterior_encoder=WaveNetConfig(hidden_channels=16, n_layers=3, kernel_size=5),
        flow=FlowConfig(
            n_flows=2, wavenet=WaveNetConfig(hidden_channels=16, n_layers=2, kernel_size=5)
        ),
        duration_predictor=DurationPredictorConfig(
            kind, hidden_channels=16, kernel_size=3, dropout=0.5, n_flows=3
        ),
        decoder=TINY_DECODER,
    )


def tiny_model(
    n_speakers: int = 0, kind: str = "stochastic", grad_checkpoint: bool = False
) -> VitsModel:
    """In eval mode, the same weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VitsModel(
            tiny_config(kind), N_SYMBOLS, n_speakers, N_BINS, SEGMENT_FRAMES, grad_checkpoint
        )
        perturb(model)
    return model.eval()


def perturb(module: nn.Module, deviation: float = 0.05) -> None:
    """Move every weight a little, also those that start at zero and would hide a fault."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += deviation * torch.randn_like(parameter)


def tiny_batch(n_speakers: int = 0) -> dict[str, Tensor | None]:
    """The arguments of a training forward: two utterances of different lengths."""
    draw = torch.Generator().manual_seed(1)
    token_lengths, spec_lengths = torch.tensor([7, 4]), torch.tensor([21, 13])
    tokens = torch.randint(1, N_SYMBOLS, (2, 7), generator=draw)
    spec = torch.rand(2, N_BINS, 21, generator=draw)
    tokens[1, 4:], spec[1, :, 13:] = 0, 0
    return {
        "tokens": tokens,
        "token_lengths": token_lengths,
        "spec": spec,
        "spec_lengths": spec_lengths,
        "speakers": torch.tensor([0, 1]) if n_speakers else None,
    }
