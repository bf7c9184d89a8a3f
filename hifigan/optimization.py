"""Optimizers and schedules of torch by their names, and a step that bad gradients do not take.

The schedule knows shares only: it drives an optimizer of its own with rate 1, and each network's
rate is its base rate times that share and the warm-up's.
"""

import difflib
import inspect
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn, optim

from hifigan.errors import UserError
from hifigan.training_config import TrainConfig

# They need more than numbers: functions, other schedules, or a loss to watch.
NOT_BY_NAME = (
    optim.lr_scheduler.LambdaLR,
    optim.lr_scheduler.MultiplicativeLR,
    optim.lr_scheduler.SequentialLR,
    optim.lr_scheduler.ChainedScheduler,
    optim.lr_scheduler.ReduceLROnPlateau,
    optim.LBFGS,
    optim.SparseAdam,
)
# One kernel, which can also skip on the device. SGD's leaves its momentum unset when it skips.
FUSED = (optim.Adam, optim.AdamW)


def make_optimizer(
    parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]], config: TrainConfig, lr: float
) -> optim.Optimizer:
    """The optimizer that config.optimizer names, with config.optimizer_options.

    parameters: weights, or torch's parameter groups of them.
    """
    kind = _named("optimizer", config.optimizer, optim, optim.Optimizer)
    parameters = list(parameters)
    first = parameters[0]["params"] if isinstance(parameters[0], dict) else parameters
    on_cuda = bool(first) and first[0].is_cuda
    # Recorded steps read the rate off the device, and count there, too.
    options = {"fused": True, "capturable": on_cuda} if kind in FUSED else {}
    optimizer = _build("optimizer", kind, options | config.optimizer_options, parameters, lr=lr)
    if kind in FUSED and on_cuda:
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(lr, device=first[0].device)
    return optimizer


class Schedule:
    """The share of the base rate that a step takes: warm-up times a schedule of torch."""

    def __init__(self, config: TrainConfig) -> None:
        kind = _named(
            "lr_schedule", config.lr_schedule, optim.lr_scheduler, optim.lr_scheduler.LRScheduler
        )
        self.settings = {
            "lr_schedule": config.lr_schedule,
            "lr_schedule_options": config.lr_schedule_options,
            "lr_schedule_per": config.lr_schedule_per,
        }
        self.warmup_steps = config.warmup_steps
        self.carrier = optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        self.schedule = _build("lr_schedule", kind, config.lr_schedule_options, self.carrier)
        self.n_steps = self.n_epochs = 0

    def share(self, begins_at: int = 0) -> float:
        """begins_at: the step from which the weights learn, and from which their rate rises: with
        fresh moments a full one would move every weight as far as it can.
        """
        n_steps = max(0, self.n_steps - begins_at)
        warmth = min(1.0, (n_steps + 1) / max(1, self.warmup_steps))
        return warmth * self.carrier.param_groups[0]["lr"]

    def advance(self, epoch_ended: bool) -> None:
        """Go on by one training step."""
        self.n_steps += 1
        self.n_epochs += epoch_ended
        if epoch_ended or self.settings["lr_schedule_per"] == "step":
            self._go_on()

    def state_dict(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "n_steps": self.n_steps,
            "n_epochs": self.n_epochs,
            "schedule": self.schedule.state_dict(),
            "lr": self.carrier.param_groups[0]["lr"],
        }

    def load_state_dict(self, contents: dict[str, Any]) -> None:
        """Take the state back, and let the present options rule from there on.

        Another schedule, or one that works its options out in advance, goes to where it would be if
        it had been there from the start.
        """
        self.n_steps, self.n_epochs = contents["n_steps"], contents["n_epochs"]
        before, options = contents["settings"], self.settings["lr_schedule_options"]
        if before == self.settings or (
            before | {"lr_schedule_options": options} == self.settings
            and all(hasattr(self.schedule, name) for name in options)
        ):
            kept = {k: v for k, v in contents["schedule"].items() if k not in options}
            self.schedule.load_state_dict(kept)
            self.carrier.param_groups[0]["lr"] = contents["lr"]
        else:
            per_step = self.settings["lr_schedule_per"] == "step"
            for _ in range(self.n_steps if per_step else self.n_epochs):
                self._go_on()

    def _go_on(self) -> None:
        self.carrier.step()  # without gradients; torch warns of a schedule before a step
        try:
            self.schedule.step()
        except ValueError as error:  # OneCycleLR behind its end
            name = self.settings["lr_schedule"]
            raise UserError(
                f"train.lr_schedule {name}: {error}; set its length in train.lr_schedule_options "
                f"to that of the run"
            ) from None


def check_optimization(config: TrainConfig) -> None:
    """A UserError if the config names an optimizer or a schedule that cannot be made."""
    make_optimizer([nn.Parameter(torch.zeros(2, 2))], config, config.lr)
    Schedule(config)


def state_names(config: TrainConfig) -> set[str]:
    """What the config's optimizer keeps for each weight, such as exp_avg."""
    weight = nn.Parameter(torch.zeros(2, 2))
    weight.grad = torch.ones(2, 2)
    optimizer = make_optimizer([weight], config, config.lr)
    optimizer.step()
    return set(optimizer.state[weight])


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Of an optimizer's group; in place where it is on the device."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def step_unless(blocked: Tensor, optimizer: optim.Optimizer) -> None:
    """optimizer.step() unless `blocked`, a 0-d tensor on the device, is 1.

    The fused optimizers look at it on the device, as they do for torch's GradScaler; for the others
    the host waits for the device.
    """
    if getattr(optimizer, "_step_supports_amp_scaling", False):
        optimizer.grad_scale, optimizer.found_inf = None, blocked
        optimizer.step()
        del optimizer.grad_scale, optimizer.found_inf
    elif not blocked:
        optimizer.step()


def _named(key: str, name: str, module: Any, base: type) -> type:
    known = {
        n: kind
        for n, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, base)
        and kind is not base
        and kind not in NOT_BY_NAME
        and not n.startswith("_")
    }
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        guess = f'; did you mean "{near[0]}"?' if near else ""
        raise UserError(
            f'train.{key} is "{name}", which is none that {module.__name__} offers by name{guess}; '
            f"use one of: {', '.join(sorted(known))}"
        )
    return known[name]


def _build(key: str, kind: type, options: dict[str, Any], *arguments: Any, **named: Any) -> Any:
    taken = list(inspect.signature(kind).parameters)[len(arguments) :]
    unknown = [name for name in options if name not in taken or name in named]
    if unknown:
        raise UserError(
            f"train.{key}_options: {kind.__name__} takes no {unknown[0]!r}; "
            f"it takes: {', '.join(name for name in taken if name not in named)}"
        )
    try:
        return kind(*arguments, **named, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"train.{key}_options: {kind.__name__} refuses them: {error}; mend them or use another "
            f"train.{key}"
        ) from None
