"""How a text is to be spoken."""

from dataclasses import dataclass

from hifigan.errors import UserError

# Of noise_scale_w. Durations are exponentials of it: at 3 a short sentence of a trained voice lasts
# minutes, at 5 it fills the memory.
MOST_RHYTHM = 3.0


@dataclass(frozen=True)
class Manner:
    """How a text is spoken."""

    speaker: str | None = None  # of config.data.speakers
    language: str | None = None  # of config.data.languages
    noise_scale: float = 0.667  # how varied the voice is
    noise_scale_w: float = 0.8  # how varied the rhythm is
    length_scale: float = 1.0  # multiplies every duration
    seed: int = 0  # the same one gives the same samples
    sentence_silence: float = 0.3  # seconds between sentences

    def __post_init__(self) -> None:
        if not 0 <= self.noise_scale < float("inf"):
            raise UserError(f"noise_scale {self.noise_scale}: expected 0 or more")
        if not 0 <= self.noise_scale_w <= MOST_RHYTHM:
            raise UserError(f"noise_scale_w {self.noise_scale_w}: expected 0 to {MOST_RHYTHM:g}")
        if not 0 < self.length_scale <= 100:
            raise UserError(f"length_scale {self.length_scale}: expected more than 0, at most 100")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"seed {self.seed}: expected 0 to 2^63 - 1")
        if not 0 <= self.sentence_silence <= 60:
            raise UserError(f"sentence_silence {self.sentence_silence}: expected seconds, 0 to 60")
