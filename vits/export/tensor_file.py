"""Writes a file of safetensors, which any program reads without running anything of it."""

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from hifigan.atomic_file import appearing_whole, require_room, sync
from hifigan.checkpoint import stored_bytes
from hifigan.errors import UserError
from vits.exchange.tensor_file import read_tensor_file
from vits.export.new_files import require_new


def write_tensor_file(path: Path, weights: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write `path`, a new file. It is kept only if it comes back to the bit."""
    require_new(path)
    weights = {name: weight.contiguous() for name, weight in weights.items()}
    with appearing_whole(path) as temporary:
        require_room(path, stored_bytes(weights))
        temporary.write_bytes(save(weights, metadata))
        sync(temporary)
        found = read_tensor_file(temporary)
        same = found[0] == metadata and found[1].keys() == weights.keys()
        if not same or not all(torch.equal(found[1][n], w) for n, w in weights.items()):
            raise UserError(
                f"{path}: not kept: it came back otherwise than written; check the disk"
            )
