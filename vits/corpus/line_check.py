"""The check of one line of a list: what it gives to train on, or why it cannot be used."""

from collections.abc import Sequence

from hifigan.audio import resampled_length
from hifigan.corpus.recordings import NAN, UNREADABLE, Recording
from vits.config import VitsConfig
from vits.corpus.filelist import Line
from vits.data import Utterance
from vits.text import SymbolTable, describe_symbol

SILENCE_PEAK = 1e-3  # of full scale, -60 dB: below the noise of any microphone

MISSING = "missing file"
TOO_SHORT, TOO_LONG, SILENT = "too short", "too long", "silent"
EMPTY_TEXT, UNKNOWN_SYMBOLS = "empty text", "unknown symbols"
TOO_MANY_SYMBOLS, MORE_SYMBOLS_THAN_FRAMES = "too many symbols", "more symbols than frames"
UNKNOWN_SPEAKER, IN_BOTH_LISTS = "unknown speaker", "also in the validation list"

Fault = tuple[str, str]  # reason and detail


def recording_fault(line: Line, recording: Recording | None, config: VitsConfig) -> Fault | None:
    """Why the line's recording cannot be used; None if it can. recording: None if it is missing."""
    if recording is None:
        hint = f"; there is {line.near}" if line.near else ""
        return MISSING, f"no such recording{hint}"
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


def text_fault(line: Line, symbols: Sequence[str]) -> Fault | None:
    """Why there is nothing to speak in the line's text, of which the front end made `symbols`."""
    if symbols:
        return None
    return EMPTY_TEXT, f"nothing to speak in {line.text!r}"


def utterance_or_fault(
    line: Line,
    symbols: Sequence[str],
    recording: Recording,
    table: SymbolTable,
    speaker_ids: dict[str, int] | None,
    config: VitsConfig,
) -> Utterance | Fault:
    """What is trained on. speaker_ids: by name, in data.speakers' order; None: one speaker."""
    if speaker_ids is not None and line.speaker not in speaker_ids:
        speakers = list(speaker_ids)
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
    speaker_id = 0 if speaker_ids is None else speaker_ids[line.speaker]
    return Utterance(
        line.id, str(line.path), line.text, line.speaker, speaker_id, tokens, n_samples, n_frames
    )
