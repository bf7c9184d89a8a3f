"""Whether what a file gives is enough to be the voice that was meant, or a mistake to refuse."""

import math
from itertools import accumulate
from pathlib import Path

from torch import Tensor

from hifigan.errors import UserError
from hifigan.layers import part_of, plain_name
from vits.transfer.report import TensorFate

MIN_SHARE = 0.9  # of the parameters; a file that gives less is hardly the intended one
FLAG = "--ignore_layers"


def require_share(path: Path, fates: list[TensorFate], excused: set[str]) -> float:
    """The share of parameters that come from the file, of those that could."""
    counted = [fate for fate in fates if fate.name not in excused]
    missed = [fate for fate in counted if fate.fate not in ("loaded", "resized")]
    total = sum(fate.n_parameters for fate in counted)
    share = 1 - sum(fate.n_parameters for fate in missed) / total if total else 0.0
    if not any(fate.fate in ("loaded", "resized") for fate in fates):
        raise UserError(
            f"{path}: none of its weights would be loaded{_missed_parts(missed)}; use a voice that "
            f"fits the config, or train from random weights"
        )
    if total and share < MIN_SHARE:
        layers = " ".join(_layers(missed, fates))
        raise UserError(
            f"{path}: only {math.floor(100 * share)}% of the parameters fit this config, "
            f"expected {MIN_SHARE:.0%} or more{_missed_parts(missed)}; use the voice's own "
            f"config, or begin these anew with finetune.py's {FLAG} {layers}"
        )
    return share if total else 1.0


def require_numbers(path: Path, state: dict[str, Tensor]) -> None:
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise UserError(
                f"{path}: {name} has values that are not numbers; use an earlier checkpoint"
            )


def require_judges(path: Path, fates: list[TensorFate], excused: set[str]) -> None:
    for fate in fates:
        if fate.name not in excused and fate.fate != "loaded":
            raise UserError(
                f"{path}: its discriminators do not fit the config: {plain_name(fate.name)} "
                f"{fate.misfit or 'is not in the file'}; set the config's discriminator section to "
                f"the file's, or begin them anew with finetune.py's {FLAG} "
                f"discriminator"
            )


def _layers(missed: list[TensorFate], fates: list[TensorFate]) -> list[str]:
    """The fewest parts and layers that cover all that is missed and nothing that fits."""
    fitting = {
        begin
        for fate in fates
        if fate.fate in ("loaded", "resized")
        for begin in accumulate(fate.name.split("."), "{}.{}".format)
    }
    begins = (
        next(b for b in accumulate(fate.name.split("."), "{}.{}".format) if b not in fitting)
        for fate in missed
    )
    return list(dict.fromkeys(begins))


def _missed_parts(missed: list[TensorFate]) -> str:
    firsts: dict[str, TensorFate] = {}
    for fate in missed:
        part = part_of(fate.name)
        if part not in firsts or (fate.misfit and not firsts[part].misfit):
            firsts[part] = fate
    words = (f"{plain_name(f.name)} {f.misfit or 'is not in the file'}" for f in firsts.values())
    return f": {'; '.join(words)}" if firsts else ""
