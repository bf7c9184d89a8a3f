"""What is wrong with the lists of a data set: lines, ids, and recordings that are not there."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from vits.corpus.sentences import sentence_number
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding
from vits.doctor.text_rules import N_CASES, finding, some_of
from vits.sources.entry import (
    BAD_JSON,
    EMPTY_LIST,
    LINE_BREAKS,
    NO_RECORDING_LISTED,
    NO_TEXT_FILE,
    NOT_UTF8,
    TWICE,
    WRONG_COLUMNS,
    Entry,
    Problem,
    Source,
)

OF_PROBLEMS = {  # kind of the finding, severity, what, why, fix
    NOT_UTF8: (
        "not_utf8",
        ERROR,
        "lines are not UTF-8",
        "They cannot be read, or are read as other letters.",
        "save the list as UTF-8: iconv -f cp1251 -t utf-8 LIST > NEW (with the encoding named)",
    ),
    WRONG_COLUMNS: (
        "wrong_columns",
        ERROR,
        "lines have other columns than the rest",
        "Training stops at the first of them.",
        "write each line as the others are: path|text, or path|speaker|text",
    ),
    BAD_JSON: (
        "bad_json",
        ERROR,
        "lines are no JSON objects with audio and text",
        "Training stops at the first of them.",
        'write each as {"audio": "a.flac", "text": "Hello."}',
    ),
    TWICE: (
        "id_twice",
        WARNING,
        "lines name a recording that an earlier line names",
        "The recording is learnt twice, or with a wrong text.",
        "keep the right one of the two lines",
    ),
    NO_TEXT_FILE: (
        "no_text",
        WARNING,
        "recordings have no text beside them",
        "They are not trained on.",
        "write what is said in a.wav into a.txt",
    ),
    NO_RECORDING_LISTED: (
        "recording_not_listed",
        NOTE,
        "recordings are named by no line",
        "They are not trained on.",
        "add lines for them, if they belong to the voice",
    ),
    LINE_BREAKS: (
        "line_breaks",
        WARNING,
        "lists have line ends of old Macs",
        "Other programs read them as one line.",
        "save the list with Unix line ends",
    ),
    EMPTY_LIST: (
        "empty_list",
        WARNING,
        "lists have no utterance",
        "Without a validation list training goes on without a validation loss.",
        "write utterances into it, or delete it: training then holds data.n_valid of its own out",
    ),
}


def list_findings(source: Source, splits: Collection[str]) -> list[Finding]:
    """Of a source's problems, and of its lists against each other.

    splits: those that its entries name.
    """
    by_kind: dict[str, list[Problem]] = defaultdict(list)
    for problem in source.problems:
        by_kind[problem.kind].append(problem)
    found = []
    for kind, (name, severity, what, why, fix) in OF_PROBLEMS.items():
        problems = by_kind.get(kind, [])
        if problems:
            cases = [Case(p.place, "", p.detail) for p in problems[:N_CASES]]
            title = some_of(len(problems), what)
            found.append(Finding(name, severity, title, why, fix, cases, len(problems)))
    for note in source.notes:
        if "byte-order mark" in note:
            what = "a list begins with a byte-order mark"
            why = "Some programs take it for a part of the first name."
            found.append(
                finding(
                    "byte_order_mark",
                    NOTE,
                    what,
                    why,
                    "save it as UTF-8 without",
                    [Case(note.split()[0], "", note)],
                )
            )
    return found + (_torn_sentences(source.entries) if set(splits) - {"train"} else [])


def _torn_sentences(entries: Sequence[Entry]) -> list[Finding]:
    """Sentences and recordings that stand both in training and in another list."""
    sides: dict[int, int] = {}
    bit = {"train": 1, "valid": 2, "test": 4}
    for entry in entries:
        key = sentence_number(entry.text)
        sides[key] = sides.get(key, 0) | bit.get(entry.split or "train", 0)
    torn = {key for key, where in sides.items() if where & 1 and where > 1}
    if not torn:
        return []
    cases = [
        Case(e.place, e.id, f"also in the training list: {e.text[:60]!r}", 0.0, _path(e), e.text)
        for e in entries
        if e.split not in (None, "train") and sentence_number(e.text) in torn
    ]
    what = "utterances held out have sentences that are trained on, too"
    why = "Validation and test then look better than the voice is."
    fix = "split by sentence: python -m vits.prepare --input ... --output ... --resplit"
    return [finding("sentence_on_two_sides", WARNING, some_of(len(cases), what), why, fix, cases)]


def _path(entry: Entry) -> str | None:
    return None if entry.path is None else str(entry.path)
