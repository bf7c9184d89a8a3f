"""The stages behind the recordings: lists of the three sides, and the symbols of their texts."""

from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from tqdm import tqdm

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError
from vits.config import TextConfig
from vits.corpus.sentences import sentence_number
from vits.prepare.amounts import counted
from vits.prepare.recording import unfinished
from vits.prepare.results import Results, all_files_begun
from vits.prepare.settings import Settings
from vits.prepare.splitting import Utterance, split
from vits.prepare.work import MANIFEST, Task, as_line, read_rows, tasks, writer
from vits.text import MarkError, build_front_end

LISTS = ("train", "valid", "test")
FALLBACK, NO_LANGUAGE = "en-us", "no language given"


@dataclass(frozen=True)
class Lists:
    """What the lists hold."""

    n: dict[str, int]  # utterances of each side
    n_torn: int  # sentences that the source had on two sides
    n_removed: int  # recordings that were made earlier and are in no list any more


def write_lists(folder: Path, settings: Settings) -> Lists:
    """Write the manifest and the lists of the sides, of the recordings that were made.

    Then remove what was made of recordings that the source has no more.
    """
    digest = settings.audio_digest()
    kept: list[Utterance] = []
    seconds = array("d")  # of each entry; negative: it was refused
    with Results(folder) as known:
        absent = array("q")
        for i, task in enumerate(tasks(folder)):
            result = known.get(task.key)
            if result is None or not result.is_of(task, digest):
                absent.append(i)
                continue
            if not result.made.fault:
                number = sentence_number(task.text)
                names = (task.speaker, task.language, task.split)
                kept.append(Utterance(number, *(name and intern(name) for name in names)))
            seconds.append(-1.0 if result.made.fault else result.made.seconds)
        if absent:
            raise UserError(_not_made(folder, absent, known.n_shards))
    sides, n_torn = split(kept, settings.valid, settings.test, settings.seed)

    with ExitStack() as open_lists:
        manifest = open_lists.enter_context(writer(folder / MANIFEST))
        lists = {side: open_lists.enter_context(writer(folder / f"{side}.jsonl")) for side in LISTS}
        made = iter(sides)
        for task, length in zip(tasks(folder), seconds):
            if length >= 0:
                side = next(made)
                line = as_line(_row(task, side, length))
                manifest(line)
                lists[side](line)
    n = Counter(sides)
    return Lists({side: n[side] for side in LISTS}, n_torn, _remove_others(folder, seconds))


def _not_made(folder: Path, absent: Sequence[int], n_shards: int) -> str:
    if n_shards == 1:
        which = "run --stage audio"
    else:
        numbers = sorted({i % n_shards + 1 for i in absent})
        which = f"run {', '.join(f'--shard {number}/{n_shards}' for number in numbers)}"
    many = counted(len(absent), "recording")
    return f"{folder}: not made yet: {many}; {which} first"


def _remove_others(folder: Path, seconds: Sequence[float]) -> int:
    """Remove what was made here, with these or other settings, and is not in the manifest."""
    others = all_files_begun(folder)
    others.difference_update(t.audio for t, length in zip(tasks(folder), seconds) if length >= 0)
    there = [folder / audio for audio in others if (folder / audio).exists()]
    for path in (*there, *(unfinished(folder / audio) for audio in others)):
        path.unlink(missing_ok=True)
    return len(there)


def _row(task: Task, side: str, seconds: float) -> dict[str, Any]:
    row = {"id": task.id, "audio": task.audio, "text": task.text}
    if task.speaker is not None:
        row["speaker"] = task.speaker
    if task.language is not None:
        row["language"] = task.language
    return row | {"seconds": round(seconds, 3), "split": side, "place": task.place}


def count_symbols(folder: Path, settings: Settings) -> dict[str, Any]:
    """How often each symbol is in the texts of the manifest, and in how many of them.

    "characters" counts the code points that a front end of characters makes; with phonemes those
    of espeak besides, by language. Texts without a language are read as English, but their numbers
    stay as they are written. Texts with marks that cannot be read are left out.
    """
    kinds = ["characters"]
    if settings.front_end == "phonemes":
        kinds.append("phonemes")
    counts: dict[str, dict[str, Counter[str]]] = {kind: {} for kind in kinds}
    texts: dict[str, dict[str, Counter[str]]] = {kind: {} for kind in kinds}
    front_ends = {
        (kind, expand): build_front_end(
            TextConfig(kind, FALLBACK, "from_data", True, expand=expand)
        )
        for kind in kinds
        for expand in (True, False)
    }
    for row in tqdm(read_rows(folder / MANIFEST), "symbols", unit="text", disable=None):
        language = row.get("language")
        for kind in kinds:
            front_end = front_ends[kind, language is not None]
            try:
                symbols = front_end(row["text"], language or FALLBACK)
            except MarkError:
                continue
            named = language or NO_LANGUAGE
            counts[kind].setdefault(named, Counter()).update(symbols)
            texts[kind].setdefault(named, Counter()).update(set(symbols))
    return {
        kind: {
            language: {
                symbol: {"count": n, "texts": texts[kind][language][symbol]}
                for symbol, n in sorted(by_symbol.items())
            }
            for language, by_symbol in counts[kind].items()
        }
        for kind in kinds
    }


def write_text(path: Path, text: str) -> None:
    with appearing_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
