"""The layers of the text encoder (VITS Sec. 2.5.2), which VITS2 has in the flow as well (Sec. 2.3).

T is T_text there, T_spec here.
"""

from torch import Tensor, nn

from vits.attention import RelativeAttention
from vits.config import TransformerConfig
from vits.layer_norm import ChannelLayerNorm


class TransformerLayer(nn.Module):
    """Attention, then feed-forward; each added to its input, then normalised."""

    def __init__(self, channels: int, config: TransformerConfig) -> None:
        super().__init__()
        self.attention = RelativeAttention(
            channels, config.n_heads, config.attention_window, config.dropout
        )
        self.attention_norm = ChannelLayerNorm(channels)
        self.feed_forward = FeedForward(
            channels, config.filter_channels, config.kernel_size, config.dropout
        )
        self.feed_forward_norm = ChannelLayerNorm(channels)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        """x: [B, C, T]; x_mask: [B, 1, T]. Returns [B, C, T]."""
        x = self.attention_norm(x + self.dropout(self.attention(x, x_mask)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x, x_mask)))


class FeedForward(nn.Module):
    """Two convolutions instead of the Transformer's two linear layers, so that neighbours mix."""

    def __init__(
        self, channels: int, filter_channels: int, kernel_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, filter_channels, kernel_size, padding="same")
        self.conv_2 = nn.Conv1d(filter_channels, channels, kernel_size, padding="same")
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        """x: [B, C, T]; x_mask: [B, 1, T]. Returns [B, C, T]."""
        x = self.dropout(self.conv_1(x * x_mask).relu())
        return self.conv_2(x * x_mask) * x_mask
