"""Recordings in and out: any format that libsndfile knows, as mono float32 at the model's rate.

Not in the papers. Every wav that is trained on is read by `read_audio`, and every wav that leaves
the program is written by `write_audio`, or in pieces by hifigan/vocoding/streamed_file.py.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.torn import torn, torn_words

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
DECODERS = (soundfile.__libsndfile_version__, soxr.__libsoxr_version__)  # others, other bits
BLOCK_SAMPLES = 65536  # libsndfile's Vorbis encoder overflows the stack on long clips in one piece


@dataclass(frozen=True)
class AudioHeader:
    sample_rate: int  # Hz
    n_channels: int
    n_samples: int  # per channel, at sample_rate

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


def read_header(path: Path) -> AudioHeader:
    """What the file says of itself, without decoding it."""
    with _opened(path) as file:
        return AudioHeader(file.samplerate, file.channels, file.frames)


def read_samples(path: Path) -> tuple[np.ndarray, int]:
    """Decode a whole file as it is. Returns float32 [n_samples, n_channels] and the rate in Hz.

    Integer formats of any depth come as [-1, 1); float formats as stored.
    """
    with _opened(path) as file:
        if found := torn(file.extra_info):
            raise UserError(f"{path}: {torn_words(*found)}; make or download the file again")
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"{path}: cannot be decoded ({error.error_string.strip(' .')}); "
                f"make or download the file again"
            ) from None
        if len(samples) != file.frames:
            raise UserError(
                f"{path}: cut off: found {len(samples)} samples, expected "
                f"{file.frames} by its header; make or download the file again"
            )
        return samples, file.samplerate


def read_audio(path: Path, sample_rate: int) -> Tensor:
    """Decode, fold channels to their mean, resample (soxr, very high quality).

    A peak above 1 (float files, or an overshoot of the resampler) scales the whole clip down.
    Returns float32 [T_wav] in [-1, 1], T_wav = resampled_length(samples in the file).
    """
    samples, file_rate = read_samples(path)
    wav = torch.from_numpy(resample(fold_channels(samples), file_rate, sample_rate))
    peak = wav.abs().max().item() if len(wav) else 0.0
    return wav / peak if peak > 1 else wav


def fold_channels(samples: np.ndarray) -> np.ndarray:
    """samples: float32 [n_samples, n_channels]. Returns the channels' mean, float32 [n_samples]."""
    n_channels = samples.shape[1]
    if n_channels == 1:
        return samples[:, 0]
    if n_channels == 2:  # the same to the bit as numpy's mean, which is five times slower at it
        return (samples[:, 0] + samples[:, 1]) / 2
    return samples.mean(axis=1)


def resample(wav: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """wav: float32 [n_samples]; rates in Hz. Returns float32 [resampled_length(n_samples)]."""
    if from_rate == to_rate:
        return wav
    n_samples = resampled_length(len(wav), from_rate, to_rate)
    made = soxr.resample(wav, from_rate, to_rate, quality="VHQ")[:n_samples]
    return np.pad(made, (0, n_samples - len(made)))  # soxr's own rounding differs by one at times


def resampled_length(n_samples: int, from_rate: int, to_rate: int) -> int:
    """Samples at `to_rate` (Hz) of a clip that has n_samples at `from_rate`, rounded half up."""
    return (2 * n_samples * to_rate + from_rate) // (2 * from_rate)


def require_writable(path: Path) -> None:
    """Refuse the path of a folder, or of no audio format. A missing folder is no fault: it is
    made.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected the path of an audio file to write")
    if path.suffix.lower() not in FORMATS:
        raise UserError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'!r}; "
            f"name it with one of: {', '.join(FORMATS)}"
        )


def write_audio(path: Path, wav: Tensor, sample_rate: int) -> None:
    """Write a clip as 16-bit wav or flac, or as ogg or mp3, by the path's suffix.

    wav: [T_wav] or [1, T_wav]; a peak above 1 scales the whole clip down, where clipping would
    distort it. The file appears whole or not at all: it is renamed from a temporary name.
    """
    require_writable(path)
    samples = wav.detach().float().cpu().reshape(-1).numpy()
    if samples.size != wav.shape[-1] or samples.size == 0:
        raise UserError(
            f"{path}: found a wav of shape {list(wav.shape)}, expected one channel of "
            f"one sample or more"
        )
    if not np.isfinite(samples).all():
        n_bad = int((~np.isfinite(samples)).sum())
        raise UserError(
            f"{path}: {n_bad} of {samples.size} samples are NaN or infinite, so "
            f"nothing is written; the weights that made them are damaged, use an "
            f"earlier checkpoint"
        )
    samples = samples / max(1.0, float(np.abs(samples).max()))
    samples = np.rint(samples * 32767).astype(
        np.int16
    )  # here: libsndfile rounds each format otherwise
    container, coding = FORMATS[path.suffix.lower()]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with soundfile.SoundFile(unfinished, "w", sample_rate, 1, coding, format=container) as file:
            for start in range(0, samples.size, BLOCK_SAMPLES):
                file.write(samples[start : start + BLOCK_SAMPLES])
        unfinished.replace(path)
    except soundfile.LibsndfileError as error:
        raise UserError(
            f"{path}: cannot be written at {sample_rate} Hz ({error.error_string.strip(' .')})"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _opened(path: Path) -> soundfile.SoundFile:
    if not path.exists():
        raise UserError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a recording")
    if path.suffix.lower() == ".raw":  # soundfile would ask its caller for rate and format
        raise UserError(f"{path}: has no header; convert it to wav or flac")
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise UserError(
            f"{path}: not a recording that libsndfile reads "
            f"({error.error_string.strip(' .')}); convert it to wav or flac"
        ) from None
