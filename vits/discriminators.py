"""The discriminators of VITS: of waveforms (Sec. 2.5.4), and VITS2's of durations (Sec. 2.1)."""

import torch
from torch import Tensor, nn

from hifigan.discriminators import Discriminators, vits_discriminators
from vits.config import VitsConfig
from vits.layer_norm import ChannelLayerNorm
from vits.passes import Rhythm
from vits.training_config import DurationDiscriminatorConfig


class DurationDiscriminator(nn.Module):
    """Judges the duration of each symbol, given the text (VITS2 Sec. 2.1).

    The paper gives no layers: these are two of the duration predictor's for the text, and two for
    text and duration.
    """

    def __init__(self, text_channels: int, config: DurationDiscriminatorConfig) -> None:
        super().__init__()
        channels, kernel_size = config.hidden_channels, config.kernel_size
        self.duration = nn.Conv1d(1, channels, 1)
        widths = (text_channels, channels, 2 * channels, channels)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, channels, kernel_size, padding="same") for width in widths
        )
        self.norms = nn.ModuleList(ChannelLayerNorm(channels) for _ in widths)
        self.output = nn.Conv1d(channels, 1, 1)

    def forward(self, hidden: Tensor, log_durations: Tensor, x_mask: Tensor) -> Tensor:
        """hidden: [B, C_text, T_text]; log_durations, x_mask: [B, 1, T_text]. Returns the scores
        [B, 1, T_text], 0 on padding.
        """
        pairs = [*zip(self.layers, self.norms, strict=True)]
        x = hidden
        for layer, norm in pairs[:2]:
            x = norm(layer(x * x_mask).relu())
        x = torch.cat([x, self.duration(log_durations)], dim=1)
        for layer, norm in pairs[2:]:
            x = norm(layer(x * x_mask).relu())
        return self.output(x) * x_mask

    def both(self, rhythm: Rhythm) -> tuple[Tensor, Tensor]:
        """The scores of the real and of the predicted durations, [B, 1, T_text] each."""
        durations = torch.cat([rhythm.log_durations, rhythm.log_durations_hat.detach()])
        hidden, x_mask = (torch.cat([x, x]) for x in (rhythm.hidden, rhythm.x_mask))
        return self(hidden, durations, x_mask).chunk(2)


def make_discriminators(config: VitsConfig) -> Discriminators:
    """Those that judge waveforms when called; `durations` beside them, where the config has it."""
    discriminators = vits_discriminators(config.discriminator)
    if config.discriminator.durations is not None:
        discriminators.durations = DurationDiscriminator(
            config.model.text_encoder.hidden_channels, config.discriminator.durations
        )
    return discriminators
