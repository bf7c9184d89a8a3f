"""A speak-only file of safetensors, as vits/export/speak_only.py writes it, read back."""

import json
from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from vits.exchange.tensor_file import read_tensor_file


def read_speak_only(path: Path) -> dict[str, Any]:
    """The contents of a file that vits/export/speak_only.py wrote."""
    metadata, generator = read_tensor_file(path)
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
