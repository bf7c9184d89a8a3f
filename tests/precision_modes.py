"""The precisions that training can compute in, on the CPU and on a GPU, and a look at what does."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NEEDS_GPU = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
)
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Mode:
    """A device, and "float32", "bf16" or "fp16"."""

    device: str
    name: str

    @property
    def half(self) -> torch.dtype | None:
        return HALF.get(self.name)

    @property
    def setting(self) -> str:
        return f"train.mixed_precision={self.name if self.half else 'false'}"

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device, self.half) if self.half else nullcontext()


def modes(*names: str) -> pytest.MarkDecorator:
    """Runs a test in each of these modes; those of the GPU are skipped where there is none."""
    return pytest.mark.parametrize(
        "mode",
        [
            pytest.param(Mode(device, name), id=f"{device} {name}", marks=marks)
            for device, marks in (("cpu", ()), ("cuda", NEEDS_GPU))
            for name in names
        ],
    )


class Operations(TorchDispatchMode):
    """Collects the names of the operations that compute in half precision; a cast does not."""

    def __init__(self) -> None:
        super().__init__()
        self.in_half: set[str] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Iterable[type], arguments: tuple = (), named: Any = None
    ) -> Any:
        result = operation(*arguments, **(named or {}))
        tensors = tree_leaves((arguments, named, result))
        if any(isinstance(t, Tensor) and t.dtype in HALF.values() for t in tensors):
            self.in_half.add(operation.name().removeprefix("aten::").partition(".")[0])
        self.in_half -= {"_to_copy", "detach"}
        return result
