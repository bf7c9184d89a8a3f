"""Processes by a mark in their environment, which all that a command starts inherit (Linux)."""

import time
from pathlib import Path

MARK = "VITS_TEST_MARK"


def marked(mark: str) -> dict[int, str]:
    """Command lines of the living processes with MARK=mark in their environment, by id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has just ended, or is another user's
            pass
    return {process: line for process, line in found.items() if line}  # a zombie's is empty


def wait_until_gone(mark: str, timeout: float) -> dict[int, str]:
    """The marked processes that still live after so many seconds; none, if they end sooner."""
    deadline = time.monotonic() + timeout
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
