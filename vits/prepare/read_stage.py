"""The stages that look at the source's lists: what is there, and what of it can be used."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hifigan.corpus.finder import without_suffix
from hifigan.errors import UserError
from vits.corpus.sentences import sentence_key
from vits.prepare.recording import MISSING
from vits.prepare.settings import Settings
from vits.prepare.work import (
    ENTRIES,
    FOLDER,
    READ,
    REFUSED,
    SafeNames,
    Task,
    read_rows,
    write_rows,
)
from vits.sources.entry import EMPTY_LIST, LINE_BREAKS, TWICE, Entry, Problem, Source
from vits.sources.reader import SPLITS, read_source
from vits.sources.text_files import IS_UTF16, SHOWN

EMPTY_TEXT, TWO_TEXTS = "empty text", "two texts for a recording"
SPLIT_NAMES = SPLITS | {"validation": "valid", "eval": "valid"}
ODD_NAME, ODD_TEXT = "name that is not UTF-8", "text that is not Unicode"
ODD_SPLIT = "unknown split"


def read_entries(folder: Path, settings: Settings) -> tuple[int, str]:
    """Write down the entries of the source, and its problems. Returns how many, and its layout."""
    source = read_source(Path(settings.source), settings.layout, with_parts=True)
    write_rows(folder / FOLDER / READ, _rows(source, settings))
    return len(source.entries), source.layout


def _rows(source: Source, settings: Settings) -> Iterator[dict[str, Any]]:
    read_anyway = [
        p for p in source.problems if p.kind in (LINE_BREAKS, EMPTY_LIST) or p.detail == IS_UTF16
    ]
    notes = [*source.notes, *(f"{problem.place}: {problem.detail}" for problem in read_anyway)]
    yield {"layout": source.layout, "notes": [_printable(note) for note in notes]}
    problems = [problem for problem in source.problems if problem not in read_anyway]
    for entry in source.entries:
        odd = _odd(entry)
        if odd is not None:
            problems.append(odd)
            continue
        yield asdict(entry) | {
            "id": _printable(entry.id),
            "place": _printable(entry.place),
            "path": None if entry.path is None else str(entry.path.absolute()),
            "speaker": entry.speaker or settings.speaker,
            "language": entry.language or settings.language,
            "split": SPLIT_NAMES[entry.split.lower()] if entry.split else None,
        }
    for problem in problems:
        told = {"place": _printable(problem.place), "detail": _printable(problem.detail)}
        yield {"problem": problem.kind} | told


def _odd(entry: Entry) -> Problem | None:
    """What no stage can work with."""
    for text in filter(None, (entry.text, entry.speaker, entry.language)):
        if _printable(text) != text:
            told = f"{text[:SHOWN]!r} holds half of a character; write it anew"
            return Problem(ODD_TEXT, entry.place, told)
    if entry.split and entry.split.lower() not in SPLIT_NAMES:
        told = f"{entry.split[:SHOWN]!r}, expected one of: {', '.join(SPLIT_NAMES)}; or none at all"
        return Problem(ODD_SPLIT, entry.place, told)
    return None


def check_entries(folder: Path, settings: Settings) -> tuple[int, int]:
    """Write down the tasks, and what is refused already. Returns the numbers of both."""
    base = Path(settings.source)
    base = (base if base.is_dir() else base.parent).absolute()
    within = os.path.join(folder.absolute(), "audio", "")
    refused: list[dict[str, str]] = []
    texts: dict[int, int] = {}  # of each recording, as hashes: a million fit

    def good() -> Iterator[Entry]:
        for row in read_rows(folder / FOLDER / READ):
            if "problem" in row:
                refused.append({k: row[k] for k in ("problem", "place", "detail")} | {"id": ""})
            elif "id" in row:
                entry = Entry(**row)
                if str(entry.path).startswith(within):
                    raise UserError(
                        f"{entry.place}: {entry.path} lies where the data set's own recordings "
                        f"go; choose another --output"
                    )
                fault = _fault(entry, texts)
                if fault is None:
                    yield entry
                else:
                    told = {"place": entry.place, "detail": _printable(fault[1])}
                    refused.append({"problem": fault[0], "id": entry.id} | told)

    def tasks() -> Iterator[dict[str, Any]]:
        names = SafeNames(settings.format)
        for entry in good():
            yield asdict(
                Task(
                    entry.id,
                    str(entry.path),
                    names.name(_within(entry, base)),
                    " ".join(entry.text.split()),
                    entry.speaker,
                    entry.language,
                    entry.split if settings.keep_splits else None,
                    entry.place,
                    entry.start,
                    entry.end,
                )
            )

    n = write_rows(folder / FOLDER / ENTRIES, tasks())
    write_rows(folder / FOLDER / REFUSED, iter(refused))
    return n, len(refused)


def _fault(entry: Entry, texts: dict[int, int]) -> tuple[str, str] | None:
    if entry.path is None:
        return MISSING, "no such recording" + (f"; there is {entry.near}" if entry.near else "")
    if _printable(str(entry.path)) != str(entry.path):
        return ODD_NAME, "no program for sound opens it by this name; rename it"
    if not sentence_key(entry.text):
        return EMPTY_TEXT, f"nothing to speak in {entry.text[:SHOWN]!r}"
    recording, text = hash((str(entry.path), entry.start, entry.end)), hash(entry.text)
    before = texts.get(recording)
    texts.setdefault(recording, text)
    if before == text:
        return TWICE, f"an earlier line names {entry.path}, too; keep one of them"
    if before is not None:
        return TWO_TEXTS, f"{entry.path} is said to be something else in an earlier line"
    return None


def _printable(text: str) -> str:
    """A text that can be written as UTF-8, whatever the name of a file is."""
    return text.encode("utf-8", "replace").decode()


def _within(entry: Entry, base: Path) -> str:
    """A name for what is made of the recording: its path below the source, else its last parts."""
    path = Path(entry.path)
    if entry.start is not None:
        return entry.id
    try:
        return without_suffix(path.relative_to(base).as_posix())
    except ValueError:
        return without_suffix("/".join(path.parts[-2:]).strip("/"))
