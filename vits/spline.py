"""Monotonic rational-quadratic splines with linear tails (Durkan et al. 2019, Sec. 3.1), the
invertible function of the stochastic duration predictor (VITS Sec. 2.2.2).

[...] stands for any leading axes, K is the number of bins. Always float32.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MIN_BIN = 1e-3  # smallest width and height of a bin, as a share of the whole
MIN_SLOPE = 1e-3


def spline(
    x: Tensor, widths: Tensor, heights: Tensor, slopes: Tensor, bound: float, inverse: bool = False
) -> tuple[Tensor, Tensor]:
    """x: [...]; unnormalised widths and heights: [..., K]; slopes: [..., K - 1], inner knots only.

    The identity outside [-bound, bound]. Returns the function's value and the logarithm of its
    derivative (of the inverse function's, where `inverse`), both [...].
    """
    with torch.autocast(x.device.type, enabled=False):
        x, widths, heights, slopes = x.float(), widths.float(), heights.float(), slopes.float()
        inside = (x >= -bound) & (x <= bound)
        y, log_slope = _inside(x.clamp(-bound, bound), widths, heights, slopes, bound, inverse)
        return torch.where(inside, y, x), torch.where(inside, log_slope, 0)


def _inside(
    x: Tensor, widths: Tensor, heights: Tensor, slopes: Tensor, bound: float, inverse: bool
) -> tuple[Tensor, Tensor]:
    left, width = _knots(widths, bound)
    bottom, height = _knots(heights, bound)
    # The outer knots' slopes are 1, where the linear tails begin.
    edge = math.log(math.exp(1 - MIN_SLOPE) - 1)
    slope = MIN_SLOPE + F.softplus(F.pad(slopes, (1, 1), value=edge))

    knots = bottom if inverse else left
    n_bins = widths.shape[-1]
    bin_index = ((x.unsqueeze(-1) >= knots[..., :-1]).sum(-1, keepdim=True) - 1).clamp(
        0, n_bins - 1
    )

    def here(values: Tensor) -> Tensor:
        return values.gather(-1, bin_index).squeeze(-1)

    left, width, bottom, height = (
        here(left[..., :-1]),
        here(width),
        here(bottom[..., :-1]),
        here(height),
    )
    slope_before, slope_after = here(slope[..., :-1]), here(slope[..., 1:])
    steepness = height / width  # s_k of the paper
    bend = slope_before + slope_after - 2 * steepness

    if inverse:  # solve Eq. 4 for the share of the bin's width (Eq. 6-8)
        rise = x - bottom
        a = height * (steepness - slope_before) + rise * bend
        b = height * slope_before - rise * bend
        c = -steepness * rise
        # Rounding can push the discriminant just below zero at a knot, and the share out of its
        # bin.
        smallest = torch.finfo(torch.float32).tiny  # not 0, where a root has no finite slope
        root = (b.square() - 4 * a * c).clamp(min=smallest).sqrt()
        share = ((2 * c) / (-b - root)).clamp(0, 1)
    else:
        share = (x - left) / width
    mixed = share * (1 - share)
    denominator = steepness + bend * mixed
    y = (
        share * width + left
        if inverse
        # Eq. 4
        else bottom + height * (steepness * share.square() + slope_before * mixed) / denominator
    )
    numerator = steepness.square() * (
        slope_after * share.square() + 2 * steepness * mixed + slope_before * (1 - share).square()
    )
    log_slope = numerator.log() - 2 * denominator.log()  # Eq. 5
    return y, -log_slope if inverse else log_slope


def _knots(sizes: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Unnormalised sizes [..., K] to the knots [..., K + 1] in [-bound, bound] and their
    distances.
    """
    n_bins = sizes.shape[-1]
    shares = MIN_BIN + (1 - MIN_BIN * n_bins) * sizes.softmax(-1)
    inner = 2 * bound * shares.cumsum(-1)[..., :-1] - bound
    knots = F.pad(F.pad(inner, (1, 0), value=-bound), (0, 1), value=bound)
    return knots, knots.diff(dim=-1)
