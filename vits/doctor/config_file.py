"""A config file under examination: what it is, whether it can be read, and what is odd in it."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hifigan.errors import UserError
from hifigan.json_config import read_config, read_json
from hifigan.vocoder_config import VocoderConfig
from vits.config import VitsConfig
from vits.doctor.config_checks import config_findings, mel_recipe_name
from vits.doctor.config_training import steps_of
from vits.doctor.data import DataOptions, data_examination, look_at_data, n_training
from vits.doctor.findings import ERROR, NOTE, Examination, Finding
from vits.doctor.mel_checks import mel_findings
from vits.model import make_model

SECTIONS = {field.name for field in dataclasses.fields(VitsConfig)}
VOCODER_SECTIONS = {field.name for field in dataclasses.fields(VocoderConfig)}


def examine_config(
    path: Path,
    overrides: Sequence[str] = (),
    options: DataOptions | None = None,
    data_path: Path | None = None,
) -> Examination:
    """A config and, where its data folder is there, the data as it would be used.

    overrides: "section.key=value" texts; options: how to look at the data; None: not at all.
    data_path: another data set, a folder or a list, in the place of the config's own. What keeps
    the config from being read is a finding; UserError only where there is no JSON file.
    """
    if data_path is not None:
        overrides = [*overrides, *_pointed_at(data_path)]
    subject, whole = str(data_path or path), "data" if data_path else "config"
    values = read_json(path)
    keys = set(values) if isinstance(values, dict) else set()
    if (program := _other_program(values)) is not None:
        return _foreign(path, program)
    if keys and keys < SECTIONS and "model" not in keys:
        return _part(path, sorted(keys))
    kind = VocoderConfig if "generator" in keys and "text" not in keys else VitsConfig
    try:
        config = read_config(kind, path, overrides)
    except UserError as error:
        return Examination(subject, "config", [], [refused(str(error))])
    if isinstance(config, VocoderConfig):
        facts = [("kind", "a vocoder's config"), *_audio_facts(config)]
        return Examination(subject, "config", facts, mel_findings(config))
    if options is None or not Path(config.data.folder).is_dir():
        return Examination(subject, "config", _facts(config), config_findings(config, path))
    data = look_at_data(data_path or Path(config.data.folder), config, options)
    n_train, found = n_training(data), data_examination(data)
    steps = ("steps of the run", f"about {steps_of(config, n_train):,}")
    about_data = [("config", str(path))] if data_path else [("data set", config.data.folder)]
    return dataclasses.replace(
        found,
        subject=subject,
        kind=whole,
        facts=[*_facts(config), steps, *about_data, *found.facts],
        findings=[*config_findings(config, path, n_train), *found.findings],
    )


def _pointed_at(data_path: Path) -> list[str]:
    """What changes in a config for another data set."""
    is_list = data_path.is_file()
    folder = data_path.parent if is_list else data_path
    name = json.dumps(data_path.name) if is_list else "null"
    return [
        f"data.folder={json.dumps(str(folder))}",
        f"data.train_list={name}",
        "data.valid_list=null",
    ]


def refused(message: str) -> Finding:
    """The one line of the reader, which names file, key, what was expected and the fix."""
    what, _, fix = message.partition("; ")
    return Finding(
        "config_refused",
        ERROR,
        f"this config cannot be read: {what}",
        "Training would stop at its start with the same line.",
        fix or "correct what the line names",
    )


def _other_program(values: Any) -> str | None:
    """Whose config it is by its keys, where it is not one of this trainer; None: no one's known."""
    if not isinstance(values, dict):
        return None
    data, model = values.get("data"), values.get("model")
    if isinstance(data, dict) and "training_files" in data:
        return "the original VITS"
    if "phoneme_id_map" in values:
        return "Piper"
    if values.get("model_type") == "vits":
        return "Hugging Face"
    if "resblock" in values and "upsample_rates" in values:
        return "the original HiFi-GAN"
    return "Coqui TTS" if "datasets" in values or isinstance(model, str) else None


def _foreign(path: Path, program: str) -> Examination:
    finding = Finding(
        "other_program",
        ERROR,
        f"this is a config of {program}",
        "Its keys have other names, so train.py does not read it.",
        "finetune.py --restore_from CHECKPOINT reads the checkpoint that it belongs to, with its "
        "settings; for a new voice begin with configs/base.json",
    )
    return Examination(str(path), "config", [("kind", f"a config of {program}")], [finding])


def _part(path: Path, keys: Sequence[str]) -> Examination:
    finding = Finding(
        "part_of_a_config",
        NOTE,
        f"this is a part of a config, with: {', '.join(keys)}",
        "finetune.py takes the rest from the voice that it begins with.",
        f"finetune.py -c {path} --restore_from CHECKPOINT; train.py needs a whole config",
    )
    return Examination(str(path), "config", [("kind", "a part of a config")], [finding])


def _facts(config: VitsConfig) -> list[tuple[str, str]]:
    train, text = config.train, config.text
    symbols = text.symbols if isinstance(text.symbols, str) else f"{len(text.symbols)} symbols"
    speakers = config.data.speakers
    told = "one" if speakers is None else "from the data"
    return [
        ("kind", "a voice's config"),
        *_audio_facts(config),
        ("text", f"{text.front_end}, {text.language}, {symbols}"),
        ("speakers", f"{len(speakers)}" if isinstance(speakers, tuple) else told),
        ("parameters", _parameters(config)),
        (
            "a step",
            (
                f"{train.batch_size * train.accumulate} utterances, "
                f"{train.segment_samples / config.audio.sample_rate:.2f} s of each decoded"
            ),
        ),
    ]


def _audio_facts(config: VitsConfig | VocoderConfig) -> list[tuple[str, str]]:
    audio = config.audio
    name = mel_recipe_name(audio)
    hop = 1000 * audio.hop_length / audio.sample_rate  # ms
    frames = f"{audio.sample_rate} Hz, a frame every {hop:.1f} ms"
    mels = f"{audio.n_mels}, {audio.f_min:g} to {audio.f_top:g} Hz"
    return [("audio", frames), ("mels", f"{mels}, {name}" if name else mels)]


def _parameters(config: VitsConfig) -> str:
    """Of the model, in millions; nothing is allocated for it."""
    if isinstance(config.text.symbols, str) or config.data.speakers == "from_data":
        config = _with_tables(config)
    with torch.device("meta"):
        model = make_model(config)
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} million"


def _with_tables(config: VitsConfig) -> VitsConfig:
    """The config with small tables in the place of those that come from the data."""
    text, data = config.text, config.data
    if isinstance(text.symbols, str):
        text = dataclasses.replace(text, symbols=("_",), blank=None, start=None, end=None)
    if data.speakers == "from_data":
        data = dataclasses.replace(data, speakers=("speaker",))
    if data.languages == "from_data":
        data = dataclasses.replace(data, languages=("language",))
    return dataclasses.replace(config, text=text, data=data)
