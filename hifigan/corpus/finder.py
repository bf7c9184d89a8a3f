"""Where the recordings are that a list names.

A name is an absolute path, or relative to one of some folders or to one of their subfolders wavs,
wav, flac and audio; its suffix may be left out. Without a list, all recordings of a folder are
taken, each under an id: its path below the folder, without suffix.
"""

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from hifigan.errors import UserError

SUBFOLDERS = (".", "wavs", "wav", "flac", "audio")
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")


class Folders:
    """Names in folders. Each is listed once: asking for each file is slow on network disks."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}  # of the names in every folder that was listed
        self._names: dict[Path, set[str]] = {}
        self._loose_names: dict[Path, dict[str, str]] = {}

    def names(self, folder: Path) -> set[str]:
        """The names in a folder."""
        if folder not in self._names:
            names, self.digests[str(folder)] = list_folder(folder)
            self._names[folder] = set(names)
        return self._names[folder]

    def loose_names(self, folder: Path) -> dict[str, str]:
        """The same by what is left of them without case, suffix and Unicode form."""
        if folder not in self._loose_names:
            names = sorted(self.names(folder), reverse=True)  # of two alike the first stays
            self._loose_names[folder] = {_loosely(name): name for name in names}
        return self._loose_names[folder]


class Finder:
    """Finds recordings below some folders."""

    def __init__(self, bases: tuple[Path, ...], folders: Folders) -> None:
        self.bases = tuple(dict.fromkeys(bases))
        self.folders = folders
        self._places: dict[str, list[tuple[Path, str]]] = {}

    def find(self, name: str) -> Path | None:
        """The recording of that name."""
        parent, last = _split(name)
        for folder, prefix in self._places_of(parent) if last else ():
            names = self.folders.names(folder)
            for suffix in ("", *SUFFIXES):
                if last + suffix in names:
                    return Path(prefix + last + suffix)
        return None

    def near(self, name: str) -> str | None:
        """A recording whose name differs in case, suffix or Unicode form (macOS) only."""
        parent, last = _split(name)
        for folder, prefix in self._places_of(parent) if last else ():
            present = self.folders.loose_names(folder).get(_loosely(last))
            if present is not None:
                return prefix + present
        return None

    def _places_of(self, parent: str) -> list[tuple[Path, str]]:
        """The folders where a name with this parent may be, as paths and as prefixes of names.

        Folders with nothing in them are left out: a million names are looked for in all of them.
        """
        if parent not in self._places:
            places = (base / sub / parent for base in self.bases for sub in SUBFOLDERS)
            self._places[parent] = [
                (folder, str(folder / "x")[:-1])
                for folder in dict.fromkeys(places)
                if self.folders.names(folder)
            ]
        return self._places[parent]


def list_folder(folder: Path) -> tuple[list[str], str]:
    """The names in a folder, none if it is none, and a digest of those that are no folders.

    A new folder is no new recording; the folder of the runs may appear among the recordings.
    """
    if not folder.is_dir():
        return [], ""
    with os.scandir(folder) as entries:
        kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    files = "/".join(sorted(name for name, is_folder in kinds.items() if not is_folder))
    digest = hashlib.blake2b(files.encode("utf-8", "surrogateescape"), digest_size=16)
    return list(kinds), digest.hexdigest()


def list_recordings(folder: Path) -> dict[str, Path]:
    """All recordings in a folder and its subfolders, by id, sorted by it.

    Hidden files and folders are left out (macOS keeps no sound in its "._" files).
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {found}, expected a folder of recordings; check the path")
    recordings: dict[str, Path] = {}
    for path in files_below(folder):
        if path.suffix.lower() not in SUFFIXES:
            continue
        id_ = without_suffix(path.relative_to(folder).as_posix())
        if id_ in recordings:
            raise UserError(
                f"{path}: has the id {id_!r} of {recordings[id_]}, too, expected one recording of "
                f"an id; remove or rename one of them"
            )
        recordings[id_] = path
    if not recordings:
        raise UserError(
            f"{folder}: no recordings inside, expected files named {', '.join(SUFFIXES)}; check "
            f"the path"
        )
    return dict(sorted(recordings.items()))


def files_below(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """All files below a folder, sorted, without the hidden ones and those in hidden folders.

    Links to folders are followed, but into none that holds them. above: the folders that hold this
    one, by device and number.
    """
    status = folder.stat()
    within = above | {(status.st_dev, status.st_ino)}
    if within == above:  # a link that leads back up
        return
    with os.scandir(folder) as entries:
        kinds = {e.name: e.is_dir() for e in entries if not e.name.startswith(".")}
    for name, is_folder in sorted(kinds.items()):
        if is_folder:
            yield from files_below(folder / name, within)
        else:
            yield folder / name


def without_suffix(name: str) -> str:
    """The name without the suffix of a recording, if it has one."""
    stem, dot, suffix = name.rpartition(".")
    hidden = not stem or stem[-1] in "/\\"  # ".wav" is a name, no suffix
    return stem if not hidden and dot + suffix.lower() in SUFFIXES else name


def _split(name: str) -> tuple[str, str]:
    """The parent and the last part of a name, which is empty for "." alone."""
    written = name.replace("\\", "/")  # lists made on Windows
    head, slash, last = written.rpartition("/")
    if last in ("", "."):  # "a/b/" means "a/b"
        path = Path(written)
        return str(path.parent), path.name
    return head + slash, last


def _loosely(name: str) -> str:
    return unicodedata.normalize("NFC", without_suffix(name)).casefold()
