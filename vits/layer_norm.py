"""Layer normalisation over the channels of [B, C, T]."""

from torch import Tensor, nn


class ChannelLayerNorm(nn.LayerNorm):
    """Normalises the channels of each time step."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, C, T]."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)
