"""The config.json of the original VITS, of its forks and of MMS, read into ours.

Widths and counts are read off the weights; where the config speaks of them too, they must agree.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hifigan.errors import UserError, legible
from hifigan.json_config import config_from_dict, config_to_dict, read_json
from vits.config import FROM_DATA, VitsConfig
from vits.exchange.defaults import TRAIN, completed
from vits.exchange.original_shapes import Shapes, model_section
from vits.text.published import PUBLISHED, rows

logger = logging.getLogger(__name__)

AUDIO = {  # theirs, ours
    "sampling_rate": "sample_rate",
    "filter_length": "n_fft",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "n_mel_channels": "n_mels",
    "mel_fmin": "f_min",
    "mel_fmax": "f_max",
}
USUAL_AUDIO = {"n_mel_channels": 80, "mel_fmin": 0.0, "mel_fmax": None}
TRAINING = {
    "seed": "seed",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "segment_size": "segment_samples",
    "learning_rate": "lr",
    "fp16_run": "mixed_precision",
}
LOSSES = {"c_mel": "mel", "c_kl": "kl"}
MODEL = {  # theirs, and the place of ours in a model section
    "inter_channels": ("latent_channels",),
    "hidden_channels": ("text_encoder", "hidden_channels"),
    "filter_channels": ("text_encoder", "filter_channels"),
    "n_heads": ("text_encoder", "n_heads"),
    "n_layers": ("text_encoder", "n_layers"),
    "kernel_size": ("text_encoder", "kernel_size"),
    "resblock": ("decoder", "resblock"),
    "resblock_kernel_sizes": ("decoder", "resblock_kernel_sizes"),
    "upsample_kernel_sizes": ("decoder", "upsample_kernel_sizes"),
    "upsample_initial_channel": ("decoder", "upsample_initial_channels"),
}
USED = {
    "train": {*TRAINING, *LOSSES, "betas", "eps", "lr_decay"},
    "data": {*AUDIO, "add_blank", "n_speakers", "text_cleaners", "max_wav_value"},
    "model": {
        *MODEL,
        "p_dropout",
        "upsample_rates",
        "resblock_dilation_sizes",
        "use_sdp",
        "use_spectral_norm",
        "gin_channels",
    },
}
CLEANERS = {  # of each, the front end here
    "english_cleaners": "phonemes",
    "english_cleaners2": "phonemes",
    "basic_cleaners": "characters",
    "transliteration_cleaners": "characters",
}
MAX_WAV_VALUE = 32768.0  # of 16 bits


def voice_config(
    path: Path, source: Path, shapes: Shapes, given: VitsConfig | None
) -> tuple[VitsConfig, bool]:
    """The config of the voice in `path`, whose own is `source`; also whether it is one of MMS.

    shapes: of its weights, under the original's names. given: how texts become symbols, where the
    voice's own config does not say it in a way that is known here.
    """
    values = read_json(source)
    if not isinstance(values, dict):
        raise UserError(f"{source}: no config of VITS; use the config.json of that voice")
    train, data, model = (section(values, name, source) for name in ("train", "data", "model"))
    unread = [f"{s}.{key}" for s in USED for key in values[s] if key not in USED[s]]
    if unread:
        logger.debug("%s: not read: %s", source, ", ".join(map(legible, sorted(unread))))
    if model.get("use_spectral_norm"):
        raise UserError(
            f"{source}: model.use_spectral_norm is set, but the discriminators here have weight "
            f"norm; set it to false and take the D_* away, so that they start afresh"
        )
    made = model_section(
        path,
        shapes,
        numbers(value(model, "upsample_rates", f"{source}: model"), f"{source}: upsample_rates"),
        lists(model, "resblock_dilation_sizes", f"{source}: model"),
        model.get("p_dropout", 0.1),
    )
    names = MODEL | ({"gin_channels": ("speaker_channels",)} if "emb_g.weight" in shapes else {})
    require_agreement(path, source, "model", {**model, "resblock": resblock(model)}, names, made)
    n_speakers = _n_speakers(path, source, data, shapes)
    # Numbers are all that the original knows; forks name them.
    named = values.get("speakers") or [str(i) for i in range(n_speakers)]
    speakers = speaker_names(named, n_speakers, source) if n_speakers else None
    vocabulary = path.parent / "vocab.txt"
    is_mms = vocabulary.is_file() and "symbols" not in values
    n_symbols = shapes["enc_p.emb.weight"][0]
    symbols = _vocabulary(vocabulary) if is_mms else own_symbols(path, values, n_symbols)
    if len(symbols) != n_symbols:
        raise UserError(
            f"{vocabulary if is_mms else source}: lists {len(symbols)} symbols, but {path.name} "
            f"has {n_symbols}; use the list that the voice was trained with"
        )
    front_end, language = ("characters", "en-us") if is_mms else _front_end(source, data, given)
    sections = completed(
        audio={
            ours: value(USUAL_AUDIO | data, theirs, f"{source}: data")
            for theirs, ours in AUDIO.items()
        },
        text={
            "front_end": front_end,
            "language": language,
            "symbols": rows(symbols),
            "add_blank": value(data, "add_blank", f"{source}: data"),
            "blank": rows(symbols)[0] if is_mms else None,  # a letter is the blank, too
            "start": None,
            "end": None,
            "decomposed": False,
        },
        model=made,
        speakers=speakers,
    )
    if data.get("max_wav_value", MAX_WAV_VALUE) != MAX_WAV_VALUE:
        logger.warning("%s: max_wav_value is not %g: its loudness is", source, MAX_WAV_VALUE)
    if is_mms and str(data.get("training_files", "")).endswith("uroman"):
        logger.warning("%s: was trained on texts that uroman had romanised; romanise yours", source)
    _train_as_there(train, sections)
    return config_from_dict(VitsConfig, sections, str(source)), is_mms


def resolved(path: Path, config: VitsConfig, shapes: Shapes) -> VitsConfig:
    """A config of ours for a voice that has none beside it, with the tables that it left open."""
    text, data = config.text, config.data
    if text.symbols == FROM_DATA:
        symbols = own_symbols(path, {}, shapes.get("enc_p.emb.weight", (0,))[0])
        text = replace(text, symbols=tuple(rows(symbols)))
    if data.speakers == FROM_DATA:
        n_speakers = shapes.get("emb_g.weight", (0,))[0]
        data = replace(data, speakers=tuple(map(str, range(n_speakers))) or None)
    sections = config_to_dict(replace(config, text=text, data=data))
    return config_from_dict(VitsConfig, sections, f"{path}: the given config")


def require_agreement(
    path: Path,
    source: Path | str,
    where: str,
    theirs: Mapping[str, Any],
    names: Mapping[str, tuple[str, ...]],
    made: Mapping[str, Any],
) -> None:
    """A UserError if a config says other widths or counts than the weights have.

    theirs: a section `where` of the config; names: of its keys, places in `made`.
    """
    misfits = []
    for key, place in names.items():
        there: Any = made
        for part in place:
            there = there[part]
        if theirs.get(key) is not None and theirs[key] != there:
            misfits.append(f"{where}.{key} is {theirs[key]!r}, but there it is {there!r}")
    if misfits:
        more = f" and {len(misfits) - 3} more" if len(misfits) > 3 else ""
        raise UserError(
            f"{source}: is not the config of {path.name}: {'; '.join(misfits[:3])}{more}; put the "
            f"one that it was trained with beside it"
        )


def own_symbols(path: Path, values: dict[str, Any], n_symbols: int) -> list[str]:
    """The list in a fork's config, else the published table, where it is as long."""
    listed = values.get("symbols")
    if listed is None and n_symbols == len(PUBLISHED):
        return list(PUBLISHED)
    if not isinstance(listed, list) or not all(isinstance(s, str) for s in listed):
        raise UserError(
            f"{path}: has {n_symbols} symbols, not the {len(PUBLISHED)} published ones, and no "
            f'file says which; put a list "symbols" into its config.json, in the order of its code'
        )
    return listed


def section(values: dict[str, Any], name: str, source: Path | str) -> dict[str, Any]:
    if not isinstance(values.get(name), dict):
        raise UserError(f'{source}: has no section "{name}"; use the whole config of that voice')
    return values[name]


def value(values: dict[str, Any], key: str, where: str) -> Any:
    if key not in values:
        raise UserError(f'{where}: missing key "{key}"; use the whole config of that voice')
    return values[key]


def numbers(found: Any, where: str) -> list[int]:
    if not isinstance(found, list) or not all(type(n) is int for n in found):
        raise UserError(f"{where} is {found!r}, expected a list of whole numbers; restore it")
    return found


def lists(values: dict[str, Any], key: str, where: str) -> list[list[int]]:
    found = value(values, key, where)
    if not isinstance(found, list):
        raise UserError(f"{where}.{key} is {found!r}, expected a list of lists; restore it")
    return [numbers(row, f"{where}.{key}") for row in found]


def resblock(values: dict[str, Any]) -> str | None:
    """Its kind as a text; in some configs it is a number."""
    return None if values.get("resblock") is None else str(values["resblock"])


def speaker_names(found: Any, n_speakers: int, source: Path | str) -> list[str]:
    """The names of the rows of an embedding, of a list of them or of a table of name and row."""
    if isinstance(found, dict):
        by_row = {row: name for name, row in found.items() if type(row) is int}
        found = (
            [by_row[i] for i in range(n_speakers) if i in by_row]
            if len(by_row) == len(found)
            else []
        )
    named = isinstance(found, list) and all(isinstance(name, str) for name in found)
    if not named or len(found) != n_speakers:
        raise UserError(
            f"{source}: does not name each of the voice's {n_speakers} speakers once; use the list "
            f"that it was trained with, or take it away, so that they are called by numbers"
        )
    return found


def _n_speakers(path: Path, source: Path, data: dict[str, Any], shapes: Shapes) -> int:
    there, said = shapes.get("emb_g.weight", (0,))[0], data.get("n_speakers", 0)
    if there != said and (there, said) != (0, 1):  # the original gives one speaker no embedding
        raise UserError(
            f"{source}: data.n_speakers is {said!r}, but {path.name} has {there} rows of speakers; "
            f"use the config that it was trained with"
        )
    return there


def _vocabulary(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; copy it again") from None
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _front_end(source: Path, data: dict[str, Any], given: VitsConfig | None) -> tuple[str, str]:
    """Its name here, and the language."""
    cleaners = data.get("text_cleaners")
    only = cleaners[0] if isinstance(cleaners, list) and len(cleaners) == 1 else None
    if isinstance(only, str) and only in CLEANERS:
        return CLEANERS[only], "en-us"
    if given is not None:
        return given.text.front_end, given.text.language
    raise UserError(
        f"{source}: data.text_cleaners is {cleaners!r}, which no front end here does; pass a "
        f"config (-c) whose text.front_end and text.language make those symbols of a text"
    )


def _train_as_there(train: dict[str, Any], sections: dict[str, Any]) -> None:
    """Write into the sections how it was trained, as far as the config says it."""
    made = sections["train"]
    made |= {ours: train[theirs] for theirs, ours in TRAINING.items() if theirs in train}
    options = {key: train[key] for key in ("betas", "eps") if key in train}
    made["optimizer_options"] = TRAIN["optimizer_options"] | options
    if "lr_decay" in train:
        made["lr_schedule_options"] = {"gamma": train["lr_decay"]}
    sections["loss"] |= {ours: train[theirs] for theirs, ours in LOSSES.items() if theirs in train}
