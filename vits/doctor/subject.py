"""What the doctor is asked about: data set, list, config, run, log, message, or nothing.

Told apart by what is there, not by its name alone: a run folder has checkpoints or a log, a log has
lines with times or a traceback.
"""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hifigan.errors import UserError
from vits.doctor.error_table import row_for, symptom_for
from vits.doctor.log_file import ENCODINGS

STANDARD_INPUT = "-"
RUN_PARTS = ("checkpoints", "log.txt", "log.jsonl", "returns.json", "samples")
LIST_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".scp")
KALDI_NAMES = ("text", "utt2spk", "wav.scp")
SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".m4a")
HEAD_BYTES = 65_536  # of a file, that tell what it is
TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\)|^  File \".+\", line \d+", re.MULTILINE
)
LOG_LINE = re.compile(r"\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\[?\d\d:\d\d:\d\d|\w*(Error|Exception): ")
WORDS_OF_MESSAGES = re.compile(
    r"error|exception|warning|^nan$|^oom$|killed|traceback", re.IGNORECASE
)
TOLD = {
    "data": "{} is taken for a data set folder",
    "list": "{} is taken for a list of utterances",
    "config": "{} is taken for a config",
    "run": "{} is taken for the folder of a run",
    "log": "{} is taken for a log",
    "message": "this is taken for a message: {}",
    "environment": "nothing is named, so this computer is examined",
}


@dataclass(frozen=True)
class Subject:
    kind: Literal["data", "list", "config", "run", "log", "message", "environment"]
    text: str  # as it was named; "" of the environment
    path: Path | None = None  # None of a message, of standard input and of the environment

    def told(self) -> str:
        """In one line, what it was taken for."""
        shown = " ".join(self.text.split())
        return TOLD[self.kind].format(shown if len(shown) <= 60 else shown[:57] + "...")


def kind_of(subject: str | None) -> Subject:
    """What a command's argument means; None: nothing was named.

    Raises UserError where a file seems to be meant that is not there, or one that cannot be
    examined.
    """
    if subject is None:
        return Subject("environment", "")
    if subject == STANDARD_INPUT:
        return Subject("log", "standard input")
    if not subject.strip():
        raise UserError("the subject is empty; name a data set folder, a config, a run or a log")
    path = Path(subject)
    if _exists(path):
        if path.is_dir():
            path = path.parent if path.name == "checkpoints" and _is_run(path.parent) else path
            return Subject(_kind_of_folder(path), str(path), path)
        return Subject(_kind_of_file(path), subject, path)
    if _is_message(subject):
        return Subject("message", subject)
    raise UserError(
        f"{subject}: no such file or folder{_near(path)}; name a data set folder, a list, a "
        "config, a run folder or a log, or give an error message in quotes"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a message can be too long for a name
        return False


def _is_message(subject: str) -> bool:
    words = subject.split()
    looks_like_path = len(words) == 1 and ("/" in subject or "\\" in subject)
    if looks_like_path or len(words) > 2 or WORDS_OF_MESSAGES.search(subject):
        return not looks_like_path
    is_word = all(word.isalpha() for word in words)  # "buzzing", but not "noise_data"
    return bool(row_for(subject) or (is_word and symptom_for(subject)))


def _kind_of_folder(folder: Path) -> Literal["run", "data"]:
    if _is_run(folder):
        return "run"
    runs = sorted(found for found in folder.iterdir() if (found / "config.json").is_file())
    if runs and all(map(_is_run, runs)):
        raise UserError(f"{folder}: holds {len(runs)} run folders; name one, such as {runs[-1]}")
    return "data"


def _is_run(folder: Path) -> bool:
    if any(folder.glob("checkpoints/*.pt")) or any(folder.glob("*.pt")):
        return True
    has_part = any((folder / name).exists() for name in RUN_PARTS)
    return has_part and (folder / "config.json").is_file()


def _kind_of_file(path: Path) -> Literal["config", "list", "log"]:
    suffix = path.suffix.lower()
    if not path.is_file():  # a pipe can be read but once
        return "log"
    if suffix == ".json":
        return "config"
    if suffix in SOUND_SUFFIXES:
        raise UserError(f"{path}: is one recording; name the folder of its data set")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if suffix == ".pt" or suffix == ".pth" or head[:4] == b"PK\x03\x04":
        raise UserError(f"{path}: is a checkpoint; name its run folder, such as runs/my_voice")
    if path.name in KALDI_NAMES:
        return "list"
    if path.name == "scalars.jsonl" and _is_run(path.parent):
        raise UserError(f"{path}: holds the curves of a run; name its folder {path.parent}")
    text = head.decode(ENCODINGS.get(head[:2], "utf-8"), "replace").removeprefix("\ufeff")
    if suffix in LIST_SUFFIXES and not _is_log(text):
        return "list"
    if suffix in LIST_SUFFIXES or suffix in (".log", ".out", ".err", "") or _is_log(text):
        return "log"
    raise UserError(
        f"{path}: is neither a list (.csv, .txt, .jsonl), nor a config (.json), nor a log; name one"
    )


def _is_log(head: str) -> bool:
    """Whether a file that could be a list is a log: lines with times outnumber lines of columns."""
    if TRACEBACK.search(head):
        return True
    lines = [line for line in head.splitlines() if line.strip()]
    n_log = sum(bool(LOG_LINE.match(line)) for line in lines)
    return n_log > sum("|" in line or "\t" in line or line[0] == "{" for line in lines) - n_log


def _near(path: Path) -> str:
    """A guess, where a name beside it is much like it."""
    folder = path.parent
    if not _exists(folder) or not folder.is_dir():
        return ""
    names = {found.name for found in folder.iterdir()} - {path.name}  # a link to nothing is there
    near = difflib.get_close_matches(path.name, sorted(names), 1)
    return f"; did you mean {folder / near[0]}?" if near else ""
