"""Findings about recordings: what cannot be read, what harms a voice, and what is there twice.

A fault that most of a set has is one finding about the set, with its own advice: the recording
session is the place to mend it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vits.doctor.data_set import DataSet
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding, Histogram
from vits.doctor.sound_copies import find_copies
from vits.doctor.sound_file import EMPTY, MISSING, NAN, TRUNCATED, UNREADABLE
from vits.doctor.sound_histograms import sound_histograms
from vits.doctor.sound_rule_list import RULES
from vits.doctor.sound_rules import Measures, Rule
from vits.doctor.sound_table import Sounds, sound_of, table_of
from vits.sources.entry import Entry

MAX_CASES = 500  # told of each finding; the worst ones
MIN_SECONDS, MAX_SECONDS = 0.5, 15.0  # as in configs/base.json, where there is no config
WHOLE_SET = 0.5  # share of the recordings that makes it a fault of the set
LEAST_FOR_SET = 10  # recordings; of fewer, all may have a fault by chance
LEAST_FOR_USUAL = 8  # recordings of a speaker, to tell the usual loudness
WHOLE_SET_FIX = " (nearly all recordings have it, so look at how they were made first)"


@dataclass(frozen=True)
class FileRule:
    says: tuple[str, str]
    why: str
    fix: str


FILE_RULES = {
    MISSING: FileRule(
        ("is missing", "are missing"),
        "A line without its recording cannot be trained on.",
        "put the files where the list says, or correct the names in the list",
    ),
    UNREADABLE: FileRule(
        ("cannot be read", "cannot be read"),
        "The file is damaged, or in a format that libsndfile does not know.",
        "copy it again from the original, or convert it to WAV or FLAC",
    ),
    TRUNCATED: FileRule(
        ("is cut off", "are cut off"),
        "The file ends before its header says, so words are missing that the text has.",
        "copy or download the file again",
    ),
    EMPTY: FileRule(
        ("is empty", "are empty"),
        "There is no sound that the text could belong to.",
        "copy the file again, or take the line out of the list",
    ),
    NAN: FileRule(
        ("has samples that are no numbers", "have samples that are no numbers"),
        "One NaN or infinite sample makes the loss NaN.",
        "make the file again from the original; the program that wrote it is at fault",
    ),
}


class Subject:
    """The recordings of a data set, with the first entry that names each."""

    def __init__(self, data: DataSet) -> None:
        self.data = data
        self.table: Sounds = table_of(data.sounds)
        self.entries: dict[int, Entry] = {}
        self.missing: list[Entry] = []  # those whose list names nothing that is there
        for entry in data.source.entries:
            if entry.path is None:
                self.missing.append(entry)
            elif (row := self.table.index.get(str(entry.path))) is not None:
                self.entries.setdefault(row, entry)

    @property
    def n(self) -> int:
        return len(self.table) + len(self.missing)

    def case(self, row: int, detail: str, badness: float) -> Case:
        path, entry = self.table.paths[row], self.entries.get(row)
        if entry is None:
            return Case(path, "", detail, badness, path)
        return Case(entry.place, entry.id, detail, badness, path, entry.text)


def sound_findings(data: DataSet) -> tuple[list[Finding], list[Histogram]]:
    """What is wrong with the recordings, the most serious first, and how their measures spread."""
    subject = Subject(data)
    facts = subject.table.facts
    rows = np.flatnonzero(facts["fault"] == b"")
    findings = [*_file_findings(subject), *_copies(subject)]
    if len(rows) == 0:
        return _sorted(findings), []
    measures = _measures(subject, rows)
    for rule in RULES:
        badness = rule.badness(measures)
        if (badness > 0).any():
            findings.append(_finding(subject, rule, measures, rows, badness))
    return _sorted(findings), sound_histograms(measures)


def _finding(
    subject: Subject, rule: Rule, measures: Measures, rows: np.ndarray, badness: np.ndarray
) -> Finding:
    """badness: float [n] of the recordings in `rows`, some of them above 0."""
    worst = np.argsort(-badness, kind="stable")[: min(MAX_CASES, int((badness > 0).sum()))]
    cases = [
        subject.case(
            int(rows[i]), rule.detail(sound_of(measures.facts[i], ""), measures), float(badness[i])
        )
        for i in worst.tolist()
    ]
    n = int((badness > 0).sum())
    of_the_set = n >= WHOLE_SET * len(rows) and len(rows) >= LEAST_FOR_SET
    return Finding(
        rule.kind,
        rule.severity if badness.max() >= 1 else NOTE,
        _title(n, subject.n, rule.says),
        rule.why,
        rule.fix + (WHOLE_SET_FIX if of_the_set else ""),
        cases,
        n,
    )


def _file_findings(subject: Subject) -> Iterator[Finding]:
    """One finding for each way in which files cannot be decoded."""
    faults = subject.table.facts["fault"]
    for kind, rule in FILE_RULES.items():
        rows = np.flatnonzero(faults == kind.encode())
        n = len(rows) + (len(subject.missing) if kind == MISSING else 0)
        if n == 0:
            continue
        details = subject.table.details
        cases = [subject.case(row, details.get(row, ""), 1.0) for row in rows[:MAX_CASES].tolist()]
        if kind == MISSING:
            cases += [_missing_case(entry) for entry in subject.missing[: MAX_CASES - len(cases)]]
        yield Finding(kind, ERROR, _title(n, subject.n, rule.says), rule.why, rule.fix, cases, n)


def _missing_case(entry: Entry) -> Case:
    hint = f"; there is {entry.near}" if entry.near else ""
    return Case(entry.place, entry.id, f"no such recording{hint}", 1.0, None, entry.text)


def _copies(subject: Subject) -> Iterator[Finding]:
    copies = find_copies(subject.table.facts)
    if not copies:
        return
    cases = []
    for copy in copies[:MAX_CASES]:
        first = subject.entries.get(copy.of)
        name = first.id if first else subject.table.paths[copy.of]
        how = "the same samples as" if copy.is_exact else "the same take as"
        cases.append(subject.case(copy.row, f"{how} {name}", 1.0 + copy.is_exact))
    cases.sort(key=lambda case: -case.badness)
    yield Finding(
        "duplicate_audio",
        WARNING,
        _title(len(copies), subject.n, ("is a copy of another", "are copies of others")),
        "If the texts differ, one of them is wrong; if they are the same, validation may know the "
        "answer from training.",
        "take all but one of them out of the list",
        cases,
        len(copies),
    )


def _measures(subject: Subject, rows: np.ndarray) -> Measures:
    facts = subject.table.facts[rows]
    config = subject.data.config
    rates, counts = np.unique(facts["sample_rate"], return_counts=True)
    speakers = [entry.speaker if (entry := subject.entries.get(r)) else None for r in rows.tolist()]
    return Measures(
        facts,
        subject.data.sample_rate or int(rates[np.argmax(counts)]),
        config.data.min_seconds if config else MIN_SECONDS,
        config.data.max_seconds if config else MAX_SECONDS,
        _usual(facts["speech_level"], speakers),
    )


def _usual(levels: np.ndarray, speakers: Sequence[str | None]) -> np.ndarray:
    """The median level of each one's speaker; NaN where the speaker has too few recordings."""
    names, which = np.unique(["" if s is None else f"+{s}" for s in speakers], return_inverse=True)
    usual = np.full(len(levels), np.nan)
    order = np.argsort(which, kind="stable")
    for members in np.split(order, np.cumsum(np.bincount(which))[:-1]):
        known = levels[members][np.isfinite(levels[members])]
        if len(known) >= LEAST_FOR_USUAL:
            usual[members] = np.median(known)
    return usual


def _title(n: int, n_all: int, says: tuple[str, str]) -> str:
    return f"{n:,} of {n_all:,} recordings {says[n != 1]}"


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda found: (ERROR, WARNING, NOTE).index(found.severity))
