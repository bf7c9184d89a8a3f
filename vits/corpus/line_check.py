"""The check of one line of a list: what it gives to train on, or why it cannot be used."""

from collections.abc import Sequence

from hifigan.audio import resampled_length
from hifigan.corpus.recordings import NAN, UNREADABLE, Recording
from vits.config import VitsConfig
from vits.corpus.filelist import Line
from vits.data import Utterance
from vits.text import FrontEnd, MarkError, SymbolTable, describe_symbol

SILENCE_PEAK = 1e-3  # of full scale, -60 dB: below the noise of any microphone

MISSING = "missing file"
TOO_SHORT, TOO_LONG, SILENT = "too short", "too long", "silent"
EMPTY_TEXT, UNKNOWN_SYMBOLS, ODD_MARK = "empty text", "unknown symbols", "odd mark"
TOO_MANY_SYMBOLS, MORE_SYMBOLS_THAN_FRAMES = "too many symbols", "more symbols than frames"
UNKNOWN_SPEAKER, IN_BOTH_LISTS = "unknown speaker", "also in the validation list"
UNKNOWN_LANGUAGE, OTHER_LANGUAGE = "unknown language", "other language"

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


def language_fault(line: Line, config: VitsConfig) -> Fault | None:
    """Why a config of one language cannot read the line; None if it can, or reads letters alone."""
    text = config.text
    if line.language is None or config.data.languages is not None:
        return None
    if text.front_end == "as_written" or (text.front_end == "characters" and not text.expand):
        return None
    if line.language.split("-")[0] == text.language.split("-")[0]:
        return None
    return OTHER_LANGUAGE, (
        f"{line.language}, but text.language is {text.language}; use --set "
        f"text.language={line.language}, or --set data.languages=from_data for several languages"
    )


def symbols_or_fault(
    line: Line, front_end: FrontEnd, language: str | None
) -> tuple[list[str], Fault | None]:
    """The symbols of the line's text, or why there are none."""
    try:
        symbols = front_end(line.text, language)
    except MarkError as error:
        return [], (ODD_MARK, str(error))
    return symbols, None if symbols else (EMPTY_TEXT, f"nothing to speak in {line.text!r}")


def utterance_or_fault(
    line: Line,
    symbols: Sequence[str],
    recording: Recording,
    table: SymbolTable,
    speaker_ids: dict[str, int] | None,
    language_ids: dict[str, int] | None,
    config: VitsConfig,
) -> Utterance | Fault:
    """What is trained on.

    speaker_ids, language_ids: by name, in the order of data.speakers and data.languages; None: one.
    """
    if speaker_ids is not None and line.speaker not in speaker_ids:
        return UNKNOWN_SPEAKER, _none_of(line.speaker, "data.speakers", list(speaker_ids))
    if language_ids is not None and line.language not in language_ids:
        return UNKNOWN_LANGUAGE, _none_of(line.language, "data.languages", list(language_ids))
    unknown = table.unknown(symbols)
    if unknown and config.text.unknown_symbols == "leave_out":
        symbols = table.known(symbols)
        if not any(symbol.isalnum() for symbol in symbols):
            return EMPTY_TEXT, f"text.symbols has nothing to speak of {line.text[:60]!r}"
    elif unknown:
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
    return Utterance(
        line.id,
        str(line.path),
        line.text,
        line.speaker if speaker_ids is not None else None,
        0 if speaker_ids is None else speaker_ids[line.speaker],
        tokens,
        n_samples,
        n_frames,
        line.language if language_ids is not None else None,
        0 if language_ids is None else language_ids[line.language],
    )


def _none_of(name: str | None, key: str, names: list[str]) -> str:
    some = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{name!r} is none of {key} ({some})"
