"""The check of all data before step 0: what can be trained on, and why the rest cannot.

Every list is read, every recording decoded once (in threads), and every text turned into tokens.
One run names every fault. What has been found is kept, for the next start on the same data.
"""

import dataclasses
import logging
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
from hifigan.errors import UserError
from vits.config import FROM_DATA, VitsConfig
from vits.corpus.filelist import Line, ListFile, load_lists, split_lists
from vits.corpus.kept_check import check_key, find_check, keep_check
from vits.corpus.line_check import (
    IN_BOTH_LISTS,
    UNKNOWN_SYMBOLS,
    Fault,
    recording_fault,
    text_fault,
    utterance_or_fault,
)
from vits.corpus.report import (
    LOUD_SHARE,
    UNKNOWN_FIX,
    DataReport,
    Refusal,
    Refusals,
    commonest_reasons,
    list_symbols,
    pack_refusals,
)
from vits.corpus.utterance_table import TableBuilder, UtteranceTable
from vits.data import Utterance
from vits.text import FrontEnd, SymbolTable, build_front_end, spelt_words

logger = logging.getLogger(__name__)

BLANK = "_"  # heads a table made from data, as it does in the published ones


@dataclass(frozen=True)
class CheckedData:
    train: UtteranceTable
    valid: UtteranceTable
    config: VitsConfig  # with the symbols and the speakers that "from_data" stood for
    report: DataReport


def check_data(config: VitsConfig, cache: Path | None = None) -> CheckedData:
    """Read and judge everything that the config's lists name.

    cache: a folder that keeps what was found, of each recording and of all; None: nothing is kept.
    A UserError says that there is nothing to train on; single faults are refusals in the report.
    """
    files = load_lists(config.data)
    key = check_key(config, [file for file in files if file])
    kept = None if cache is None else find_check(cache, key, config)
    if kept:
        build_front_end(config.text)  # what it needs must be installed all the same
    columns = kept or _examine(config, files, cache)
    report = _report(columns)
    logger.info("%s", report.text())
    _require_training_data(report)
    _warn(report)
    if cache is not None and not kept:
        columns = keep_check(columns, cache, key)
    n_train, n_valid = report.n_used.values()
    return CheckedData(
        UtteranceTable(columns, 0, n_train),
        UtteranceTable(columns, n_train, n_train + n_valid),
        _resolved(config, columns.facts["symbols"], columns.facts["speakers"]),
        _report(columns),
    )


def _examine(
    config: VitsConfig, files: tuple[ListFile, ListFile | None], cache: Path | None
) -> Columns:
    """The whole check. No more than one line is in memory as Python objects at a time."""
    folders = Folders()
    train, valid = split_lists(*files, config.data, folders)
    front_end = build_front_end(config.text)
    _require_reading_voice(config, (line.text for line in train), front_end)
    paths, recording_of = _number_recordings(chain(train, valid))
    scan = scan_recordings(paths, config.data.max_seconds, cache)

    # First what is wrong with a line by itself; the others make the tables of "from_data".
    faults: dict[int, Fault] = {}  # by the number of the line through both lists
    symbols, heard_symbols, heard_speakers = StringsBuilder(), set(), set()
    held_out = set(recording_of[len(train) :].tolist())
    for i, line in _numbered(train, valid, "reading texts"):
        recording = None if recording_of[i] < 0 else scan[recording_of[i]]
        fault = recording_fault(line, recording, config)
        read = [] if fault else front_end(line.text)
        fault = fault or text_fault(line, read)
        if i < len(train) and recording_of[i] in held_out:
            fault = fault or (IN_BOTH_LISTS, "it would flatter the validation loss")
        symbols.append("".join(read))
        if fault:
            faults[i] = fault
        elif i < len(train):
            heard_symbols.update(read)
            heard_speakers.add(line.speaker)

    text = dataclasses.replace(config.text, symbols=_symbols(config, heard_symbols))
    table = SymbolTable(text)
    speakers = _speakers(config, heard_speakers)
    speaker_ids = None if speakers is None else {name: i for i, name in enumerate(speakers)}
    texts, used, unknown = symbols.strings(), TableBuilder(len(table)), Counter()
    n_used = {"train": 0, "valid": 0}
    for i, line in _numbered(train, valid, "numbering symbols"):
        if i in faults:
            continue
        read = texts[i]
        unknown.update(table.unknown(read))
        made = utterance_or_fault(line, read, scan[recording_of[i]], table, speaker_ids, config)
        if isinstance(made, Utterance):
            used.add(made, int(recording_of[i]))
            n_used["train" if i < len(train) else "valid"] += 1
        else:
            faults[i] = made

    arrays = used.arrays(paths)
    return Columns(
        arrays
        | {name: scan.facts[name] for name in ("size", "modified")}
        | string_arrays("refusal", pack_refusals(_refusals(faults, train, valid))),
        {
            "symbols": table.symbols,
            "speakers": speakers,
            "asked_symbols": config.text.symbols,
            "asked_speakers": config.data.speakers,
            "folders": folders.digests,
            "report": {
                "folder": config.data.folder,
                "n_read": {"train": len(train), "valid": len(valid)},
                "n_used": n_used,
                **_used_recordings(arrays, scan.facts, n_used, config.audio.sample_rate),
                "unknown": dict(unknown),
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
    faults: dict[int, Fault], train: Sequence[Line], valid: Sequence[Line]
) -> Iterator[Refusal]:
    for i in sorted(faults):
        split, line = ("train", train[i]) if i < len(train) else ("valid", valid[i - len(train)])
        yield Refusal(split, line.place, line.id, *faults[i])


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


def _require_reading_voice(config: VitsConfig, texts: Iterable[str], front_end: FrontEnd) -> None:
    words, spelt = spelt_words(texts, front_end)
    if 2 * len(spelt) > len(words):
        raise UserError(
            f"{config.data.folder}: the voice of text.language "
            f"{config.text.language!r} cannot read {spelt[0]!r} and {len(spelt) - 1} "
            f"more of {len(words)} frequent words and spells their letters; name the "
            f"language of the texts, as in --set text.language=bg"
        )


def _symbols(config: VitsConfig, heard: set[str]) -> tuple[str, ...]:
    if config.text.symbols != FROM_DATA:
        return config.text.symbols
    return BLANK, *sorted(heard - {BLANK})


def _speakers(config: VitsConfig, heard: set[str | None]) -> tuple[str, ...] | None:
    if config.data.speakers != FROM_DATA:
        return config.data.speakers
    return tuple(sorted(heard - {""}))


def _report(columns: Columns) -> DataReport:
    facts = columns.facts["report"]
    return DataReport(refusals=Refusals(columns), **facts | {"resampled": dict(facts["resampled"])})


def _resolved(
    config: VitsConfig, symbols: Sequence[str], speakers: Sequence[str] | None
) -> VitsConfig:
    """The config with the tables that were used."""
    return dataclasses.replace(
        config,
        text=dataclasses.replace(config.text, symbols=tuple(symbols)),
        data=dataclasses.replace(
            config.data, speakers=None if speakers is None else tuple(speakers)
        ),
    )


def _require_training_data(report: DataReport) -> None:
    """Stop where nothing is left, or where the symbol table is of another script than the texts."""
    reasons = commonest_reasons(r for r in report.refusals if r.split == "train")
    n_unknown = sum(n for reason, n, _ in reasons if reason == UNKNOWN_SYMBOLS)
    n_read, n_used = report.n_read["train"], report.n_used["train"]
    if 2 * n_unknown > n_read:
        raise UserError(
            f"{report.folder}: {n_unknown} of {n_read} training texts "
            f"have symbols that text.symbols lacks: "
            f"{list_symbols(report.unknown, 12)}; {UNKNOWN_FIX}"
        )
    if n_used == 0:
        reason, n_utterances, first = reasons[0]
        raise UserError(
            f"{report.folder}: of {n_read} training utterances none can be used; "
            f"{n_utterances} for: {reason}; the first: {first}"
        )


def _warn(report: DataReport) -> None:
    if report.share_refused > LOUD_SHARE:
        logger.warning(
            "%.0f %% of the utterances (%d) are REFUSED and will not be trained on; "
            "the report says why",
            100 * report.share_refused,
            len(report.refusals),
        )
    if report.n_used["valid"] == 0:
        logger.warning("no validation utterances: training goes on without a validation loss")
