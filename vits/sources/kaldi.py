"""A Kaldi folder: wav.scp, text and utt2spk; segments and utt2lang where they are."""

from array import array
from collections.abc import Iterator
from math import inf
from pathlib import Path

import numpy as np

from hifigan.corpus.finder import Finder, Folders
from hifigan.corpus.packed import as_array
from vits.sources.entry import NO_RECORDING_LISTED, TWICE, WRONG_COLUMNS, Entry, Problem
from vits.sources.packed_entries import PackedEntries, pack_entries
from vits.sources.text_files import SHOWN, TextRows

TABLES = ("wav.scp", "text", "segments", "utt2spk", "utt2lang")


class Table:
    """What stands behind the first word of each line, by that word. Found by 16 bytes a line."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.rows = TextRows(path)
        problems += self.rows.problems
        hashes = as_array(array("q", (hash(self.split(i)[0]) for i in range(len(self.rows)))))
        order = np.argsort(hashes, kind="stable")  # of the lines of a word the first stays first
        self._hashes, self._order = hashes[order], order
        for k in np.flatnonzero(np.diff(self._hashes) == 0).tolist():
            row, first = int(order[k + 1]), self._row(self.split(int(order[k + 1]))[0])
            told = f"{self.split(row)[0]!r} stands at {self.rows.place(first)}, too; keep one"
            problems.append(Problem(TWICE, self.rows.place(row), told))

    def split(self, row: int) -> tuple[str, str]:
        """The first word of a line and the rest."""
        word, *rest = self.rows[row].split(None, 1)
        return word, "".join(rest).strip()

    def get(self, word: str) -> tuple[str, str] | None:
        """What stands behind a word, and the place."""
        row = self._row(word)
        return None if row is None else (self.split(row)[1], self.rows.place(row))

    def words(self) -> Iterator[tuple[str, str, str]]:
        """Each word, what stands behind it, and the place; of a word that is there twice, once."""
        first = np.append(True, np.diff(self._hashes) != 0)[: len(self._order)]
        for row in np.sort(self._order[first]).tolist():
            yield *self.split(row), self.rows.place(row)

    def _row(self, word: str) -> int | None:
        index = int(np.searchsorted(self._hashes, hash(word)))
        if index == len(self._hashes) or self._hashes[index] != hash(word):
            return None
        return int(self._order[index])


def read_kaldi(folder: Path) -> tuple[PackedEntries, list[Problem], list[str]]:
    """The utterances of `text`, with what the other tables say of them."""
    problems: list[Problem] = []
    tables = {name: Table(folder / name, problems) for name in TABLES if (folder / name).exists()}
    for name in ("text", "wav.scp"):
        if name not in tables:
            problems.append(Problem(WRONG_COLUMNS, name, f"{folder} has no {name}; write one"))
    entries = pack_entries(_entries(folder, tables, problems))
    used = tables.get("segments") or tables.get("wav.scp")
    if used and "text" in tables:
        for word, rest, place in used.words():
            if tables["text"].get(word) is None and not rest.endswith("|"):
                told = f"text has no line of {word!r}; it is not used"
                problems.append(Problem(NO_RECORDING_LISTED, place, told))
    return entries, problems, []


def _entries(folder: Path, tables: dict[str, Table], problems: list[Problem]) -> Iterator[Entry]:
    if not {"text", "wav.scp"} <= tables.keys():
        return
    # Kaldi's paths are relative to where its scripts run, some folders above.
    finder = Finder((folder, *folder.absolute().parents), Folders())
    commands: set[str] = set()
    for word, written, place in tables["wav.scp"].words():
        if written.endswith("|"):
            told = f"{written[:SHOWN]!r} is a command; run it once and write the file it makes"
            problems.append(Problem(WRONG_COLUMNS, place, told))
            commands.add(word)
    for word, text, place in tables["text"].words():
        recording, part = word, (None, None)
        if "segments" in tables:
            segment = tables["segments"].get(word)
            if segment is None:
                told = f"segments has no line of {word!r}; write one, or take this one out"
                problems.append(Problem(WRONG_COLUMNS, place, told))
                continue
            try:
                recording, start, end, *_ = segment[0].split()
                part = (float(start), float(end))
                if not 0 <= part[0] < part[1] < inf:
                    raise ValueError
            except ValueError:
                told = (
                    f"{word!r} has {segment[0]!r}, expected a recording, its start and end in "
                    f"seconds"
                )
                problems.append(Problem(WRONG_COLUMNS, segment[1], told))
                continue
        if recording in commands:
            continue
        written, where = tables["wav.scp"].get(recording) or ("", place)
        path = finder.find(written) if written else None
        near = finder.near(written) if written and not path else None
        speaker, language = (
            (tables[name].get(word) or ("", ""))[0] or None if name in tables else None
            for name in ("utt2spk", "utt2lang")
        )
        # Of a recording that is not there the path is what to look at.
        place = where if path is None else place
        yield Entry(word, path, near, text, speaker, language, place, None, *part)
