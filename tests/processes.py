"""Processes by a mark in their environment, which all that a command starts inherit (Linux)."""

import time
from pathlib import Path

MARK = "VITS_TEST_MARK"


def marked(mark: str) -> dict[int, dict[str, str]]:
    """The environments of the living processes that have MARK=mark in it, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            entries = (folder / "environ").read_text(errors="replace").split("\0")
        except OSError:  # it has just ended, or is another user's
            continue
        environment = dict(entry.split("=", 1) for entry in entries if "=" in entry)
        if environment.get(MARK) == mark:
            found[int(folder.name)] = environment
    return found


def wait_until_gone(mark: str, timeout: float) -> dict[int, dict[str, str]]:
    """The marked processes that still live after so many seconds; none, if they end sooner."""
    deadline = time.monotonic() + timeout
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
