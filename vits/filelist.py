"""File lists: which recordings there are, what is said in them, and by whom.

A list is UTF-8, one utterance a line: `path|text`, or `path|speaker|text` when data.speakers is not
null. LJ Speech's metadata.csv (`id|text` or `id|raw text|normalised text`) has the text last.
A path is absolute, or relative to the list's folder or to the data folder, or to one of their
subfolders wavs, wav, flac and audio; its suffix may be left out.
"""

import hashlib
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from hifigan.errors import UserError
from vits.config import FROM_DATA, DataConfig

TRAIN_NAMES = ("train.csv", "train.txt")
VALID_NAMES = ("valid.csv", "valid.txt", "val.csv", "val.txt")
METADATA = "metadata.csv"
SUBFOLDERS = (".", "wavs", "wav", "flac", "audio")
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
LJSPEECH = "ljspeech"


@dataclass(frozen=True, eq=False)  # a key of dictionaries by itself: lists may hold equal lines
class Line:
    """One utterance as its list has it."""

    id: str  # the path as written, without suffix
    path: Path | None  # None: there is no such recording
    near: str | None  # then this one has almost its name
    text: str
    speaker: str | None
    place: str  # "train.csv:12"


def read_lists(config: DataConfig) -> tuple[list[Line], list[Line]]:
    """Every line of the training and of the validation list."""
    train_path, valid_path = find_lists(config)
    train = read_list(train_path, config)
    if not train:
        raise UserError(
            f"{train_path}: holds no utterance, expected lines such as wavs/a.wav|the text"
        )
    if valid_path is not None:
        return train, read_list(valid_path, config)
    return hold_out(train, config.n_valid, train_path)


def find_lists(config: DataConfig) -> tuple[Path, Path | None]:
    """The training list and the validation list; None: validation is held out of training."""
    folder = Path(config.folder)
    if not folder.is_dir():
        raise UserError(_no_folder(folder))
    train = _find(folder, config.train_list, (*TRAIN_NAMES, METADATA), "data.train_list")
    if train is None:
        raise UserError(
            f"{folder}: found no list of utterances, expected "
            f"{', '.join(TRAIN_NAMES)} or {METADATA}; write one (path|text on "
            f"each line) or name yours: --set data.train_list=NAME{_lists_in(folder)}"
        )
    return train, _find(folder, config.valid_list, VALID_NAMES, "data.valid_list")


def read_list(path: Path, config: DataConfig) -> list[Line]:
    """The lines of one list. Wrong columns are an error, a missing recording is not."""
    has_speakers = config.speakers is not None
    text_last = path.name == METADATA and not has_speakers
    finder = _Finder((path.parent, Path(config.folder)))
    lines, columns_seen = [], []
    for number, row in enumerate(_decode(path).split("\n"), start=1):
        row = row.rstrip("\r")
        if not row.strip():
            continue
        columns = [column.strip() for column in row.split("|")]
        if len(columns) != (3 if has_speakers else 2) and not (text_last and len(columns) == 3):
            raise UserError(_wrong_columns(path, number, row, len(columns), has_speakers))
        columns_seen.append(columns)
        name, text = columns[0], columns[-1]
        found = finder.find(name)
        lines.append(
            Line(
                _without_suffix(name),
                found,
                None if found else finder.near(name),
                text,
                columns[1] if has_speakers else None,
                f"{path.name}:{number}",
            )
        )
    if text_last and _middle_is_speakers(columns_seen):
        raise UserError(
            f"{path}: the second of three columns holds names rather than texts "
            f"({columns_seen[0][1]!r}, ...), but data.speakers is null; "
            f"use --set data.speakers={FROM_DATA}"
        )
    return lines


def hold_out(lines: list[Line], n_valid: int, path: Path) -> tuple[list[Line], list[Line]]:
    """Split n_valid utterances off, the same ones whatever the order of the lines.

    A hash of the ids spreads them over the list. All readings of one sentence stay on one side.
    """
    if 2 * n_valid > len(lines):
        raise UserError(
            f"{path}: has {len(lines)} utterances, too few to hold out data.n_valid "
            f"{n_valid} of them; use --set data.n_valid={len(lines) // 20}"
        )
    readings = defaultdict(list)
    for line in lines:
        readings[" ".join(line.text.lower().split())].append(line)
    held = set()
    for same in sorted(readings.values(), key=lambda same: min(_spread(line.id) for line in same)):
        if len(held) + len(same) <= n_valid:
            held.update(line.place for line in same)
    return (
        [line for line in lines if line.place not in held],
        [line for line in lines if line.place in held],
    )


class _Finder:
    """Finds recordings. Lists a folder once: asking for each file is slow on network disks."""

    def __init__(self, bases: tuple[Path, ...]) -> None:
        self.bases = tuple(dict.fromkeys(bases))
        self.names: dict[Path, set[str]] = {}

    def find(self, name: str) -> Path | None:
        for place in self._places(name):
            for suffix in ("", *SUFFIXES):
                if place.name + suffix in self._names_in(place.parent):
                    return place.with_name(place.name + suffix)
        return None

    def near(self, name: str) -> str | None:
        """A recording whose name differs in case, suffix or Unicode form (macOS) only."""
        for place in self._places(name):
            for present in sorted(self._names_in(place.parent)):
                if _loosely(present) == _loosely(place.name):
                    return str(place.with_name(present))
        return None

    def _places(self, name: str) -> list[Path]:
        written = Path(name.replace("\\", "/"))  # lists made on Windows
        if not written.name:
            return []
        places = (base / sub / written for base in self.bases for sub in SUBFOLDERS)
        return list(dict.fromkeys(places))

    def _names_in(self, folder: Path) -> set[str]:
        if folder not in self.names:
            self.names[folder] = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
        return self.names[folder]


def _decode(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        row = content.split(b"\n")[number - 1]
        raise UserError(
            f"{path}: line {number}: not UTF-8: {row[:80]!r}; save the file as UTF-8"
        ) from None


def _find(folder: Path, named: str | None, usual: tuple[str, ...], key: str) -> Path | None:
    if named is None:
        return next((folder / name for name in usual if (folder / name).is_file()), None)
    if not (folder / named).is_file():
        raise UserError(f"{folder / named}: no such file, but {key} names it{_lists_in(folder)}")
    return folder / named


def _lists_in(folder: Path) -> str:
    present = sorted(p.name for p in folder.iterdir() if p.suffix in (".csv", ".txt"))
    return f"; there are: {', '.join(present)}" if present else "; it has no .csv or .txt"


def _no_folder(folder: Path) -> str:
    if folder.name == LJSPEECH:
        return (
            f"{folder}: no such folder; get LJ Speech 1.1 (LJSpeech-1.1.tar.bz2, from "
            f"keithito.com/LJ-Speech-Dataset) and unpack it so that {folder / METADATA} and "
            f"{folder / 'wavs'} exist, or run on the bundled recordings: "
            f"--data data/ljspeech-mini"
        )
    return (
        f"{folder}: no such folder, but data.folder names it; name the folder of your "
        f"recordings and their list with --data DIR"
    )


def _wrong_columns(path: Path, number: int, row: str, n_columns: int, has_speakers: bool) -> str:
    expected = "3 (path|speaker|text)" if has_speakers else "2 (path|text)"
    fix = 'put a "|" between path and text, and none inside the text'
    if has_speakers and n_columns == 2:
        fix = "add the speaker, or train one voice: --set data.speakers=null"
    elif not has_speakers and n_columns == 3:
        fix = (
            f"data.speakers is null, so the config has one speaker; if the second column is the "
            f"speaker, use --set data.speakers={FROM_DATA}"
        )
    return (
        f"{path}: line {number}: found {n_columns} columns, expected {expected}: "
        f"{row[:120]!r}; {fix}"
    )


def _middle_is_speakers(rows: list[list[str]]) -> bool:
    """Whether the second column mostly repeats beside different texts, as no raw text does."""
    texts = defaultdict(set)
    for row in rows:
        texts[row[1]].add(row[-1])
    return 2 * sum(len(row) == 3 and len(texts[row[1]]) > 1 for row in rows) > len(rows)


def _spread(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _loosely(name: str) -> str:
    return unicodedata.normalize("NFC", _without_suffix(name)).casefold()


def _without_suffix(name: str) -> str:
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in SUFFIXES else name
