"""The check of all data before step 0: what can be trained on, and why the rest cannot.

Every list is read, every recording decoded once (in threads; a cache spares the next start the
work), and every text turned into tokens. One run names every fault.
"""

import dataclasses
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hifigan.audio import resampled_length
from hifigan.errors import UserError
from vits.config import FROM_DATA, VitsConfig
from vits.data import Utterance
from vits.data_report import LOUD_SHARE, UNKNOWN_FIX, DataReport, Refusal, list_symbols
from vits.filelist import Line, read_lists
from vits.recordings import NAN, UNREADABLE, Recording, scan_recordings
from vits.text import FrontEnd, SymbolTable, build_front_end, describe_symbol, spelt_words

logger = logging.getLogger(__name__)

SILENCE_PEAK = 1e-3  # of full scale, -60 dB: below the noise of any microphone
BLANK = "_"  # heads a table made from data, as it does in the published ones

MISSING = "missing file"
TOO_SHORT, TOO_LONG, SILENT = "too short", "too long", "silent"
EMPTY_TEXT, UNKNOWN_SYMBOLS = "empty text", "unknown symbols"
TOO_MANY_SYMBOLS, MORE_SYMBOLS_THAN_FRAMES = "too many symbols", "more symbols than frames"
UNKNOWN_SPEAKER, IN_BOTH_LISTS = "unknown speaker", "also in the validation list"

Fault = tuple[str, str]  # reason and detail


@dataclass(frozen=True)
class CheckedData:
    train: list[Utterance]
    valid: list[Utterance]
    config: VitsConfig  # with the symbols and the speakers that "from_data" stood for
    report: DataReport


def check_data(config: VitsConfig, cache: Path | None = None) -> CheckedData:
    """Read and judge everything that the config's lists name.

    cache: a JSON file that keeps what decoding told of each recording, by path, size and time.
    A UserError says that there is nothing to train on; single faults are refusals in the report.
    """
    train_lines, valid_lines = read_lists(config.data)
    lines = train_lines + valid_lines
    paths = [line.path for line in lines if line.path is not None]
    recordings = scan_recordings(paths, config.data.max_seconds, cache)
    front_end = build_front_end(config.text)
    symbols = {text: front_end(text) for text in {line.text for line in lines}}
    _require_reading_voice(config, [line.text for line in train_lines], front_end)

    faults = {line: _recording_fault(line, recordings, config) for line in lines}
    for line in lines:
        faults[line] = faults[line] or _text_fault(line, symbols[line.text])
    valid_paths = {line.path for line in valid_lines}
    for line in train_lines:
        if line.path in valid_paths:
            faults[line] = faults[line] or (IN_BOTH_LISTS, "it would flatter the validation loss")

    heard = [line for line in train_lines if faults[line] is None]
    table_symbols = _symbols(config, [symbols[line.text] for line in heard])
    table = SymbolTable(table_symbols, config.text.add_blank)
    speakers = _speakers(config, heard)
    unknown: Counter[str] = Counter()
    utterances: dict[Line, Utterance] = {}
    for line in lines:
        if faults[line] is not None:
            continue
        unknown.update(table.unknown(symbols[line.text]))
        recording = recordings[line.path]
        made = _utterance(line, symbols[line.text], recording, table, speakers, config)
        if isinstance(made, Utterance):
            utterances[line] = made
        else:
            faults[line] = made

    splits = {"train": train_lines, "valid": valid_lines}
    report = _report(config, splits, utterances, recordings, faults, unknown)
    logger.info("%s", report.text())
    _require_training_data(report)
    _warn(report)
    train, valid = (
        [utterances[line] for line in split if line in utterances] for split in splits.values()
    )
    resolved = dataclasses.replace(
        config,
        text=dataclasses.replace(config.text, symbols=table_symbols),
        data=dataclasses.replace(config.data, speakers=speakers),
    )
    return CheckedData(train, valid, resolved, report)


def _recording_fault(
    line: Line, recordings: dict[Path, Recording], config: VitsConfig
) -> Fault | None:
    if line.path is None:
        hint = f"; there is {line.near}" if line.near else ""
        return MISSING, f"no such recording{hint}"
    recording = recordings[line.path]
    if recording.fault in (UNREADABLE, NAN):
        return recording.fault, recording.detail
    segment_seconds = config.train.segment_samples / config.audio.sample_rate
    shortest = max(config.data.min_seconds, segment_seconds)
    key = "data.min_seconds" if shortest > segment_seconds else "train.segment_samples"
    if recording.seconds > config.data.max_seconds:
        longest = config.data.max_seconds
        return TOO_LONG, f"{recording.seconds:.2f} s, data.max_seconds is {longest:g}"
    if recording.seconds < shortest:
        return TOO_SHORT, f"{recording.seconds:.2f} s, {key} asks for {shortest:.2f} s"
    if recording.peak < SILENCE_PEAK:
        return SILENT, f"peak {recording.peak:.1g} of full scale, expected {SILENCE_PEAK:g} or more"
    return None


def _text_fault(line: Line, symbols: list[str]) -> Fault | None:
    if symbols:
        return None
    return EMPTY_TEXT, f"nothing to speak in {line.text!r}"


def _require_reading_voice(config: VitsConfig, texts: list[str], front_end: FrontEnd) -> None:
    words, spelt = spelt_words(texts, front_end)
    if 2 * len(spelt) > len(words):
        raise UserError(
            f"{config.data.folder}: the voice of text.language "
            f"{config.text.language!r} cannot read {spelt[0]!r} and {len(spelt) - 1} "
            f"more of {len(words)} frequent words and spells their letters; name the "
            f"language of the texts, as in --set text.language=bg"
        )


def _symbols(config: VitsConfig, texts: list[list[str]]) -> tuple[str, ...]:
    if config.text.symbols != FROM_DATA:
        return config.text.symbols
    return BLANK, *sorted({symbol for text in texts for symbol in text} - {BLANK})


def _speakers(config: VitsConfig, lines: list[Line]) -> tuple[str, ...] | None:
    if config.data.speakers != FROM_DATA:
        return config.data.speakers
    return tuple(sorted({line.speaker for line in lines} - {""}))


def _utterance(
    line: Line,
    symbols: list[str],
    recording: Recording,
    table: SymbolTable,
    speakers: tuple[str, ...] | None,
    config: VitsConfig,
) -> Utterance | Fault:
    if speakers is not None and line.speaker not in speakers:
        some = ", ".join(speakers[:8]) + (", ..." if len(speakers) > 8 else "")
        return UNKNOWN_SPEAKER, f"{line.speaker!r} is none of data.speakers ({some})"
    unknown = table.unknown(symbols)
    if unknown:
        some = ", ".join(map(describe_symbol, unknown[:4]))
        more = f" and {len(unknown) - 4} more" if len(unknown) > 4 else ""
        return UNKNOWN_SYMBOLS, f"{some}{more} in {line.text[:60]!r}"
    tokens = tuple(table.encode(symbols))
    if len(tokens) > config.data.max_symbols:
        most = config.data.max_symbols
        return TOO_MANY_SYMBOLS, f"{len(tokens)} with blanks, data.max_symbols is {most}"
    n_samples = resampled_length(
        recording.n_samples, recording.sample_rate, config.audio.sample_rate
    )
    n_frames = n_samples // config.audio.hop_length
    if len(tokens) > n_frames:
        return MORE_SYMBOLS_THAN_FRAMES, (
            f"{len(tokens)} symbols with blanks, {n_frames} frames; "
            f"so much text cannot be aligned to so short a clip"
        )
    speaker_id = 0 if speakers is None else speakers.index(line.speaker)
    return Utterance(
        line.id, str(line.path), line.text, line.speaker, speaker_id, tokens, n_samples, n_frames
    )


def _report(
    config: VitsConfig,
    splits: dict[str, list[Line]],
    utterances: dict[Line, Utterance],
    recordings: dict[Path, Recording],
    faults: dict[Line, Fault | None],
    unknown: Counter[str],
) -> DataReport:
    rate = config.audio.sample_rate
    made = {
        split: [utterances[line] for line in lines if line in utterances]
        for split, lines in splits.items()
    }
    used = [recordings[line.path] for line in utterances]
    return DataReport(
        folder=config.data.folder,
        n_read={split: len(lines) for split, lines in splits.items()},
        n_used={split: len(chosen) for split, chosen in made.items()},
        seconds={split: sum(u.n_samples for u in chosen) / rate for split, chosen in made.items()},
        refusals=tuple(
            Refusal(split, line.place, line.id, *faults[line])
            for split, lines in splits.items()
            for line in lines
            if faults[line]
        ),
        sample_rate=rate,
        resampled=dict(Counter(r.sample_rate for r in used if r.sample_rate != rate)),
        n_folded=sum(r.n_channels > 1 for r in used),
        n_scaled=sum(r.peak > 1 for r in used),
        unknown=dict(unknown),
    )


def _require_training_data(report: DataReport) -> None:
    """Stop where nothing is left, or where the symbol table is of another script than the texts."""
    refusals = [refusal for refusal in report.refusals if refusal.split == "train"]
    reasons = Counter(refusal.reason for refusal in refusals)
    n_read, n_used = report.n_read["train"], report.n_used["train"]
    if 2 * reasons[UNKNOWN_SYMBOLS] > n_read:
        raise UserError(
            f"{report.folder}: {reasons[UNKNOWN_SYMBOLS]} of {n_read} training texts "
            f"have symbols that text.symbols lacks: "
            f"{list_symbols(report.unknown, 12)}; {UNKNOWN_FIX}"
        )
    if n_used == 0:
        reason, n_utterances = reasons.most_common(1)[0]
        first = next(refusal for refusal in refusals if refusal.reason == reason)
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
