"""Random batches to check the alignment kernel with: shapes, kinds of scores, types and layouts."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

KINDS = ("plain", "tied", "early", "late", "odd", "rare", "huge")
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float32)
LARGE = ((2, 2048, 8192), (1, 4100, 20000), (3, 1, 20000), (2, 3000, 3000), (300, 260, 300))


def random_batches(n: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Scores [B, T_spec, T_text] on the device with ragged lengths on the CPU; LARGE ones first."""
    for seed in range(n):
        draw = torch.Generator().manual_seed(seed)
        draw_scores = torch.Generator(device).manual_seed(seed)

        def number(highest: int) -> int:  # 1 to highest, small ones as often as large ones
            return int(math.exp(float(torch.rand(1, generator=draw)) * math.log(highest + 0.99)))

        if seed < len(LARGE) and n > 100:
            n_items, n_symbols, n_frames = LARGE[seed]
        else:
            n_items, n_symbols = number(40), number(700)
            n_frames = n_symbols + number(1200) - 1
        random = {"generator": draw_scores, "device": device}
        scores = torch.randn(n_items, n_frames, n_symbols, **random) * 30 - 80
        kind = KINDS[seed % len(KINDS)]
        if kind == "tied":
            scores = (scores / 40).round()
        if kind in ("early", "late"):  # the best path runs along a border of what can be reached
            frames = torch.arange(n_frames, device=device)[:, None].float()
            favoured = torch.arange(n_symbols, device=device) * frames
            scores += favoured * (9 if kind == "late" else -9)
        if kind == "huge":  # sums of these overflow after some frames
            scores *= 1e26 * 10 ** torch.linspace(0, 10, n_frames, device=device)[:, None]
        if kind in ("odd", "rare"):  # rare: most tiles have none, but values that come of one
            share = 0.01 if kind == "odd" else min(0.01, 1 / scores[0].numel())
            odd = torch.rand(scores.shape, **random)
            for i, value in enumerate([math.nan, math.inf, -math.inf, 3e38, -3e38]):
                scores[(odd > i / 5) & (odd < i / 5 + share)] = value
        dtype = DTYPES[seed // len(KINDS) % len(DTYPES)]
        text_lengths = torch.randint(1, n_symbols + 1, (n_items,), generator=draw)
        spread = torch.rand(n_items, generator=draw)
        spec_lengths = text_lengths + (spread * (n_frames - text_lengths + 1)).long()
        text_lengths[0], spec_lengths[0] = n_symbols, n_frames
        yield scores.to(dtype), text_lengths, spec_lengths.clamp(max=n_frames)


def in_some_layout(scores: Tensor, seed: int) -> Tensor:
    """The same scores: as they are, transposed in memory, or cut out of something larger."""
    if seed % 3 == 1:
        return scores.mT.contiguous().mT
    if seed % 3 == 2:
        n_items, n_frames, n_symbols = scores.shape
        larger = scores.new_zeros(n_items, n_frames + 1, n_symbols + 3)
        larger[:, 1:, 3:] = scores
        return larger[:, 1:, 3:]
    return scores
