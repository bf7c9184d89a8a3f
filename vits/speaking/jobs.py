"""Texts spoken into files, folders and pipes."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from hifigan.loudness import gain_to
from hifigan.vocoding.streamed_file import write_pieces
from vits.speaking.manner import Manner
from vits.speaking.oddities import Oddities
from vits.speaking.sound_output import write_growing, write_to_pipe
from vits.speaking.texts import STANDARD, Item, file_name
from vits.speaking.timing_files import write_timings
from vits.speaking.timings import Timing
from vits.speaking.voice import Utterance, Voice

logger = logging.getLogger(__name__)

FEW = 3  # texts, whose progress nobody needs to see


@dataclass(frozen=True)
class Output:
    """Where the sound goes, and how."""

    path: Path  # a file, a folder where is_folder, or STANDARD
    is_folder: bool = False  # a file for each text
    suffix: str = ".wav"  # of the files in a folder
    timings: Path | None = None  # a file; of a folder's files, the suffix alone
    loudness: float | None = None  # LUFS
    is_stream: bool = False  # write as it is made
    is_bare: bool = False  # no header, on standard output

    @property
    def name(self) -> str:
        return "standard output" if self.path == STANDARD else str(self.path)


def speak(voice: Voice, items: Sequence[Item], how: Manner, output: Output) -> None:
    """Speak all texts, with silence between them, and tell how long it took."""
    began = time.perf_counter()
    if output.is_folder:
        n_samples = _speak_files(voice, items, how, output)
    elif output.is_stream:
        n_samples = _write_stream(_streamed(voice, items, how), voice.sample_rate, output)
    else:
        n_samples = _speak_together(voice, items, how, output)
    seconds = n_samples / voice.sample_rate
    logger.info(
        "%s: %.2f s at %d Hz, seed %d, %.1f x real time",
        output.name,
        seconds,
        voice.sample_rate,
        how.seed,
        seconds / (time.perf_counter() - began),
    )


def write(pieces: Iterable[Tensor], sample_rate: int, output: Output, path: Path) -> None:
    """Write pieces to a file or a pipe, levelled where that is asked."""
    if output.loudness is not None:
        pieces = [levelled(torch.cat([*pieces]), sample_rate, output.loudness)]
    if path == STANDARD:
        write_to_pipe(pieces, sample_rate, output.is_bare)
    else:
        write_pieces(path, pieces, sample_rate)


def levelled(wav: Tensor, sample_rate: int, loudness: float) -> Tensor:
    """The clip [T_wav] at `loudness` LUFS, or as near to it as its peak allows."""
    wanted, most = gain_to(wav.numpy(), sample_rate, loudness)
    if wanted > most:
        reached = loudness + 20 * float(torch.tensor(most / wanted).log10())
        logger.warning("the loudest peak allows %.1f LUFS, no more", reached)
    return wav * min(wanted, most)


def _speak_together(voice: Voice, items: Sequence[Item], how: Manner, output: Output) -> int:
    """All texts into one sound. Returns T_wav."""
    silence = _silence(voice, how)
    timings: list[Timing] = []
    n_samples = 0

    def pieces() -> Iterator[Tensor]:
        nonlocal n_samples
        last = 0
        for number, spoken in voice.utterances((item.text for item in _shown(items)), how):
            if number > last:
                n_samples += len(silence)
                yield silence
            last = number
            if output.timings:
                timings.extend(_timing(voice, spoken, n_samples, how))
            n_samples += len(spoken.wav)
            yield spoken.wav

    write(pieces(), voice.sample_rate, output, output.path)
    if output.timings:
        write_timings(output.timings, timings, n_samples, voice.sample_rate)
    return n_samples


def _speak_files(voice: Voice, items: Sequence[Item], how: Manner, output: Output) -> int:
    """Each text into a file of its own. Returns the samples of all."""
    total = 0
    wavs: list[Tensor] = []
    timings: list[Timing] = []

    def finish(number: int) -> int:
        path = output.path / f"{file_name(items[number].id)}{output.suffix}"
        n_samples = sum(map(len, wavs))
        write(wavs, voice.sample_rate, output, path)
        if output.timings:
            beside = path.with_suffix(output.timings.name)
            write_timings(beside, timings, n_samples, voice.sample_rate)
        wavs.clear()
        timings.clear()
        return n_samples

    last = 0
    for number, spoken in voice.utterances((item.text for item in _shown(items)), how):
        if number > last:
            total += finish(last)
        last = number
        if output.timings:
            timings.extend(_timing(voice, spoken, sum(map(len, wavs)), how))
        wavs.append(spoken.wav)
    return total + finish(last)


def _streamed(voice: Voice, items: Sequence[Item], how: Manner) -> Iterator[Tensor]:
    odd = Oddities()
    for number, item in enumerate(items):
        if number:
            yield _silence(voice, how)
        yield from voice.stream_lines(voice.lines(item.text, how, odd), how)


def _write_stream(pieces: Iterable[Tensor], sample_rate: int, output: Output) -> int:
    if output.path == STANDARD:
        return write_to_pipe(pieces, sample_rate, output.is_bare)
    return write_growing(output.path, pieces, sample_rate)


def _timing(voice: Voice, spoken: Utterance, start: int, how: Manner) -> list[Timing]:
    """One, or none of mere silence."""
    line = spoken.line
    return [voice.timing(line, spoken.frames, start, how)] if line.ids else []


def _silence(voice: Voice, how: Manner) -> Tensor:
    return torch.zeros(round(how.sentence_silence * voice.sample_rate))


def _shown(items: Sequence[Item]) -> Iterator[Item]:
    """The items; where there are many, with a progress bar."""
    return iter(tqdm(items, "speaking", unit="text", disable=True if len(items) < FEW else None))
