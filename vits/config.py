"""The whole configuration of a VITS run, as it stands in configs/*.json and in every checkpoint."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from hifigan.config import (
    AudioConfig,
    GeneratorConfig,
    require,
    require_geometry,
    require_positive,
)
from vits.data_config import DataConfig
from vits.training_config import LossConfig, VitsDiscriminatorConfig, VitsTrainConfig

FROM_DATA = "from_data"  # "take the table from the training list"; resolved before the first step
PUBLISHED_TABLES = ("original", "piper")  # vits/text/published.py has them; resolved at the start


def is_name(symbol: str) -> bool:
    """Whether it is a name for an id that no character has."""
    return symbol.startswith("<") and symbol.endswith(">") and len(symbol) > 2


def require_dropout(share: float) -> None:
    require(0 <= share < 1, f"dropout is {share}, expected a share from 0 to below 1")


@dataclass(frozen=True)
class TextConfig:
    front_end: Literal["characters", "phonemes", "as_written"]  # as_written: symbols, no text
    language: str  # espeak voice such as "en-us" or "bg"; of phonemes and of what `expand` does
    symbols: tuple[str, ...] | Literal["from_data", "original", "piper"]  # the first one pads
    add_blank: bool  # a blank before, between and behind the symbols (VITS Sec. 3.2, from Glow-TTS)
    blank: str | None = None  # a symbol; null: the first one, which then never stands for text
    start: str | None = None  # symbols before and behind every text and its blanks, as Piper has
    end: str | None = None
    decomposed: bool = False  # letters apart from their marks (Unicode's NFD), as Piper has them
    expand: bool = False  # numbers, dates, money, abbreviations in words (vits/text/spoken)
    # Words that are read otherwise: a file (vits/text/lexicon.py), or what stands in it, as a
    # checkpoint has it.
    lexicon: tuple[tuple[str, str], ...] | str | None = None
    unknown_symbols: Literal["refuse", "leave_out"] = "refuse"  # what training does with them

    def __post_init__(self) -> None:
        if isinstance(self.symbols, str):
            return
        require(len(self.symbols) > 0, "symbols is empty; the first one is padding and blank")
        long = [s for s in self.symbols if len(s) != 1 and not is_name(s)]
        require(
            not long,
            f"symbols lists {long}; every symbol is one character, or a name that no text "
            f"contains, such as <unused 7>",
        )
        twice = sorted(s for s, n in Counter(self.symbols).items() if n > 1)
        require(not twice, f"symbols lists {twice} more than once; every symbol has one id")
        for key in ("blank", "start", "end"):
            symbol = getattr(self, key)
            require(
                symbol is None or symbol in self.symbols,
                f"{key} is {symbol!r}, which symbols does not list; add it there, or write null",
            )


@dataclass(frozen=True)
class TransformerConfig:
    filter_channels: int  # inside the feed-forward layers
    n_heads: int
    n_layers: int
    kernel_size: int
    dropout: float
    attention_window: int  # symbols or frames to either side with a relative position of their own

    def __post_init__(self) -> None:
        require_positive(self, "filter_channels", "n_heads", "n_layers", "kernel_size")
        require_dropout(self.dropout)
        require(
            self.attention_window >= 0,
            f"attention_window is {self.attention_window}, expected 0 or more",
        )

    def require_heads(self, channels: int, key: str) -> None:
        """That the channels of the key can be shared out."""
        require(
            channels % self.n_heads == 0,
            f"{key} {channels} is not a multiple of n_heads {self.n_heads}",
        )


@dataclass(frozen=True)
class TextEncoderConfig(TransformerConfig):
    hidden_channels: int
    # Before this layer, counted from 1, the speaker's embedding is added (VITS2 Sec. 2.4, where it
    # is 3); null: nowhere.
    speaker_layer: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.speaker_layer is None or 2 <= self.speaker_layer <= self.n_layers,
            f"speaker_layer is {self.speaker_layer}, expected one behind the first, 2 to n_layers "
            f"{self.n_layers}, or null",
        )
        require_positive(self, "hidden_channels")
        self.require_heads(self.hidden_channels, "hidden_channels")


@dataclass(frozen=True)
class WaveNetConfig:
    hidden_channels: int
    n_layers: int
    kernel_size: int

    def __post_init__(self) -> None:
        require_positive(self, "hidden_channels", "n_layers", "kernel_size")
        require(
            self.kernel_size % 2 == 1, f"kernel_size {self.kernel_size} is even; use an odd one"
        )


@dataclass(frozen=True)
class FlowConfig:
    n_flows: int
    wavenet: WaveNetConfig
    # Before each WaveNet and as wide as it (VITS2 Sec. 2.3); null: none, as in VITS.
    transformer: TransformerConfig | None = None

    @property
    def reach(self) -> int | None:
        """Frames to either side that one frame of the flow's output depends on; None: all."""
        if self.transformer is not None:
            return None
        return self.n_flows * self.wavenet.n_layers * (self.wavenet.kernel_size // 2)

    def __post_init__(self) -> None:
        require_positive(self, "n_flows")
        if self.transformer is not None:
            self.transformer.require_heads(self.wavenet.hidden_channels, "wavenet.hidden_channels")


@dataclass(frozen=True)
class DurationPredictorConfig:
    kind: Literal["stochastic", "deterministic"]
    hidden_channels: int  # of the stochastic one: the text encoder's width
    kernel_size: int
    dropout: float
    n_flows: int  # stochastic only

    def __post_init__(self) -> None:
        require_positive(self, "hidden_channels", "kernel_size", "n_flows")
        require_dropout(self.dropout)


@dataclass(frozen=True)
class ModelConfig:
    latent_channels: int  # C of z
    speaker_channels: int  # width of the speaker embedding; unused with one speaker
    text_encoder: TextEncoderConfig
    posterior_encoder: WaveNetConfig
    flow: FlowConfig
    duration_predictor: DurationPredictorConfig
    decoder: GeneratorConfig
    language_embedding: bool = False  # of data.languages, added to every symbol's embedding

    def __post_init__(self) -> None:
        require_positive(self, "latent_channels")
        require(
            self.speaker_channels >= 0,
            f"speaker_channels is {self.speaker_channels}, expected 0 or more",
        )
        require(
            self.latent_channels % 2 == 0,
            f"latent_channels {self.latent_channels} is odd; the "
            f"coupling layers split it in halves",
        )


@dataclass(frozen=True)
class VitsConfig:
    audio: AudioConfig
    text: TextConfig
    data: DataConfig
    model: ModelConfig
    discriminator: VitsDiscriminatorConfig
    loss: LossConfig
    train: VitsTrainConfig

    def __post_init__(self) -> None:
        segment_samples = self.train.segment_samples
        require_geometry(self.audio, self.model.decoder, "model.decoder", segment_samples)
        require(
            self.loss.subband == 0 or self.model.decoder.inverse_stft is not None,
            f"loss.subband is {self.loss.subband}, but model.decoder.inverse_stft is null, so that "
            f"there are no bands; set it to 0",
        )
        from_step = self.train.duration_discriminator_from_step
        require(
            self.discriminator.durations is not None
            or (self.loss.duration_adversarial, from_step) == (0, 0),
            f"discriminator.durations is null, but loss.duration_adversarial is "
            f"{self.loss.duration_adversarial} and train.duration_discriminator_from_step "
            f"{from_step}; set both to 0",
        )
        require(
            self.data.speakers is None or self.model.speaker_channels > 0,
            "model.speaker_channels is 0, so that all of data.speakers would sound alike; use 256",
        )
        speaker_layer = self.model.text_encoder.speaker_layer
        require(
            self.data.speakers is not None or speaker_layer is None,
            f"model.text_encoder.speaker_layer is {speaker_layer}, but data.speakers is null, so "
            f"that there is one speaker; set it to null",
        )
        require(
            self.data.languages is not None or not self.model.language_embedding,
            "model.language_embedding is true, but data.languages is null; list them, or use "
            f'"{FROM_DATA}"',
        )

    @property
    def segment_frames(self) -> int:
        return self.train.segment_samples // self.audio.hop_length

    @property
    def n_symbols(self) -> int:
        return len(self.text.symbols)

    @property
    def n_speakers(self) -> int:
        """0 for a single-speaker model, which has no speaker embedding."""
        return 0 if self.data.speakers is None else len(self.data.speakers)

    @property
    def n_languages(self) -> int:
        """0 for a model without language embedding, whatever languages it reads."""
        return len(self.data.languages) if self.model.language_embedding else 0
