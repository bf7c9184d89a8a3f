"""Lists in columns: which separator, and which column is what, by looking at whole columns."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hifigan.errors import UserError
from vits.sources.text_files import TextRows

SEPARATORS = ("|", "\t", ",")
HEADS = {  # what other programs call their columns
    "path": (
        "audio_file audio_filepath audio path wav wav_path file file_name filename audio_path"
    ).split(),
    "id": "id utt utt_id wav_id audio_id".split(),
    "text": "text sentence transcription transcript normalized_text text_normalized".split(),
    "speaker": "speaker speaker_name speaker_id client_id spk".split(),
    "language": "language locale lang language_id".split(),
    "split": ["split"],
}
PATH, TEXT, SPEAKER, LANGUAGE, RAW, SPLIT = "path", "text", "speaker", "language", "raw", "split"
LAYOUTS = {  # of lists without a head: their columns
    "path_text": (PATH, TEXT),
    "ljspeech": (PATH, RAW, TEXT),
    "path_speaker_text": (PATH, SPEAKER, TEXT),
    "path_text_speaker": (PATH, TEXT, SPEAKER),
    "path_speaker_language_text": (PATH, SPEAKER, LANGUAGE, TEXT),
}
ALIASES = {
    "piper": ("path_text", "path_speaker_text"),
    "coqui": ("ljspeech",),
    "styletts": ("path_text_speaker",),
}
N_LOOKED_AT = 20_000  # rows
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Columns:
    separator: str
    roles: tuple[str, ...]  # of each column; "" for one that is not used
    has_head: bool
    layout: str  # its name

    def split(self, row: str) -> list[str]:
        return split_row(row, self.separator)

    def column(self, role: str) -> int | None:
        return self.roles.index(role) if role in self.roles else None


def recognise(rows: TextRows, layout: str | None) -> Columns:
    """The columns of a list. UserError where they cannot be told, with how to say it."""
    if not len(rows):
        return Columns("|", LAYOUTS["path_text"], False, "path_text")
    some = [rows[i] for i in _spread(len(rows))]
    separator = _separator(rows, some)
    head = _head(split_row(some[0], separator))
    if head:
        return Columns(separator, head, True, "table")
    split = [split_row(row, separator) for row in some]
    n_columns = Counter(map(len, split)).most_common(1)[0][0]
    split = [columns for columns in split if len(columns) == n_columns]
    name = _named(layout, n_columns, rows) if layout else _guessed(split, n_columns, rows)
    return Columns(separator, LAYOUTS[name], False, name)


def split_row(row: str, separator: str) -> list[str]:
    if separator == ",":
        return [column.strip() for column in next(csv.reader([row]), [])]
    return [column.strip() for column in row.split(separator)]


def _spread(n: int) -> Sequence[int]:
    """Rows from all over a list, the first one always."""
    return range(n) if n <= N_LOOKED_AT else [i * n // N_LOOKED_AT for i in range(N_LOOKED_AT)]


def _separator(rows: TextRows, some: list[str]) -> str:
    for separator in SEPARATORS:
        if 2 * sum(separator in row for row in some) > len(some):
            return separator
    raise UserError(
        f"{rows.path}: most lines have no | (the first: {some[0][:60]!r}), expected lines such as "
        f"wavs/a.wav|the text; put | between path and text"
    )


def _head(first: list[str]) -> tuple[str, ...]:
    """The roles of a head line; none where the first line is no head."""
    roles, known = [], 0
    for name in first:
        role = next((r for r, names in HEADS.items() if name.lower().strip('"') in names), "")
        known += bool(role)
        if role == "id":
            role = PATH if not any(n.lower() in HEADS["path"] for n in first) else ""
        roles.append(role if role not in roles else "")
    return tuple(roles) if known >= 2 and {PATH, TEXT} <= set(roles) else ()


def _named(layout: str, n_columns: int, rows: TextRows) -> str:
    for name in ALIASES.get(layout, (layout,)):
        if len(LAYOUTS.get(name, ())) == n_columns:
            return name
    names = ALIASES.get(layout, (layout,))
    expected = " or ".join(str(len(LAYOUTS[name])) for name in names if name in LAYOUTS)
    raise UserError(
        f"{rows.path}: most lines have {n_columns} columns, --layout {layout} has {expected}; "
        f"choose another one of: {', '.join(LAYOUTS)}"
    )


def _guessed(split: list[list[str]], n_columns: int, rows: TextRows) -> str:
    if n_columns == 2:
        return "path_text"
    if n_columns == 3:
        second, third = ([columns[i] for columns in split] for i in (1, 2))
        if _are_readings(second, third):
            return "ljspeech"
        names = _are_names(second), _are_names(third)
        if names == (True, False):
            return "path_speaker_text"
        if names == (False, True):
            return "path_text_speaker"
        if names == (False, False):
            return "ljspeech"
        seen = f"{split[0][1][:30]!r} and {split[0][2][:30]!r}"
        raise UserError(
            f"{rows.path}: cannot tell speakers from texts: the second and third column of the "
            f"first line are {seen}; say which with --layout path_speaker_text, "
            f"path_text_speaker or ljspeech"
        )
    if n_columns == 4 and _are_names([c[1] for c in split]):
        if all(LANGUAGE_CODE.fullmatch(c[2]) for c in split):
            return "path_speaker_language_text"
    known = ", ".join("|".join(roles) for roles in LAYOUTS.values())
    raise UserError(
        f"{rows.path}: most lines have {n_columns} columns, as {'|'.join(split[0])[:80]!r}; "
        f"expected one of: {known}; write one of these, or a first line that names the columns "
        f"(path|speaker|language|text)"
    )


def _are_readings(raw: list[str], normalised: list[str]) -> bool:
    """Whether two columns hold the same texts, numbers and case aside."""

    def letters(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalpha())

    pairs = [(letters(a), letters(b)) for a, b in zip(raw, normalised)]
    same = sum(a == b and bool(a) for a, b in pairs)
    return 2 * same > len(pairs)


def _are_names(values: list[str]) -> bool:
    """Whether a column looks like speakers: few different ones, short, of few words."""
    n_words = sum(len(value.split()) for value in values) / len(values)
    length = sum(map(len, values)) / len(values)
    repeats = len(set(values)) <= max(1, len(values) // 2)
    return length <= 40 and n_words <= 2.5 and (repeats or (len(values) < 4 and n_words <= 1.5))
