"""The measures of many recordings: a row each in one array, and the files that keep them.

A row takes some 600 bytes where a Sound takes thousands. It imports no torch, because each process
that measures would have to load it.
"""

import hashlib
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from hifigan import torn
from hifigan.corpus import activity
from hifigan.corpus.columns import (
    Columns,
    DamagedFile,
    open_columns,
    require_whole,
    string_arrays,
    write_columns,
)
from hifigan.corpus.packed import pack
from vits.doctor import reverb, sound, sound_file, sound_shape, sound_spectrum
from vits.doctor.sound import N_ENVELOPE, Sound, measure

logger = logging.getLogger(__name__)

SUFFIX = ".sounds"
LENGTHS = {"fault": 12, "container": 12, "subtype": 16, "digest": 24, "envelope": 4 * N_ENVELOPE}
NUMBERS = {int: "i8", float: "f8"}
NAMES = tuple(field.name for field in fields(Sound) if field.name != "detail")
FACTS = np.dtype(
    [
        (field.name, NUMBERS.get(field.type) or f"S{LENGTHS[field.name]}")
        for field in fields(Sound)
        if field.name in NAMES
    ]
)
STAMP = np.dtype([("size", "i8"), ("modified", "i8")])


class Sounds(Mapping[str, Sound]):
    """Sounds by their path. facts: of the type FACTS [n]; details: of the faulty ones by index."""

    def __init__(self, paths: Sequence[str], facts: np.ndarray, details: Mapping[int, str]) -> None:
        self.paths = paths
        self.facts = facts
        self.details = details
        self.index = {path: i for i, path in enumerate(paths)}

    def __getitem__(self, path: str) -> Sound:
        i = self.index[path]
        return sound_of(self.facts[i], self.details.get(i, ""))

    def __iter__(self) -> Iterator[str]:
        return iter(self.index)

    def __len__(self) -> int:
        return len(self.index)


def table_of(sounds: Mapping[str, Sound]) -> Sounds:
    """Any mapping of sounds as a table."""
    if isinstance(sounds, Sounds):
        return sounds
    facts = np.array([row_of(found) for found in sounds.values()], FACTS)
    details = {i: found.detail for i, found in enumerate(sounds.values()) if found.detail}
    return Sounds(list(sounds), facts, details)


def row_of(found: Sound) -> tuple:
    """What an array of FACTS takes."""
    return tuple(getattr(found, name) for name in NAMES)


def sound_of(row: np.void, detail: str) -> Sound:
    """The inverse of row_of, which leaves the detail out."""
    values = dict(zip(NAMES, row.item()))
    texts = {name: values[name].decode("ascii") for name in LENGTHS}
    return Sound(**values | texts, detail=detail)


def measure_all(paths: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Measure some recordings: their facts, and the details of the faulty ones by index."""
    sounds = [measure(path) for path in paths]
    facts = np.array([row_of(found) for found in sounds], FACTS)
    return facts, {i: found.detail for i, found in enumerate(sounds) if found.detail}


class KnownSounds:
    """The measures that a folder keeps; None: nothing is known, and nothing is kept.

    Every file is written whole under a name of its own, so that two doctors may work at once.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def look_up(
        self, paths: Sequence[str], stamps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """What is known of recordings that have not changed since.

        stamps: int64 [n_paths, 2], size and time of change. Returns which are known: bool
        [n_paths]; the facts of each, and the details of some by index.
        """
        facts = np.zeros(len(paths), FACTS)
        known, details = np.zeros(len(paths), bool), {}
        files = list(self._read())
        indices = {path: i for i, path in enumerate(paths)} if files else {}
        for columns in files:
            found = np.array([indices.get(path, -1) for path in columns.strings("path")], np.int64)
            kept = columns.arrays["stamp"]
            current = stamps[found]
            same = (current[:, 0] == kept["size"]) & (current[:, 1] == kept["modified"])
            rows = np.flatnonzero((found >= 0) & same)
            facts[found[rows]] = columns.arrays["facts"][rows]
            known[found[rows]] = True
            told = columns.strings("detail")
            details |= {int(found[row]): told[row] for row in rows.tolist() if told[row]}
        return known, facts, details

    def replace(
        self,
        paths: Sequence[str],
        stamps: np.ndarray,
        facts: np.ndarray,
        details: Mapping[int, str],
    ) -> None:
        """Keep these measures, in the place of all that was kept."""
        if self.folder is None or len(paths) == 0:
            return
        old = self._files()
        stamped = np.empty(len(paths), STAMP)
        stamped["size"], stamped["modified"] = stamps[:, 0], stamps[:, 1]
        told = pack(details.get(i, "") for i in range(len(paths)))
        arrays = string_arrays("path", pack(paths)) | string_arrays("detail", told)
        arrays |= {"stamp": stamped, "facts": facts}
        stem = uuid.uuid4().hex
        written = write_columns(Columns(arrays, {"version": _version()}), self.folder, stem, SUFFIX)
        for path in old:
            if path != written:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder else []

    def _read(self) -> Iterator[Columns]:
        for path in self._files():
            try:
                require_whole(path)
                columns = open_columns(path)
            except FileNotFoundError:  # another doctor has put it together with others
                continue
            except DamagedFile as fault:
                logger.warning("%s %s; its recordings are measured again", path, fault)
                path.unlink(missing_ok=True)
                continue
            if columns.facts.get("version") == _version():
                arrays = dict(columns.arrays)
                arrays["stamp"] = arrays["stamp"].view(STAMP)
                arrays["facts"] = arrays["facts"].view(FACTS)
                yield Columns(arrays, columns.facts)


def _version() -> str:
    """Changes with the code that measures: what other code has measured means something else."""
    digest = hashlib.blake2b(str(FACTS.descr).encode(), digest_size=8)
    for module in (activity, reverb, sound, sound_file, sound_shape, sound_spectrum, torn):
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()
