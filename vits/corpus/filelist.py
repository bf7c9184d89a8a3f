"""File lists: which recordings there are, what is said in them, by whom, and in which language.

A list is UTF-8, one utterance a line: `path|text`; where data.speakers is not null the speaker, and
where data.languages is not null the language, stand between: `path|speaker|language|text`. LJ
Speech's metadata.csv (`id|text` or `id|raw text|normalised text`) has the text last. A list named
*.jsonl has an object a line (list_rows.py), as `python -m vits.prepare` writes it. A path is
absolute, or relative to the list's folder or to the data folder: hifigan/corpus/finder.py finds it.
"""

import hashlib
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hifigan.corpus.finder import Finder, Folders
from hifigan.corpus.packed import Picked
from hifigan.errors import UserError
from vits.config import FROM_DATA
from vits.corpus.list_rows import ColumnLines, JsonLines, Line, Lines, ListFile
from vits.data_config import DataConfig

TRAIN_NAMES = ("train.jsonl", "train.csv", "train.txt")
VALID_NAMES = ("valid.jsonl", "valid.csv", "valid.txt", "val.csv", "val.txt")
METADATA = "metadata.csv"
JSON_LINES = ".jsonl"
LISTS = (".csv", ".txt", JSON_LINES)
LJSPEECH = "ljspeech"


def read_lists(config: DataConfig) -> tuple[Sequence[Line], Sequence[Line]]:
    """Every line of the training and of the validation list."""
    return split_lists(*load_lists(config), config, Folders())


def load_lists(config: DataConfig) -> tuple[ListFile, ListFile | None]:
    """The training list and the validation list; None: validation is held out of training."""
    train, valid = find_lists(config)
    return load_list(train), None if valid is None else load_list(valid)


def split_lists(
    train: ListFile, valid: ListFile | None, config: DataConfig, folders: Folders
) -> tuple[Sequence[Line], Sequence[Line]]:
    """The lines to train on and those to validate on, with the recordings found in `folders`."""
    train_lines = parse_used_list(train, config, folders)
    if valid is not None:
        return train_lines, parse_list(valid, config, folders)
    return hold_out(train_lines, config.n_valid, train.path)


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
            f"each line) or name yours: --set data.train_list=NAME{lists_in(folder)}"
        )
    return train, _find(folder, config.valid_list, VALID_NAMES, "data.valid_list")


def read_list(path: Path, config: DataConfig) -> Sequence[Line]:
    """The lines of one list. Wrong columns are an error, a missing recording is not."""
    return parse_list(load_list(path), config, Folders())


def load_list(path: Path, name: str | None = None) -> ListFile:
    """The list as it is now. name: in reports; None: the file's own, without its folder."""
    return ListFile(path, path.read_bytes(), name or path.name)


def parse_list(file: ListFile, config: DataConfig, folders: Folders) -> Lines:
    """As read_list, of a list's bytes."""
    finder = Finder((file.path.parent, Path(config.folder)), folders)
    if file.path.suffix == JSON_LINES:
        lines = JsonLines(file, finder)
        if config.speakers is None:
            _require_one_speaker(lines)
        return lines
    lines = ColumnLines(file, finder, config.speakers is not None, config.languages is not None)
    text_last = file.path.name == METADATA and lines.n_columns == 2
    middles, texts, n_columns = array("q"), array("q"), array("q")
    for i in range(len(lines)):
        columns = lines.columns(i)
        if len(columns) != lines.n_columns and not (text_last and len(columns) == 3):
            raise UserError(_wrong_columns(lines, i, len(columns)))
        if text_last:  # hashes: a million texts would fill the memory
            middles.append(hash(columns[1]))
            texts.append(hash(columns[-1]))
            n_columns.append(len(columns))
    if text_last and _middle_is_speakers(*map(np.array, (middles, texts, n_columns))):
        raise UserError(
            f"{file.path}: the second of three columns holds names rather than texts "
            f"({lines.columns(0)[1]!r}, ...), but data.speakers is null; "
            f"use --set data.speakers={FROM_DATA}"
        )
    return lines


def parse_used_list(file: ListFile, config: DataConfig, folders: Folders) -> Lines:
    """As parse_list; a list without any utterance is an error."""
    lines = parse_list(file, config, folders)
    if not lines:
        raise UserError(
            f"{file.path}: holds no utterance, expected lines such as wavs/a.wav|the text"
        )
    return lines


def hold_out(
    lines: Sequence[Line], n_valid: int, path: Path
) -> tuple[Sequence[Line], Sequence[Line]]:
    """Split n_valid utterances off, the same ones whatever the order of the lines.

    A hash of the ids spreads them over the list. All readings of one sentence stay on one side.
    """
    if 2 * n_valid > len(lines):
        raise UserError(
            f"{path}: has {len(lines)} utterances, too few to hold out data.n_valid "
            f"{n_valid} of them; use --set data.n_valid={max(1, len(lines) // 10)}"
        )
    if n_valid == 0:
        return lines, []
    sentences = np.empty(len(lines), np.int64)  # by their hash: equal texts, equal number
    spreads = np.empty(len(lines), np.uint64)
    for i, line in enumerate(lines):
        sentences[i] = hash(" ".join(line.text.lower().split()))
        spreads[i] = _spread(line.id)
    # Readings of one sentence stand side by side, the one of the least spread first.
    order = np.lexsort((spreads, sentences))
    starts = np.flatnonzero(np.diff(sentences[order], prepend=~sentences[order[:1]]))
    stops = np.append(starts[1:], len(order))
    first_lines = np.minimum.reduceat(order, starts)  # equal ids are told apart by the list's order
    held, n_held = np.zeros(len(lines), bool), 0
    for k in np.lexsort((first_lines, spreads[order[starts]])):
        if n_held + stops[k] - starts[k] <= n_valid:
            held[order[starts[k] : stops[k]]] = True
            n_held += stops[k] - starts[k]
    return Picked(lines, np.flatnonzero(~held)), Picked(lines, np.flatnonzero(held))


def _find(folder: Path, named: str | None, usual: tuple[str, ...], key: str) -> Path | None:
    if named is None:
        return next((folder / name for name in usual if (folder / name).is_file()), None)
    if not (folder / named).is_file():
        raise UserError(f"{folder / named}: no such file, but {key} names it{lists_in(folder)}")
    return folder / named


def lists_in(folder: Path) -> str:
    """The lists that a folder has, as the end of a message."""
    present = sorted(p.name for p in folder.iterdir() if p.suffix in LISTS)
    return f"; there are: {', '.join(present)}" if present else "; it has no list"


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


def _wrong_columns(lines: ColumnLines, index: int, n_columns: int) -> str:
    middle = ["speaker"] * lines.has_speakers + ["language"] * lines.has_languages
    expected = f"{lines.n_columns} ({'|'.join(['path', *middle, 'text'])})"
    fix = 'put a "|" between path and text, and none inside the text'
    if lines.has_languages:
        fix = (
            "add the column of languages, or train or fine-tune in one language: --set "
            "data.languages=null --set model.language_embedding=false --set text.language=LANGUAGE"
        )
    elif lines.has_speakers and n_columns == 2:
        fix = (
            "add the column of speakers, or train or fine-tune one voice: --set data.speakers=null"
        )
    elif not lines.has_speakers and n_columns == 3:
        fix = (
            f"data.speakers is null, so the config has one speaker; if the second column is the "
            f"speaker, use --set data.speakers={FROM_DATA}"
        )
    return (
        f"{lines.file.path}: line {lines.numbers[index]}: found {n_columns} columns, expected "
        f"{expected}: {lines.written(index)[:120]!r}; {fix}"
    )


def _require_one_speaker(lines: JsonLines) -> None:
    speakers = {lines.fields(i)[2] for i in range(len(lines))} - {None, ""}
    if len(speakers) > 1:
        raise UserError(
            f"{lines.file.path}: has {len(speakers)} speakers ({', '.join(sorted(speakers)[:4])}, "
            f"...), but data.speakers is null; use --set data.speakers={FROM_DATA}"
        )


def _middle_is_speakers(middles: np.ndarray, texts: np.ndarray, n_columns: np.ndarray) -> bool:
    """Whether the second column mostly repeats beside different texts, as no raw text does.

    middles, texts: int64 [n_rows], hashes of the second and the last column.
    """
    order = np.lexsort((texts, middles))
    middles, texts, n_columns = middles[order], texts[order], n_columns[order]
    group = np.cumsum(np.diff(middles, prepend=middles[:1]) != 0)  # rows of one middle
    other_text = (np.diff(group, prepend=0) == 0) & (np.diff(texts, prepend=texts[:1]) != 0)
    several = np.bincount(group, other_text) > 0
    return bool(2 * (several[group] & (n_columns == 3)).sum() > len(order))


def _spread(name: str) -> int:
    """The first 64 bits of the name's hash, evenly spread."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
