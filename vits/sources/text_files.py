"""Text files of unknown origin as rows of UTF-8: what is odd about them is told, not fatal."""

from array import array
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from hifigan.errors import UserError
from vits.sources.entry import LINE_BREAKS, NOT_UTF8, Problem

ENCODINGS = ("cp1251", "cp1252", "latin-1")
BLANKS = " \r\ufeff\u00a0"  # around a row; tabs stay, which may stand around an empty column
UTF16_MARKS = (BOM_UTF16_LE, BOM_UTF16_BE)
IS_UTF16 = "it is UTF-16; save it as UTF-8"  # its rows are read all the same
SHOWN = 60  # characters of a row in a message


class TextRows:
    """The rows of a file that hold anything and are UTF-8, cut out of its bytes when asked for.

    name: of the file, in messages. Rows that are not UTF-8 are `problems`.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self.name = name or path.name
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._content = self._read()
        self.numbers = array("q")  # in the file, from 1
        self._starts, self._ends = array("q"), array("q")
        is_utf8 = _is_utf8(self._content)
        start = number = 0
        while start < len(self._content):
            number += 1
            end = self._content.find(b"\n", start)
            end = len(self._content) if end < 0 else end
            row = self._content[start:end]
            if row.strip() and (is_utf8 or self._decodes(row, number)):
                self.numbers.append(number)
                self._starts.append(start)
                self._ends.append(end)
            start = end + 1

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> str:
        return self._content[self._starts[index] : self._ends[index]].decode().strip(BLANKS)

    def place(self, index: int) -> str:
        return f"{self.name}:{self.numbers[index]}"

    def _read(self) -> bytes:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{self.path}: not readable ({error.strerror}); check the path"
            ) from None
        if content.startswith(UTF16_MARKS):
            self.problems.append(Problem(NOT_UTF8, f"{self.name}:1", IS_UTF16))
            content = content.decode("utf-16", "replace").encode()
        if content.startswith(BOM_UTF8):
            self.notes.append(f"{self.name} begins with a byte-order mark, which is left out")
            content = content.removeprefix(BOM_UTF8)
        if b"\r" in content:
            n_windows = content.count(b"\r\n")
            if n_windows < content.count(b"\r"):
                told = "lines end with carriage returns alone, as on old Macs; save it with \\n"
                self.problems.append(Problem(LINE_BREAKS, self.name, told))
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return content

    def _decodes(self, row: bytes, number: int) -> bool:
        try:
            row.decode()
        except UnicodeDecodeError as error:
            fits = fitting_encoding(row)
            read = row.decode(fits)[:SHOWN]
            self.problems.append(
                Problem(
                    NOT_UTF8,
                    f"{self.name}:{number}",
                    f"byte {error.start + 1} is no UTF-8; it looks like {fits} ({read!r}): save "
                    f"the file as UTF-8",
                )
            )
            return False
        return True


def fitting_encoding(row: bytes) -> str:
    """The encoding in which a row that is no UTF-8 looks most like words."""

    def strangeness(encoding: str) -> float:
        try:
            text = row.decode(encoding)
        except UnicodeDecodeError:
            return float("inf")
        odd = sum(not (c.isascii() or c.isalpha() or c in "«»“”„–—…’") for c in text)
        letters = [c for c in text if not c.isascii() and c.isalpha()]
        n_cyrillic = sum("\u0400" <= c <= "\u04ff" for c in letters)
        n_small = sum(c.islower() for c in letters)
        # Cyrillic words are Cyrillic for the most part; Latin words have a strange letter at times.
        ascii_letters = sum(c.isascii() and c.isalpha() for c in text)
        if n_cyrillic:
            odd += 3 * (n_cyrillic < ascii_letters)
        else:
            odd += max(0, len(letters) - ascii_letters)
        return odd + 0.1 * (len(letters) - n_small)

    return min(ENCODINGS, key=strangeness)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
