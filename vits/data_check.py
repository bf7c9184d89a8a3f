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
from vits.text import SymbolTable, build_front_end, describe_symbol

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
    splits = {"train": train_lines, "valid": valid_lines}
    paths = [line.path for lines in splits.values() for line in lines if line.path is not None]
    recordings = scan_recordings(paths, config.data.max_seconds, cache)
    front_end = build_front_end(config.text)
    symbols = {text: front_end(text) for lines in splits.values() for text in {line.text for line in lines}}

    in_valid = {line.path for line in valid_lines}
    faults: dict[Line, Fault] = {}
    for split, lines in splits.items():
        for line in lines:
            fault = _recording_fault(line, recordings, config) or _empty_text(line, symbols[line.text])
            if fault is None and split == "train" and line.path in in_valid:
                fault = IN_BOTH_LISTS, "training on it would make the validation loss too good"
            if fault is not None:
                faults[line] = fault

    heard = [line for line in train_lines if line not in faults]
    table = SymbolTable(_symbols(config, [symbols[line.text] for line in heard]), config.text.add_blank)
    speakers = _speakers(config, heard)
    unknown: Counter[str] = Counter()
    utterances: dict[str, list[Utterance]] = {split: [] for split in splits}
    for split, lines in splits.items():
        for line in lines:
            if line in faults:
                continue
            unknown.update(table.unknown(symbols[line.text]))
            made = _utterance(line, symbols[line.text], recordings[line.path], table, speakers, config)
            if isinstance(made, Utterance):
                utterances[split].append(made)
            else:
                faults[line] = made

    report = _report(config, splits, utterances, recordings, faults, unknown)
    if not utterances["train"]:
        raise UserError(_nothing_left(report))
    _warn(report)
    return CheckedData(utterances["train"], utterances["valid"], dataclasses.replace(
        config, text=dataclasses.replace(config.text, symbols=table.symbols),
        data=dataclasses.replace(config.data, speakers=speakers)), report)


def _recording_fault(line: Line, recordings: dict[Path, Recording], config: VitsConfig) -> Fault | None:
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
        return TOO_LONG, f"{recording.seconds:.2f} s, data.max_seconds is {config.data.max_seconds:g}"
    if recording.seconds < shortest:
        return TOO_SHORT, f"{recording.seconds:.2f} s, {key} asks for {shortest:.2f} s"
    if recording.peak < SILENCE_PEAK:
        return SILENT, f"peak {recording.peak:.1g} of full scale, expected {SILENCE_PEAK:g} or more"
    return None


def _empty_text(line: Line, symbols: list[str]) -> Fault | None:
    if symbols:
        return None
    return EMPTY_TEXT, f"nothing to speak in {line.text!r}"


def _symbols(config: VitsConfig, texts: list[list[str]]) -> tuple[str, ...]:
    if config.text.symbols != FROM_DATA:
        return config.text.symbols
    return BLANK, *sorted({symbol for text in texts for symbol in text} - {BLANK})


def _speakers(config: VitsConfig, lines: list[Line]) -> tuple[str, ...] | None:
    if config.data.speakers != FROM_DATA:
        return config.data.speakers
    return tuple(sorted({line.speaker for line in lines} - {""}))


def _utterance(line: Line, symbols: list[str], recording: Recording, table: SymbolTable,
               speakers: tuple[str, ...] | None, config: VitsConfig) -> Utterance | Fault:
    if speakers is not None and line.speaker not in speakers:
        return UNKNOWN_SPEAKER, (f"{line.speaker!r} is none of the {len(speakers)} in data.speakers "
                                 f"({', '.join(speakers[:8])}{', ...' if len(speakers) > 8 else ''})")
    unknown = table.unknown(symbols)
    if unknown:
        return UNKNOWN_SYMBOLS, f"{', '.join(map(describe_symbol, unknown))} in {line.text[:60]!r}"
    tokens = tuple(table.encode(symbols))
    if len(tokens) > config.data.max_symbols:
        return TOO_MANY_SYMBOLS, f"{len(tokens)} with blanks, data.max_symbols is {config.data.max_symbols}"
    n_samples = resampled_length(recording.n_samples, recording.sample_rate, config.audio.sample_rate)
    n_frames = n_samples // config.audio.hop_length
    if len(tokens) > n_frames:
        return MORE_SYMBOLS_THAN_FRAMES, (f"{len(tokens)} symbols with blanks, {n_frames} frames; no "
                                          f"alignment exists, the text is too long for the recording")
    speaker_id = 0 if speakers is None else speakers.index(line.speaker)
    return Utterance(line.id, str(line.path), line.text, line.speaker, speaker_id, tokens, n_samples,
                     n_frames)


def _report(config: VitsConfig, splits: dict[str, list[Line]], utterances: dict[str, list[Utterance]],
            recordings: dict[Path, Recording], faults: dict[Line, Fault],
            unknown: Counter[str]) -> DataReport:
    rate = config.audio.sample_rate
    used = [recordings[Path(u.path)] for made in utterances.values() for u in made]
    return DataReport(
        folder=config.data.folder,
        n_read={split: len(lines) for split, lines in splits.items()},
        n_used={split: len(made) for split, made in utterances.items()},
        seconds={split: sum(u.n_samples for u in made) / rate for split, made in utterances.items()},
        refusals=tuple(Refusal(split, line.place, line.id, *faults[line])
                       for split, lines in splits.items() for line in lines if line in faults),
        sample_rate=rate,
        resampled=dict(Counter(r.sample_rate for r in used if r.sample_rate != rate)),
        n_folded=sum(r.n_channels > 1 for r in used),
        n_scaled=sum(r.peak > 1 for r in used),
        unknown=dict(unknown),
    )


def _nothing_left(report: DataReport) -> str:
    refusals = [refusal for refusal in report.refusals if refusal.split == "train"]
    reason, n_utterances = Counter(refusal.reason for refusal in refusals).most_common(1)[0]
    first = next(refusal for refusal in refusals if refusal.reason == reason)
    message = (f"{report.folder}: of {report.n_read['train']} training utterances none can be used; "
               f"{n_utterances} for: {reason}")
    if reason == UNKNOWN_SYMBOLS:
        return f"{message}: {list_symbols(report.unknown, 12)}; fix: {UNKNOWN_FIX}"
    return f"{message}; the first: {first.place}: {first.id}: {first.detail}"


def _warn(report: DataReport) -> None:
    if report.share_refused > LOUD_SHARE:
        logger.warning("%.0f %% of the utterances (%d) are REFUSED and will not be trained on; the report "
                       "says why", 100 * report.share_refused, len(report.refusals))
    if report.n_used["valid"] == 0:
        logger.warning("no validation utterances: training goes on without a validation loss")
