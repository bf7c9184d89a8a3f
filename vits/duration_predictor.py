"""The deterministic duration predictor (a baseline of VITS Sec. 4.1, from Glow-TTS)."""

from torch import Tensor, nn

from vits.config import DurationPredictorConfig
from vits.layer_norm import ChannelLayerNorm


class DurationPredictor(nn.Module):
    """Text states to one log duration per symbol, trained by mean squares."""

    def __init__(
        self, text_channels: int, config: DurationPredictorConfig, speaker_channels: int = 0
    ) -> None:
        super().__init__()
        channels, kernel_size = config.hidden_channels, config.kernel_size
        self.condition = nn.Conv1d(speaker_channels, text_channels, 1) if speaker_channels else None
        self.conv_1 = nn.Conv1d(text_channels, channels, kernel_size, padding="same")
        self.norm_1 = ChannelLayerNorm(channels)
        self.conv_2 = nn.Conv1d(channels, channels, kernel_size, padding="same")
        self.norm_2 = ChannelLayerNorm(channels)
        self.projection = nn.Conv1d(channels, 1, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        hidden: Tensor,
        x_mask: Tensor,
        durations: Tensor,
        noise: Tensor | None = None,
        speaker: Tensor | None = None,
    ) -> Tensor:
        """Squared error of the log durations, summed over each item's symbols: [B].

        hidden: [B, C_text, T_text]; x_mask: [B, 1, T_text]; durations: [B, 1, T_text] frames. The
        error does not reach the text encoder. `noise` is the stochastic predictor's, unused here.
        """
        log_durations = (durations + 1e-6).log() * x_mask
        predicted = self.log_durations(
            hidden.detach(), x_mask, None if speaker is None else speaker.detach()
        )
        return (predicted.float() - log_durations).square().sum((1, 2))

    def log_durations(
        self, hidden: Tensor, x_mask: Tensor, speaker: Tensor | None = None
    ) -> Tensor:
        """hidden: [B, C_text, T_text] to the log of frames per symbol, [B, 1, T_text]."""
        x = hidden if self.condition is None else hidden + self.condition(speaker)
        x = self.dropout(self.norm_1(self.conv_1(x * x_mask).relu()))
        x = self.dropout(self.norm_2(self.conv_2(x * x_mask).relu()))
        return self.projection(x * x_mask) * x_mask

    def sample(
        self,
        hidden: Tensor,
        x_mask: Tensor,
        noise: Tensor | None = None,
        speaker: Tensor | None = None,
    ) -> Tensor:
        """The log durations [B, 1, T_text], whatever the noise."""
        return self.log_durations(hidden, x_mask, speaker)
