"""Folders that are data sets without a list of their own: Kaldi, VCTK, recordings beside texts."""

import os
import re
from pathlib import Path

from hifigan.corpus.finder import SUFFIXES, files_below, without_suffix
from vits.sources.entry import (
    NO_RECORDING_LISTED,
    NO_TEXT_FILE,
    NOT_UTF8,
    WRONG_COLUMNS,
    Entry,
    Problem,
)
from vits.sources.text_files import TextRows, fitting_encoding

TEXT_SUFFIXES = (".normalized.txt", ".txt", ".lab")
VCTK_MICS = ("", "_mic1", "_mic2")
VCTK_SOUNDS = ("wav48_silence_trimmed", "wav48", "wav22", "wavs", "wav")
Found = tuple[list[Entry], list[Problem], list[str]]


def read_kaldi(folder: Path) -> Found:
    """wav.scp, text, and where they are segments, utt2spk and utt2lang."""
    problems: list[Problem] = []
    tables = {
        name: _kaldi_table(folder / name, problems) if (folder / name).exists() else {}
        for name in ("wav.scp", "text", "segments", "utt2spk", "utt2lang")
    }
    entries = []
    paths: dict[str, Path | None] = {}
    commands: set[str] = set()
    for id_, (written, place) in tables["wav.scp"].items():
        if written.endswith("|"):
            told = f"{written[:60]!r} is a command; run it once and write the file it makes"
            problems.append(Problem(WRONG_COLUMNS, place, told))
            commands.add(id_)
        else:
            paths[id_] = _kaldi_path(folder, written)
    for id_, (text, place) in tables["text"].items():
        recording, part = id_, (None, None)
        if tables["segments"]:
            segment, where = tables["segments"].get(id_, ("", place))
            try:
                recording, start, end, *_ = segment.split()
                part = (float(start), float(end))
                if not 0 <= part[0] < part[1]:
                    raise ValueError
            except ValueError:
                told = f"{id_!r} has {segment!r}, expected a recording, its start and end in s"
                problems.append(Problem(WRONG_COLUMNS, where, told))
                continue
        if recording in commands:
            continue
        speaker, language = (
            tables[name].get(id_, (None, ""))[0] or None for name in ("utt2spk", "utt2lang")
        )
        path = paths.get(recording)
        entries.append(Entry(id_, path, None, text, speaker, language, place, None, *part))
    used = tables["segments"] or tables["wav.scp"]
    for id_, (_, place) in used.items():
        if id_ not in tables["text"] and id_ not in commands:
            told = f"text has no line of {id_!r}; it is not used"
            problems.append(Problem(NO_RECORDING_LISTED, place, told))
    return entries, problems, []


def _kaldi_path(folder: Path, written: str) -> Path | None:
    """A recording, also as Kaldi has it: relative to where its scripts run."""
    if not written:
        return None
    places = (folder / written, *(parent / written for parent in folder.absolute().parents))
    return next((path for path in places if path.is_file()), None)


def read_vctk(folder: Path) -> Found:
    """txt/p225/p225_001.txt, and the recording of that name in wav48; mic1 where there are two."""
    entries, problems = [], []
    sounds = next((folder / name for name in VCTK_SOUNDS if (folder / name).is_dir()), folder)
    texts = {p.name: p for p in sorted((folder / "txt").iterdir()) if p.is_dir()}
    speakers = {p.name for p in sounds.iterdir() if p.is_dir()} - {"txt"}
    for speaker in sorted(texts.keys() | speakers):
        names = set(os.listdir(sounds / speaker)) if speaker in speakers else set()
        paths = sorted(texts[speaker].glob("*.txt")) if speaker in texts else []
        for path in paths:
            text = _text_of(path, folder, problems)
            if text is None:
                continue
            wanted = (path.stem + mic + suffix for mic in VCTK_MICS for suffix in SUFFIXES)
            name = next((name for name in wanted if name in names), None)
            recording = None if name is None else sounds / speaker / name
            place = str(path.relative_to(folder))
            entries.append(
                Entry(f"{speaker}/{path.stem}", recording, None, text, speaker, None, place)
            )
        stems = {path.stem for path in paths}
        for name in sorted(names):
            stem = re.sub(r"_mic[12]$", "", without_suffix(name))
            if Path(name).suffix.lower() in SUFFIXES and stem not in stems:
                stems.add(stem)  # two microphones are one recording
                told = f"expected txt/{speaker}/{stem}.txt, with what is said in it"
                place = str((sounds / speaker / name).relative_to(folder))
                problems.append(Problem(NO_TEXT_FILE, place, told))
    return entries, problems, ["speakers are named after their folders"]


def read_pairs(folder: Path) -> Found:
    """a.wav with a.txt (or a.lab, or a.normalized.txt) beside it, also in subfolders."""
    entries, problems = [], []
    files = {str(path): path for path in files_below(folder)}
    recordings = [path for path in files.values() if path.suffix.lower() in SUFFIXES]
    top = {p.relative_to(folder).parts[0] for p in recordings if p.parent != folder}
    has_speakers = len(top) > 1 and all(p.parent != folder for p in recordings)
    for path in recordings:
        place = str(path.relative_to(folder))
        stem = without_suffix(str(path))
        beside = next((files[stem + s] for s in TEXT_SUFFIXES if stem + s in files), None)
        if beside is None:
            told = f"expected {Path(stem).name}.txt beside it, with what is said in it"
            problems.append(Problem(NO_TEXT_FILE, place, told))
            continue
        text = _text_of(beside, folder, problems)
        if text is not None:
            speaker = path.relative_to(folder).parts[0] if has_speakers else None
            named = str(beside.relative_to(folder))
            entries.append(Entry(without_suffix(place), path, None, text, speaker, None, named))
    notes = ["speakers are named after the folders at the top"] if has_speakers else []
    return entries, problems, notes


def _kaldi_table(path: Path, problems: list[Problem]) -> dict[str, tuple[str, str]]:
    """What stands behind the first word of each line, by that word, and the place."""
    rows = TextRows(path)
    problems += rows.problems
    made: dict[str, tuple[str, str]] = {}
    for i in range(len(rows)):
        word, _, rest = rows[i].partition(" ")
        if "\t" in word:
            word, _, rest = rows[i].partition("\t")
        if word in made:
            told = f"{word!r} stands at {made[word][1]}, too; keep one of them"
            problems.append(Problem(WRONG_COLUMNS, rows.place(i), told))
        else:
            made[word] = rest.strip(), rows.place(i)
    return made


def _text_of(path: Path, folder: Path, problems: list[Problem]) -> str | None:
    content = path.read_bytes()
    try:
        return " ".join(content.decode("utf-8-sig").split())
    except UnicodeDecodeError:
        fits = fitting_encoding(content)
        told = f"it looks like {fits}; save the file as UTF-8"
        problems.append(Problem(NOT_UTF8, str(path.relative_to(folder)), told))
        return None
