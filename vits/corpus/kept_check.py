"""The result of a data check, kept for the next start: nothing is decoded or read aloud again.

It holds for the same lists, settings and code, and as long as no recording has changed, come or
gone. One file has it, which all processes of a machine map.
"""

import dataclasses
import hashlib
import json
import logging
import os
import time
import unicodedata
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from hifigan import audio
from hifigan.corpus.columns import Columns, DamagedFile, open_columns, require_whole, write_columns
from hifigan.corpus.finder import list_folder
from hifigan.corpus.recordings import stamps
from vits.config import VitsConfig
from vits.corpus.filelist import ListFile
from vits.corpus.tables import answers, asked_tables

logger = logging.getLogger(__name__)

SUFFIX = ".utterances"
MAX_UNUSED_SECONDS = 30 * 24 * 3600.0  # a file may be in use by a run that began so long ago
# A change in any of these may give other utterances: they are made to be edited.
CODE = ("corpus/*.py", "text/*.py", "text/spoken/*.py")
# Of the section data.
TRAINING_ALONE = ("packed_cache", "balance_speakers", "balance_languages", "mix_in_share")
PACKAGES = ("espeakng-loader", "soundfile")


def check_key(config: VitsConfig, lists: Sequence[ListFile]) -> str:
    """Tells apart the checks of other lists, with other settings, or by other code.

    The tables are left out, but for whether there are languages: see find_check.
    """
    data, text = dataclasses.asdict(config.data), dataclasses.asdict(config.text)
    for name in ("speakers", *TRAINING_ALONE):
        del data[name]
    data["languages"] = config.data.languages is not None  # then they choose how texts are read
    del text["symbols"]
    parts = {
        "audio": [config.audio.sample_rate, config.audio.hop_length],
        "segment_samples": config.train.segment_samples,
        "text": text,
        "data": data,
        "lists": [[str(file.path), _digest(file.content)] for file in lists],
        "code": [_digest(path.read_bytes()) for path in _code()],
        "packages": [_version(package) for package in PACKAGES],
        "unicode": unicodedata.unidata_version,
    }
    return _digest(json.dumps(parts, sort_keys=True).encode())


def find_check(
    folder: Path, key: str, config: VitsConfig, growing: Collection[str] = ()
) -> Columns | None:
    """The kept check of that key whose recordings are as they were, if there is one.

    A run that asked for "from_data", or let tables grow, goes on with the tables that
    this gave: either finds the same check. growing: see check_data.
    """
    wanted = json.loads(json.dumps(asked_tables(config)))  # JSON has lists for tuples
    for path in sorted(folder.glob(f"{key}-*{SUFFIX}"), key=_age):
        try:
            require_whole(path)
            columns = open_columns(path)
        except FileNotFoundError:  # another run has just cleared it away
            continue
        except DamagedFile as error:
            logger.warning("%s %s: the data is checked again", path, error)
            path.unlink(missing_ok=True)
            continue
        if not all(answers(columns.facts, n, asked, growing) for n, asked in wanted.items()):
            continue
        if has_changed(columns):
            logger.info("%s: recordings have changed since the last check", config.data.folder)
            continue
        os.utime(path)
        return columns
    return None


def keep_check(columns: Columns, folder: Path, key: str) -> Columns:
    """Write a check where find_check finds it. Returns it mapped into memory from there."""
    path = write_columns(columns, folder, key, SUFFIX)
    for old in (*folder.glob(f"*{SUFFIX}"), *folder.glob("*.part")):
        if _age(old) > MAX_UNUSED_SECONDS:
            old.unlink(missing_ok=True)
    return open_columns(path)


def has_changed(columns: Columns) -> bool:
    """Whether a recording has another size or time, or a folder other names, than at the check."""
    for folder, digest in columns.facts["folders"].items():
        if list_folder(Path(folder))[1] != digest:
            return True
    now = stamps(columns.strings("path"))
    return not np.array_equal(
        now, np.stack([columns.arrays["size"], columns.arrays["modified"]], 1)
    )


def _code() -> list[Path]:
    own = Path(__file__).parent.parent
    return [*(path for name in CODE for path in sorted(own.glob(name))), Path(audio.__file__)]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # another run has just cleared it away
        return 0.0
