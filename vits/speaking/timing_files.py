"""Times of a spoken text as files: JSON, subtitles (SRT), and Praat's TextGrid."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError
from vits.speaking.timings import WORD, Span, Timing, bare, is_said

SUFFIXES = (".json", ".srt", ".TextGrid")
CUE_CHARACTERS = 84  # two lines of 42, as subtitles have it


def require_timing_path(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise UserError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'!r}; name it with one "
            f"of: {', '.join(SUFFIXES)}"
        )
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected the path of a file to write")


def write_timings(path: Path, timings: Sequence[Timing], n_samples: int, sample_rate: int) -> None:
    """In the format that the suffix names. n_samples: of the whole waveform."""
    require_timing_path(path)
    make = {".json": as_json, ".srt": as_subtitles, ".TextGrid": as_text_grid}[path.suffix]
    with appearing_whole(path) as temporary:
        temporary.write_text(make(timings, n_samples, sample_rate), encoding="utf-8")


def as_json(timings: Sequence[Timing], n_samples: int, sample_rate: int) -> str:
    """Seconds of each piece of text, of its words and symbols."""

    def span(found: Span | Timing, key: str, label: str) -> dict:
        return {
            key: label,
            "start": round(found.start / sample_rate, 6),
            "end": round(found.end / sample_rate, 6),
        }

    pieces = [
        span(timing, "text", timing.text)
        | {
            "words": [span(word, "word", word.label) for word in timing.words],
            "symbols": [span(symbol, "symbol", symbol.label) for symbol in timing.symbols],
        }
        for timing in timings
    ]
    whole = {"sample_rate": sample_rate, "seconds": round(n_samples / sample_rate, 6)}
    return json.dumps(whole | {"pieces": pieces}, ensure_ascii=False, indent=1) + "\n"


def as_subtitles(timings: Sequence[Timing], n_samples: int, sample_rate: int) -> str:
    """A cue for each sentence, several for a long one."""
    cues = [cue for timing in timings for cue in _cues(timing)]
    return "".join(
        f"{i}\n{_clock(cue.start / sample_rate)} --> {_clock(cue.end / sample_rate)}\n"
        f"{cue.label}\n\n"
        for i, cue in enumerate(cues, start=1)
    )


def as_text_grid(timings: Sequence[Timing], n_samples: int, sample_rate: int) -> str:
    """Tiers of sentences, words and symbols; what lies between them is empty, as Praat has it."""
    tiers = {
        "sentences": [Span(" ".join(t.text.split()), t.start, t.end) for t in timings],
        "words": [Span(bare(w.label), w.start, w.end) for t in timings for w in t.words],
        "symbols": [Span(s.label.strip(), s.start, s.end) for t in timings for s in t.symbols],
    }
    end = n_samples / sample_rate
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end:.9g}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, spans) in enumerate(tiers.items(), start=1):
        whole = [*_without_gaps(spans, n_samples)]
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f'        name = "{name}"',
            "        xmin = 0",
            f"        xmax = {end:.9g}",
            f"        intervals: size = {len(whole)}",
        ]
        for i, span in enumerate(whole, start=1):
            label = span.label.replace('"', '""')
            lines += [
                f"        intervals [{i}]:",
                f"            xmin = {span.start / sample_rate:.9g}",
                f"            xmax = {span.end / sample_rate:.9g}",
                f'            text = "{label}"',
            ]
    return "\n".join(lines) + "\n"


def _cues(timing: Timing) -> Iterable[Span]:
    """The words of a piece in runs of at most CUE_CHARACTERS."""
    if len(timing.text) <= CUE_CHARACTERS or not timing.words:
        return [Span(" ".join(timing.text.split()), timing.start, timing.end)]
    words = _with_marks(timing)
    n_cues = -(-len(timing.text) // CUE_CHARACTERS)
    most = max(len(timing.text) // n_cues + 8, max(len(word.label) for word in words))
    cues: list[Span] = []
    for word in words:
        if cues and len(cues[-1].label) + 1 + len(word.label) <= min(most, CUE_CHARACTERS):
            cues[-1] = Span(f"{cues[-1].label} {word.label}", cues[-1].start, word.end)
        else:
            cues.append(word)
    return cues


def _with_marks(timing: Timing) -> list[Span]:
    """The words, and with them the marks that stand alone: those behind it, "she said —", of the
    first one also those before it.
    """
    said = iter(timing.words)
    words: list[Span] = []
    before = ""
    for written in WORD.findall(timing.text):
        if is_said(written):
            word = next(said)
            words.append(replace(word, label=f"{before}{word.label}"))
            before = ""
        elif words:
            words[-1] = replace(words[-1], label=f"{words[-1].label} {written}")
        else:
            before += f"{written} "
    return words


def _without_gaps(spans: Iterable[Span], n_samples: int) -> Iterable[Span]:
    """The spans that last, with empty ones between them, from 0 to the end."""
    end = 0
    for span in spans:
        if span.end == span.start:
            continue
        if span.start > end:
            yield Span("", end, span.start)
        yield span
        end = span.end
    if end < n_samples:
        yield Span("", end, n_samples)


def _clock(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"
