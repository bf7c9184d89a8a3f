"""The rows of a list: lines in columns, or an object each, as one utterance each."""

import io
import json
from abc import abstractmethod
from array import array
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path

from hifigan.corpus.finder import Finder, without_suffix
from hifigan.corpus.packed import Rows
from hifigan.errors import UserError

EXAMPLE = '{"audio": "audio/a.flac", "text": "Hello."}'


@dataclass(frozen=True)
class Line:
    """One utterance as its list has it."""

    id: str  # the path as written, without suffix
    path: Path | None  # None: there is no such recording
    near: str | None  # then this one has almost its name
    text: str
    speaker: str | None  # None: data.speakers is null, or an object names none
    place: str  # "train.csv:12"
    language: str | None = None  # of columns if data.languages is not null, of objects always


@dataclass(frozen=True)
class ListFile:
    """A list's bytes, as they were at the start: a first look at all recordings can take hours."""

    path: Path
    content: bytes
    name: str  # in reports, which are many lines


class Lines(Rows[Line]):
    """The lines of one list, cut out of its bytes when they are asked for."""

    def __init__(self, file: ListFile, finder: Finder) -> None:
        self.file = file
        self.finder = finder
        self.numbers = array("q")  # in the file, from 1, of the rows that hold anything
        self._starts = array("q")  # of these rows, in bytes
        rows = io.BytesIO(file.content)
        start = rows.seek(len(BOM_UTF8) if file.content.startswith(BOM_UTF8) else 0)
        for number, row in enumerate(rows, start=1):
            if _decode(row, file.path, number).strip():
                self.numbers.append(number)
                self._starts.append(start)
            start += len(row)

    def __len__(self) -> int:
        return len(self.numbers)

    def row(self, index: int) -> Line:
        name, text, speaker, language = self.fields(index)
        found = self.finder.find(name)
        near = None if found else self.finder.near(name)
        place = f"{self.file.name}:{self.numbers[index]}"
        return Line(without_suffix(name), found, near, text, speaker, place, language)

    @abstractmethod
    def fields(self, index: int) -> tuple[str, str, str | None, str | None]:
        """The recording as named, the text, the speaker and the language of a line."""

    def written(self, index: int) -> str:
        """The row as it stands in the list."""
        start = self._starts[index]
        end = self.file.content.find(b"\n", start)
        return self.file.content[start : None if end < 0 else end].decode().rstrip("\r")


class ColumnLines(Lines):
    """A list with | between its columns."""

    def __init__(
        self, file: ListFile, finder: Finder, has_speakers: bool, has_languages: bool
    ) -> None:
        super().__init__(file, finder)
        self.has_speakers = has_speakers
        self.has_languages = has_languages
        self.n_columns = 2 + has_speakers + has_languages

    def columns(self, index: int) -> list[str]:
        return [column.strip() for column in self.written(index).split("|")]

    def fields(self, index: int) -> tuple[str, str, str | None, str | None]:
        columns = self.columns(index)
        speaker = columns[1] if self.has_speakers else None
        return columns[0], columns[-1], speaker, columns[-2] if self.has_languages else None


class JsonLines(Lines):
    """A list with an object a line: "audio", "text", and where there are "speaker", "language".

    "id" is the recording's name without suffix here, too: the audio says it all.
    """

    def __init__(self, file: ListFile, finder: Finder) -> None:
        super().__init__(file, finder)
        for i in range(len(self)):  # what is wrong is told now
            self.fields(i)

    def fields(self, index: int) -> tuple[str, str, str | None, str | None]:
        row = self.written(index)
        try:
            values = json.loads(row)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise self._wrong(index, "expected an object such as " + EXAMPLE)
        found = [values.get(key) for key in ("audio", "text", "speaker", "language")]
        if found[0] is None:
            found[0] = values.get("audio_filepath")  # as NeMo's manifests call it
        for key, value in zip(("audio", "text"), found):
            if not isinstance(value, str):
                raise self._wrong(index, f'expected the text "{key}", as in {EXAMPLE}')
        for key, value in zip(("speaker", "language"), found[2:]):
            if not isinstance(value, str | None):
                raise self._wrong(index, f'"{key}" is no text; put it in quotes')
        return tuple(found)

    def _wrong(self, index: int, told: str) -> UserError:
        row = self.written(index)[:120]
        return UserError(f"{self.file.path}: line {self.numbers[index]}: {row!r}: {told}")


def _decode(row: bytes, path: Path, number: int) -> str:
    try:
        return row.decode()
    except UnicodeDecodeError:
        written = row.rstrip(b"\n")[:80]
        raise UserError(
            f"{path}: line {number}: not UTF-8: {written!r}; save the file as UTF-8"
        ) from None
