"""The alignment search on an NVIDIA GPU: search.cu, loaded with the driver and launched by torch's
stream. Nothing waits for the device, and nothing is copied to the host.

Nothing here fails when the kernel cannot be had: `load` says why, and the package takes the next
backend.
"""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vits.alignment.cubin import cache_folder, cubin

SYMBOLS_PER_BLOCK = 128  # tile.cu: kStrip, kTile, kWarps * kLanes
FRAMES_PER_TILE = 32
THREADS = 256


@dataclass(frozen=True)
class Kernel:
    """What loading came to. `function` is None when the kernel cannot be used."""

    function: Any  # the driver's CUfunction
    context: Any  # the driver's CUcontext, which torch uses for the device, too
    reason: str  # why it can or cannot be used, to go after "because"


@functools.cache
def load(device: int, dtype: torch.dtype = torch.float32, symbols_adjoin: bool = True) -> Kernel:
    """The kernel for a CUDA device and a kind of scores, once per process.

    dtype, symbols_adjoin: as in `cubin`. A failure of any kind is a reason, not an error.
    """
    try:
        from cuda.bindings import driver

        major, minor = torch.cuda.get_device_capability(device)
        architecture = f"sm_{major}{minor}"
        image = cubin(architecture, dtype, symbols_adjoin, cache_folder())
        context = _done(driver.cuDevicePrimaryCtxRetain(_done(driver.cuDeviceGet(device))))
        with _current(context):
            module = _done(driver.cuModuleLoadData(image))
            function = _done(driver.cuModuleGetFunction(module, b"search"))
    # cuda.bindings raises RuntimeError for a library or function that is not there.
    except (ImportError, OSError, RuntimeError) as error:
        problem = " ".join(str(error).split())
        return Kernel(None, None, f"the CUDA kernel cannot be used ({problem})")
    return Kernel(function, context, f"the CUDA kernel loaded ({architecture})")


@dataclass(frozen=True)
class Launch:
    """A call of the kernel: its grid, its arguments in order, and what they point into."""

    n_blocks: int
    arguments: tuple[ctypes.c_void_p | ctypes.c_int64 | ctypes.c_int32, ...]
    durations: Tensor  # [B, T_text], int64: the result
    tensors: tuple[Tensor, ...]  # kept until the launch


def prepare(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> Launch:
    """Makes room for the kernel's results and scratch; all tensors on one device."""
    n_items, n_frames, n_symbols = scores.shape
    n_strips = -(-n_symbols // SYMBOLS_PER_BLOCK)
    n_tiles = -(-n_frames // FRAMES_PER_TILE)
    text_lengths, spec_lengths = text_lengths.contiguous(), spec_lengths.contiguous()
    new = functools.partial(torch.empty, device=scores.device)
    durations = new(n_items, n_symbols, dtype=torch.int64)
    steps = new(n_items, n_tiles, n_strips * SYMBOLS_PER_BLOCK, dtype=torch.int32)
    n_signals = 1 + n_items + n_items * (n_strips - 1) * n_tiles * FRAMES_PER_TILE
    # One strip signals to nobody, and is spared the time that zeros take.
    signals = new(1) if n_strips == 1 else new(n_signals, dtype=torch.int64).zero_()
    arguments = (
        ctypes.c_void_p(scores.data_ptr()),
        *map(ctypes.c_int64, scores.stride()),
        *(
            ctypes.c_void_p(t.data_ptr())
            for t in (text_lengths, spec_lengths, durations, steps, signals)
        ),
        *map(ctypes.c_int32, (n_items, n_frames, n_symbols)),
    )
    tensors = (scores, text_lengths, spec_lengths, steps, signals)
    return Launch(n_items * n_strips, arguments, durations, tensors)


def symbols_adjoin(scores: Tensor) -> bool:
    """Whether a frame's symbols lie side by side in memory; else the kernel reads by frames."""
    return scores.stride(2) == 1


def search(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> Tensor:
    """scores: [B, T_spec, T_text] on a CUDA device, any strides; lengths: [B], on any device.

    Returns durations [B, T_text], int64, on the scores' device; those of an item that cannot be
    aligned (see the package's docstring) are -1.
    """
    from cuda.bindings import driver

    device = scores.device
    kernel = load(device.index, scores.dtype, symbols_adjoin(scores))
    if kernel.function is None:
        raise RuntimeError(f"alignment search: {kernel.reason}")
    with torch.cuda.device(device):
        stream = torch.cuda.current_stream().cuda_stream
        launch = prepare(scores, text_lengths.to(device), spec_lengths.to(device))
        places = [ctypes.addressof(argument) for argument in launch.arguments]
        table = (ctypes.c_void_p * len(places))(*places)
        grid, block, shared_bytes = (launch.n_blocks, 1, 1), (THREADS, 1, 1), 0
        with _current(kernel.context):  # a thread of autograd may not have it yet
            _done(
                driver.cuLaunchKernel(
                    kernel.function,
                    *grid,
                    *block,
                    shared_bytes,
                    stream,
                    ctypes.addressof(table),
                    0,
                )
            )
    return launch.durations


@contextmanager
def _current(context: Any) -> Iterator[None]:
    from cuda.bindings import driver

    _done(driver.cuCtxPushCurrent(context))
    try:
        yield
    finally:
        driver.cuCtxPopCurrent()


def _done(answer: tuple) -> Any:
    """The driver's result without its error code, which must be 0."""
    error, *results = answer
    if error != 0:
        raise RuntimeError(f"the CUDA driver says {error.name}")
    return results[0] if results else None
