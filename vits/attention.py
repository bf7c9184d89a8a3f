"""Self-attention with relative positions (Shaw et al. 2018), as in VITS's text encoder (Sec.
2.5.2)."""

import math

import torch
from torch import Tensor, nn


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
        neighbours, near = self._neighbours(x.shape[-1], x.device)

        scores = query @ key.transpose(-1, -2)  # [B, H, T, T]
        by_distance = query @ self.relative_keys.transpose(-1, -2)  # [B, H, T, 2 * window + 1]
        scores = scores + torch.where(near, by_distance.gather(-1, neighbours.expand_as(scores)), 0)
        pairs = (x_mask.unsqueeze(2) * x_mask.unsqueeze(-1)).bool()  # [B, 1, T, T]
        scores = scores.masked_fill(~pairs, -1e4)
        weights = self.dropout(scores.softmax(-1))

        states = weights @ value + self._weights_by_distance(weights) @ self.relative_values
        return self.output(states.transpose(-1, -2).flatten(1, 2))

    def _heads(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, H, T, C / H]."""
        return x.unflatten(1, (self.n_heads, -1)).transpose(-1, -2)

    def _neighbours(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """For query i and key j: the index of distance j - i, and whether it is in the window."""
        position = torch.arange(length, device=device)
        distance = position.unsqueeze(0) - position.unsqueeze(1) + self.window
        return distance.clamp(0, 2 * self.window), (distance >= 0) & (distance <= 2 * self.window)

    def _weights_by_distance(self, weights: Tensor) -> Tensor:
        """[B, H, T, T] attention weights to [B, H, T, 2 * window + 1], 0 beyond the text's ends."""
        length = weights.shape[-1]
        position = torch.arange(length, device=weights.device).unsqueeze(1)
        key = position + torch.arange(-self.window, self.window + 1, device=weights.device)
        inside = (key >= 0) & (key < length)
        gathered = weights.gather(-1, key.clamp(0, length - 1).expand(*weights.shape[:-1], -1))
        return torch.where(inside, gathered, 0)
