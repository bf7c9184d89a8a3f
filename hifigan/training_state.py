"""Everything that a training step changes, and that a checkpoint therefore holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim

from hifigan.config import TrainConfig
from hifigan.distributed import Ranks

PARTS = (
    "generator",
    "discriminator",
    "generator_optimizer",
    "discriminator_optimizer",
    "generator_schedule",
    "discriminator_schedule",
    "scaler",
)
COUNTERS = ("step", "epoch", "batch", "n_batches", "best")


@dataclass
class TrainingState:
    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: optim.Optimizer
    discriminator_optimizer: optim.Optimizer
    generator_schedule: optim.lr_scheduler.LRScheduler
    discriminator_schedule: optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler  # of fp16; does nothing otherwise
    step: int = 0  # steps taken
    epoch: int = 0  # epochs finished
    batch: int = 0  # batches taken in this epoch, per rank
    n_batches: int = 0  # batches of this epoch, per rank
    best: float | None = None  # lowest validation loss so far

    def advance(self) -> None:
        """Count a step; at the end of an epoch begin the next one and let the rates decay."""
        self.step, self.batch = self.step + 1, self.batch + 1
        if self.batch == self.n_batches:
            self.epoch, self.batch = self.epoch + 1, 0
            self.generator_schedule.step()
            self.discriminator_schedule.step()

    def state_dict(self, ranks: Ranks) -> dict[str, Any]:
        """Weights, optimizers, schedules, scaler, counters and every rank's random state."""
        contents = {name: getattr(self, name).state_dict() for name in PARTS}
        return (
            contents
            | {name: getattr(self, name) for name in COUNTERS}
            | {"random": ranks.gather(_random_state(ranks.device))}
        )

    def load_state_dict(self, contents: dict[str, Any], ranks: Ranks) -> None:
        """Take all of state_dict back; with another number of ranks, all but the random states."""
        for name in PARTS:
            if contents[
                name
            ]:  # empty: the scaler of a run without fp16, which the present one may use
                getattr(self, name).load_state_dict(contents[name])
        for name in COUNTERS:
            setattr(self, name, contents[name])
        if len(contents["random"]) == ranks.n_ranks:
            _set_random_state(contents["random"][ranks.rank], ranks.device)

    def take_settings(self, config: TrainConfig) -> None:
        """Let the config rule from here on: load_state_dict has brought back the rates of an
        older one.
        """
        for optimizer, schedule in (
            (self.generator_optimizer, self.generator_schedule),
            (self.discriminator_optimizer, self.discriminator_schedule),
        ):
            for group in optimizer.param_groups:
                if group["initial_lr"] != config.lr:
                    group["lr"] *= config.lr / group["initial_lr"]  # as far decayed as it was
                group |= {
                    "initial_lr": config.lr,
                    "betas": config.betas,
                    "eps": config.eps,
                    "weight_decay": config.weight_decay,
                }
            schedule.gamma = config.lr_decay
            schedule.base_lrs = [config.lr for _ in schedule.base_lrs]
            schedule._last_lr = [group["lr"] for group in optimizer.param_groups]


def make_state(
    generator: nn.Module, discriminator: nn.Module, config: TrainConfig, device: torch.device
) -> TrainingState:
    """Both networks on the device, each with its optimizer and schedule, at step 0."""
    networks = (generator.to(device), discriminator.to(device))
    optimizers = [make_optimizer(network.parameters(), config, device) for network in networks]
    schedules = [
        optim.lr_scheduler.ExponentialLR(optimizer, config.lr_decay) for optimizer in optimizers
    ]
    fp16 = autocast_dtype(config, device) == torch.float16
    return TrainingState(
        *networks, *optimizers, *schedules, torch.amp.GradScaler(device.type, enabled=fp16)
    )


def make_optimizer(
    parameters: Iterable[nn.Parameter], config: TrainConfig, device: torch.device
) -> optim.Optimizer:
    """The optimizer of torch.optim that config.optimizer names."""
    fused = {"fused": True} if config.optimizer in ("Adam", "AdamW") else {}
    return getattr(optim, config.optimizer)(
        parameters,
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        **fused,
    )


def autocast_dtype(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """The type that mixed_precision asks for, None for float32 throughout.

    `true` takes bfloat16 where the device computes in it, else float16.
    """
    if config.mixed_precision is False:
        return None
    if config.mixed_precision is True:
        has_bf16 = device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float16
    return {"bf16": torch.bfloat16, "fp16": torch.float16}[config.mixed_precision]


def _random_state(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
