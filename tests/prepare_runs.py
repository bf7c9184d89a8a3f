"""python -m vits.prepare, run on small made-up recordings as a user runs it."""

import hashlib
import json
import logging
import subprocess
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import soundfile

from vits.prepare import command

RATE = 16000
LONG = 300.0  # seconds that a busy machine may take
MINI = Path(__file__).parent.parent / "data/ljspeech-mini"


def tone(
    seconds: float, level: float = 0.3, before: float = 0.0, behind: float = 0.0
) -> np.ndarray:
    """A swelling tone with silence around it, and a little noise everywhere. [n_samples]"""
    t = np.arange(round(seconds * RATE)) / RATE
    sound = level * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    wav = np.concatenate([np.zeros(round(before * RATE)), sound, np.zeros(round(behind * RATE))])
    return wav + np.random.default_rng(0).normal(0, 1e-4, len(wav))


def write_source(folder: Path, n: int = 12, suffix: str = "wav", **settings: object) -> Path:
    (folder / "wavs").mkdir(parents=True)
    rows = []
    for i in range(n):
        soundfile.write(folder / f"wavs/u{i}.{suffix}", tone(0.5 + 0.05 * i), RATE)
        rows.append(f"u{i}|Sentence number {'abcdefghijklmnop'[i % 16]}.\n")
    (folder / "metadata.csv").write_text("".join(rows), "utf-8")
    return folder


def write_pairs(folder: Path) -> Path:
    folder.mkdir()
    soundfile.write(folder / "u.wav", tone(0.5), RATE)
    (folder / "u.txt").write_text("One sentence.", "utf-8")
    return folder


def run(source: Path, out: Path, *arguments: object) -> tuple[int, str]:
    """Run the command in this process: exit code, and what it says on standard error."""
    asked = ["--input", source, "--output", out, "--jobs", 1, *arguments]
    told, log = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(told), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with (
            patch.object(sys, "argv", ["vits.prepare", *map(str, asked)]),
            redirect_stderr(told),
        ):
            command.main()
        code = 0
    except SystemExit as stopped:
        code = stopped.code
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    return code, told.getvalue()


def start(source: Path, out: Path, *arguments: str) -> subprocess.Popen:
    """The command in a process group of its own."""
    asked = ["--input", str(source), "--output", str(out), *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "vits.prepare", *asked],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file of a data set that a person uses."""
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "work"
    }
