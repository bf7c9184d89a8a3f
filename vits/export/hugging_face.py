"""A voice as a folder of Hugging Face's VitsModel, with the files that its VitsTokenizer loads."""

import json
import tempfile
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from hifigan.errors import UserError
from vits.config import VitsConfig
from vits.exchange.hugging_face import CONFIG, SAFETENSORS, hugging_face_weights
from vits.exchange.hugging_face_config import hugging_face_config, hugging_face_tokenizer
from vits.export.proof import require_same_voice


def write_hugging_face(folder: Path, config: VitsConfig, generator: dict[str, Tensor]) -> None:
    """Write the folder, which must not be there or be empty. generator: a whole state_dict.

    It appears only after it came back as the same voice. A voice that a VitsModel cannot hold is a
    UserError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already; choose another folder or delete it")
    try:
        files = {CONFIG: hugging_face_config(config), **hugging_face_tokenizer(config)}
    except UserError as fault:
        raise UserError(f"{folder}: not written: {fault}") from None
    weights = hugging_face_weights(config, generator)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part_", dir=folder.parent) as temporary:
        inside = Path(temporary) / folder.name
        inside.mkdir()
        for name, values in files.items():
            text = json.dumps(values, ensure_ascii=False, indent=2)
            (inside / name).write_text(text + "\n", encoding="utf-8")
        (inside / SAFETENSORS).write_bytes(save(weights, {"format": "pt"}))
        require_same_voice(inside, folder, config, generator, "Hugging Face's VitsModel")
        inside.replace(folder)
