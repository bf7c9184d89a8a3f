"""Which type training computes in: train.mixed_precision on a device."""

import contextlib
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from hifigan.training_config import TrainConfig


def autocast_dtype(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """The type that mixed_precision asks for, None for float32 throughout.

    `true` takes what makes the device faster: bfloat16 where it has it, else float16 on GPUs and
    float32 on CPUs.
    """
    if config.mixed_precision is False:
        return None
    if config.mixed_precision is True:
        if has_bfloat16(device):
            return torch.bfloat16
        return None if device.type == "cpu" else torch.float16
    return {"bf16": torch.bfloat16, "fp16": torch.float16}[config.mixed_precision]


def has_bfloat16(device: torch.device) -> bool:
    """Whether it multiplies bfloat16 by instructions of its own; without them it is slower."""
    if device.type == "cpu":
        return cpu_has_bfloat16()
    return torch.cuda.is_bf16_supported(including_emulation=False)


def cpu_has_bfloat16(told: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU is known to multiply bfloat16 by itself. told: what Linux says of it."""
    flags = told.read_text(encoding="utf-8").split() if told.exists() else []
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)  # the last is ARM's


def autocast(device: torch.device, dtype: torch.dtype | None) -> AbstractContextManager:
    """Computes in `dtype` what may be; None: all in float32."""
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)
