"""Commands on a disk of a few megabytes: a memory disk in a mount namespace of their own."""

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

MOUNT = 'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"'


def on_small_disk(folder: Path, kilobytes: int, command: Sequence[str]) -> list[str]:
    """The command line that sees an empty disk of this size at `folder`, gone when it ends.

    Skips the test where the system does not let us mount.
    """
    if not _may_mount():
        pytest.skip("needs Linux with user namespaces, or root, for a disk of its own")
    return ["unshare", "-rm", "sh", "-c", MOUNT, f"{kilobytes}k", str(folder), *command]


@cache
def _may_mount() -> bool:
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        bool(shutil.which("unshare")) and not subprocess.run(trial, capture_output=True).returncode
    )
