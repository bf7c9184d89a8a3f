"""The settings beside a Piper voice (`<voice>.onnx.json`, `config.json`): symbols, speakers, audio.

Piper puts ^ before and $ behind every text, and its blank _ behind ^ and every phoneme.
"""

from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, read_json
from vits.config import VitsConfig, is_name
from vits.exchange.defaults import completed

BLANK, START, END = "_", "^", "$"
HOP_LENGTH = 256  # samples; what Piper takes where the settings are silent
SPECTROGRAM = {"n_fft": 1024, "win_length": 1024, "n_mels": 80, "f_min": 0.0, "f_max": None}
FRONT_ENDS = {"espeak": "phonemes", "text": "characters"}  # of its phoneme_type


def piper_settings(path: Path) -> dict[str, Any]:
    """The settings in a JSON file. One that says nothing of phonemes is a UserError."""
    values = read_json(path)
    if not isinstance(values, dict) or not isinstance(values.get("phoneme_id_map"), dict):
        raise UserError(
            f"{path}: has no phoneme_id_map, so it is no Piper voice's settings; put those that "
            f"came with the voice there"
        )
    if not isinstance(values.get("audio"), dict) or "sample_rate" not in values["audio"]:
        raise UserError(
            f"{path}: has no audio.sample_rate; expected a number of Hz such as 22050; use the "
            f"whole settings that came with the voice"
        )
    return values


def piper_config(
    path: Path,
    values: dict[str, Any],
    audio: dict[str, Any],
    model: dict[str, Any],
    n_symbols: int,
    n_speakers: int,
) -> VitsConfig:
    """The config of a voice. `path` is that of the settings `values`, for messages.

    audio: what the checkpoint itself says of it, in the words of AudioConfig; model: the values of
    a ModelConfig; n_symbols, n_speakers: rows of the embeddings, n_speakers 0 where there is none.
    """
    usual = {"sample_rate": values["audio"]["sample_rate"]} | SPECTROGRAM
    usual["hop_length"] = values.get("hop_length", HOP_LENGTH)
    sections = completed(
        audio=usual | audio,
        text=_text(path, values, n_symbols),
        model=model,
        speakers=_speakers(path, values, n_speakers) if n_speakers else None,
    )
    return config_from_dict(VitsConfig, sections, str(path))


def _text(path: Path, values: dict[str, Any], n_symbols: int) -> dict[str, Any]:
    kind = values.get("phoneme_type", "espeak")
    if kind not in list(FRONT_ENDS):  # it may be no text at all
        raise UserError(
            f"{path}: phoneme_type is {kind!r}, but texts can be read here as "
            f"{' or '.join(FRONT_ENDS)} alone; choose another voice"
        )
    if values.get("vowel_clusters"):
        raise UserError(
            f"{path}: vowel_clusters joins phonemes to one symbol, but a symbol here is one code "
            f"point; choose a voice without them"
        )
    espeak = values.get("espeak")
    language = espeak.get("voice") if isinstance(espeak, dict) else None
    if language is None and kind == "espeak":
        raise UserError(
            f"{path}: has no espeak.voice, expected a name such as en-us; use the whole settings "
            f"that came with the voice"
        )
    symbols = _symbols(path, values["phoneme_id_map"], n_symbols)
    if BLANK not in symbols:
        raise UserError(
            f"{path}: phoneme_id_map has no {BLANK!r}, which Piper puts between phonemes; use the "
            f"settings that came with the voice"
        )
    return {
        "front_end": FRONT_ENDS[kind],
        "language": language or "en-us",  # unused by characters
        "symbols": symbols,
        "add_blank": True,
        "blank": None if symbols[0] == BLANK else BLANK,
        "start": START if START in symbols else None,
        "end": END if END in symbols else None,
        "decomposed": True,
    }


def _symbols(path: Path, id_map: dict[str, Any], n_symbols: int) -> list[str]:
    """The symbol of each row. Rows that no phoneme has are named <unused N>.

    Phonemes of several code points, which no text is split into here, stand in angle brackets.
    """
    symbols = [f"<unused {i}>" for i in range(n_symbols)]
    taken: dict[int, str] = {}
    for phoneme, ids in id_map.items():
        if not isinstance(ids, list) or len(ids) != 1 or type(ids[0]) is not int:
            raise UserError(
                f"{path}: phoneme_id_map gives {phoneme!r} the ids {ids!r}, expected a list of one "
                f"whole number; choose another voice"
            )
        row = ids[0]
        if not 0 <= row < n_symbols:
            raise UserError(
                f"{path}: phoneme_id_map gives {phoneme!r} the id {row}, but the voice has "
                f"{n_symbols} symbols; use the settings that came with the voice"
            )
        if row in taken:
            raise UserError(
                f"{path}: phoneme_id_map gives {taken[row]!r} and {phoneme!r} the same id {row}, "
                f"but a symbol here has one of its own; use the settings that came with the voice, "
                f"or choose another voice"
            )
        taken[row] = phoneme
        symbols[row] = phoneme if len(phoneme) == 1 or is_name(phoneme) else f"<{phoneme}>"
    return symbols


def _speakers(path: Path, values: dict[str, Any], n_speakers: int) -> list[str]:
    """The name of each row; those that the settings do not name are <speaker N>."""
    id_map = values.get("speaker_id_map") or {}
    names = [f"<speaker {i}>" for i in range(n_speakers)]
    if not isinstance(id_map, dict):
        raise UserError(
            f"{path}: speaker_id_map is no object of names and ids; use the settings that came "
            f"with the voice"
        )
    for name, row in id_map.items():
        if type(row) is not int or not 0 <= row < n_speakers:
            raise UserError(
                f"{path}: speaker_id_map gives {name!r} the id {row!r}, but the voice has "
                f"{n_speakers} speakers; use the settings that came with the voice"
            )
        names[row] = name
    return names
