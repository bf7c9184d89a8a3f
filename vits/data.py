"""Utterances as tensors, one by one and in padded batches (HiFi-GAN and VITS train on wavs alone).

The spectrograms are computed in the training step, on its device, from the padded wavs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from hifigan.audio import read_audio
from hifigan.errors import UserError
from hifigan.packed_cache import PackedCache

TEXT_STEPS, FRAME_STEPS = 4, 8  # numbers of symbols and of frames, from a power of 2 to the next


@dataclass(frozen=True)
class Utterance:
    """What vits/corpus/check.py has found fit to train on."""

    id: str  # its path or name in the list
    path: str
    text: str
    speaker: str | None
    speaker_id: int  # 0 with one speaker
    tokens: tuple[int, ...]  # blanks included
    n_samples: int  # at the model's rate
    n_frames: int
    language: str | None = None
    language_id: int = 0


@dataclass(frozen=True)
class Example:
    id: str
    tokens: Tensor  # int64 [T_text]
    wav: Tensor  # float32 [T_wav]
    speaker_id: int
    language_id: int


@dataclass(frozen=True)
class Batch:
    tokens: Tensor  # int64 [B, T_text], 0 on padding
    token_lengths: Tensor  # int64 [B]
    wav: Tensor  # float32 [B, 1, T_wav], 0 on padding
    wav_lengths: Tensor  # int64 [B], samples
    speakers: Tensor  # int64 [B]
    languages: Tensor  # int64 [B]
    ids: list[str]

    def spec_lengths(self, hop_length: int) -> Tensor:
        """int64 [B], whole frames in each wav."""
        return self.wav_lengths // hop_length

    def to(self, device: torch.device | str) -> "Batch":
        return self._each(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":  # the loader calls it when its own pin_memory is on
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Batch(**{k: change(v) if isinstance(v, Tensor) else v for k, v in values.items()})


class UtteranceDataset(Dataset):
    """Reads an utterance's recording when it is asked for, at `sample_rate` Hz.

    cache: keeps what is read, in the order of `utterances`; None: decode every time.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        sample_rate: int,
        cache: PackedCache | None = None,
    ) -> None:
        self.utterances = utterances
        self.sample_rate = sample_rate
        self.cache = cache

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Example:
        utterance = self.utterances[index]
        path = Path(utterance.path)
        if self.cache is None:
            wav = self._decode(path, utterance.n_samples)
        else:
            wav = self.cache.get(index, path, lambda: self._decode(path, utterance.n_samples))
        tokens = torch.tensor(utterance.tokens)
        return Example(utterance.id, tokens, wav, utterance.speaker_id, utterance.language_id)

    def _decode(self, path: Path, n_samples: int) -> Tensor:
        wav = read_audio(path, self.sample_rate)
        if len(wav) != n_samples:
            raise UserError(
                f"{path}: found {len(wav)} samples, expected {n_samples}: the file has changed "
                f"since the data was checked; start again"
            )
        return wav


def rounded_up(n: int, n_steps: int) -> int:
    """To the next of the numbers of which there are n_steps, evenly spaced, between powers of 2.

    n_steps: a power of 2; at most 1 / n_steps is added, and in the mean about half of that.
    """
    step = max(1, 2 ** (n.bit_length() - 1) // n_steps)
    return -(-n // step) * step


def padded_frames(n_samples: int, hop_length: int) -> int:
    """Frames that hold so many samples, rounded up to one of few numbers."""
    return rounded_up(-(-n_samples // hop_length), FRAME_STEPS)


def _padded(values: Sequence[Tensor], n: int) -> Tensor:
    """Values [T] with zeros behind them as [B, n]."""
    rows = values[0].new_zeros(len(values), n)
    for row, value in zip(rows, values):
        row[: len(value)] = value
    return rows


def collate(examples: Sequence[Example], hop_length: int | None = None) -> Batch:
    """Pad examples at the end to the longest text and the longest wav among them.

    hop_length: samples of a frame; the number of symbols and that of frames are then rounded up to
    one of few, so that batches come in few shapes. None: neither is.
    """
    token_lengths = torch.tensor([len(example.tokens) for example in examples])
    wav_lengths = torch.tensor([len(example.wav) for example in examples])
    n_tokens, n_samples = int(token_lengths.max()), int(wav_lengths.max())
    if hop_length is not None:
        n_tokens = rounded_up(n_tokens, TEXT_STEPS)
        n_samples = padded_frames(n_samples, hop_length) * hop_length
    return Batch(
        tokens=_padded([example.tokens for example in examples], n_tokens),
        token_lengths=token_lengths,
        wav=_padded([example.wav for example in examples], n_samples).unsqueeze(1),
        wav_lengths=wav_lengths,
        speakers=torch.tensor([example.speaker_id for example in examples]),
        languages=torch.tensor([example.language_id for example in examples]),
        ids=[example.id for example in examples],
    )
