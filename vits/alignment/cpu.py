"""The alignment search compiled for CPUs: search.cpp, loaded with ctypes.

setup.py builds the library beside this file. Nothing here fails when it is not there: `load`
says why, and the package takes the reference instead.
"""

import ctypes
import functools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

LIBRARY = Path(__file__).with_name("_search.so")  # setup.py writes this name on every system
INSTRUCTIONS = ("plain", "avx2", "avx512")  # in the order of search.cpp's numbers


@dataclass(frozen=True)
class Library:
    """What loading came to. `functions` is None when the library cannot be used."""

    functions: ctypes.CDLL | None
    reason: str  # why it can or cannot be used, to go after "because"


@functools.cache
def load(path: Path = LIBRARY) -> Library:
    """Load the library once per process; a missing or broken one is a reason, not an error."""
    if not path.exists():
        return Library(
            None,
            f"the compiled library is not there ({path}); "
            "install again with a C++ compiler to build it",
        )
    try:
        functions = ctypes.CDLL(str(path))
        functions.alignment_search_v1.argtypes = (
            [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 3 + [ctypes.c_int32] * 2
        )
        functions.alignment_search_v1.restype = ctypes.c_int32
        functions.alignment_instructions_v1.argtypes = []
        functions.alignment_instructions_v1.restype = ctypes.c_int32
    except (OSError, AttributeError) as error:  # does not load; or is of another version
        return Library(None, f"the compiled library cannot be used ({error}); install again")
    widest = INSTRUCTIONS[functions.alignment_instructions_v1()]
    return Library(functions, f"the compiled library loaded ({widest} instructions)")


def available_instructions() -> tuple[str, ...]:
    """The kernels that run on this processor, the fastest last. The library must be loaded."""
    return INSTRUCTIONS[: load().functions.alignment_instructions_v1() + 1]


def search(
    scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor, instructions: str | None = None
) -> Tensor:
    """scores: [B, T_spec, T_text]; lengths: [B], already checked. Other devices are copied from.

    instructions: one of `available_instructions()`, the fastest if None.
    Returns durations [B, T_text], int64, on the scores' device.
    """
    functions = load().functions
    if instructions is None:
        number = functions.alignment_instructions_v1()
    else:
        number = available_instructions().index(instructions)
    host_scores = scores.detach().to("cpu", torch.float32).contiguous()
    text_lengths, spec_lengths = text_lengths.cpu().contiguous(), spec_lengths.cpu().contiguous()
    n_items, n_frames, n_symbols = scores.shape
    durations = torch.empty(n_items, n_symbols, dtype=torch.int64)
    status = functions.alignment_search_v1(
        host_scores.data_ptr(),
        text_lengths.data_ptr(),
        spec_lengths.data_ptr(),
        durations.data_ptr(),
        n_items,
        n_frames,
        n_symbols,
        torch.get_num_threads(),
        number,
    )
    if status != 0:
        raise MemoryError(f"alignment search: no memory for a batch of {list(scores.shape)}")
    return durations.to(scores.device)
