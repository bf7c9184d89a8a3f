"""The discriminators of HiFi-GAN (Sec. 2.3): some look at every p-th sample, some at all of them.

Each takes one waveform and returns its judgement and the feature maps of all its layers, so that
real and generated speech can be judged apart, with or without gradients.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from hifigan.config import DiscriminatorConfig
from hifigan.generator import SLOPE
from hifigan.weight_norm import weight_norm

N_SCALES = 3  # full, half and quarter rate (HiFi-GAN Sec. 2.3)


@dataclass
class Judgement:
    scores: Tensor  # [B, N], towards 1 for real and 0 for generated
    feature_maps: list[Tensor]  # one per layer, the scores' own layer last


class PeriodDiscriminator(nn.Module):
    """Sees the waveform folded into `period` columns, which never mix (HiFi-GAN Sec. 2.3)."""

    def __init__(self, period: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        inputs = (1, *channels[:-1])
        strides = [3] * (len(channels) - 1) + [1]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (5, 1), (stride, 1), padding=(2, 0)))
            for i, o, stride in zip(inputs, channels, strides)
        )
        self.output = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wav: Tensor) -> Judgement:
        """wav: [B, 1, T_wav]. Feature maps are [B, C, T, period]."""
        wav = F.pad(wav, (0, -wav.shape[2] % self.period), mode="reflect")
        scores, feature_maps = _through(
            self.layers, self.output, wav.unflatten(2, (-1, self.period))
        )
        return Judgement(scores.flatten(1), feature_maps)


class ScaleDiscriminator(nn.Module):
    """Sees all samples through strided, grouped convolutions (HiFi-GAN Sec. 2.3, from MelGAN).

    `layers` is a table of [channels, kernel, stride, groups].
    """

    def __init__(
        self, layers: tuple[tuple[int, int, int, int], ...], spectral_norm: bool = False
    ) -> None:
        super().__init__()
        norm = parametrizations.spectral_norm if spectral_norm else weight_norm
        inputs = (1, *(channels for channels, *_ in layers[:-1]))
        self.layers = nn.ModuleList(
            norm(nn.Conv1d(i, o, kernel_size, stride, padding=kernel_size // 2, groups=groups))
            for i, (o, kernel_size, stride, groups) in zip(inputs, layers)
        )
        self.output = norm(nn.Conv1d(layers[-1][0], 1, 3, padding=1))

    def forward(self, wav: Tensor) -> Judgement:
        """wav: [B, 1, T_wav]. Feature maps are [B, C, T]."""
        scores, feature_maps = _through(self.layers, self.output, wav)
        return Judgement(scores.flatten(1), feature_maps)


class Discriminators(nn.Module):
    """Several discriminators that judge the same waveform."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, wav: Tensor) -> list[Judgement]:
        """wav: [B, 1, T_wav]."""
        return [member(wav) for member in self.members]


class MultiScaleDiscriminator(Discriminators):
    """The same network at full, half and quarter rate (HiFi-GAN Sec. 2.3); the first is
    spectral-normed.

    In training every pass through that one also sharpens its estimate of the norm by one iteration.
    """

    def __init__(self, layers: tuple[tuple[int, int, int, int], ...]) -> None:
        super().__init__(
            [ScaleDiscriminator(layers, spectral_norm=scale == 0) for scale in range(N_SCALES)]
        )

    def forward(self, wav: Tensor) -> list[Judgement]:
        """wav: [B, 1, T_wav]."""
        judgements = [self.members[0](wav)]
        for member in self.members[1:]:
            wav = F.avg_pool1d(wav, 4, 2, padding=2)
            judgements.append(member(wav))
        return judgements


class HifiganDiscriminators(nn.Module):
    """The multi-period and the multi-scale discriminator (HiFi-GAN Sec. 2.3)."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.multi_period = Discriminators(
            [PeriodDiscriminator(p, config.period_channels) for p in config.periods]
        )
        self.multi_scale = MultiScaleDiscriminator(config.scale_layers)

    def forward(self, wav: Tensor) -> list[Judgement]:
        """wav: [B, 1, T_wav]. One judgement for each period, then one for each scale."""
        return self.multi_period(wav) + self.multi_scale(wav)


def vits_discriminators(config: DiscriminatorConfig) -> Discriminators:
    """One scale discriminator and one per period (VITS Sec. 2.5.4)."""
    return Discriminators(
        [
            ScaleDiscriminator(config.scale_layers),
            *(PeriodDiscriminator(p, config.period_channels) for p in config.periods),
        ]
    )


def halves(judgements: list[Judgement]) -> tuple[list[Judgement], list[Judgement]]:
    """Judgements of [real, generated] waveforms in one batch, taken apart again."""
    pairs = [(j.scores.chunk(2), [m.chunk(2) for m in j.feature_maps]) for j in judgements]
    return tuple(
        [Judgement(scores[i], [m[i] for m in maps]) for scores, maps in pairs] for i in (0, 1)
    )


def _through(layers: nn.ModuleList, output: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    feature_maps = []
    for layer in layers:
        x = F.leaky_relu(layer(x), SLOPE)
        feature_maps.append(x)
    scores = output(x)
    return scores, [*feature_maps, scores]
