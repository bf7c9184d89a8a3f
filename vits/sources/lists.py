"""Lists of utterances as entries: in columns, or an object a line."""

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hifigan.corpus.finder import Finder, Folders, without_suffix
from hifigan.corpus.packed import Rows
from vits.sources.columns import LANGUAGE, PATH, RAW, SPEAKER, SPLIT, TEXT, Columns, recognise
from vits.sources.entry import BAD_JSON, TWICE, WRONG_COLUMNS, Entry, Problem
from vits.sources.text_files import SHOWN, TextRows

EXAMPLE = '{"audio": "audio/a.flac", "text": "Hello."}'


class ListEntries(Rows[Entry]):
    """The entries of one list, made of its rows when asked for. split: of all of them, or None."""

    def __init__(self, rows: TextRows, finder: Finder, split: str | None) -> None:
        self.rows = rows
        self.finder = finder
        self.split = split
        self.problems = list(rows.problems)
        self.kept = array("q")  # rows that are entries

    def keep(self, fields: Iterator[tuple[int, dict[str, str | None] | str]], seen: dict) -> None:
        """Keep the rows whose fields are good; a text in their place says what is wrong.

        seen: number of the list and row of every id, of this list and others.
        """
        for index, found in fields:
            if isinstance(found, str):
                kind = BAD_JSON if self.rows.path.suffix == ".jsonl" else WRONG_COLUMNS
                self.problems.append(Problem(kind, self.rows.place(index), found))
                continue
            key = hash(_id(found))
            if key in seen:
                told = f"{_id(found)!r} is listed at {seen[key]}, too; keep one of them"
                self.problems.append(Problem(TWICE, self.rows.place(index), told))
                continue
            seen[key] = self.rows.place(index) if len(seen) < 100_000 else "an earlier line"
            self.kept.append(index)

    def __len__(self) -> int:
        return len(self.kept)

    def row(self, index: int) -> Entry:
        number = self.kept[index]
        values = self.fields(number)
        name = values["path"]
        path = self.finder.find(name)
        near = None if path else self.finder.near(name)
        return Entry(
            _id(values),
            path,
            near,
            values["text"],
            values.get("speaker"),
            values.get("language"),
            self.rows.place(number),
            values.get("split") or self.split,
        )

    def fields(self, number: int) -> dict[str, str | None]:
        raise NotImplementedError


class ColumnEntries(ListEntries):
    """Of a list in columns."""

    def __init__(
        self, rows: TextRows, columns: Columns, finder: Finder, split: str | None, seen: dict
    ) -> None:
        super().__init__(rows, finder, split)
        self.columns = columns
        self._places = {
            role: columns.column(role) for role in (PATH, TEXT, SPEAKER, LANGUAGE, SPLIT)
        }
        self._raw = columns.column(RAW)
        first = 1 if columns.has_head else 0
        self.keep(((i, self._checked(i)) for i in range(first, len(rows))), seen)

    def _checked(self, number: int) -> dict[str, str | None] | str:
        values = self.columns.split(self.rows[number])
        n_columns = len(self.columns.roles)
        if len(values) != n_columns and not (self.columns.has_head and len(values) > n_columns):
            asked = self.columns.separator.join(role or "…" for role in self.columns.roles)
            return (
                f"{len(values)} columns in {self.rows[number][:SHOWN]!r}, expected {n_columns}, "
                f"as most lines have ({asked!r})"
            )
        if not values[self._places[PATH]]:
            return f"no recording named in {self.rows[number][:SHOWN]!r}"
        return self._of(values)

    def fields(self, number: int) -> dict[str, str | None]:
        return self._of(self.columns.split(self.rows[number]))

    def _of(self, values: list[str]) -> dict[str, str | None]:
        if self._raw is not None and not values[self._places[TEXT]]:
            values[self._places[TEXT]] = values[self._raw]  # normalised texts may be left out
        return {
            role: (values[place] or None) if role not in (PATH, TEXT) else values[place]
            for role, place in self._places.items()
            if place is not None
        }


class JsonEntries(ListEntries):
    """Of a list with an object a line, as prepare, NeMo and others write it."""

    def __init__(self, rows: TextRows, finder: Finder, split: str | None, seen: dict) -> None:
        super().__init__(rows, finder, split)
        self.keep(((i, self._checked(i)) for i in range(len(rows))), seen)

    def _checked(self, number: int) -> dict[str, str | None] | str:
        row = self.rows[number]
        try:
            values = json.loads(row)
        except ValueError as error:
            return f"{row[:SHOWN]!r} is no JSON ({error}), expected {EXAMPLE}"
        if not isinstance(values, dict):
            return f"{row[:SHOWN]!r} is no object, expected {EXAMPLE}"
        found = self._of(values)
        for key in ("path", "text"):
            if not isinstance(found[key], str):
                named = "audio" if key == "path" else key
                return f'{row[:SHOWN]!r} has no text "{named}", expected {EXAMPLE}'
        for key in ("speaker", "language", "split"):
            if not isinstance(found[key], str | None):
                return f'"{key}" of {row[:SHOWN]!r} is no text; put it in quotes'
        return found

    def fields(self, number: int) -> dict[str, str | None]:
        return self._of(json.loads(self.rows[number]))

    def _of(self, values: dict[str, Any]) -> dict[str, Any]:
        found = {key: values.get(key) for key in ("text", "speaker", "language", "split")}
        found["path"] = values.get("audio", values.get("audio_filepath"))
        if isinstance(values.get("id"), str):
            found["id"] = values["id"]
        return found


class ManyLists(Rows[Entry]):
    """The entries of several lists, one after the other."""

    def __init__(self, lists: list[Rows[Entry]]) -> None:
        self.lists = lists

    def __len__(self) -> int:
        return sum(map(len, self.lists))

    def row(self, index: int) -> Entry:
        for entries in self.lists:
            if index < len(entries):
                return entries.row(index)
            index -= len(entries)
        raise IndexError(index)

    def __iter__(self) -> Iterator[Entry]:
        for entries in self.lists:
            yield from entries


def read_list_file(
    path: Path,
    folders: Folders,
    seen: dict,
    split: str | None = None,
    layout: str | None = None,
    bases: tuple[Path, ...] = (),
) -> tuple[ListEntries, str]:
    """The entries of a list, and the name of its layout."""
    rows = TextRows(path)
    finder = Finder((path.parent, *bases), folders)
    if path.suffix == ".jsonl":
        return JsonEntries(rows, finder, split, seen), "json_lines"
    columns = recognise(rows, layout)
    return ColumnEntries(rows, columns, finder, split, seen), columns.layout


def _id(values: dict[str, str | None]) -> str:
    return values.get("id") or without_suffix(values["path"])
