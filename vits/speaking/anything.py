"""A voice out of anyone's file, by its path, ready to speak."""

import logging
from functools import partial
from pathlib import Path

import torch

from hifigan.distributed import pick_device
from hifigan.errors import UserError
from hifigan.precision import cpu_has_bfloat16
from vits.config import VitsConfig
from vits.exchange.speaking import open_anything_to_speak
from vits.speaking.loading import load_voice
from vits.speaking.onnx_engine import is_onnx_voice, load_onnx_voice, with_onnxruntime
from vits.speaking.torch_engine import PRECISIONS
from vits.speaking.voice import Voice

logger = logging.getLogger(__name__)

BACKENDS = ("torch", "onnx")


def load(
    path: str | Path,
    backend: str | None = None,
    device: str = "auto",
    weights: str | None = None,
    precision: str = "float32",
    config: VitsConfig | None = None,
) -> Voice:
    """See vits.load. config: for a file of another program that has none beside it."""
    path = Path(path)
    if backend not in (None, *BACKENDS):
        raise UserError(f"backend {backend!r}: expected one of: {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise UserError(f"precision {precision!r}: expected one of: {', '.join(PRECISIONS)}")
    runs_onnx = is_onnx_voice(path)
    if backend == "onnx" or (backend is None and runs_onnx):
        if device == "cuda" or precision != "float32":
            raise UserError(
                f"{path}: onnxruntime computes on the CPU in float32 here; leave --device and "
                f"--precision out, or use --backend torch"
            )
        if runs_onnx:
            voice = load_onnx_voice(path)
            if weights not in (None, voice.weights):
                raise UserError(
                    f"{path}: has no {weights} weights, only {voice.weights} ones; leave "
                    f"--weights out"
                )
            return voice
        opener = partial(open_anything_to_speak, config=config)
        return with_onnxruntime(load_voice(path, torch.device("cpu"), weights, opener))
    chosen = pick_device(device)
    if precision == "float16" and chosen.type == "cpu":
        raise UserError("--precision float16: CPUs have no use for it; leave it out")
    if precision == "bfloat16" and chosen.type == "cpu" and not cpu_has_bfloat16():
        logger.warning(
            "--precision bfloat16: this CPU is not known to have instructions for it, without "
            "which it is slower than float32; leave it out"
        )
    opener = partial(open_anything_to_speak, config=config)
    return load_voice(path, chosen, weights, opener, precision)
