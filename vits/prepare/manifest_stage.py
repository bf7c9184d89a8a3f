"""The stages behind the recordings: lists of the three sides, and the symbols of their texts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError
from vits.config import TextConfig
from vits.prepare.settings import Settings
from vits.prepare.splitting import Utterance, sentence_number, split
from vits.prepare.work import Task, read_rows, results, tasks, write_rows
from vits.text import MarkError, build_front_end

MANIFEST = "manifest.jsonl"
LISTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Lists:
    """What the lists hold."""

    n: dict[str, int]  # utterances of each side
    n_torn: int  # sentences that the source had on two sides


def write_lists(folder: Path, settings: Settings, n_shards: int) -> Lists:
    """Write the manifest and the lists of the sides, of the recordings that were made."""
    known = results(folder)
    kept: list[Utterance] = []
    absent: list[int] = []
    for i, task in enumerate(tasks(folder)):
        result = known.get(task.source)
        if result is None or result.audio != task.audio:
            absent.append(i)
        elif not result.made.fault:
            number = sentence_number(task.text)
            kept.append(Utterance(number, task.speaker, task.language, task.split))
    if absent:
        shard = absent[0] % n_shards + 1
        which = f"--shard {shard}/{n_shards} " if n_shards > 1 else ""
        raise UserError(
            f"{folder}: {len(absent)} recordings have not been made yet; run {which}--stage audio "
            f"first"
        )
    if not kept:
        raise UserError(
            f"{folder}: nothing is left of {settings.source}: every utterance was refused; see "
            f"{folder / 'report.txt'}"
        )
    sides, n_torn = split(kept, settings.valid, settings.test, settings.seed)

    def rows(wanted: str | None = None) -> Iterator[dict[str, Any]]:
        made = iter(sides)
        for task in tasks(folder):
            result = known[task.source]
            if result.made.fault:
                continue
            side = next(made)
            if wanted in (None, side):
                yield _row(task, side, result.made.seconds)

    n = {MANIFEST: write_rows(folder / MANIFEST, rows())}
    for side in LISTS:
        n[side] = write_rows(folder / f"{side}.jsonl", rows(side))
    return Lists({side: n[side] for side in LISTS}, n_torn)


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
    of espeak besides, by language. Texts with marks that cannot be read are left out.
    """
    kinds = ["characters"]
    if settings.front_end == "phonemes":
        kinds.append("phonemes")
    counts: dict[str, dict[str, Counter[str]]] = {kind: {} for kind in kinds}
    texts: dict[str, dict[str, Counter[str]]] = {kind: {} for kind in kinds}
    fallback = settings.language or "en-us"
    front_ends = {
        kind: build_front_end(TextConfig(kind, fallback, "from_data", True, expand=True))
        for kind in kinds
    }
    for row in tqdm(read_rows(folder / MANIFEST), "symbols", unit="text", disable=None):
        language = row.get("language") or fallback
        for kind in kinds:
            try:
                symbols = front_ends[kind](row["text"], language)
            except MarkError:
                continue
            counts[kind].setdefault(language, Counter()).update(symbols)
            texts[kind].setdefault(language, Counter()).update(set(symbols))
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
