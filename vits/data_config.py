"""The recordings of a VITS run: where they lie, which are used, and how often."""

from dataclasses import dataclass
from typing import Literal

from hifigan.config import require, require_positive


@dataclass(frozen=True)
class DataConfig:
    folder: str
    train_list: str | None  # within the folder; null finds train.csv, train.txt or metadata.csv
    valid_list: str | None  # null finds valid.csv, else n_valid utterances are held out
    n_valid: int  # utterances held out when there is no validation list
    speakers: tuple[str, ...] | Literal["from_data"] | None  # null: one speaker
    min_seconds: float
    max_seconds: float
    max_symbols: int  # blanks included
    packed_cache: bool  # keep decoded recordings in one memory-mapped file beside the runs
    balance_speakers: bool = False  # repeat utterances until an epoch has as many of each speaker
    mix_in: str | None = None  # a list of old data to train on besides, so that it stays known
    mix_in_share: float = 0.3  # of an epoch's utterances, that mix_in has at least
    # Espeak's names, as in text.language; null: all is in text.language.
    languages: tuple[str, ...] | Literal["from_data"] | None = None
    balance_languages: bool = False  # the same for languages; of a language, then, for its speakers

    def __post_init__(self) -> None:
        require(self.n_valid >= 0, f"n_valid is {self.n_valid}, expected 0 or more")
        require(
            0 <= self.min_seconds < self.max_seconds,
            f"min_seconds {self.min_seconds} is not below max_seconds {self.max_seconds}",
        )
        require_positive(self, "max_symbols")
        require(
            0 < self.mix_in_share < 1,
            f"mix_in_share is {self.mix_in_share}, expected a share between 0 and 1 such as 0.3",
        )
        for key in ("speakers", "languages"):
            names = getattr(self, key)
            if isinstance(names, tuple):
                twice = sorted({name for name in names if names.count(name) > 1})
                require(not twice, f"{key} lists {twice} more than once")
                require(all(names), f"{key} lists an empty name")
                require(len(names) > 0, f"{key} is an empty list; write null for one {key[:-1]}")
        require(
            self.languages is not None or not self.balance_languages,
            "balance_languages is true, but languages is null",
        )
