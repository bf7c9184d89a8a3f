"""Folders that are data sets without any list: VCTK's, and recordings beside their texts."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from hifigan.corpus.finder import SUFFIXES, files_below, without_suffix
from hifigan.corpus.packed import Strings, StringsBuilder
from vits.sources.entry import NO_TEXT_FILE, NOT_UTF8, TWICE, Entry, Problem
from vits.sources.packed_entries import PackedEntries, pack_entries
from vits.sources.text_files import UTF16_MARKS, fitting_encoding

TEXT_SUFFIXES = (".normalized.txt", ".txt", ".TXT", ".lab")
VCTK_MICS = ("", "_mic1", "_mic2")
VCTK_SOUNDS = ("wav48_silence_trimmed", "wav48", "wav22", "wavs", "wav")
Found = tuple[PackedEntries, list[Problem], list[str]]


def read_vctk(folder: Path) -> Found:
    """txt/p225/p225_001.txt, and the recording of that name in wav48; mic1 where there are two."""
    problems: list[Problem] = []
    entries = pack_entries(_of_vctk(folder, problems))
    return entries, problems, ["speakers are named after their folders"]


def _of_vctk(folder: Path, problems: list[Problem]) -> Iterator[Entry]:
    sounds = next((folder / name for name in VCTK_SOUNDS if (folder / name).is_dir()), folder)
    texts = {p.name: p for p in sorted((folder / "txt").iterdir()) if p.is_dir()}
    speakers = {p.name for p in sounds.iterdir() if p.is_dir()} - {"txt"}
    for speaker in sorted(texts.keys() | speakers):
        names = os.listdir(sounds / speaker) if speaker in speakers else []
        by_lower = {name.lower(): name for name in sorted(names, reverse=True)}
        paths = sorted(texts[speaker].glob("*.txt")) if speaker in texts else []
        for path in paths:
            text = _text_of(path, folder, problems)
            if text is None:
                continue
            wanted = (path.stem + mic + suffix for mic in VCTK_MICS for suffix in SUFFIXES)
            name = next((by_lower[w.lower()] for w in wanted if w.lower() in by_lower), None)
            recording = None if name is None else sounds / speaker / name
            place = str(path.relative_to(folder))
            yield Entry(f"{speaker}/{path.stem}", recording, None, text, speaker, None, place)
        stems = {path.stem for path in paths}
        for name in sorted(names):
            stem = re.sub(r"_mic[12]$", "", without_suffix(name))
            if Path(name).suffix.lower() in SUFFIXES and stem not in stems:
                stems.add(stem)  # two microphones are one recording
                told = f"expected txt/{speaker}/{stem}.txt, with what is said in it"
                place = str((sounds / speaker / name).relative_to(folder))
                problems.append(Problem(NO_TEXT_FILE, place, told))


def read_pairs(folder: Path) -> Found:
    """a.wav with a.txt (or a.lab, or a.normalized.txt) beside it, also in subfolders."""
    problems: list[Problem] = []
    builder, texts = StringsBuilder(), set()
    for path in files_below(folder):
        name = str(path.relative_to(folder))
        if path.suffix.lower() in SUFFIXES:
            builder.append(name)
        elif name.endswith(TEXT_SUFFIXES):
            texts.add(hash(name))
    recordings = builder.strings()
    tops = {name.partition(os.sep)[0] if os.sep in name else "" for name in recordings}
    has_speakers = len(tops) > 1 and "" not in tops
    entries = pack_entries(_of_pairs(folder, recordings, texts, has_speakers, problems))
    notes = ["speakers are named after the folders at the top"] if has_speakers else []
    return entries, problems, notes


def _of_pairs(
    folder: Path, recordings: Strings, texts: set[int], has_speakers: bool, problems: list[Problem]
) -> Iterator[Entry]:
    """recordings: their paths below the folder; texts: hashes of those of files beside them."""
    seen: set[int] = set()  # hashes
    for name in recordings:
        stem = without_suffix(name)
        if hash(stem) in seen:
            told = f"another recording is named {Path(stem).name!r}, too; keep one of them"
            problems.append(Problem(TWICE, name, told))
            continue
        seen.add(hash(stem))
        beside = next((stem + s for s in TEXT_SUFFIXES if hash(stem + s) in texts), None)
        if beside is None:
            told = f"expected {Path(stem).name}.txt beside it, with what is said in it"
            problems.append(Problem(NO_TEXT_FILE, name, told))
            continue
        text = _text_of(folder / beside, folder, problems)
        if text is not None:
            speaker = name.partition(os.sep)[0] if has_speakers else None
            yield Entry(stem, folder / name, None, text, speaker, None, beside)


def _text_of(path: Path, folder: Path, problems: list[Problem]) -> str | None:
    """What is said in a file, on one line; None, and a problem, if it cannot be read."""
    place = str(path.relative_to(folder))
    try:
        content = path.read_bytes()
    except OSError as error:
        told = f"not readable ({error.strerror}); check the file and its permissions"
        problems.append(Problem(NO_TEXT_FILE, place, told))
        return None
    try:
        is_utf16 = content.startswith(UTF16_MARKS)
        return " ".join(content.decode("utf-16" if is_utf16 else "utf-8-sig").split())
    except UnicodeDecodeError:
        fits = fitting_encoding(content)
        told = f"it looks like {fits}; save the file as UTF-8"
        problems.append(Problem(NOT_UTF8, place, told))
        return None
