"""Texts to speak: of the command line, of a file, or of standard input."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hifigan.errors import UserError

STANDARD = Path("-")
MAX_NAME_BYTES = 200  # of the 255 that file systems allow; suffixes and temporary names take some
SHOWN = 40  # characters of an id in a message


@dataclass(frozen=True)
class Item:
    """A text to speak and the name of its file."""

    id: str
    text: str


def read_items(path: Path) -> list[Item]:
    """The lines of a UTF-8 file that are not blank, or of standard input ("-").

    Where every line is id|text and no id comes twice, those are the names; else 0001 and so on.
    """
    lines = [line.strip() for line in _read(path).splitlines() if line.strip()]
    if not lines:
        raise UserError(f"{_named(path)}: no text in it")
    columns = [line.split("|", 1) for line in lines]
    if all(len(row) == 2 and row[0].strip() for row in columns):
        ids = [row[0].strip() for row in columns]
        _require_distinct(ids, path)
        return [Item(id_, row[1].strip()) for id_, row in zip(ids, columns)]
    n_digits = max(4, len(str(len(lines))))
    return [Item(f"{i:0{n_digits}}", line) for i, line in enumerate(lines, start=1)]


def file_name(id_: str) -> str:
    """An id as the name of a file: without what leads elsewhere."""
    return re.sub(r'[\x00-\x1f<>:"|?*/\\]', "_", Path(id_).name).strip(" .") or "_"


def require_file_names(items: Sequence[Item], path: Path) -> None:
    """Refuse ids that are too long to name files. path: of the texts, for the message."""
    for number, item in enumerate(items, start=1):
        n_bytes = len(file_name(item.id).encode())
        if n_bytes > MAX_NAME_BYTES:
            raise UserError(
                f"{_named(path)}: the id of text {number}, {item.id[:SHOWN] + '...'!r}, has "
                f"{n_bytes} bytes, expected {MAX_NAME_BYTES} at most in the name of a file; "
                f"shorten it"
            )


def _read(path: Path) -> str:
    try:
        if path == STANDARD:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if not path.is_file():
            raise UserError(f"{path}: no such file; --text_file takes a UTF-8 text file")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{_named(path)}: not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from None


def _require_distinct(ids: Sequence[str], path: Path) -> None:
    names: dict[str, int] = {}
    for number, id_ in enumerate(ids, start=1):
        name = file_name(id_).casefold()
        if name in names:
            raise UserError(
                f"{_named(path)}: {id_!r} is the id of texts {names[name]} and {number}, expected "
                f"different ones; rename one"
            )
        names[name] = number


def _named(path: Path) -> str:
    return "standard input" if path == STANDARD else str(path)
