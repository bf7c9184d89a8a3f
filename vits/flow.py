"""The normalizing flow between posterior and prior (VITS Sec. 2.1.3, 2.5.2, Eq. 4; Fig. 1a).

Affine couplings that only shift ("volume-preserving", Sec. 2.5.2), so the Jacobian is 1 and no
log-determinant appears in the KL term.
"""

import torch
from torch import Tensor, nn

from vits.config import FlowConfig
from vits.transformer import TransformerLayer
from vits.wavenet import WaveNet


class MeanCoupling(nn.Module):
    """Shifts one half of the channels by a function of the other half.

    What the transformer adds, which sees all frames at once (VITS2 Sec. 2.3), begins as nothing: so
    a trained flow can be given one and stays what it was.
    """

    def __init__(self, channels: int, config: FlowConfig, speaker_channels: int) -> None:
        super().__init__()
        width = config.wavenet.hidden_channels
        self.input = nn.Conv1d(channels // 2, width, 1)
        self.transformer = None
        if config.transformer is not None:
            self.transformer = nn.ModuleList(
                TransformerLayer(width, config.transformer)
                for _ in range(config.transformer.n_layers)
            )
            nn.init.zeros_(self.transformer[-1].feed_forward_norm.weight)
        self.wavenet = WaveNet(config.wavenet, speaker_channels)
        self.output = nn.Conv1d(width, channels // 2, 1)
        nn.init.zeros_(self.output.weight)  # starts as the identity
        nn.init.zeros_(self.output.bias)

    def shift(self, fixed: Tensor, mask: Tensor, speaker: Tensor | None) -> Tensor:
        """The half [B, C / 2, T] that stays, to the shift of the other half."""
        x = self.input(fixed) * mask
        if self.transformer is not None:
            y = x
            for layer in self.transformer:
                y = layer(y, mask)
            x = (x + y) * mask
        return self.output(self.wavenet(x, mask, speaker)) * mask


class Flow(nn.Module):
    """f of VITS Eq. 4: z to z_p, and back. After every coupling the order of channels is
    reversed.
    """

    def __init__(self, channels: int, config: FlowConfig, speaker_channels: int = 0) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(
            MeanCoupling(channels, config, speaker_channels) for _ in range(config.n_flows)
        )

    def forward(self, z: Tensor, mask: Tensor, speaker: Tensor | None = None) -> Tensor:
        """z: [B, C, T_spec]; mask: [B, 1, T_spec]; speaker: [B, speaker_channels, 1]. Returns
        z_p.
        """
        for coupling in self.couplings:
            fixed, moved = z.chunk(2, dim=1)
            moved = moved * mask + coupling.shift(fixed, mask, speaker)
            z = torch.cat([fixed, moved], dim=1).flip(1)
        return z

    def inverse(self, z_p: Tensor, mask: Tensor, speaker: Tensor | None = None) -> Tensor:
        """z_p: [B, C, T_spec] to z, undoing forward."""
        for coupling in reversed(self.couplings):
            fixed, moved = z_p.flip(1).chunk(2, dim=1)
            moved = (moved - coupling.shift(fixed, mask, speaker)) * mask
            z_p = torch.cat([fixed, moved], dim=1)
        return z_p
