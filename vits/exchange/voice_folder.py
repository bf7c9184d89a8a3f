"""A folder that speaks and can be learnt from, as vits/export/voice_folder.py writes it.

VOICE is a speak-only file. TRAINING beside it has the rest that fine-tuning goes on from: under
generator.* what synthesis does not use, under discriminator.* the discriminators. It is bound to
the bytes of its VOICE, because halves of two voices would train, and to nothing good.
"""

import hashlib
from pathlib import Path
from typing import Any

from torch import Tensor

from hifigan.errors import UserError
from vits.exchange.speak_only import read_speak_only
from vits.exchange.tensor_file import read_tensor_file

VOICE, TRAINING = "voice.safetensors", "training.safetensors"
BOUND_TO = "sha256_of_voice"  # in TRAINING's metadata
GENERATOR, DISCRIMINATOR = "generator.", "discriminator."


def shipped_voices(folder: Path) -> list[str]:
    """The names of the voices in a folder of such folders, sorted; none where it is not there."""
    return sorted(path.parent.name for path in folder.glob(f"*/{VOICE}"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_to_speak(path: Path) -> dict[str, Any]:
    """The contents of a speak-only file, alone or in such a folder."""
    try:
        return read_speak_only(path)
    except UserError:
        if path.name != TRAINING or not path.is_file():
            raise
        raise UserError(
            f"{path}: what training uses beside {VOICE}, no voice of itself; name the folder"
        ) from None


def read_to_train(path: Path) -> dict[str, Any]:
    """The contents of a speak-only file, together with those of TRAINING if that lies beside it."""
    contents, beside = read_to_speak(path), path.with_name(TRAINING)
    if path.name != VOICE or not beside.is_file():
        return contents
    metadata, weights = read_tensor_file(beside)
    if metadata.get(BOUND_TO) != digest(path):
        raise UserError(
            f"{beside}: belongs to another {VOICE} than the one beside it; copy both from one "
            f"export, or take it away: then what it holds is learnt anew"
        )
    contents["generator"] |= _below(GENERATOR, weights)
    if judges := _below(DISCRIMINATOR, weights):
        contents["discriminator"] = judges
    return contents


def _below(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
