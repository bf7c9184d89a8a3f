"""The HiFi-GAN generator (Sec. 2.2, Fig. 1): frames in, waveform out. It is also VITS's decoder.

Axes: T frames at the input, growing by each upsampling rate until T_wav = T * hop_length.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from hifigan.config import GeneratorConfig
from hifigan.inverse_stft import InverseStftHead
from hifigan.weight_norm import weight_norm

SLOPE = 0.1  # of the leaky rectifiers
LAST_SLOPE = 0.01  # of the one before the last convolution: the published weights were trained so


class ResBlock1(nn.Module):
    """Three times: dilated convolution, plain convolution, residual (HiFi-GAN Sec. 2.2, Table
    5).
    """

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(_conv(channels, kernel_size, d) for d in dilations)
        self.plain = nn.ModuleList(_conv(channels, kernel_size, 1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, C, T]."""
        for dilated, plain in zip(self.dilated, self.plain):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class ResBlock2(nn.Module):
    """One dilated convolution per residual: the light block of V3 (HiFi-GAN Table 5)."""

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(_conv(channels, kernel_size, d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, C, T]."""
        for dilated in self.dilated:
            x = x + dilated(F.leaky_relu(x, SLOPE))
        return x


class UpsampleStage(nn.Module):
    """A transposed convolution, then the mean of residual blocks with different kernels and
    dilations: the multi-receptive field fusion of HiFi-GAN Sec. 2.2."""

    def __init__(
        self, in_channels: int, rate: int, kernel_size: int, config: GeneratorConfig
    ) -> None:
        super().__init__()
        # An odd difference of kernel and rate needs one sample more on one side to keep T * rate.
        padding, odd = (kernel_size - rate + 1) // 2, (kernel_size - rate) % 2
        self.upsample = weight_norm(
            nn.ConvTranspose1d(
                in_channels, in_channels // 2, kernel_size, rate, padding, output_padding=odd
            )
        )
        block = ResBlock1 if config.resblock == "1" else ResBlock2
        self.resblocks = nn.ModuleList(
            block(in_channels // 2, size, dilations)
            for size, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilations)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, C / 2, T * rate]."""
        x = self.upsample(F.leaky_relu(x, SLOPE))
        return sum(resblock(x) for resblock in self.resblocks) / len(self.resblocks)


class Generator(nn.Module):
    """Frames to a waveform.

    `in_channels` is the number of mels, or of VITS's latent channels; `speaker_channels` is the
    width of a speaker embedding, 0 for none. The HiFi-GAN papers' generator has weight norm on
    its first and last convolution and a bias on the last, VITS's decoder has neither.
    `grad_checkpoint` recomputes each stage in the backward pass instead of storing it.

    The original code meant to start its convolutions from N(0, 0.01), but weight norm undid that;
    the published models started from torch's default, and so do these.
    """

    def __init__(
        self,
        in_channels: int,
        config: GeneratorConfig,
        speaker_channels: int = 0,
        weight_norm_ends: bool = True,
        output_bias: bool = True,
        grad_checkpoint: bool = False,
    ) -> None:
        super().__init__()
        self.config = config
        self.grad_checkpoint = grad_checkpoint
        channels = config.upsample_initial_channels
        self.input = nn.Conv1d(in_channels, channels, 7, padding=3)
        self.condition = nn.Conv1d(speaker_channels, channels, 1) if speaker_channels else None
        self.stages = nn.ModuleList()
        for rate, kernel_size in zip(config.upsample_rates, config.upsample_kernel_sizes):
            self.stages.append(UpsampleStage(channels, rate, kernel_size, config))
            channels //= 2
        if config.inverse_stft is None:
            self.output = nn.Conv1d(channels, 1, 7, padding=3, bias=output_bias)
        else:
            self.head = InverseStftHead(channels, config.inverse_stft)
        if weight_norm_ends:
            weight_norm(self.input)
            if config.inverse_stft is None:
                weight_norm(self.output)

    def forward(
        self, frames: Tensor, speaker: Tensor | None = None, with_bands: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """frames: [B, in_channels, T]; speaker: [B, speaker_channels, 1]. Returns [B, 1, T_wav].

        with_bands: and the bands [B, n_bands, T_band] that it is joined of, where it is.
        """
        x = self.input(frames)
        if self.condition is not None:
            x = x + self.condition(speaker)
        for stage in self.stages:
            if self.grad_checkpoint and self.training:
                x = checkpoint(stage, x, use_reentrant=False)
            else:
                x = stage(x)
        # In float32 always: the rounding of bfloat16 alone is hiss that the mel loss hears.
        with torch.autocast(x.device.type, enabled=False):
            x = F.leaky_relu(x.float(), LAST_SLOPE)
            if self.config.inverse_stft is None:
                return self.output(x).tanh()
            bands = self.head.bands(x)
            wav_hat = self.head.join(bands)
            return (wav_hat, bands) if with_bands else wav_hat


def _conv(channels: int, kernel_size: int, dilation: int) -> nn.Module:
    return weight_norm(
        nn.Conv1d(
            channels,
            channels,
            kernel_size,
            dilation=dilation,
            padding=dilation * (kernel_size - 1) // 2,
        )
    )
