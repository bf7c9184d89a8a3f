"""Which weights learn, how fast and from when: train.freeze_layers, unfreeze_at and layer_lr.

The generator's weights go by their own names, the discriminators' have "discriminator." before
them. What is frozen has no gradients and no place in an optimizer, and its modules are in eval
mode, so that neither dropout nor the estimate of a spectral norm goes on in them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn, optim

from hifigan.errors import UserError
from hifigan.layers import matching
from hifigan.optimization import make_optimizer
from hifigan.training_config import TrainConfig

BEHIND = "discriminator."  # stands before the discriminators' names
DEFAULT = -1  # the place in layer_lr of what it does not name


class Freezing:
    """Freezes and thaws the weights of both networks, and sorts those that learn by their rates.

    frozen_rows: [name of one of the generator's weights, number of its first rows] that never
    learn, whether the rest of the weight does or not.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        config: TrainConfig,
        frozen_rows: Sequence[tuple[str, int]] = (),
    ) -> None:
        require_something_to_learn(config, generator, discriminator)
        self.generator = generator
        self.discriminator = discriminator
        self.config = config
        self.rows = [(generator.get_parameter(name), n) for name, n in frozen_rows]
        self.weights = _named_weights(generator, discriminator)
        self.frozen = frozen_names(config, generator, discriminator)
        self.places: dict[str, int] = {}  # in layer_lr, by name
        for place, (layers, _) in enumerate(config.layer_lr):
            for name in matching([layers], list(self.weights), "train.layer_lr"):
                self.places.setdefault(name, place)
        self.set(thawed=False)

    def set(self, thawed: bool) -> None:
        """Let what is frozen learn, or keep it from that."""
        self.thawed = thawed
        for name in self.frozen:
            self.weights[name].requires_grad_(thawed)
            self.weights[name].grad = None
        self.resting = [
            part
            for network in (self.generator, self.discriminator)
            for module in network.modules()
            if _is_frozen(module)
            for part in module.modules()
        ]

    def set_modes(self) -> None:
        """Both networks in training mode, but for the modules that are frozen as a whole."""
        self.generator.train()
        self.discriminator.train()
        for module in self.resting:
            # In training mode alone a module makes its activations anew instead of keeping them.
            module.training = getattr(module, "grad_checkpoint", False)

    def make_optimizers(self) -> tuple[optim.Optimizer, optim.Optimizer]:
        """The generator's and the discriminators', of what learns by now; without any moments."""
        config = self.config
        generator = [name for name in self.weights if not name.startswith(BEHIND)]
        discriminator = [name for name in self.weights if name.startswith(BEHIND)]
        rates = (config.lr, config.discriminator_lr or config.lr)
        return tuple(
            make_optimizer(self._groups(names, lr), config, lr)
            for names, lr in zip((generator, discriminator), rates)
        )

    def _groups(self, names: list[str], lr: float) -> list[dict[str, Any]]:
        """One group for each entry of layer_lr, and of what was frozen the same again behind them.

        So the moments in a checkpoint keep their places. Of nothing there is one empty group.
        """
        thaw = self.config.unfreeze_at
        stages = [[name for name in names if name not in self.frozen]]
        if self.thawed:
            stages.append([name for name in names if name in self.frozen])
        groups = []
        for stage in stages:
            for place in sorted({self.places.get(name, DEFAULT) for name in stage}):
                chosen = [name for name in stage if self.places.get(name, DEFAULT) == place]
                rate = lr if place == DEFAULT else self.config.layer_lr[place][1]
                weights = [self.weights[name] for name in chosen]
                group = {"params": weights, "base_lr": rate}
                groups.append(group if stage is stages[0] else group | {"begins_at": thaw})
        return groups or [{"params": [], "base_lr": lr}]


def is_thawed(config: TrainConfig, step: int) -> bool:
    """Whether what freeze_layers names learns by this step."""
    return config.unfreeze_at is not None and step >= config.unfreeze_at


def frozen_names(config: TrainConfig, generator: nn.Module, discriminator: nn.Module) -> set[str]:
    """The names of the weights that are frozen at first."""
    names = list(_named_weights(generator, discriminator))
    return matching(config.freeze_layers, names, "train.freeze_layers")


def require_something_to_learn(
    config: TrainConfig, generator: nn.Module, discriminator: nn.Module
) -> None:
    """A UserError if the layers' names are wrong, or if none of the generator's are left to learn.

    The networks' weights do not count, so that they may be on torch's "meta" device.
    """
    frozen = frozen_names(config, generator, discriminator)
    for layers, _ in config.layer_lr:
        matching([layers], list(_named_weights(generator, discriminator)), "train.layer_lr")
    names = [name for name, _ in generator.named_parameters()]
    if frozen.issuperset(names):
        parts = dict.fromkeys(name.partition(".")[0] for name in names)
        raise UserError(
            f"train.freeze_layers: {', '.join(config.freeze_layers)} freezes all of the "
            f"generator's {len(names)} weights, so that nothing would learn; leave out at least "
            f"one of: {', '.join(parts)}"
        )


def same_groups(now: TrainConfig, saved: TrainConfig, step: int) -> bool:
    """Whether the moments of a checkpoint with the config `saved`, made at this step, fit `now`.

    The rates in layer_lr may be others, its layers may not.
    """
    return _grouping(now, step) == _grouping(saved, step)


def _grouping(config: TrainConfig, step: int) -> tuple[Any, ...]:
    layers = tuple(layers for layers, _ in config.layer_lr)
    return frozenset(config.freeze_layers), is_thawed(config, step), layers


@contextmanager
def without_gradients(network: nn.Module) -> Iterator[None]:
    """What is computed inside leaves no gradients in the network's weights."""
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


@contextmanager
def rows_held(rows: Sequence[tuple[nn.Parameter, int]]) -> Iterator[None]:
    """An optimizer's step inside leaves the first n rows of each weight to the bit as they are.

    Their gradients are set to 0, so that they count neither in the norm nor in the moments. The
    rows are put back because weight decay, for one, moves weights without gradients, too.
    """
    before = [weight.detach()[:n].clone() for weight, n in rows]
    for weight, n in rows:
        if weight.grad is not None:
            weight.grad[:n] = 0
    yield
    with torch.no_grad():
        for (weight, n), kept in zip(rows, before):
            weight[:n] = kept


def _named_weights(generator: nn.Module, discriminator: nn.Module) -> dict[str, nn.Parameter]:
    behind = {BEHIND + name: weight for name, weight in discriminator.named_parameters()}
    return dict(generator.named_parameters()) | behind


def _is_frozen(module: nn.Module) -> bool:
    """Whether it has weights, none of which learns."""
    weights = list(module.parameters())
    return bool(weights) and not any(weight.requires_grad for weight in weights)
