"""Convolutions as matrix products."""
import pytest
import torch
from torch import Tensor, nn

from hifigan import product_convolution
from hifigan.product_convolution import ProductConv1d, ProductConv2d


def outputs_and_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    out = layer(x)
    weights = torch.linspace(-1, 1, out.numel()).view(out.shape)
    return [out, *torch.autograd.grad((out * weights).sum(), [x, *layer.parameters()])]


@pytest.mark.parametrize("max_windows", [2 ** 23, 6 * 17 * 3 * 5])  # all items at once, and one by one
@pytest.mark.parametrize("options", [{"padding": 2}, {"stride": 3, "padding": 2}, {"stride": 2},
                                     {"dilation": 2, "padding": 4}, {"padding": 2, "bias": False}])
def test_a_product_equals_the_convolution(options, max_windows, monkeypatch):
    monkeypatch.setattr(product_convolution, "MAX_WINDOWS", max_windows)
    torch.manual_seed(0)
    x = torch.randn(4, 6, 17, 3)
    two = {name: value if name == "bias" else (value, 0 if name == "padding" else 1)
           for name, value in options.items()}
    for product, plain, x in ((ProductConv2d(6, 7, (5, 1), **two), nn.Conv2d(6, 7, (5, 1), **two), x),
                              (ProductConv1d(6, 7, 5, **options), nn.Conv1d(6, 7, 5, **options), x[..., 0])):
        plain.load_state_dict(product.state_dict())
        torch.testing.assert_close(outputs_and_gradients(product, x), outputs_and_gradients(plain, x))
