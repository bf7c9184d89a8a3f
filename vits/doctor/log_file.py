"""The end of a log, from a file or a pipe: there stands what a program ended with."""

import codecs
import sys
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 2_000_000  # that are read of a log
ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def read_log(path: Path | None) -> tuple[str, str]:
    """The text of a log's end, and in a few words how much of it was read ("" where all was).

    path: its file; None: standard input. Windows' PowerShell writes UTF-16; all else is read as
    UTF-8, with marks for bytes that are none.
    """
    if path is None:
        return _read(sys.stdin.buffer)
    with path.open("rb") as file:
        return _read(file)


def _read(file: BinaryIO) -> tuple[str, str]:
    beginning = end = file.read(2)
    n_bytes = len(beginning)
    if file.seekable() and file is not sys.stdin.buffer:
        n_bytes = file.seek(0, 2)
        file.seek(max(0, (n_bytes - LOG_BYTES) // 2 * 2))
        end = file.read()
    else:
        while part := file.read(LOG_BYTES):
            n_bytes += len(part)
            end += part
            end = end[max(0, (len(end) - LOG_BYTES) // 2 * 2) :]
    text = end.decode(ENCODINGS.get(beginning, "utf-8"), "replace").removeprefix("\ufeff")
    if n_bytes <= LOG_BYTES + 1:
        return text, ""
    text = text.partition("\n")[2]  # the first line is cut
    return text, f"the last {LOG_BYTES / 1e6:.0f} MB of {n_bytes / 1e6:,.0f} MB"
