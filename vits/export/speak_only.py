"""A speak-only file of safetensors, which any program reads without running anything of it.

It holds what vits/speak_only.py writes as a .pt file; infer.py speaks from either.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save

from hifigan.atomic_file import appearing_whole, require_room, sync
from hifigan.checkpoint import stored_bytes
from hifigan.errors import UserError
from vits.exchange.speak_only import SUFFIX, read_speak_only
from vits.export.new_files import require_new
from vits.speak_only import speak_only
from vits.speaking.voice import Voice


def write_speak_only(path: Path, voice: Voice, half: bool) -> None:
    """Write `path`; takes from the voice's model the parts that only train.

    The file is kept only if it comes back to the bit.
    """
    if path.suffix != SUFFIX:
        raise UserError(f"{path}: expected a name that ends in {SUFFIX}; add it")
    require_new(path)
    contents = speak_only(voice, half, path)
    metadata = {
        "config": json.dumps(contents["config"], ensure_ascii=False),
        "step": str(contents["step"]),
        "speak_only": contents["speak_only"],
    }
    weights = {name: weight.contiguous() for name, weight in contents["generator"].items()}
    with appearing_whole(path) as temporary:
        require_room(path, stored_bytes(contents))
        temporary.write_bytes(save(weights, metadata))
        sync(temporary)
        found = read_speak_only(temporary)
        same = found.keys() == contents.keys() and all(
            torch.equal(found["generator"][name], weight) for name, weight in weights.items()
        )
        if not same or found["config"] != contents["config"]:
            raise UserError(
                f"{path}: not kept: it came back otherwise than written; check the disk"
            )
