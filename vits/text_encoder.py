"""The text encoder (VITS Sec. 2.5.2; Fig. 1a): symbols to the prior's mean and deviation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vits.config import TextEncoderConfig
from vits.transformer import TransformerLayer


@dataclass
class EncodedText:
    hidden: Tensor  # [B, C_text, T_text], what the duration predictor sees
    m_p: Tensor  # [B, C, T_text]
    logs_p: Tensor  # [B, C, T_text]
    x_mask: Tensor  # [B, 1, T_text]


class TextEncoder(nn.Module):
    """A transformer with relative positions and convolutional feed-forward layers.

    n_languages: 0 for a model without language embedding. It is added to every symbol's embedding,
    which the paper, of one language, does not have, and begins as nothing. speaker_channels: of the
    speaker's embedding, which enters before layer `speaker_layer` (VITS2 Sec. 2.4) through a layer
    that begins as nothing, too.
    """

    def __init__(
        self,
        n_symbols: int,
        latent_channels: int,
        config: TextEncoderConfig,
        n_languages: int = 0,
        speaker_channels: int = 0,
    ) -> None:
        super().__init__()
        channels = config.hidden_channels
        self.embedding = nn.Embedding(n_symbols, channels)
        self.language_embedding = nn.Embedding(n_languages, channels) if n_languages else None
        self.layers = nn.ModuleList(
            TransformerLayer(channels, config) for _ in range(config.n_layers)
        )
        self.speaker_layer, self.condition = config.speaker_layer, None
        self.projection = nn.Conv1d(channels, 2 * latent_channels, 1)
        if config.speaker_layer is not None:
            self.condition = nn.Conv1d(speaker_channels, channels, 1)
            nn.init.zeros_(self.condition.weight)
            nn.init.zeros_(self.condition.bias)
        nn.init.normal_(self.embedding.weight, std=channels**-0.5)
        if self.language_embedding is not None:
            nn.init.zeros_(self.language_embedding.weight)

    def forward(
        self,
        tokens: Tensor,
        token_lengths: Tensor,
        languages: Tensor | None = None,
        speaker: Tensor | None = None,
    ) -> EncodedText:
        """tokens: [B, T_text] int64; token_lengths, languages: [B]; speaker: [B, speaker_channels,
        1], the embedding.
        """
        x_mask = length_mask(token_lengths, tokens.shape[1])
        x = self.embedding(tokens).transpose(1, 2) * math.sqrt(self.embedding.embedding_dim)
        if self.language_embedding is not None:
            if languages is None:
                n_languages = self.language_embedding.num_embeddings
                raise ValueError(f"this model has {n_languages} languages; say which one is spoken")
            x = x + self.language_embedding(languages).unsqueeze(-1)
        x = x * x_mask
        for number, layer in enumerate(self.layers, start=1):
            if number == self.speaker_layer:
                x = x + self.condition(speaker)
            x = layer(x, x_mask)
        x = x * x_mask
        m_p, logs_p = (self.projection(x) * x_mask).chunk(2, dim=1)
        return EncodedText(x, m_p, logs_p, x_mask)


def length_mask(lengths: Tensor, longest: int) -> Tensor:
    """1.0 where valid: lengths [B] to [B, 1, longest]."""
    return (
        (torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(1).float()
    )
