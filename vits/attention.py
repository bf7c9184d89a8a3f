"""Self-attention with relative positions (Shaw et al. 2018), as in VITS's text encoder (Sec.
2.5.2)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RelativeAttention(nn.Module):
    """Multi-head self-attention in which keys and values know how far apart two symbols are.

    Symbols up to `window` apart share one learnt vector per distance; farther ones have none.
    """

    def __init__(self, channels: int, n_heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.window = n_heads, window
        head_channels = channels // n_heads
        self.query = nn.Conv1d(channels, channels, 1)
        self.key = nn.Conv1d(channels, channels, 1)
        self.value = nn.Conv1d(channels, channels, 1)
        self.output = nn.Conv1d(channels, channels, 1)
        scale = head_channels**-0.5
        self.relative_keys = nn.Parameter(torch.randn(1, 2 * window + 1, head_channels) * scale)
        self.relative_values = nn.Parameter(torch.randn(1, 2 * window + 1, head_channels) * scale)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        """x: [B, C, T]; x_mask: [B, 1, T]. Returns [B, C, T]."""
        query, key, value = (self._heads(layer(x)) for layer in (self.query, self.key, self.value))
        query = query / math.sqrt(query.shape[-1])

        scores = query @ key.transpose(-1, -2)  # [B, H, T, T]
        by_distance = query @ self.relative_keys.transpose(-1, -2)  # [B, H, T, 2 * window + 1]
        scores = scores + _by_key(by_distance)
        pairs = (x_mask.unsqueeze(2) * x_mask.unsqueeze(-1)).bool()  # [B, 1, T, T]
        scores = scores.masked_fill(~pairs, -1e4)
        weights = self.dropout(scores.softmax(-1))

        states = weights @ value + _by_distance(weights, self.window) @ self.relative_values
        return self.output(states.transpose(-1, -2).flatten(1, 2))

    def _heads(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, H, T, C / H]."""
        return x.unflatten(1, (self.n_heads, -1)).transpose(-1, -2)


# Rows of one element more than the next shape has, read on end, begin one element later each time:
# that turns distances into keys without an index, whose gradient would be a sum over all pairs.


def _by_key(by_distance: Tensor) -> Tensor:
    """Values for key j - i = -window to window of each query i, [..., T, 2 * window + 1], to
    [..., T, T], 0 for keys beyond the window.
    """
    length, n_distances = by_distance.shape[-2:]
    width = length + n_distances - 1
    rows = F.pad(by_distance, (0, width + 1 - n_distances)).flatten(-2)[..., : length * width]
    return rows.unflatten(-1, (length, width))[..., n_distances // 2 :][..., :length]


def _by_distance(by_key: Tensor, window: int) -> Tensor:
    """[..., T, T] to the keys j - i = -window to window, [..., T, 2 * window + 1], 0 beyond the
    text's ends.
    """
    length = by_key.shape[-1]
    rows = F.pad(F.pad(by_key, (window, window)).flatten(-2), (0, length))
    return rows.unflatten(-1, (length, -1))[..., : 2 * window + 1]
