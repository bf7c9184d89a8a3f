"""What flows through a training step, for --log_level DEBUG: shapes, types and ranges.

Of the batch, of what every part of the networks gives, of the losses, and of each part's gradients:
in the first step of a process and in every logging step. The values are read off the device as they
come, which holds it up; the numbers of the training stay the same to the bit.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hifigan.experiment import Experiment, Watched

logger = logging.getLogger(__name__)


class Debugged(Watched):
    """Logs a step's tensors at the level DEBUG. log_every: steps."""

    def __init__(self, experiment: Experiment, log_every: int) -> None:
        super().__init__(experiment)
        self.log_every = log_every
        self.is_first = True

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        state, step = self.experiment.state, self.experiment.state.step + 1
        if not self.is_first and step % self.log_every:
            return self.experiment.train_step(batch)
        self.is_first = False
        logger.debug("step %d: shapes, types and ranges", step)
        log_values("batch", batch)
        networks = {"generator": state.generator, "discriminator": state.discriminator}
        with ExitStack() as hooks:
            for name, network in networks.items():
                hooks.enter_context(outputs_logged(name, network))
            losses = self.experiment.train_step(batch)
        log_values("losses", losses)
        for name, network in networks.items():
            log_gradients(name, network)
        return losses


@contextmanager
def outputs_logged(name: str, network: nn.Module) -> Iterator[None]:
    """Log what each part of a network gives while inside, and then the network itself.

    If that is a mere list of what its parts have given, they have told of it.
    """

    def log(part_name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(part: nn.Module, _: Any, output: Any) -> None:
            if part is not network or not isinstance(output, list):
                log_values(part_name, output)

        return hook

    handles = [part.register_forward_hook(log(n)) for n, part in parts_of(name, network).items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def parts_of(name: str, network: nn.Module) -> dict[str, nn.Module]:
    """The parts of the papers' figures by name, from the children of a network; then itself.

    Of a list of parts, each; it is never called itself.
    """
    found = {}
    for child_name, child in network.named_children():
        members = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        found |= {f"{name}.{child_name}.{n}".rstrip("."): member for n, member in members}
    return found | {name: network}


def log_values(name: str, value: Any) -> None:
    """One line for every tensor in `value`: a tensor, or dataclasses, dicts and lists of them."""
    if isinstance(value, Tensor):
        logger.debug("  %s: %s", name, described(value))
    elif is_dataclass(value):
        for field in fields(value):
            log_values(f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, dict):
        for key, item in value.items():
            log_values(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)) and not any(isinstance(item, str) for item in value):
        for i, item in enumerate(value):
            log_values(f"{name}.{i}", item)
    elif value is not None:
        logger.debug("  %s: %s", name, value)


def log_gradients(name: str, network: nn.Module) -> None:
    """A line for each part with weights: its gradients as the optimizer has seen them."""
    for part_name, part in parts_of(name, network).items():
        weights = [p for p in part.parameters() if p.requires_grad]
        found = [p.grad.flatten() for p in weights if p.grad is not None]
        if found:
            gradients = torch.cat(found)
            norm = float(gradients.norm())
            logger.debug("  gradients of %s: %s, norm %.4g", part_name, described(gradients), norm)
        if len(found) < len(weights):
            n_lacking = len(weights) - len(found)
            logger.debug("  gradients of %s: %d weights have none", part_name, n_lacking)


@torch.no_grad()
def described(tensor: Tensor) -> str:
    """Shape, type, device, range, mean and share of NaN: "[2, 80] float32 cpu, -1 to 2, ..."."""
    kind = f"{list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')} {tensor.device}"
    if tensor.numel() == 0:
        return f"{kind}, empty"
    values = tensor.detach().double().flatten()
    numbers = values[~values.isnan()]
    if len(numbers) == 0:
        return f"{kind}, NaN 100 %"
    low, high, mean = float(numbers.min()), float(numbers.max()), float(numbers.mean())
    share = 100 * (1 - len(numbers) / len(values))
    return f"{kind}, {low:.4g} to {high:.4g}, mean {mean:.4g}, NaN {share:.3g} %"
