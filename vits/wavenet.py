"""WaveNet residual blocks without causality (VITS Sec. 2.5.1, from WaveGlow), used by the posterior
encoder and the flow."""

from torch import Tensor, nn

from hifigan.weight_norm import weight_norm
from vits.config import WaveNetConfig


class WaveNet(nn.Module):
    """Gated convolutions with residual and skip connections; the sum of the skips comes out."""

    def __init__(self, config: WaveNetConfig, speaker_channels: int = 0) -> None:
        super().__init__()
        channels, n_layers = config.hidden_channels, config.n_layers
        self.n_layers = n_layers
        self.gated = nn.ModuleList(
            weight_norm(nn.Conv1d(channels, 2 * channels, config.kernel_size, padding="same"))
            for _ in range(n_layers)
        )
        # The last layer has no successor, so it makes no residual.
        self.residual_skip = nn.ModuleList(
            weight_norm(nn.Conv1d(channels, channels if i == n_layers - 1 else 2 * channels, 1))
            for i in range(n_layers)
        )
        self.condition = (
            weight_norm(nn.Conv1d(speaker_channels, 2 * channels * n_layers, 1))
            if speaker_channels
            else None
        )

    def forward(self, x: Tensor, x_mask: Tensor, speaker: Tensor | None = None) -> Tensor:
        """x: [B, C, T]; x_mask: [B, 1, T]; speaker: [B, speaker_channels, 1]. Returns [B, C, T]."""
        conditions = (
            [None] * self.n_layers
            if self.condition is None
            else self.condition(speaker).chunk(self.n_layers, dim=1)
        )
        skips = None
        for gated, residual_skip, condition in zip(self.gated, self.residual_skip, conditions):
            gates = gated(x) if condition is None else gated(x) + condition
            signal, gate = gates.chunk(2, dim=1)
            out = residual_skip(signal.tanh() * gate.sigmoid())
            if residual_skip is self.residual_skip[-1]:
                skip = out
            else:
                residual, skip = out.chunk(2, dim=1)
                x = (x + residual) * x_mask
            skips = skip if skips is None else skips + skip
        return skips * x_mask
