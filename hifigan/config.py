"""Settings that a vocoder and VITS share: audio, generator and discriminators."""

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from hifigan.errors import UserError


def require(condition: bool, message: str) -> None:
    """Raise a UserError with `message` unless the condition holds."""
    if not condition:
        raise UserError(message)


def require_positive(config: Any, *names: str) -> None:
    """Each named value is more than 0; of a list: it is not empty, and all that stands in it is."""
    for name in names:
        value = getattr(config, name)
        kind = "one or more numbers above 0" if isinstance(value, tuple) else "more than 0"
        require(_is_positive(value), f"{name} is {json.dumps(value)}, expected {kind}")


def _is_positive(value: Any) -> bool:
    return bool(value) and all(map(_is_positive, value)) if isinstance(value, tuple) else value > 0


@dataclass(frozen=True)
class AudioConfig:
    sample_rate: int  # Hz
    n_fft: int  # samples
    hop_length: int  # samples from one frame to the next
    win_length: int  # samples
    n_mels: int
    f_min: float  # Hz
    f_max: float | None  # Hz; null means half the sample rate

    def __post_init__(self) -> None:
        require_positive(self, "sample_rate", "n_fft", "hop_length", "win_length", "n_mels")
        require(
            self.n_fft >= self.win_length,
            f"n_fft {self.n_fft} is smaller than win_length {self.win_length}; "
            f"raise n_fft to {2 ** math.ceil(math.log2(self.win_length))} or lower win_length",
        )
        require(
            self.win_length >= self.hop_length,
            f"win_length {self.win_length} is smaller than hop_length {self.hop_length}, so "
            f"samples between frames would be lost; raise win_length to {4 * self.hop_length}",
        )
        require(
            (self.n_fft - self.hop_length) % 2 == 0,
            f"n_fft {self.n_fft} minus hop_length {self.hop_length} is odd, so frames cannot be "
            f"centred; make both even",
        )
        require(
            self.n_mels <= self.n_bins,
            f"n_mels {self.n_mels} is more than the {self.n_bins} bins of n_fft {self.n_fft}, so "
            f"that some mels would be empty; lower n_mels or raise n_fft",
        )
        require(
            0 <= self.f_min < self.f_top,
            f"f_min {self.f_min} Hz is not below f_max {self.f_top} Hz; lower f_min",
        )
        require(
            self.f_top <= self.sample_rate / 2,
            f"f_max {self.f_max} Hz is above half the sample rate; set it to null or to at most "
            f"{self.sample_rate / 2:g}",
        )

    @property
    def f_top(self) -> float:  # Hz
        return self.sample_rate / 2 if self.f_max is None else self.f_max

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def overlap(self) -> int:  # samples that the frames at a waveform's ends reach beyond it
        return (self.n_fft - self.hop_length) // 2


@dataclass(frozen=True)
class InverseStftConfig:
    """The head of MB-iSTFT-VITS (arXiv 2210.15975): STFTs of n_bands bands, and their filters."""

    n_fft: int  # samples of a band
    hop_length: int  # samples of a band, from one frame to the next
    n_bands: int
    n_taps: int  # of the filters that join the bands

    def __post_init__(self) -> None:
        require_positive(self, "n_fft", "hop_length", "n_bands", "n_taps")
        require(
            self.n_fft % (4 * self.hop_length) == 0,
            f"n_fft {self.n_fft} is not a multiple of 4 hop_lengths, so that the windows would not "
            f"add up evenly; use {4 * self.hop_length}",
        )
        require(
            self.n_bands > 1 and self.n_taps % (2 * self.n_bands) == 0,
            f"n_taps {self.n_taps} and n_bands {self.n_bands}: expected 2 bands or more, and a "
            f"multiple of twice as many taps; use 4 and 64",
        )

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def padding(self) -> int:  # samples of a band that are cut off at either end
        return (self.n_fft - self.hop_length) // 2


@dataclass(frozen=True)
class GeneratorConfig:
    """HiFi-GAN Sec. 2.2 and Table 5; the published V1 has 512 channels and resblock "1"."""

    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    upsample_initial_channels: int
    resblock: Literal["1", "2"]
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilations: tuple[tuple[int, ...], ...]
    inverse_stft: InverseStftConfig | None = None  # ends the stages early; null: HiFi-GAN's output

    def __post_init__(self) -> None:
        require_positive(
            self,
            "upsample_rates",
            "upsample_kernel_sizes",
            "upsample_initial_channels",
            "resblock_kernel_sizes",
            "resblock_dilations",
        )
        n_rates, n_sizes = len(self.upsample_rates), len(self.upsample_kernel_sizes)
        require(
            n_rates == n_sizes,
            f"upsample_rates has {n_rates} entries and upsample_kernel_sizes "
            f"{n_sizes}; give one kernel size per rate",
        )
        for rate, size in zip(self.upsample_rates, self.upsample_kernel_sizes):
            require(
                size >= rate,
                f"upsample kernel size {size} is smaller than its rate {rate}, which "
                f"leaves samples without input; use {2 * rate}",
            )
            require(
                rate > 1 or size % 2 == 1,
                f"upsample kernel size {size} is even and its rate 1, which "
                f"cannot keep the length; use {size + 1}",
            )
        halvings = 2**n_rates
        require(
            self.upsample_initial_channels % halvings == 0,
            f"upsample_initial_channels {self.upsample_initial_channels} cannot be halved "
            f"{n_rates} times; use a multiple of {halvings}",
        )
        require(
            len(self.resblock_kernel_sizes) == len(self.resblock_dilations),
            f"resblock_kernel_sizes has {len(self.resblock_kernel_sizes)} entries and "
            f"resblock_dilations {len(self.resblock_dilations)}; give one list of dilations per "
            f"kernel",
        )
        require(
            all(size % 2 for size in self.resblock_kernel_sizes),
            f"resblock_kernel_sizes {list(self.resblock_kernel_sizes)} must be odd to keep the "
            f"length",
        )

    @property
    def hop_length(self) -> int:  # samples made of one frame
        head = self.inverse_stft
        return math.prod(self.upsample_rates) * (head.hop_length * head.n_bands if head else 1)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """HiFi-GAN Sec. 2.3. The scale network is a table of [channels, kernel, stride, groups]."""

    periods: tuple[int, ...]
    period_channels: tuple[int, ...]
    scale_layers: tuple[tuple[int, int, int, int], ...]

    def __post_init__(self) -> None:
        require_positive(self, "periods", "period_channels", "scale_layers")
        before = 1
        for channels, kernel_size, _, groups in self.scale_layers:
            require(
                kernel_size % 2 == 1, f"scale_layers: kernel {kernel_size} is even; use an odd one"
            )
            require(
                channels % groups == 0 and before % groups == 0,
                f"scale_layers: {groups} groups do not divide {before} and {channels} channels",
            )
            before = channels


def require_geometry(
    audio: AudioConfig, generator: GeneratorConfig, where: str, segment_samples: int
) -> None:
    """The rules between frames, generator and segments; `where`: the generator's section."""
    hop, made = audio.hop_length, generator.hop_length
    require(
        made == hop,
        f"{where}.upsample_rates {list(generator.upsample_rates)} make {made} samples of a frame"
        f"{', with inverse_stft' if generator.inverse_stft else ''}, "
        f"but audio.hop_length is {hop}; change one so that the product equals the hop",
    )
    require(
        segment_samples % hop == 0,
        f"train.segment_samples {segment_samples} is not a multiple of audio.hop_length {hop}; "
        f"use {max(1, round(segment_samples / hop)) * hop}",
    )
    require(
        segment_samples > audio.overlap,
        f"train.segment_samples {segment_samples} is too short for n_fft {audio.n_fft}; "
        f"use at least {(audio.overlap // hop + 1) * hop}",
    )
