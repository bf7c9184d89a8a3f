"""The check of all data before step 0: what can be trained on, and why the rest cannot.

Every list is read, every recording decoded once (in threads), and every text turned into tokens.
One run names every fault. What has been found is kept, for the next start on the same data.
"""

import dataclasses
import logging
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hifigan.corpus.columns import Columns, string_arrays
from hifigan.corpus.finder import Folders
from hifigan.corpus.packed import Strings, StringsBuilder, as_array, pack
from hifigan.corpus.recordings import scan_recordings
from vits.config import VitsConfig
from vits.corpus.filelist import Line, ListFile, load_lists, split_lists
from vits.corpus.kept_check import check_key, find_check, keep_check
from vits.corpus.line_check import (
    IN_BOTH_LISTS,
    Fault,
    language_fault,
    recording_fault,
    symbols_or_fault,
    utterance_or_fault,
)
from vits.corpus.mix_in import Joined, load_mix_in, parse_mix_in
from vits.corpus.report import (
    DataReport,
    Refusal,
    Refusals,
    pack_refusals,
)
from vits.corpus.tables import Heard, asked_tables, make_tables, resolved
from vits.corpus.utterance_table import TableBuilder, UtteranceTable
from vits.corpus.verdict import require_reading_voice, require_training_data, warn
from vits.data import Utterance
from vits.text import SymbolTable, build_front_end

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckedData:
    train: UtteranceTable
    valid: UtteranceTable
    config: VitsConfig  # with the tables that "from_data" stood for
    report: DataReport


def check_data(
    config: VitsConfig, cache: Path | None = None, growing: Collection[str] = ()
) -> CheckedData:
    """Read and judge everything that the config's lists name.

    cache: a folder that keeps what was found, of each recording and of all; None: nothing is kept.
    growing: which of "symbols", "speakers" and "languages" take what the training lines have
    besides, at their end, as trained weights may. A UserError says that there is nothing to train
    on; single faults are refusals in the report.
    """
    files = *load_lists(config.data), load_mix_in(config.data)
    key = check_key(config, [file for file in files if file])
    kept = None if cache is None else find_check(cache, key, config, growing)
    if kept:
        build_front_end(config.text)  # what it needs must be installed all the same
    columns = kept or _examine(config, files, growing, cache)
    report = _report(columns, config)
    logger.info("%s", report.text())
    require_training_data(report)
    warn(report)
    if cache is not None and not kept:
        columns = keep_check(columns, cache, key)
    n_train, n_valid = report.n_used.values()
    return CheckedData(
        UtteranceTable(columns, 0, n_train),
        UtteranceTable(columns, n_train, n_train + n_valid),
        resolved(config, columns.facts),
        _report(columns, config),
    )


def _examine(
    config: VitsConfig,
    files: tuple[ListFile, ListFile | None, ListFile | None],
    growing: Collection[str],
    cache: Path | None,
) -> Columns:
    """The whole check. No more than one line is in memory as Python objects at a time.

    files: the lists to train on, to validate on, and to mix in.
    """
    folders = Folders()
    *own, mix_in = files
    new, valid = split_lists(*own, config.data, folders)
    mixed_in = parse_mix_in(mix_in, config.data, folders)
    train = Joined(new, mixed_in)
    front_end = build_front_end(config.text)
    require_reading_voice(config, train, front_end)
    paths, recording_of = _number_recordings(chain(train, valid))
    scan = scan_recordings(paths, config.data.max_seconds, cache)

    # First what is wrong with a line by itself; the others make the tables of "from_data".
    faults: dict[int, Fault] = {}  # by the number of the line through both lists
    symbols, heard = StringsBuilder(), Heard()
    held_out = set(recording_of[len(train) :].tolist())
    for i, line in _numbered(train, valid, "reading texts"):
        recording = None if recording_of[i] < 0 else scan[recording_of[i]]
        fault = language_fault(line, config) or recording_fault(line, recording, config)
        language = None if config.data.languages is None else line.language
        read: list[str] = []
        if not fault:
            read, fault = symbols_or_fault(line, front_end, language)
        if i < len(train) and recording_of[i] in held_out:
            fault = fault or (IN_BOTH_LISTS, "it would flatter the validation loss")
        symbols.append("".join(read))
        if fault:
            faults[i] = fault
        elif i < len(train):
            heard.add(read, line.speaker, language)

    tables = make_tables(config, heard, growing)
    table = SymbolTable(dataclasses.replace(config.text, symbols=tables.symbols))
    speaker_ids, language_ids = (
        None if names is None else {name: i for i, name in enumerate(names)}
        for names in (tables.speakers, tables.languages)
    )
    new_symbols = tables.new_symbols.keys()
    texts, used, unknown = symbols.strings(), TableBuilder(len(table)), Counter()
    n_used, n_new_texts = {"train": 0, "valid": 0}, 0
    for i, line in _numbered(train, valid, "numbering symbols"):
        if i in faults:
            continue
        read = texts[i]
        unknown.update(table.unknown(read))
        n_new_texts += i < len(train) and not new_symbols.isdisjoint(read)
        made = utterance_or_fault(
            line, read, scan[recording_of[i]], table, speaker_ids, language_ids, config
        )
        if isinstance(made, Utterance):
            used.add(made, int(recording_of[i]), len(new) <= i < len(train))
            n_used["train" if i < len(train) else "valid"] += 1
        else:
            faults[i] = made

    arrays = used.arrays(paths)
    return Columns(
        arrays
        | {name: scan.facts[name] for name in ("size", "modified")}
        | string_arrays("refusal", pack_refusals(_refusals(faults, new, mixed_in, valid))),
        {
            "symbols": tables.symbols,
            "speakers": tables.speakers,
            "languages": tables.languages,
            **{f"asked_{name}": asked for name, asked in asked_tables(config).items()},
            "growing": list(growing),
            "folders": folders.digests,
            "report": {
                "folder": config.data.folder,
                "n_read": {"train": len(train), "valid": len(valid)},
                "n_used": n_used,
                **_used_recordings(arrays, scan.facts, n_used, config.audio.sample_rate),
                "unknown": dict(unknown),
                "mixed_in": _used_mixed_in(arrays, len(mixed_in), config.audio.sample_rate),
                "new_symbols": tables.new_symbols,
                "new_speakers": tables.new_speakers,
                "new_languages": tables.new_languages,
                "n_new_texts": n_new_texts,
            },
        },
    )


def _number_recordings(lines: Iterable[Line]) -> tuple[Strings, np.ndarray]:
    """Every path that is found, each once, and its index for each line, -1 for a missing one."""
    indices: dict[str, int] = {}
    recording_of = array("q")
    for line in lines:
        found = line.path is not None
        recording_of.append(indices.setdefault(str(line.path), len(indices)) if found else -1)
    return pack(indices), as_array(recording_of)


def _numbered(
    train: Sequence[Line], valid: Sequence[Line], what: str
) -> Iterator[tuple[int, Line]]:
    """The lines of both lists, numbered through, under a progress bar."""
    n_lines = len(train) + len(valid)
    return enumerate(tqdm(chain(train, valid), what, n_lines, unit="line", disable=None))


def _refusals(
    faults: dict[int, Fault],
    train: Sequence[Line],
    mix_in: Sequence[Line],
    valid: Sequence[Line],
) -> Iterator[Refusal]:
    lines = Joined(Joined(train, mix_in), valid)
    for i in sorted(faults):
        in_train, in_training = i < len(train), i < len(train) + len(mix_in)
        split = "train" if in_train else "mix_in" if in_training else "valid"
        yield Refusal(split, lines[i].place, lines[i].id, *faults[i])


def _used_recordings(
    arrays: dict[str, np.ndarray], facts: np.ndarray, n_used: dict[str, int], sample_rate: int
) -> dict[str, Any]:
    """What the report says of the recordings that are used."""
    n_samples = np.split(arrays["n_samples"], [n_used["train"]])
    used = facts[arrays["recording"]]
    other_rates = used["sample_rate"][used["sample_rate"] != sample_rate]
    return {
        "seconds": {split: int(n.sum()) / sample_rate for split, n in zip(n_used, n_samples)},
        "sample_rate": sample_rate,
        "resampled": list(Counter(other_rates.tolist()).items()),  # JSON has no numbers as keys
        "n_folded": int((used["n_channels"] > 1).sum()),
        "n_scaled": int((used["peak"] > 1).sum()),
    }


def _used_mixed_in(
    arrays: dict[str, np.ndarray], n_read: int, sample_rate: int
) -> dict[str, float]:
    """What the report says of data.mix_in; nothing where there is none."""
    if not n_read:
        return {}
    n_samples = arrays["n_samples"][arrays["mixed_in"].view(bool)]
    seconds = int(n_samples.sum()) / sample_rate
    return {"read": n_read, "used": len(n_samples), "seconds": seconds}


def _report(columns: Columns, config: VitsConfig) -> DataReport:
    """Of a check, for a config that may have asked for all that it gave: then nothing is new."""
    facts = dict(columns.facts["report"])
    for name, asked in asked_tables(config).items():
        known = asked if isinstance(asked, tuple) else ()
        new = facts[f"new_{name}"]
        facts[f"new_{name}"] = {row: n for row, n in new.items() if row not in known}
    facts["resampled"] = dict(facts["resampled"])
    return DataReport(refusals=Refusals(columns), **facts)
