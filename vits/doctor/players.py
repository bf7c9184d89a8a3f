"""Clips of the suspicious recordings for the page: what is heard, its shape, where the fault lies.

A clip is FLAC, which every browser decodes and which leaves faults as they are. To keep the page
small it has MOST_SECONDS and HIGHEST_RATE at most, and all clips together MOST_BYTES.
"""

import base64
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import soundfile
import soxr

from vits.doctor.findings import Case, Finding
from vits.doctor.severity import worst_first

MOST_SECONDS = 10.0  # of a clip; of a longer recording it is what lies around the fault
LOWEST_RATE, HIGHEST_RATE = 8000, 24_000  # Hz
MOST_BYTES = 6_500_000  # of all clips, as base64
N_COLUMNS = 200  # of the waveform's picture
EDGE = 0.15  # seconds that are marked where a recording begins or ends in a sound
N_TOPS = 12  # clipped places that are marked
LENGTH_AT = re.compile(r"(\d+(?:\.\d+)?) s of [\w ]+ at (\d+(?:\.\d+)?) s")
FIRST_AT = re.compile(r"the first at (\d+(?:\.\d+)?) s")
BOTH_ENDS = re.compile(r"(\d+(?:\.\d+)?) s of silence before speech, (\d+(?:\.\d+)?) s behind it")

Span = tuple[float, float]  # seconds from the recording's start


@dataclass(frozen=True)
class Clip:
    media: str  # base64 of a FLAC file
    rate: int  # Hz
    start: float  # seconds into the recording
    seconds: float
    seconds_of_all: float  # of the recording
    lows: Sequence[float]  # [N_COLUMNS] of full scale
    highs: Sequence[float]
    spans: Sequence[Span]  # of the fault, shares of the clip's length


def choose_cases(findings: Sequence[Finding], n_players: int) -> list[tuple[Finding, Case]]:
    """The cases to hear: the worst one of each finding, then the second of each, and so on."""
    columns = [
        [(finding, case) for case in finding.cases if case.path]
        for finding in worst_first(findings)
    ]
    turns = (pair for row in zip_longest(*columns) for pair in row if pair is not None)
    return [pair for pair, _ in zip(turns, range(n_players))]


def make_clips(findings: Sequence[Finding], n_players: int) -> dict[tuple[str, Case], Clip]:
    """Clips by the kind of their finding and the case; what cannot be decoded has none."""
    clips, left = {}, MOST_BYTES
    for finding, case in choose_cases(findings, n_players):
        clip = make_clip(case.path or "", finding.kind, case.detail)
        if clip is None or len(clip.media) > left:
            continue
        left -= len(clip.media)
        clips[finding.kind, case] = clip
    return clips


def make_clip(path: str, kind: str, detail: str) -> Clip | None:
    """The clip of a recording around its fault; None: it cannot be decoded, or is empty."""
    try:
        with soundfile.SoundFile(path) as file:
            rate, seconds = file.samplerate, file.frames / file.samplerate
            spans = told_spans(kind, detail, seconds)
            start = _start(spans, seconds)
            file.seek(int(start * rate))
            samples = file.read(int(MOST_SECONDS * rate), dtype="float32", always_2d=True)
    except (OSError, RuntimeError, ValueError, ZeroDivisionError):  # a finding of its own says so
        return None
    wav = np.nan_to_num(samples.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)
    if len(wav) == 0:
        return None
    length = len(wav) / rate
    marked = [((a - start) / length, (b - start) / length) for a, b in spans]
    if kind == "clipped":
        marked = list(clipped_spans(wav))
    shown = [(max(a, 0.0), min(b, 1.0)) for a, b in marked if a < 1 and b > 0]
    columns = np.array_split(wav, min(N_COLUMNS, len(wav)))
    lows = [float(column.min()) for column in columns]
    highs = [float(column.max()) for column in columns]
    return Clip(*_encoded(wav, rate), start, length, seconds, lows, highs, shown)


def told_spans(kind: str, detail: str, seconds: float) -> list[Span]:
    """Where a fault lies, as far as its finding tells; seconds: of the recording."""
    if kind == "cut_start":
        return [(0.0, EDGE)]
    if kind == "cut_end":
        return [(max(seconds - EDGE, 0.0), seconds)]
    if ends := BOTH_ENDS.search(detail):
        leading, trailing = float(ends[1]), float(ends[2])
        return [(0.0, leading), (max(seconds - trailing, 0.0), seconds)]
    if found := LENGTH_AT.search(detail):
        return [(float(found[2]), float(found[2]) + float(found[1]))]
    if found := FIRST_AT.search(detail):
        return [(float(found[1]) - 0.02, float(found[1]) + 0.02)]
    return []


def clipped_spans(wav: np.ndarray) -> Iterator[Span]:
    """Shares of a clip where it stays at its peak for samples, N_TOPS at most. wav: [T_wav]."""
    peak = float(np.abs(wav).max())
    flat = np.abs(wav) >= peak * 0.995
    flat = np.flatnonzero(flat[1:] & flat[:-1])
    if peak == 0 or len(flat) == 0:
        return
    groups = np.split(flat, np.flatnonzero(np.diff(flat) > len(wav) / N_COLUMNS) + 1)
    for group in sorted(groups, key=len, reverse=True)[:N_TOPS]:
        yield float(group[0]) / len(wav), float(group[-1] + 2) / len(wav)


def _start(spans: Sequence[Span], seconds: float) -> float:
    """Where a clip of a long recording begins, so that the first fault is a third into it."""
    if not spans or seconds <= MOST_SECONDS:
        return 0.0
    return min(max(spans[0][0] - MOST_SECONDS / 3, 0.0), seconds - MOST_SECONDS)


def _encoded(wav: np.ndarray, rate: int) -> tuple[str, int]:
    """The clip as base64 of FLAC, and its rate, one that browsers decode to."""
    wanted = min(max(rate, LOWEST_RATE), HIGHEST_RATE)
    if wanted != rate:
        wav = soxr.resample(wav, rate, wanted)
    file = io.BytesIO()
    soundfile.write(file, np.clip(wav, -1.0, 1.0), wanted, format="FLAC", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode("ascii"), wanted
