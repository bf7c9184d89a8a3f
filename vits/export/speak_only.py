"""A speak-only file of safetensors, which any program reads without running anything of it.

It holds what vits/speak_only.py writes as a .pt file; infer.py speaks from either.
"""

import json
from pathlib import Path

from hifigan.errors import UserError
from vits.exchange.tensor_file import SUFFIX
from vits.export.new_files import require_new
from vits.export.tensor_file import write_tensor_file
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
    write_tensor_file(path, contents["generator"], metadata)
