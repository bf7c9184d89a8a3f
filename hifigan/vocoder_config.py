"""The whole configuration of a vocoder's run, as in configs/hifigan_*.json and its checkpoints."""

from dataclasses import dataclass, replace

from hifigan.config import (
    AudioConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    require,
    require_geometry,
)
from hifigan.training_config import TrainConfig


@dataclass(frozen=True)
class MelConfig:
    """What makes a mel of a waveform beside the audio section."""

    magnitude_floor: float  # inside the root: 1e-9 in the original HiFi-GAN, 1e-6 in VITS
    loss_f_max: float | None  # Hz, up to which the mel loss hears; null: half the sample rate

    def __post_init__(self) -> None:
        require(
            self.magnitude_floor >= 0,
            f"magnitude_floor is {self.magnitude_floor}, expected 0 or more",
        )


@dataclass(frozen=True)
class VocoderDataConfig:
    wavs: str  # folder of recordings, searched with its subfolders
    mels: str | None  # folder of their mels, from an acoustic model say; null: made of the wavs
    train_list: str | None  # file whose lines begin with a recording's name; null: all there are
    valid_list: str | None  # null: n_valid recordings are held out
    n_valid: int
    min_seconds: float
    max_seconds: float
    peak: float | None  # every recording is scaled to it (not beside mels); null: left as it is
    packed_cache: bool  # keep decoded recordings in one memory-mapped file beside the runs

    def __post_init__(self) -> None:
        require(self.n_valid >= 0, f"n_valid is {self.n_valid}, expected 0 or more")
        require(
            0 <= self.min_seconds < self.max_seconds,
            f"min_seconds {self.min_seconds} is not below max_seconds {self.max_seconds}",
        )
        require(
            self.peak is None or 0 < self.peak <= 1,
            f"peak is {self.peak}, expected a share of full scale up to 1 such as 0.95, or null",
        )


@dataclass(frozen=True)
class VocoderLossConfig:
    """Weights of the generator's terms (HiFi-GAN Eq. 6: 45, 1, 2)."""

    mel: float
    adversarial: float
    feature_matching: float

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            require(weight >= 0, f"{name} is {weight}, expected 0 or more")


@dataclass(frozen=True)
class VocoderConfig:
    audio: AudioConfig  # of the mels that come in
    mel: MelConfig
    data: VocoderDataConfig
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    loss: VocoderLossConfig
    train: TrainConfig

    def __post_init__(self) -> None:
        segment_samples = self.train.segment_samples
        require_geometry(self.audio, self.generator, "generator", segment_samples)
        self.loss_audio  # the rules of f_max hold for loss_f_max, too

    @property
    def segment_frames(self) -> int:
        return self.train.segment_samples // self.audio.hop_length

    @property
    def loss_audio(self) -> AudioConfig:
        """Of the mels that the loss compares."""
        return replace(self.audio, f_max=self.mel.loss_f_max)
