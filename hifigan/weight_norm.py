"""Weight norm: a layer's weight as a norm for each output channel times a direction."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

# How torch calls the two tensors of a weight-normed layer, behind the layer's name.
NORM, DIRECTION = ".parametrizations.weight.original0", ".parametrizations.weight.original1"


def weight_norm(layer: nn.Module) -> nn.Module:
    return parametrizations.weight_norm(layer)


def fold_weight_norm(module: nn.Module) -> None:
    """Turn every weight-normed layer inside into a plain one with the same output. Idempotent."""
    for layer in module.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")


def normed_weight(norm: Tensor, direction: Tensor) -> Tensor:
    """What a weight-normed layer computes with: a norm per output channel times a direction."""
    axes = tuple(range(1, direction.dim()))
    return direction * (norm / torch.linalg.vector_norm(direction, dim=axes, keepdim=True))
