"""The stochastic duration predictor (VITS Sec. 2.2.2, 2.5.5, Appendix B): a flow that turns noise
into durations and is trained with a variational bound on their likelihood.

Durations d are whole numbers. Following the paper, u in [0, 1) makes d - u continuous
(dequantization), and v gives it a second channel (augmentation); both come from a flow q(u, v|d)
of their own. The flow's two channels are axis C of [B, 2, T_text].

Always float32: half precision would round away the logarithms of short durations, and there is
little to compute.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vits.config import DurationPredictorConfig
from vits.layer_norm import ChannelLayerNorm
from vits.spline import spline

N_BINS = 10  # of each spline
BOUND = 5.0  # where the spline's linear tails begin
N_LAYERS = 3  # of each stack of separable convolutions
LOG_2PI = math.log(2 * math.pi)


class StochasticDurationPredictor(nn.Module):
    """Text states to a distribution of log durations."""

    def __init__(
        self, text_channels: int, config: DurationPredictorConfig, speaker_channels: int = 0
    ) -> None:
        super().__init__()
        channels, kernel_size, dropout = config.hidden_channels, config.kernel_size, config.dropout
        self.input = nn.Conv1d(text_channels, channels, 1)
        self.condition = nn.Conv1d(speaker_channels, channels, 1) if speaker_channels else None
        self.convs = SeparableConvs(channels, kernel_size, dropout)
        self.projection = nn.Conv1d(channels, channels, 1)
        self.flows = SplineFlows(channels, kernel_size, config.n_flows)
        self.posterior_input = nn.Conv1d(1, channels, 1)
        self.posterior_convs = SeparableConvs(channels, kernel_size, dropout)
        self.posterior_projection = nn.Conv1d(channels, channels, 1)
        self.posterior_flows = SplineFlows(channels, kernel_size, config.n_flows)

    def forward(
        self,
        hidden: Tensor,
        x_mask: Tensor,
        durations: Tensor,
        noise: Tensor,
        speaker: Tensor | None = None,
    ) -> Tensor:
        """Bound on the negative log-likelihood of the durations, nats per item: [B] (VITS Eq. 7).

        hidden: [B, C_text, T_text]; x_mask: [B, 1, T_text]; durations: [B, 1, T_text] frames;
        noise: standard normal [B, 2, T_text]. The loss does not reach the text encoder.
        """
        with torch.autocast(hidden.device.type, enabled=False):
            speaker = None if speaker is None else speaker.detach()
            text = self._encode(hidden.detach(), x_mask, speaker)
            u, v, log_q = self._dequantize(durations, text, x_mask, noise)
            continuous = ((durations - u) * x_mask).clamp(min=1e-5)
            log_durations = continuous.log() * x_mask
            z, log_det = self.flows(torch.cat([log_durations, v], dim=1), x_mask, text)
            log_det = log_det - log_durations.sum((1, 2))  # of the logarithm itself
            return -_log_normal(z, x_mask) - log_det + log_q

    def sample(
        self, hidden: Tensor, x_mask: Tensor, noise: Tensor, speaker: Tensor | None = None
    ) -> Tensor:
        """Log durations [B, 1, T_text] from noise [B, 2, T_text], whose scale varies them."""
        with torch.autocast(hidden.device.type, enabled=False):
            text = self._encode(hidden, x_mask, speaker)
            return self.flows.inverse(noise * x_mask, x_mask, text)[:, :1]

    def _encode(self, hidden: Tensor, x_mask: Tensor, speaker: Tensor | None) -> Tensor:
        x = self.input(hidden.float())
        if self.condition is not None:
            x = x + self.condition(speaker)
        return self.projection(self.convs(x, x_mask)) * x_mask

    def _dequantize(
        self, durations: Tensor, text: Tensor, x_mask: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw u and v, each [B, 1, T_text], and give log q(u, v|d, text), [B]."""
        states = self.posterior_convs(self.posterior_input(durations), x_mask)
        states = self.posterior_projection(states) * x_mask
        noise = noise * x_mask
        z, log_det = self.posterior_flows(noise, x_mask, text + states)
        z_u, v = z.chunk(2, dim=1)
        u = z_u.sigmoid() * x_mask
        log_det = log_det + ((F.logsigmoid(z_u) + F.logsigmoid(-z_u)) * x_mask).sum((1, 2))
        return u, v, _log_normal(noise, x_mask) - log_det


class SplineFlows(nn.Module):
    """An affine flow, then spline couplings, each followed by a swap of the two channels."""

    def __init__(self, channels: int, kernel_size: int, n_flows: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2, 1))
        self.log_scale = nn.Parameter(torch.zeros(2, 1))
        self.couplings = nn.ModuleList(
            SplineCoupling(channels, kernel_size) for _ in range(n_flows)
        )

    def forward(self, z: Tensor, x_mask: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """z: [B, 2, T_text]; condition: [B, C, T_text]. Returns z and the log-determinant [B]."""
        z = (self.shift + self.log_scale.exp() * z) * x_mask
        log_det = (self.log_scale * x_mask).sum((1, 2))
        for coupling in self.couplings:
            z, coupling_log_det = coupling(z, x_mask, condition)
            z, log_det = z.flip(1), log_det + coupling_log_det
        return z, log_det

    def inverse(self, z: Tensor, x_mask: Tensor, condition: Tensor) -> Tensor:
        """Noise [B, 2, T_text] to log duration and augmentation, undoing forward.

        The first coupling moves only the augmentation channel, which synthesis throws away, so it
        is left out, as in the original.
        """
        for coupling in reversed(self.couplings[1:]):
            z, _ = coupling(z.flip(1), x_mask, condition, inverse=True)
        z = z.flip(1)
        return (z - self.shift) * (-self.log_scale).exp() * x_mask


class SplineCoupling(nn.Module):
    """Bends one channel by a spline that the other channel and the text decide."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.scale = channels**-0.5
        self.input = nn.Conv1d(1, channels, 1)
        self.convs = SeparableConvs(channels, kernel_size, dropout=0.0)
        self.projection = nn.Conv1d(channels, 3 * N_BINS - 1, 1)
        nn.init.zeros_(
            self.projection.weight
        )  # starts as one gentle spline, the same for all texts
        nn.init.zeros_(self.projection.bias)

    def forward(
        self, z: Tensor, x_mask: Tensor, condition: Tensor, inverse: bool = False
    ) -> tuple[Tensor, Tensor]:
        """z: [B, 2, T_text]; condition: [B, C, T_text]. Returns z and the log-determinant [B]."""
        fixed, moved = z.chunk(2, dim=1)
        states = self.convs(self.input(fixed), x_mask, condition)
        shape = (self.projection(states) * x_mask).transpose(1, 2).unsqueeze(1)  # [B, 1, T, 3K - 1]
        widths, heights, slopes = shape.split([N_BINS, N_BINS, N_BINS - 1], dim=-1)
        moved, log_slope = spline(
            moved, widths * self.scale, heights * self.scale, slopes, BOUND, inverse
        )
        return torch.cat([fixed, moved], dim=1) * x_mask, (log_slope * x_mask).sum((1, 2))


class SeparableConvs(nn.Module):
    """Dilated depth-wise and point-wise convolutions with residuals (VITS Appendix B)."""

    def __init__(self, channels: int, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = nn.ModuleList(
            nn.Conv1d(
                channels,
                channels,
                kernel_size,
                dilation=kernel_size**i,
                groups=channels,
                padding="same",
            )
            for i in range(N_LAYERS)
        )
        self.pointwise = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(N_LAYERS))
        self.depthwise_norms = nn.ModuleList(ChannelLayerNorm(channels) for _ in range(N_LAYERS))
        self.pointwise_norms = nn.ModuleList(ChannelLayerNorm(channels) for _ in range(N_LAYERS))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, x_mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """x, condition: [B, C, T]; x_mask: [B, 1, T]. Returns [B, C, T]."""
        if condition is not None:
            x = x + condition
        for depthwise, norm_1, pointwise, norm_2 in zip(
            self.depthwise, self.depthwise_norms, self.pointwise, self.pointwise_norms
        ):
            y = F.gelu(norm_1(depthwise(x * x_mask)))
            y = F.gelu(norm_2(pointwise(y)))
            x = x + self.dropout(y)
        return x * x_mask


def _log_normal(x: Tensor, x_mask: Tensor) -> Tensor:
    """Log density of x [B, C, T] under a standard normal, summed over the valid entries: [B]."""
    return (-0.5 * (LOG_2PI + x.square()) * x_mask).sum((1, 2))
