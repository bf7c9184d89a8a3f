"""Read a data set of any common layout: its utterances, and what is wrong with its lists.

A folder is recognised by what lies in it, a list by its columns; `layout` says it instead.
"""

import os
from collections.abc import Container, Sequence
from pathlib import Path

from hifigan.corpus.finder import SUBFOLDERS, SUFFIXES, Folders, files_below, without_suffix
from hifigan.errors import UserError
from vits.sources.entry import EMPTY_LIST, NO_RECORDING_LISTED, Entry, Problem, Source
from vits.sources.folders import Found, read_pairs, read_vctk
from vits.sources.kaldi import read_kaldi
from vits.sources.lists import ManyLists, read_list_file

LAYOUTS = {
    "json_lines": 'an object a line: {"audio": "a.flac", "text": "Hello.", "speaker": "anna"}',
    "path_text": "path|text a line, as a.wav|Hello.; Piper's for one speaker",
    "ljspeech": "id|text|normalised text a line, as LJ Speech and Coqui have it",
    "path_speaker_text": "path|speaker|text a line; Piper's for several speakers",
    "path_text_speaker": "path|text|speaker a line, as StyleTTS has it",
    "path_speaker_language_text": "path|speaker|language|text a line",
    "piper": "path_text or path_speaker_text, by the number of columns",
    "coqui": "ljspeech, or a first line such as audio_file|text|speaker_name",
    "styletts": "path_text_speaker",
    "vctk": "txt/p225/p225_001.txt and wav48/p225/p225_001.wav",
    "kaldi": "wav.scp, text and utt2spk",
    "pairs": "a.wav and a.txt side by side, also in subfolders",
}
SPLITS = {"train": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}
LIST_SUFFIXES = (".jsonl", ".csv", ".txt", ".tsv")
NO_LISTS = ("readme.txt", "license.txt", "speaker-info.txt", "requirements.txt")
MANIFEST = "manifest.jsonl"
CLIPS = "clips"  # where Common Voice has its recordings
METADATA = ("metadata.csv", "metadata.txt", "metadata.tsv", "validated.tsv")


def read_source(path: Path, layout: str | None = None, with_parts: bool = False) -> Source:
    """The utterances of a folder or list, and the problems of its lines.

    layout: one of LAYOUTS; None: recognised. with_parts: entries may be parts of recordings.
    UserError: it is none of the layouts, has no utterance, or has parts that are not wanted.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UserError(f"--layout {layout}: unknown; choose one of: {', '.join(LAYOUTS)}")
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; check the path")
    folder = path if path.is_dir() else path.parent
    if layout in ("vctk", "kaldi", "pairs") or (layout is None and path.is_dir()):
        found = _read_folder(path, layout)
        if found is not None:
            name, (entries, problems, notes) = found
            if not with_parts and len(entries) and entries[0].start is not None:  # so have all
                raise UserError(
                    f"{path}: its utterances are parts of longer recordings; run python -m "
                    f"vits.prepare --input {path} --output DATA and use DATA instead"
                )
            return Source(folder, name, _some(entries, problems, path), problems, notes)
    return _read_lists(path, folder, layout)


def _read_folder(path: Path, layout: str | None) -> tuple[str, Found] | None:
    """What a folder without a list of our kind holds; None if it has lists."""
    if layout == "kaldi" or (layout is None and (path / "wav.scp").exists()):
        return "kaldi", read_kaldi(path)
    if layout is None and _lists_in(path):
        return None
    is_vctk = (path / "txt").is_dir() and any(p.is_dir() for p in (path / "txt").iterdir())
    if layout == "vctk" or (layout is None and is_vctk):
        if not is_vctk:
            raise UserError(f"{path}: has no txt/p225 and so on; choose another --layout")
        return "vctk", read_vctk(path)
    return "pairs", read_pairs(path)


def _read_lists(path: Path, folder: Path, layout: str | None) -> Source:
    files = {path: None} if path.is_file() else _lists_in(path)
    if not files:
        raise UserError(
            f"{path}: found no list of utterances, expected metadata.csv, train.csv or the like; "
            f"write one (path|text on each line)"
        )
    folders, seen = Folders(), {}
    layout = None if layout == "json_lines" else layout
    lists, names, notes = [], [], []
    for file, split in files.items():
        bases = (folder, folder / CLIPS)
        entries, name = read_list_file(file, folders, seen, split, layout, bases)
        lists.append(entries)
        names.append(name)
        notes += entries.rows.notes
    if path.is_dir():
        notes.insert(0, f"lists: {', '.join(file.name for file in files)}")
    problems = [problem for entries in lists for problem in entries.problems]
    problems += [
        Problem(EMPTY_LIST, entries.rows.name, "0 utterances, expected lines such as a.wav|Hello.")
        for entries in lists
        if not len(entries) and not entries.problems
    ]
    entries = ManyLists(lists) if len(lists) > 1 else lists[0]
    if path.is_dir():
        problems += _unlisted(folder, entries)
    return Source(folder, names[0], _some(entries, problems, path), problems, notes)


def _lists_in(folder: Path) -> dict[Path, str | None]:
    """The lists of a folder and the split that each one's name says.

    A manifest says all; else lists of splits do; else metadata.csv; else the one list there is.
    """
    if (folder / MANIFEST).exists():
        return {folder / MANIFEST: None}
    names = set(os.listdir(folder))
    files = {n.lower(): folder / n for n in sorted(names) if Path(n).suffix in LIST_SUFFIXES}
    splits: dict[str, Path] = {}
    for suffix in LIST_SUFFIXES:
        for stem, split in SPLITS.items():
            if f"{stem}{suffix}" in files:
                splits.setdefault(split, files[f"{stem}{suffix}"])
    if "train" in splits:
        return {splits[split]: split for split in ("train", "valid", "test") if split in splits}
    for name in METADATA:
        if name in files:
            return {files[name]: None}
    others = [
        path
        for name, path in files.items()
        if name not in NO_LISTS and not _is_text_beside(path.name, names)
    ]
    return {others[0]: None} if len(others) == 1 else {}


def _is_text_beside(name: str, names: Container[str]) -> bool:
    """Whether a text file is the text of a recording beside it. names: in its folder."""
    stem = name.removesuffix(Path(name).suffix).removesuffix(".normalized")
    return any(stem + suffix in names for suffix in SUFFIXES)


def _unlisted(folder: Path, entries: Sequence[Entry]) -> list[Problem]:
    """Recordings of the folder that no entry names."""
    named = {hash(str(entry.path)) for entry in entries if entry.path is not None}
    problems = []
    for subfolder in SUBFOLDERS:
        if not (folder / subfolder).is_dir():
            continue
        paths = files_below(folder / subfolder) if subfolder != "." else folder.iterdir()
        for path in paths:
            if path.suffix.lower() in SUFFIXES and hash(str(path)) not in named:
                told = f"no line names {without_suffix(path.name)!r}; it is not used"
                place = str(path.relative_to(folder))
                problems.append(Problem(NO_RECORDING_LISTED, place, told))
    return problems


def _some(entries: Sequence[Entry], problems: Sequence[Problem], path: Path) -> Sequence[Entry]:
    if len(entries):
        return entries
    told = f"; the first problem: {problems[0]}" if problems else ""
    raise UserError(
        f"{path}: no utterances found, expected recordings and a list of what is said in them, as "
        f"metadata.csv with lines path|text{told}"
    )
