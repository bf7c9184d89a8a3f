"""A file of safetensors with texts beside the weights, as vits/export writes it, read back."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from hifigan.errors import UserError, legible

SUFFIX = ".safetensors"


def read_tensor_file(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Its metadata, and its tensors by name, as they are stored."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: damaged, or no safetensors file ({legible(error)}); copy it again"
        ) from None
