"""What an examination finds, in a form that terminal, page and JSON can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Case:
    """One utterance, file or line that a finding is about."""

    place: str  # "train.csv:12", or a path
    id: str  # of the utterance; "" where it is about none
    detail: str  # what was found, in numbers with units
    badness: float = 0.0  # larger is worse; a finding lists its worst cases first
    path: str | None = None  # of the recording, to listen to
    text: str | None = None  # what is said in it, by its list


@dataclass(frozen=True)
class Finding:
    kind: str  # a short name that does not change, such as "clipped"; JSON and tests use it
    severity: Literal["error", "warning", "note"]  # error: training stops, or learns what is wrong
    title: str  # one line with the number: "12 of 400 recordings are clipped"
    why: str  # what it does to a voice, in a sentence
    fix: str  # what to do, with the command or flag where there is one
    cases: Sequence[Case] = ()  # worst first; may be fewer than n_cases
    n_cases: int = 0


@dataclass(frozen=True)
class Histogram:
    """How a measure is spread over the utterances."""

    name: str  # "speaking rate"
    unit: str  # "symbols a second"
    edges: Sequence[float]  # n + 1
    counts: Sequence[int]  # n
    limits: Sequence[float] = ()  # where cases begin, drawn as lines


@dataclass(frozen=True)
class Curve:
    """A measure over training steps."""

    name: str
    steps: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Examination:
    """All of one examination."""

    subject: str  # the path or text that was examined
    kind: Literal["data", "config", "run", "message", "environment"]
    facts: Sequence[tuple[str, str]]  # what it is: ("utterances", "1,620"), ("speech", "1.37 h")
    findings: Sequence[Finding]
    histograms: Sequence[Histogram] = ()
    curves: Sequence[Curve] = ()
    tables: Sequence[Table] = ()
