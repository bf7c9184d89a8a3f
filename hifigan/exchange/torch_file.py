"""A stranger's torch file, opened so that none of its code runs.

Only tensors, numbers, texts, lists and dicts come out. Where other people's trainers also store
objects of their own, such as an old config of Coqui's or a path of Piper's, an empty dict stands in
for them: nothing here reads it, and their classes are neither imported nor called.
"""

import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from hifigan.checkpoint import require_checksums
from hifigan.errors import UserError, legible


class Ignored:
    """Made of anything, it is an empty dict."""

    def __new__(cls, *_: Any) -> OrderedDict:
        return OrderedDict()


FOREIGN = [  # the classes that Ignored stands in for
    (Ignored, name)
    for name in (
        "TTS.utils.io.AttrDict",  # Coqui's config in its first versions
        "TTS.utils.generic_utils.AttrDict",
        "TTS.vocoder.configs.hifigan_config.HifiganConfig",  # and in later ones
        "TTS.config.shared_configs.BaseAudioConfig",
        "collections.defaultdict",  # in the optimizers of Coqui
        "builtins.dict",
        "pathlib.PosixPath",  # in Piper's hyper_parameters, so that Piper is recognised
        "pathlib.WindowsPath",
        "pathlib._local.PosixPath",
    )
]
ZIP = b"PK\x03\x04"  # by which torch, too, tells its files from those of its first versions


def read_torch_file(path: Path) -> Any:
    """What the file holds, on the CPU. A file that is damaged, or no torch file, is a UserError.

    Checksums are compared where the file has them: those of torch before 1.6 have none.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a file")
    if not path.exists():
        raise UserError(f"{path}: no such checkpoint; check the path")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: is empty; download or copy it again")
    if path.suffix in (".onnx", ".safetensors", ".json", ".yml", ".yaml"):
        raise UserError(
            f"{path}: a file of the kind {path.suffix}, expected a checkpoint that torch wrote, "
            f"such as step_*.pt or g_*"
        )
    with path.open("rb") as file:
        is_zip = file.read(len(ZIP)) == ZIP
    try:
        if is_zip:
            require_checksums(path)
        with torch.serialization.safe_globals(FOREIGN):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(f"{path}: {_refusal(error, is_zip)}") from None
    except MemoryError:
        raise UserError(
            f"{path}: damaged, or larger than the memory; download or copy it again"
        ) from None
    except PermissionError:  # says nothing of the file
        raise
    except Exception as error:  # zipfile and torch raise all kinds of them for a flipped bit
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UserError(
            f"{path}: damaged, or no torch file ({legible(reason[:120])}); download or copy it "
            f"again"
        ) from None


def _refusal(error: pickle.UnpicklingError, is_whole: bool) -> str:
    """is_whole: its checksums are right."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    if found is None and not is_whole:
        return "damaged, or no torch file; download or copy it again"
    what = legible(found[1]) if found else "by instructions that torch refuses"
    return (
        f"holds more than tensors, numbers and texts ({what}), which could run code "
        f"of a stranger, so it is not opened; save it anew with its weights alone"
    )
