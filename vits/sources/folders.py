"""Folders that are data sets without a list of their own: Kaldi, VCTK, recordings beside texts."""

from pathlib import Path

from hifigan.corpus.finder import SUFFIXES, files_below, without_suffix
from hifigan.errors import UserError
from vits.sources.entry import NO_TEXT_FILE, NOT_UTF8, WRONG_COLUMNS, Entry, Problem
from vits.sources.text_files import TextRows, fitting_encoding

TEXT_SUFFIXES = (".normalized.txt", ".txt", ".lab")
VCTK_SOUNDS = ("wav48_silence_trimmed", "wav48", "wav22", "wavs", "wav")
Found = tuple[list[Entry], list[Problem], list[str]]


def read_kaldi(folder: Path) -> Found:
    """wav.scp, text, and where they are utt2spk and utt2lang."""
    if (folder / "segments").exists():
        raise UserError(
            f"{folder / 'segments'}: parts of recordings are not read; cut the recordings into "
            f"one file an utterance first"
        )
    problems: list[Problem] = []
    tables = {name: _kaldi_table(folder / name, problems) for name in ("wav.scp", "text")}
    speakers, languages = (
        _kaldi_table(folder / name, problems) if (folder / name).exists() else {}
        for name in ("utt2spk", "utt2lang")
    )
    entries = []
    for id_, (text, place) in tables["text"].items():
        written, wav_place = tables["wav.scp"].get(id_, ("", ""))
        path = folder / written
        if written.endswith("|"):
            told = f"{written[:60]!r} is a command; run it once and write the file it makes"
            problems.append(Problem(WRONG_COLUMNS, wav_place, told))
            continue
        if not path.exists():  # also as Kaldi has it, relative to where its scripts run
            path = next((p / written for p in folder.parents if (p / written).exists()), path)
        exists = bool(written) and path.is_file()
        speaker = speakers.get(id_, (None, ""))[0]
        language = languages.get(id_, (None, ""))[0]
        entries.append(Entry(id_, path if exists else None, None, text, speaker, language, place))
    return entries, problems, []


def read_vctk(folder: Path) -> Found:
    """txt/p225/p225_001.txt, and the recording of that name in wav48; mic1 where there are two."""
    entries, problems = [], []
    sounds = next((folder / name for name in VCTK_SOUNDS if (folder / name).is_dir()), folder)
    for speaker_folder in sorted(p for p in (folder / "txt").iterdir() if p.is_dir()):
        for path in sorted(speaker_folder.glob("*.txt")):
            text = _text_of(path, folder, problems)
            if text is None:
                continue
            base = sounds / speaker_folder.name / path.stem
            names = [
                f"{base}{mic}{suffix}" for mic in ("", "_mic1", "_mic2") for suffix in SUFFIXES
            ]
            recording = next((Path(name) for name in names if Path(name).is_file()), None)
            place = str(path.relative_to(folder))
            id_ = f"{speaker_folder.name}/{path.stem}"
            entries.append(Entry(id_, recording, None, text, speaker_folder.name, None, place))
    return entries, problems, ["speakers are named after their folders"]


def read_pairs(folder: Path) -> Found:
    """a.wav with a.txt (or a.lab, or a.normalized.txt) beside it, also in subfolders."""
    entries, problems = [], []
    recordings = [p for p in files_below(folder) if p.suffix.lower() in SUFFIXES]
    top = {p.relative_to(folder).parts[0] for p in recordings if p.parent != folder}
    has_speakers = len(top) > 1 and all(p.parent != folder for p in recordings)
    for path in recordings:
        place = str(path.relative_to(folder))
        stem = without_suffix(str(path))
        beside = next((Path(stem + s) for s in TEXT_SUFFIXES if Path(stem + s).is_file()), None)
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
