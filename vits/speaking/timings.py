"""When words and symbols sound, exact to the frame: from the durations that the model chose.

A blank belongs to the symbol before it. A word is found among the symbols by reading it alone:
espeak joins some words and writes others in two, and numbers are read as several.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"\[\[.*?\]\]\S*|\S+")  # or marks that stand alone


@dataclass(frozen=True)
class Span:
    """A word or symbol and its place in the waveform: samples from start to before end."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class Timing:
    """When a piece of text sounds."""

    text: str
    start: int  # samples
    end: int
    words: list[Span]  # as written, with their marks
    symbols: list[Span]  # spaces and marks, too: they are the pauses


def timing_of(
    text: str,
    symbols: Sequence[str],
    frames: Sequence[int],
    start: int,
    hop_length: int,
    read: Callable[[str], list[str]],
) -> Timing:
    """Of a text that was spoken as `symbols`, each for `frames` frames of hop_length samples.

    start: its first sample. read: makes symbols of a word.
    """
    spans, end = [], start
    for symbol, n_frames in zip(symbols, frames, strict=True):
        spans.append(Span(symbol, end, end + n_frames * hop_length))
        end = spans[-1].end
    written = [word for word in WORD.findall(text) if is_said(word)]
    sounding = [i for i, symbol in enumerate(symbols) if not _is_mark(symbol)]
    expected = [
        (symbol, k)
        for k, word in enumerate(written)
        for symbol in read(word)
        if not _is_mark(symbol)
    ]
    owners = _owners([symbols[i] for i in sounding], expected, len(written))
    words, last = [], start
    for k, word in enumerate(written):
        own = [spans[i] for i, owner in zip(sounding, owners) if owner == k]
        if own:
            words.append(Span(word, own[0].start, own[-1].end))
            last = own[-1].end
        else:  # said within its neighbour
            words.append(Span(word, last, last))
    return Timing(text, start, end, words, spans)


def is_said(written: str) -> bool:
    """Whether what WORD found is a word; else it is marks alone."""
    return any(map(str.isalnum, written))


def bare(word: str) -> str:
    """A word without the marks around it."""
    return word.strip("".join(c for c in word if _is_mark(c)))


def _is_mark(symbol: str) -> bool:
    return symbol.isspace() or unicodedata.category(symbol[0])[0] == "P"


def _owners(symbols: Sequence[str], expected: Sequence[tuple[str, int]], n_words: int) -> list[int]:
    """The word of each symbol, in rising order. expected: symbols of the words read alone, and
    whose they are.
    """
    matcher = SequenceMatcher(None, [symbol for symbol, _ in expected], symbols, autojunk=False)
    owners: list[int] = []
    for kind, first, stop, begin, end in matcher.get_opcodes():
        for i in range(begin, end):
            if kind == "insert":  # of no word read alone: the one before says it
                owners.append(owners[-1] if owners else 0)
            else:  # equal, or as many of one as of the other, more or less
                place = first + (i - begin) * (stop - first) // (end - begin)
                owners.append(expected[place][1])
    return owners
