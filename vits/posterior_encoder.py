"""The posterior encoder (VITS Sec. 2.5.1; Fig. 1a): linear spectrogram to the latent z."""

from dataclasses import dataclass

from torch import Tensor, nn

from vits.config import WaveNetConfig
from vits.wavenet import WaveNet


@dataclass
class Posterior:
    z: Tensor  # [B, C, T_spec]
    m_q: Tensor  # [B, C, T_spec]
    logs_q: Tensor  # [B, C, T_spec]


class PosteriorEncoder(nn.Module):
    """q(z|x): a WaveNet that gives mean and log deviation of each latent frame (VITS Eq. 3)."""

    def __init__(
        self, n_bins: int, latent_channels: int, config: WaveNetConfig, speaker_channels: int = 0
    ) -> None:
        super().__init__()
        self.input = nn.Conv1d(n_bins, config.hidden_channels, 1)
        self.wavenet = WaveNet(config, speaker_channels)
        self.projection = nn.Conv1d(config.hidden_channels, 2 * latent_channels, 1)

    def forward(
        self, spec: Tensor, spec_mask: Tensor, noise: Tensor, speaker: Tensor | None = None
    ) -> Posterior:
        """spec: [B, n_bins, T_spec] magnitudes; spec_mask: [B, 1, T_spec]; noise: standard normal
        [B, C, T_spec]; speaker: [B, speaker_channels, 1]."""
        x = self.input(spec) * spec_mask
        x = self.wavenet(x, spec_mask, speaker)
        m_q, logs_q = (self.projection(x) * spec_mask).float().chunk(2, dim=1)
        z = (m_q + noise * logs_q.exp()) * spec_mask
        return Posterior(z, m_q, logs_q)
