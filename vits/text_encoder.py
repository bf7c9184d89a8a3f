"""The text encoder (VITS Sec. 2.5.2; Fig. 1a): symbols to the prior's mean and deviation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vits.attention import RelativeAttention
from vits.config import TextEncoderConfig
from vits.layer_norm import ChannelLayerNorm


@dataclass
class EncodedText:
    hidden: Tensor  # [B, C_text, T_text], what the duration predictor sees
    m_p: Tensor  # [B, C, T_text]
    logs_p: Tensor  # [B, C, T_text]
    x_mask: Tensor  # [B, 1, T_text]


class TextEncoder(nn.Module):
    """A transformer with relative positions and convolutional feed-forward layers.

    n_languages: 0 for a model without language embedding. It is added to every symbol's embedding,
    which the paper, of one language, does not have, and begins as nothing.
    """

    def __init__(
        self, n_symbols: int, latent_channels: int, config: TextEncoderConfig, n_languages: int = 0
    ) -> None:
        super().__init__()
        channels = config.hidden_channels
        self.embedding = nn.Embedding(n_symbols, channels)
        self.language_embedding = nn.Embedding(n_languages, channels) if n_languages else None
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.n_layers))
        self.projection = nn.Conv1d(channels, 2 * latent_channels, 1)
        nn.init.normal_(self.embedding.weight, std=channels**-0.5)
        if self.language_embedding is not None:
            nn.init.zeros_(self.language_embedding.weight)

    def forward(
        self, tokens: Tensor, token_lengths: Tensor, languages: Tensor | None = None
    ) -> EncodedText:
        """tokens: [B, T_text] int64; token_lengths, languages: [B]."""
        x_mask = length_mask(token_lengths, tokens.shape[1])
        x = self.embedding(tokens).transpose(1, 2) * math.sqrt(self.embedding.embedding_dim)
        if self.language_embedding is not None:
            if languages is None:
                n_languages = self.language_embedding.num_embeddings
                raise ValueError(f"this model has {n_languages} languages; say which one is spoken")
            x = x + self.language_embedding(languages).unsqueeze(-1)
        x = x * x_mask
        for layer in self.layers:
            x = layer(x, x_mask)
        x = x * x_mask
        m_p, logs_p = (self.projection(x) * x_mask).chunk(2, dim=1)
        return EncodedText(x, m_p, logs_p, x_mask)


class TransformerLayer(nn.Module):
    """Attention, then feed-forward; each added to its input, then normalised."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        channels = config.hidden_channels
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
        """x: [B, C, T_text]; x_mask: [B, 1, T_text]. Returns [B, C, T_text]."""
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
        """x: [B, C, T_text]; x_mask: [B, 1, T_text]. Returns [B, C, T_text]."""
        x = self.dropout(self.conv_1(x * x_mask).relu())
        return self.conv_2(x * x_mask) * x_mask


def length_mask(lengths: Tensor, longest: int) -> Tensor:
    """1.0 where valid: lengths [B] to [B, 1, longest]."""
    return (
        (torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(1).float()
    )
