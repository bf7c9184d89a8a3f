"""What a source holds: its entries, and the problems that kept lines from being entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One utterance as its source has it."""

    id: str  # unique in the source: the path as written, without suffix
    path: Path | None  # of the recording; None: there is none
    near: str | None  # then this one has almost its name
    text: str  # as written
    speaker: str | None  # None: the source names no speakers
    language: str | None  # None: the source names no languages
    place: str  # "train.csv:12", for messages
    split: str | None = None  # "train", "valid" or "test" where the source's lists say so
    start: float | None = None  # seconds within the recording; None: the entry is the whole of it
    end: float | None = None


@dataclass(frozen=True)
class Problem:
    """A line or file that gave no entry."""

    kind: str  # one of KINDS
    place: str  # "metadata.csv:12"
    detail: str  # what was found, and what was expected

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.detail}"


NOT_UTF8, WRONG_COLUMNS, NO_TEXT_FILE = "not UTF-8", "wrong number of columns", "no text file"
NO_RECORDING_LISTED, BAD_JSON = "recording without an entry", "not JSON"
TWICE, LINE_BREAKS = "id listed twice", "odd line breaks"
EMPTY_LIST = "list without an utterance"
KINDS = (
    NOT_UTF8,
    WRONG_COLUMNS,
    NO_TEXT_FILE,
    NO_RECORDING_LISTED,
    BAD_JSON,
    TWICE,
    LINE_BREAKS,
    EMPTY_LIST,
)


@dataclass(frozen=True)
class Source:
    folder: Path
    layout: str  # one of reader.LAYOUTS, such as "ljspeech"
    entries: Sequence[Entry]
    problems: Sequence[Problem]
    notes: Sequence[str]  # what was understood and how, in sentences: "the byte-order mark is ..."
