"""Strict reading of JSON files into frozen dataclasses, and writing them back.

An unknown key, a missing key, a wrong type or a broken rule is a UserError of one line that names
the file, the key, what was found, what was expected and the fix.
"""

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from hifigan.errors import UserError

Config = TypeVar("Config")

OPTIONS = "_options"  # so ends the name of a section whose keys are another library's arguments

FOREIGN_KEYS = {
    "r": "it belongs to Tacotron (its reduction factor) and has no meaning in VITS; remove it",
    "fp16_run": "here it is called train.mixed_precision",
    "learning_rate": "here it is called train.lr",
    "sampling_rate": "here it is called audio.sample_rate",
    "filter_length": "here it is called audio.n_fft",
    "hop_size": "here it is called audio.hop_length",
    "segment_size": "here it is called train.segment_samples",
    "n_speakers": "the speakers' names are listed in data.speakers",
    "lr_decay": "it is the gamma in train.lr_schedule_options",
    "betas": "it stands in train.optimizer_options",
    "eps": "it stands in train.optimizer_options",
    "weight_decay": "it stands in train.optimizer_options",
    "grad_accum_steps": "here it is called train.accumulate",
    "accum_grad": "here it is called train.accumulate",
    "use_noise_scaled_mas": "here it is called train.alignment_noise",
    "use_transformer_flows": "here it is called model.flow.transformer",
    "use_spk_conditioned_encoder": "here it is called model.text_encoder.speaker_layer",
    "use_duration_discriminator": "here it is called discriminator.durations",
}


def read_config(cls: type[Config], path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a JSON file into the dataclass `cls`; `overrides` are "section.key=value" texts."""
    values = read_json(path)
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: found {_describe(values)}, expected an object {{...}} of sections"
        )
    source = " ".join([str(path), *(f"--set {setting}" for setting in overrides)])
    return config_from_dict(cls, override(completed(cls, values), overrides), source)


def completed(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """The nested dicts with the keys that they may lack, so that `override` finds them."""
    hints = typing.get_type_hints(cls)
    made = dict(values)
    for field in dataclasses.fields(cls):
        value, kind = made.get(field.name), hints[field.name]
        if dataclasses.is_dataclass(kind) and isinstance(value, dict):
            made[field.name] = completed(kind, value)
        elif field.default is not dataclasses.MISSING:
            made.setdefault(field.name, field.default)
    return made


def override(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Set each "section.key=value" in the nested dicts, and return them. A bare word is a string;
    null takes a section away, where there need be none.
    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise UserError(
                f"--set {setting}: expected section.key=value, as in train.batch_size=16"
            )
        *sections, key = name.split(".")
        place = values
        for section in sections:
            if not isinstance(place.get(section), dict):
                there = ", ".join(k for k, value in place.items() if isinstance(value, dict))
                raise UserError(f'--set {setting}: no section "{section}"; there are: {there}')
            place = place[section]
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        free = name.endswith(OPTIONS) or any(section.endswith(OPTIONS) for section in sections)
        if key not in place and not free:
            raise UserError(f'--set {setting}: unknown key "{name}"{_near(key, list(place))}')
        is_section = isinstance(place.get(key), dict)
        if is_section and value is not None and not (free and isinstance(value, dict)):
            raise UserError(
                f'--set {setting}: "{name}" is a section; set one of: {", ".join(place[key])}'
            )
        place[key] = value
    return values


def read_json(path: Path) -> Any:
    """The parsed file. Comments, duplicate keys and syntax errors are named by line and column."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a JSON file; name the file inside it")
    if not path.exists():
        near = sorted(str(p) for p in path.parent.glob("*.json")) if path.parent.is_dir() else []
        fix = f"there are: {', '.join(near)}" if near else "check the path"
        raise UserError(f"{path}: no such file; {fix}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from None
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, path))
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1].strip()
        comment = text.startswith(("#", "//", "/*"), error.pos)
        fix = "JSON has no comments; remove it" if comment else error.msg
        raise UserError(
            f"{path}: line {error.lineno}, column {error.colno}: not JSON: {line[:60]!r}; {fix}"
        ) from None


def config_from_dict(cls: type[Config], values: dict[str, Any], source: str) -> Config:
    """Build the dataclass `cls` from plain values; `source` names the file in errors."""
    return _build(cls, values, source, "")


def config_to_dict(config: Any) -> dict[str, Any]:
    """Plain dicts, lists, strings and numbers: what config_from_dict reads, safe in a
    checkpoint.
    """
    return json.loads(json.dumps(dataclasses.asdict(config)))


def config_to_json(config: Any) -> str:
    """The config as JSON text: one key a line, `"key": value`, lists on one line."""
    return _write(config_to_dict(config), 0) + "\n"


def differences(
    before: dict[str, Any], now: dict[str, Any], inside: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Dotted names of the values that differ in two nested dicts, with both values; None where
    there is none.
    """
    found = {}
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found |= differences(old, new, f"{inside}{key}.")
        elif old != new:
            found[inside + key] = (old, new)
    return found


def _write(value: Any, depth: int) -> str:
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    indent = "  " * (depth + 1)
    lines = [f"{indent}{json.dumps(key)}: {_write(item, depth + 1)}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"


def _unique(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f'{path}: key "{key}" stands twice in one section; keep one of them')
    return dict(pairs)


def _build(cls: type, values: Any, source: str, section: str) -> Any:
    where = f"{source}: {section}" if section else source
    if not isinstance(values, dict):
        raise UserError(f"{where}: found {_describe(values)}, expected a section {{...}}")
    hints = typing.get_type_hints(cls)
    known = [field.name for field in dataclasses.fields(cls)]
    # A key younger than some checkpoints has a default: what was done before there was the key.
    required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
    for key in values:
        if key not in known:
            raise UserError(f'{where}: unknown key "{key}"{_near(key, known)}')
    for key in required:
        if key not in values:
            raise UserError(
                f'{where}: missing key "{key}", expected {_name(hints[key])}; '
                f"add it (those in configs/ show a value)"
            )
    inside = f"{section}." if section else ""
    fields = {
        key: _convert(hints[key], values[key], source, inside + key)
        for key in known
        if key in values
    }
    try:
        return cls(**fields)
    except UserError as error:  # a rule between values, from __post_init__
        raise UserError(f"{where}: {error}") from None


def _convert(hint: Any, value: Any, source: str, key: str) -> Any:
    sections = [kind for kind in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(kind)]
    if sections and (hint in sections or value is not None):  # else one that may be left out
        return _build(sections[0], value, source, key)
    matches, converted = _match(hint, value)
    if not matches:
        raise UserError(f"{source}: {key}: found {_describe(value)}, expected {_name(hint)}")
    return converted


def _match(hint: Any, value: Any) -> tuple[bool, Any]:
    """Whether the JSON value is of the annotated type, and the value in that type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return next(
            (match for match in (_match(a, value) for a in arguments) if match[0]), (False, None)
        )
    if origin is Literal:
        return any(value == a and type(value) is type(a) for a in arguments), value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return False, None
        repeated = len(arguments) == 2 and arguments[1] is Ellipsis
        kinds = [arguments[0]] * len(value) if repeated else list(arguments)
        if len(kinds) != len(value):
            return False, None
        items = [_match(kind, item) for kind, item in zip(kinds, value)]
        return all(ok for ok, _ in items), tuple(item for _, item in items)
    if origin is dict:  # of options: what they may be is for their reader to say
        return isinstance(value, dict), value
    if hint is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(value), float(value) if number else None
    return type(value) is hint or (hint is type(None) and value is None), value


def _name(hint: Any) -> str:
    """The annotated type in the words of a JSON author."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_name(a) for a in arguments)
    if origin is Literal:
        return " or ".join(json.dumps(a) for a in arguments)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"a list of: {_name(arguments[0])}"
        return "[" + ", ".join(_name(a) for a in arguments) + "]"
    if dataclasses.is_dataclass(hint) or origin is dict:
        return "a section {...}"
    return {
        int: "a whole number",
        float: "a number",
        str: "a text in quotes",
        bool: "true or false",
        type(None): "null",
    }[hint]


def _describe(value: Any) -> str:
    kinds = {
        dict: "a section",
        list: "a list",
        str: "a text",
        bool: "a truth value",
        int: "a whole number",
        float: "a number",
        type(None): "null",
    }
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} (not a finite number)"
    text = json.dumps(value, ensure_ascii=False)
    return f"{text[:60]} ({kinds.get(type(value), type(value).__name__)})"


def _near(key: str, known: list[str]) -> str:
    if key in FOREIGN_KEYS and not difflib.get_close_matches(key, known, 1, 0.9):
        return f": {FOREIGN_KEYS[key]}"
    near = difflib.get_close_matches(key, known, 1)
    guess = f'; did you mean "{near[0]}"?' if near else ""
    return f"{guess}; known keys: {', '.join(sorted(known))}"
