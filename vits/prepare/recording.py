"""One recording made ready: mono, at the target rate, trimmed and levelled where that is asked."""

import io
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from hifigan.audio import fold_channels, read_samples, resample
from hifigan.corpus.activity import activity
from hifigan.errors import UserError
from hifigan.loudness import BLOCK_SECONDS, gain_to
from vits.prepare.settings import Settings

MISSING, UNREADABLE = "missing recording", "unreadable"
SILENCE_PEAK = 1e-3  # of full scale, as training has it
FULL_SCALE = 32768
LONGEST_TRIMMED = 10  # times --max_seconds; what is longer is not decoded to be trimmed
COMPRESSION = 0.4  # of FLAC: level 5 and 8 save 1 % more and take longer


@dataclass(frozen=True)
class Made:
    """What became of a recording. fault: why nothing was made; then all else is 0."""

    seconds: float = 0.0
    fault: str | None = None
    detail: str = ""
    changes: dict[str, float] = field(default_factory=dict)  # what was done, and how much of it
    n_bytes: int = 0  # of the file written


def make_recording(
    source: Path, target: Path, settings: Settings, part: tuple[float, float] | None = None
) -> Made:
    """Write `target`, whole or not at all. part: seconds, of a recording of several utterances.

    OSError: the disk refuses.
    """
    refused = _refused_undecoded(source, settings, part)
    if refused:
        return refused
    try:
        samples, rate = read_samples(source) if part is None else read_part(source, *part)
    except UserError as error:
        return Made(fault=UNREADABLE, detail=str(error))
    if not np.isfinite(samples).all():
        return Made(fault="NaN", detail="holds samples that are no numbers")
    if len(samples) == 0:
        return Made(fault="empty", detail="holds no samples")
    changes: dict[str, float] = {} if part is None else {"cut out of a longer one": 0.0}
    wav = fold_channels(samples)
    if samples.shape[1] > 1:
        changes["channels folded"] = samples.shape[1]
    if settings.trim:
        wav, cut = trimmed(wav, rate, settings.trim_margin)
        if cut:
            changes["silence cut"] = cut
    if rate != settings.sample_rate:
        wav = resample(wav, rate, settings.sample_rate)
        changes["resampled"] = rate
    seconds = len(wav) / settings.sample_rate
    if seconds < settings.min_seconds:
        told = f"{seconds:.2f} s, --min_seconds asks for {settings.min_seconds:g}"
        return Made(fault="too short", detail=told)
    if seconds > settings.max_seconds:
        told = f"{seconds:.2f} s, --max_seconds asks for {settings.max_seconds:g}"
        return Made(fault="too long", detail=told)
    if np.abs(wav).max() < SILENCE_PEAK:
        return Made(fault="silent", detail=f"peak {np.abs(wav).max():.1g} of full scale")
    if settings.loudness is not None:
        wav = levelled(wav, settings.sample_rate, settings.loudness, changes)
    peak = float(np.abs(wav).max())
    if peak > 1:
        wav = wav / peak
        changes["peak lowered"] = 20 * float(np.log10(peak))
    return Made(seconds, changes=changes, n_bytes=_write(source, target, wav, settings, changes))


def read_part(path: Path, start: float, end: float) -> tuple[np.ndarray, int]:
    """From `start` to `end`, in seconds: float32 [n_samples, n_channels], and the rate in Hz."""
    try:
        with soundfile.SoundFile(path) as file:
            first, last = round(start * file.samplerate), round(end * file.samplerate)
            if last > file.frames + file.samplerate // 2:  # lists round their times
                raise UserError(
                    f"{path}: lasts {file.frames / file.samplerate:.2f} s, but the part ends at "
                    f"{end:.2f} s; correct the segments"
                )
            file.seek(min(first, file.frames))
            return file.read(last - first, "float32", always_2d=True), file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(f"{path}: cannot be decoded ({error})") from None


def _refused_undecoded(
    source: Path, settings: Settings, part: tuple[float, float] | None
) -> Made | None:
    """The refusal of what no trimming makes short enough: hours of sound would fill the memory."""
    longest = settings.max_seconds * (LONGEST_TRIMMED if settings.trim else 1)
    try:
        info = soundfile.info(source)
    except (soundfile.LibsndfileError, OSError):
        return None  # reading says what is wrong
    seconds = info.duration if part is None else part[1] - part[0]
    if seconds <= longest:
        return None
    told = f"{seconds:.2f} s, --max_seconds asks for {settings.max_seconds:g}"
    return Made(fault="too long", detail=told)


def trimmed(wav: np.ndarray, rate: int, margin: float) -> tuple[np.ndarray, float]:
    """The clip from `margin` seconds before speech to as much behind it, and the seconds cut off.

    Speech is what stands out of the clip's own noise, in the whole band or in that of s and f.
    """
    speech = activity(wav.astype(np.float32), rate)
    if speech.end <= speech.start:
        return wav, 0.0
    start = max(0, round((speech.start - margin) * rate))
    end = min(len(wav), round((speech.end + margin) * rate))
    return wav[start:end], (len(wav) - (end - start)) / rate


def levelled(wav: np.ndarray, rate: int, loudness: float, changes: dict[str, float]) -> np.ndarray:
    """The clip at `loudness` LUFS, or as near to it as a peak of -1 dBFS allows."""
    if len(wav) < BLOCK_SECONDS * rate:
        changes["levelled with silence behind, being shorter than 0.4 s"] = 0.0
    wanted, most = gain_to(wav, rate, loudness)
    if wanted == most == 1.0:
        changes["too quiet to level"] = 0.0
        return wav
    if wanted > most:
        changes["gain limited by the peak"] = 20 * float(np.log10(wanted / most))
    gain = min(wanted, most)
    changes["gain"] = 20 * float(np.log10(gain))
    return wav * gain


def unfinished(target: Path) -> Path:
    """What a recording is called until it is whole."""
    return target.with_name(f".{target.name}.part")


def _write(
    source: Path, target: Path, wav: np.ndarray, settings: Settings, changes: dict[str, float]
) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(target)
    try:
        if not changes and _is_ready(source, settings):
            shutil.copyfile(source, temporary)  # to the bit, and without the work of encoding
        else:
            coded = np.clip(np.rint(wav * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
            whole = io.BytesIO()  # libsndfile does not say what a disk refuses
            soundfile.write(
                whole,
                coded.astype(np.int16),
                settings.sample_rate,
                "PCM_16",
                format=settings.format.upper(),
                **({"compression_level": COMPRESSION} if settings.format == "flac" else {}),
            )
            temporary.write_bytes(whole.getbuffer())
        n_bytes = temporary.stat().st_size
        os.replace(temporary, target)
        return n_bytes
    finally:
        temporary.unlink(missing_ok=True)


def _is_ready(source: Path, settings: Settings) -> bool:
    """Whether the source is such a file already. (Its rate and channels are those asked for.)"""
    info = soundfile.info(source)
    return info.format == settings.format.upper() and info.subtype == "PCM_16"
