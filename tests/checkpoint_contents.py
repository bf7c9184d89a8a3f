"""What tests save and read back: small contents of every kind that a checkpoint may hold."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def contents(step: int) -> dict[str, Any]:
    draw = torch.Generator().manual_seed(step)
    return {
        "config": {"train": {"lr": 0.1, "betas": [0.8, 0.99]}, "text": {"symbols": ["_", "ж"]}},
        "step": step,
        "best": None,
        "generator": {
            "weight": torch.randn(40, 50, generator=draw),
            "half": torch.randn(7, generator=draw).half(),
            "none": torch.empty(0),
        },
        "optimizer": {"state": {0: {"step": torch.tensor(float(step))}}, "fused": True},
        "random": [{"cpu": torch.arange(step, step + 100, dtype=torch.uint8)}],
    }


def assert_same(found: Any, expected: Any) -> None:
    """The same values of the same types in the same order, to the bit."""
    assert type(found) is type(expected)
    if isinstance(expected, Tensor):
        assert found.dtype == expected.dtype and torch.equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        assert_same(list(found.values()), list(expected.values()))
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_same(one, other)
    else:
        assert found == expected


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
