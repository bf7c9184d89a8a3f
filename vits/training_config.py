"""What a VITS run learns from, and how: discriminators, the losses' weights, and the run itself."""

from dataclasses import dataclass

from hifigan.config import DiscriminatorConfig, require, require_positive
from hifigan.training_config import TrainConfig


@dataclass(frozen=True)
class DurationDiscriminatorConfig:
    hidden_channels: int
    kernel_size: int

    def __post_init__(self) -> None:
        require_positive(self, "hidden_channels", "kernel_size")


@dataclass(frozen=True)
class VitsDiscriminatorConfig(DiscriminatorConfig):
    durations: DurationDiscriminatorConfig | None = None  # VITS2 Sec. 2.1; null: none, as in VITS


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's terms (VITS Eq. 11); mel is HiFi-GAN's lambda_mel."""

    mel: float
    kl: float
    duration: float
    adversarial: float
    feature_matching: float
    subband: float = 0.0  # STFTs of the bands of a decoder that has them
    duration_adversarial: float = 0.0  # the predictor's against the duration discriminator

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            require(weight >= 0, f"{name} is {weight}, expected 0 or more")


@dataclass(frozen=True)
class AlignmentNoiseConfig:
    """Noise in the scores of the alignment search, less with every step (VITS2 Sec. 2.2)."""

    scale: float  # at step 0, of the scores' standard deviation
    decrease: float  # of the scale with a step, down to 0

    def __post_init__(self) -> None:
        require_positive(self, "scale", "decrease")

    @property
    def n_steps(self) -> float:  # until there is none
        return self.scale / self.decrease


@dataclass(frozen=True)
class VitsTrainConfig(TrainConfig):
    frozen_speakers: int = 0  # the first rows of the speaker embedding, which do not learn
    alignment_noise: AlignmentNoiseConfig | None = None
    # The duration discriminator learns all along; from here on the predictor learns from it, too.
    duration_discriminator_from_step: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.frozen_speakers >= 0,
            f"frozen_speakers is {self.frozen_speakers}, expected 0 or more",
        )
        from_step = self.duration_discriminator_from_step
        require(
            from_step >= 0,
            f"duration_discriminator_from_step is {from_step}, expected 0 or more",
        )
