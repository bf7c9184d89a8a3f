"""A speak-only file of safetensors, as vits/export/speak_only.py writes it, read back."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from hifigan.errors import UserError, legible

SUFFIX = ".safetensors"


def read_speak_only(path: Path) -> dict[str, Any]:
    """The contents of a file that vits/export/speak_only.py wrote."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path")
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
