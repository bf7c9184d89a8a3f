"""The alignment search in plain torch, on any device: what the others must equal (VITS Sec. 2.2.1).

The rule stands in the package's docstring; the names of the steps below are its names.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def search(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> Tensor:
    """scores: [B, T_spec, T_text], any kind of float; lengths: [B], already checked.

    Returns durations [B, T_text], int64, on the scores' device. A loop over frames, each for the
    whole batch and all symbols at once.
    """
    scores = scores.float()
    n_items, n_frames, n_symbols = scores.shape
    device = scores.device
    symbols = torch.arange(n_symbols, device=device)
    text_lengths, spec_lengths = text_lengths.to(device), spec_lengths.to(device)

    value = scores.new_full((n_items, n_symbols), -math.inf)
    value[:, 0] = scores[:, 0, 0]
    steps = torch.zeros(scores.shape, dtype=torch.bool, device=device)
    for t in range(1, n_frames):
        earlier = F.pad(value[:, :-1], (1, 0), value=-math.inf)
        steps[:, t] = earlier > value
        best = torch.where(steps[:, t], earlier, value)
        value = torch.where(symbols <= t, scores[:, t] + best, -math.inf)

    x = (text_lengths - 1)[:, None]  # [B, 1], the symbol that each item is at, going back
    durations = torch.zeros(n_items, n_symbols, dtype=torch.int64, device=device)
    for t in range(n_frames - 1, -1, -1):
        inside = t < spec_lengths[:, None]
        durations.scatter_add_(1, x, inside.long())
        step = (x == t) | steps[:, t].gather(1, x)
        x = x - (step & inside & (x > 0)).long()
    return durations
