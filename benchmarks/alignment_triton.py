"""super-monotonic-align's published algorithm, told anew in Triton, as a yardstick on GPUs.

One program of one warp for each utterance, scores [B, T_text, T_spec]. Going forward it takes one
frame at a time, all symbols at once, reads the values of the frame before back from memory and
writes its own over the scores; going back it follows them frame by frame. Texts are no longer than
frames. What differs from the original: lengths come as numbers, and the result as durations.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

NEVER = -1e9


@triton.jit
def _search(
    values,
    durations,
    text_lengths,
    spec_lengths,
    n_symbols,
    n_frames,
    never: tl.constexpr,
    block: tl.constexpr,
):
    item = tl.program_id(0)
    n_text = tl.load(text_lengths + item).to(tl.int32)
    n_spec = tl.load(spec_lengths + item).to(tl.int32)
    values += item.to(tl.int64) * n_symbols * n_frames
    x = tl.arange(0, block)
    rows = values + x.to(tl.int64) * n_frames
    valid = x < n_text
    # Above the diagonal nothing is reached; in frame 0 only the first symbol is.
    tl.store(rows, never, mask=valid & (x > 0))
    tl.debug_barrier()
    for t in range(1, n_spec):
        stay = tl.load(rows + t - 1, mask=valid, other=never)
        step = tl.load(rows - n_frames + t - 1, mask=valid & (x > 0), other=never)
        score = tl.load(rows + t, mask=valid, other=0.0)
        value = tl.where(x <= t, score + tl.maximum(stay, step), never)
        tl.store(rows + t, value, mask=valid)
        tl.debug_barrier()
    at = n_text - 1
    n_held = 0
    durations += item.to(tl.int64) * n_symbols
    for back in range(0, n_spec):
        t = n_spec - 1 - back
        n_held += 1
        before = tl.maximum(t - 1, 0)
        here = values + at.to(tl.int64) * n_frames + before
        stay = tl.load(here)
        step = tl.load(here - n_frames, mask=at > 0, other=never)
        if (at > 0) & ((at == t) | (step > stay)):
            tl.store(durations + at, n_held.to(tl.int64))
            at -= 1
            n_held = 0
    tl.store(durations, n_held.to(tl.int64))


def search_in_place(values: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> Tensor:
    """values: the scores [B, T_text, T_spec], float32, contiguous; they are overwritten.

    Returns durations [B, T_text], int64.
    """
    n_items, n_symbols, n_frames = values.shape
    durations = torch.zeros(n_items, n_symbols, dtype=torch.int64, device=values.device)
    _search[(n_items,)](
        values,
        durations,
        text_lengths,
        spec_lengths,
        n_symbols,
        n_frames,
        never=NEVER,
        block=triton.next_power_of_2(n_symbols),
        num_warps=1,
    )
    return durations
