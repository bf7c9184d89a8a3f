"""Opens anyone's voice to speak with it, ours included."""

import json
from pathlib import Path
from typing import Any

from hifigan.checkpoint import NAME, open_checkpoint
from hifigan.errors import UserError
from hifigan.exchange.names import legible
from vits.exchange.formats import kind_of, read_voice_file
from vits.exchange.recogniser import as_checkpoint, open_voice

SUFFIX = ".safetensors"
UNTORCHED = (SUFFIX, ".onnx")  # files that torch did not write


def open_anything_to_speak(path: Path) -> tuple[Path, dict[str, Any]]:
    """The file itself, and contents as a checkpoint of ours has them (see load_voice)."""
    if path.suffix == SUFFIX and path.is_file():
        return path, read_speak_only(path)
    files = [path] if path.is_file() else [*path.glob("checkpoints/*.pt"), *path.glob("*.pt")]
    if any(
        NAME.fullmatch(file.name) for file in files
    ):  # by name, as so they need not be read whole
        return open_checkpoint(path, for_synthesis=True)
    contents = None
    if path.is_file() and path.suffix not in UNTORCHED:
        contents = read_voice_file(path)
        if kind_of(path, contents) == "ours":
            return path, contents
    opened = open_voice(path, contents=contents)
    return opened.path, as_checkpoint(opened)


def read_speak_only(path: Path) -> dict[str, Any]:
    """The contents of a file that vits/export/speak_only.py wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            generator = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: damaged, or no safetensors file ({legible(error)}); copy it again"
        ) from None
    try:
        config, step = json.loads(metadata["config"]), int(metadata["step"])
        weights = metadata["speak_only"]
    except (KeyError, ValueError):
        raise UserError(
            f"{path}: a safetensors file without the metadata config, step and speak_only of a "
            f"voice of this project; name the folder of a Hugging Face voice, or write the file "
            f"with python -m vits.export --format speak_only"
        ) from None
    return {"config": config, "step": step, "speak_only": weights, "generator": generator}
