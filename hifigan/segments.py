"""What a vocoder trains on: windows of recordings, and the mels that belong to them.

A segment is cut at random out of its recording (HiFi-GAN Sec. 4.1), with the samples around it
that the frames at its ends reach into: so its mel is that part of the whole recording's, as in use.
(The original mirrors every segment at its own ends.) Mels from disk, of an acoustic model say, are
cut at the same frames instead.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from math import log
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from hifigan.audio import read_audio
from hifigan.errors import UserError
from hifigan.mel import LOG_FLOOR
from hifigan.mels_on_disk import read_mel
from hifigan.packed_cache import PackedCache
from hifigan.sampler import LengthBucketedBatches
from hifigan.vocoder_config import VocoderConfig

Draw = tuple[int, float]  # which recording, and where in it the segment lies: 0 to below 1


@dataclass(frozen=True)
class Clip:
    """A recording that hifigan/clips.py has found fit to train on."""

    id: str  # its path in its folder, without suffix
    path: str
    n_samples: int  # at the model's rate
    mel_path: str | None  # None: the mel is made of the recording


@dataclass(frozen=True)
class Segment:
    id: str
    n_samples: int  # of the recording; silence follows up to segment_samples
    around: Tensor  # float32 [overlap + segment_samples + overlap]
    mel: Tensor | None  # float32 [n_mels, segment_frames], from disk
    overlap: int  # samples


@dataclass(frozen=True)
class SegmentBatch:
    around: Tensor  # float32 [B, 1, overlap + segment_samples + overlap]
    wav_lengths: Tensor  # int64 [B], samples before the silence that fills a segment up
    mel: Tensor | None  # float32 [B, n_mels, segment_frames], from disk; None: of the wavs
    overlap: int  # samples
    ids: list[str]

    @property
    def wav(self) -> Tensor:
        """float32 [B, 1, segment_samples]."""
        return self.around[..., self.overlap : self.around.shape[-1] - self.overlap]

    def to(self, device: torch.device | str) -> "SegmentBatch":
        return self._each(lambda values: values.to(device, non_blocking=True), self.ids)

    def pin_memory(self) -> "SegmentBatch":  # the loader calls it when its own pin_memory is on
        return self._each(Tensor.pin_memory, self.ids)

    def rows(self, first: int, last: int) -> "SegmentBatch":
        return self._each(lambda values: values[first:last], self.ids[first:last])

    def _each(self, change: Callable[[Tensor], Tensor], ids: list[str]) -> "SegmentBatch":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {k: change(v) if isinstance(v, Tensor) else v for k, v in values.items()}
        return SegmentBatch(**changed | {"ids": ids})


class ClipReader:
    """Recordings as training and validation see them: at the model's rate, scaled to data.peak.

    Those with mels from disk stay as they are, because the mels have their level. cache: keeps what
    is decoded, in the order of `clips`; None: decode every time.
    """

    def __init__(
        self, clips: Sequence[Clip], config: VocoderConfig, cache: PackedCache | None = None
    ) -> None:
        self.clips = clips
        self.config = config
        self.cache = cache

    def wav(self, index: int) -> Tensor:
        """The whole recording, float32 [n_samples]."""
        clip, peak = self.clips[index], self.config.data.peak
        if self.cache is None:
            wav = self._decode(clip)
        else:
            wav = self.cache.get(index, Path(clip.path), lambda: self._decode(clip))
        return wav if peak is None or clip.mel_path else wav * (peak / wav.abs().max())

    def mel(self, index: int) -> Tensor | None:
        """The recording's mel from disk [n_mels, T_spec], if that is where mels come from."""
        path = self.clips[index].mel_path
        return None if path is None else read_mel(Path(path), self.config.audio.n_mels)

    def _decode(self, clip: Clip) -> Tensor:
        wav = read_audio(Path(clip.path), self.config.audio.sample_rate)
        if len(wav) != clip.n_samples:
            raise UserError(
                f"{clip.path}: found {len(wav)} samples, expected {clip.n_samples}: the file has "
                f"changed since the data was checked; start again"
            )
        return wav


class SegmentDataset(Dataset):
    """Cuts the segment that a Draw asks for out of its recording."""

    def __init__(self, reader: ClipReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader.clips)

    def __getitem__(self, draw: Draw) -> Segment:
        index, place = draw
        config = self.reader.config
        n_samples, n_frames = config.train.segment_samples, config.segment_frames
        wav, mel = self.reader.wav(index), self.reader.mel(index)
        if mel is None:
            start = int(place * (max(0, len(wav) - n_samples) + 1))
        else:
            n_common = min(mel.shape[1], len(wav) // config.audio.hop_length)
            first = int(place * (max(0, n_common - n_frames) + 1))
            mel = mel[:, first : min(first + n_frames, n_common)]
            # With silence, where the original has zeros, which are loud.
            mel = F.pad(mel, (0, n_frames - mel.shape[1]), value=log(LOG_FLOOR))
            start = first * config.audio.hop_length
            wav = wav[: n_common * config.audio.hop_length]
        around = cut_with_ends(wav, start, n_samples, config.audio.overlap)
        n_own = min(len(wav), n_samples)
        return Segment(self.reader.clips[index].id, n_own, around, mel, config.audio.overlap)


def cut_with_ends(wav: Tensor, start: int, n_samples: int, overlap: int) -> Tensor:
    """n_samples from `start` on, with `overlap` more on both sides.

    wav: [T_wav], mirrored beyond its ends as for a spectrogram, and first made n_samples long with
    silence where it is shorter. Returns [overlap + n_samples + overlap].
    """
    wav = F.pad(wav, (0, max(0, n_samples - len(wav))))
    places = torch.arange(start - overlap, start + n_samples + overlap).abs()
    last = len(wav) - 1
    return wav[torch.where(places > last, 2 * last - places, places)]


def collate(segments: Sequence[Segment]) -> SegmentBatch:
    """Segments of one length as a batch."""
    around = torch.stack([segment.around for segment in segments]).unsqueeze(1)
    mels = [segment.mel for segment in segments if segment.mel is not None]
    overlap = segments[0].overlap
    return SegmentBatch(
        around,
        torch.tensor([segment.n_samples for segment in segments]),
        torch.stack(mels) if mels else None,
        overlap,
        [segment.id for segment in segments],
    )


class SegmentBatches(LengthBucketedBatches):
    """A batch sampler: per step one list of draws, every recording once in an epoch.

    Where segments lie depends on (seed, epoch, order) alone, whatever process cuts them.
    """

    def __iter__(self) -> Iterator[list[Draw]]:
        draws = np.random.Generator(np.random.PCG64([self.seed, self.epoch, self.order, 1]))
        places = draws.random(len(self.lengths))
        for indices in super().__iter__():
            yield [(index, float(places[index])) for index in indices]

    def heaviest(self) -> list[list[Draw]]:
        return [[(index, 0.0) for index in indices] for indices in super().heaviest()]
