"""The splines and flows of the duration predictor: inverses, derivatives, determinants,
extremes."""

import pytest
import torch
from torch import Tensor

from tests.tiny_model import perturb
from vits.spline import _knots, spline
from vits.stochastic_duration_predictor import SplineCoupling, SplineFlows

BOUND, N_BINS = 5.0, 10
CHANNELS, LENGTH = 8, 6


def shapes_of(n: int, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Unnormalised widths, heights and slopes of n splines."""
    draw = torch.Generator().manual_seed(0)
    widths, heights = (scale * torch.randn(n, N_BINS, generator=draw) for _ in range(2))
    return widths, heights, scale * torch.randn(n, N_BINS - 1, generator=draw)


def flow_inputs() -> tuple[Tensor, Tensor, Tensor]:
    """z, mask (the second item is shorter) and condition."""
    draw = torch.Generator().manual_seed(0)
    x_mask = torch.ones(2, 1, LENGTH)
    x_mask[1, :, 4:] = 0
    z = 2 * torch.randn(2, 2, LENGTH, generator=draw) * x_mask
    return z, x_mask, torch.randn(2, CHANNELS, LENGTH, generator=draw)


@pytest.fixture(scope="module")
def flows() -> SplineFlows:
    torch.manual_seed(0)
    flows = SplineFlows(CHANNELS, kernel_size=3, n_flows=4).requires_grad_(False)
    perturb(flows, deviation=0.3)
    return flows


def test_inverse_undoes_the_spline() -> None:
    n = 100_000
    widths, heights, slopes = shapes_of(n)
    x = torch.empty(n).uniform_(-6, 6, generator=torch.Generator().manual_seed(1))
    y, log_slope = spline(x, widths, heights, slopes, BOUND)
    x_again, log_slope_again = spline(y, widths, heights, slopes, BOUND, inverse=True)
    # An error of rounding in y counts as many times in x as the spline is flat there.
    assert ((x_again - x).abs() <= 2e-5 * (1 + (-log_slope).exp())).all()
    assert (log_slope + log_slope_again).abs().median() < 1e-5


def test_inverse_undoes_the_spline_on_the_edges_of_bins() -> None:
    widths, heights, slopes = shapes_of(1000)
    for i in range(N_BINS + 1):
        left, bottom = _knots(widths, BOUND)[0][:, i], _knots(heights, BOUND)[0][:, i]
        there = spline(left, widths, heights, slopes, BOUND)[0]
        back = spline(bottom, widths, heights, slopes, BOUND, inverse=True)[0]
        torch.testing.assert_close(there, bottom, atol=1e-4, rtol=0)
        torch.testing.assert_close(back, left, atol=1e-4, rtol=0)


def test_spline_is_the_identity_outside() -> None:
    x = torch.tensor([-1e4, -5.1, 5.1, 1e4])
    for inverse in (False, True):
        y, log_slope = spline(x, *shapes_of(4), BOUND, inverse)
        assert torch.equal(y, x) and not log_slope.any()


@pytest.mark.parametrize("inverse", [False, True])
def test_log_derivative_of_the_spline_is_autograds(inverse: bool) -> None:
    n = 10_000
    x = torch.linspace(-5.5, 5.5, n).requires_grad_()
    y, log_slope = spline(x, *shapes_of(n), BOUND, inverse)
    (derivative,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope.exp(), derivative, atol=1e-4, rtol=2e-3)


@pytest.mark.parametrize("scale", [0.0, 30.0, 1e4])
def test_spline_stays_finite_and_monotonic_under_extreme_shapes(scale: float) -> None:
    n = 2001
    x = torch.linspace(-5, 5, n).requires_grad_()
    shape = [values[:1].expand(n, -1).clone().requires_grad_() for values in shapes_of(1, scale)]
    y, log_slope = spline(x, *shape, BOUND)
    assert y.isfinite().all() and log_slope.isfinite().all()
    assert (y.diff() > -1e-4).all() and y.abs().max() <= BOUND + 1e-4
    gradients = torch.autograd.grad(y.sum() + log_slope.sum(), [x, *shape])
    assert all(gradient.isfinite().all() for gradient in gradients)
    x_again, log_slope = spline(
        x.detach(), *[values.detach() for values in shape], BOUND, inverse=True
    )
    assert x_again.isfinite().all() and log_slope.isfinite().all()


def test_a_new_coupling_bends_all_texts_alike_and_little() -> None:
    z, x_mask, condition = flow_inputs()
    coupling = SplineCoupling(CHANNELS, kernel_size=3)
    found, log_det = coupling(z, x_mask, condition)
    assert torch.equal(found, coupling(z, x_mask, -condition)[0])
    torch.testing.assert_close(found, z, atol=0.1, rtol=0)
    assert log_det.abs().max() < 0.4 * LENGTH


def test_inverse_undoes_every_coupling(flows: SplineFlows) -> None:
    z, x_mask, condition = flow_inputs()
    for coupling in flows.couplings:
        bent, log_det = coupling(z, x_mask, condition)
        again, log_det_again = coupling(bent, x_mask, condition, inverse=True)
        assert (bent - z).abs().max() > 0.1
        torch.testing.assert_close(again, z, atol=1e-3, rtol=0)
        torch.testing.assert_close(log_det_again, -log_det, atol=1e-3, rtol=1e-3)


def test_inverse_gives_the_log_durations_back(flows: SplineFlows) -> None:
    z, x_mask, condition = flow_inputs()
    noise, _ = flows(z, x_mask, condition)
    found = flows.inverse(noise, x_mask, condition)
    torch.testing.assert_close(found[:, :1], z[:, :1], atol=1e-3, rtol=0)
    # With the one coupling that synthesis leaves out, the other channel comes back too.
    moved = (flows.shift + flows.log_scale.exp() * found) * x_mask
    whole, _ = flows.couplings[0](moved, x_mask, condition, inverse=True)
    whole = (whole - flows.shift) * (-flows.log_scale).exp() * x_mask
    torch.testing.assert_close(whole, z, atol=1e-3, rtol=0)


def test_log_determinant_is_that_of_autograds_jacobian(flows: SplineFlows) -> None:
    z, x_mask, condition = flow_inputs()
    _, log_det = flows(z, x_mask, condition)
    for item, length in enumerate((LENGTH, 4)):

        def bend(valid: Tensor, item: int = item, length: int = length) -> Tensor:
            padded = torch.nn.functional.pad(valid.unsqueeze(0), (0, LENGTH - length))
            return flows(padded, x_mask[item : item + 1], condition[item : item + 1])[0][
                0, :, :length
            ]

        valid = z[item, :, :length]
        jacobian = torch.autograd.functional.jacobian(bend, valid).reshape(2 * length, 2 * length)
        expected = torch.linalg.slogdet(jacobian.double()).logabsdet.float()
        torch.testing.assert_close(log_det[item], expected, atol=1e-3, rtol=1e-3)
