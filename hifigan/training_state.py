"""Everything that a training step changes, and that a checkpoint therefore holds."""

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim

from hifigan.accumulation import AveragedNetwork
from hifigan.distributed import Ranks
from hifigan.freezing import Freezing, is_thawed, rows_held
from hifigan.optimization import Schedule, set_rate, step_unless
from hifigan.phases import phase
from hifigan.precision import autocast_dtype
from hifigan.training_config import TrainConfig

logger = logging.getLogger(__name__)

PARTS = (
    "generator",
    "discriminator",
    "generator_optimizer",
    "discriminator_optimizer",
    "schedule",
    "scaler",
    "ema",
)
COUNTERS = (
    "step",
    "epoch",
    "batch",
    "n_batches",
    "order",
    "best",
    "best_step",
    "warmup_until",
)


@dataclass
class TrainingState:
    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: optim.Optimizer
    discriminator_optimizer: optim.Optimizer
    schedule: Schedule  # of both
    scaler: torch.amp.GradScaler  # of fp16; does nothing otherwise
    ema: nn.Module | None  # the generator with the moving average of its weights
    ema_share: Tensor  # 0-d on the device: how much of the way to the weights the average goes
    count: Tensor  # 0-d on the device: `step`, for what recorded steps compute of it
    step: int = 0  # steps taken, skipped ones included
    epoch: int = 0  # epochs finished
    batch: int = 0  # batches taken in this epoch, per rank
    n_batches: int = 0  # batches of this epoch, per rank
    order: int = 0  # of the data: raised after each return to a checkpoint
    best: float | None = None  # lowest validation loss so far
    best_step: int | None = None  # and where that was
    warmup_until: int = 0  # the step before which discriminators learn alone, being fresh
    freezing: Freezing | None = None  # who learns; make_state gives it
    needs_wrapping: bool = False  # others learn than when gradient averaging was set up
    version: int = 0  # of the tensors that a step works on: others from one to the next

    @property
    def discriminator_learns(self) -> bool:
        return any(group["params"] for group in self.discriminator_optimizer.param_groups)

    @property
    def is_warming_up(self) -> bool:
        """Whether the generator rests until fresh discriminators have learnt something."""
        return self.step < self.warmup_until and self.discriminator_learns

    @property
    def speaking(self) -> nn.Module:
        """The generator that validation and samples judge: the average, where one is kept."""
        return self.generator if self.ema is None else self.ema

    def begin_step(self, *networks: AveragedNetwork) -> None:
        """Training mode but for what is frozen, and gradients of what learns; all ranks together.

        networks: both, as the ranks share them.
        """
        self.freezing.set_modes()
        if self.needs_wrapping:
            for network in networks:
                network.wrap()
            self.needs_wrapping = False

    def advance(self) -> None:
        """Count a step; at the end of an epoch begin the next one. Rates and freezing follow."""
        self.step, self.batch = self.step + 1, self.batch + 1
        epoch_ended = self.batch == self.n_batches
        if epoch_ended:
            self.epoch, self.batch = self.epoch + 1, 0
        self.schedule.advance(epoch_ended)
        if is_thawed(self.freezing.config, self.step) and not self.freezing.thawed:
            logger.info("step %d: from here on the frozen layers learn, too", self.step)
            self.set_thawed(True)
        self.set_rates()

    def set_thawed(self, thawed: bool) -> None:
        """Let what is frozen learn, or freeze it again; what goes on learning keeps its moments."""
        if thawed == self.freezing.thawed:
            return
        self.freezing.set(thawed)
        former = self.generator_optimizer, self.discriminator_optimizer
        made = self.freezing.make_optimizers()
        for old, new in zip(former, made):
            weights = [weight for group in new.param_groups for weight in group["params"]]
            new.state.update(
                {weight: old.state[weight] for weight in weights if weight in old.state}
            )
        self.generator_optimizer, self.discriminator_optimizer = made
        self.set_rates()
        self.needs_wrapping = True
        self.version += 1

    @contextmanager
    def as_thawed(self) -> Iterator[None]:
        """What is to thaw some day learns inside, for a rehearsal of the largest steps to come."""
        before = self.freezing.thawed
        self.set_thawed(self.freezing.config.unfreeze_at is not None)
        try:
            yield
        finally:
            self.set_thawed(before)

    def set_rates(self) -> None:
        """Each rate is its base rate times the schedule's share; the average's share; the count.

        The average's first steps count for more, or the random weights of the beginning would last.
        """
        rest = (self.warmup_until, 0)  # the generator's and the discriminators'
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        for optimizer, begins_at in zip(optimizers, rest):
            for group in optimizer.param_groups:
                begin = max(begins_at, group.get("begins_at", 0))
                set_rate(group, group["base_lr"] * self.schedule.share(begin))
        if self.ema is not None:
            decay = min(self.freezing.config.ema_decay, (1 + self.step) / (10 + self.step))
            self.ema_share.fill_(1 - decay)
        self.count.fill_(self.step)

    def update(
        self, optimizer: optim.Optimizer, grad_clip: float | None, blocked: Tensor
    ) -> Tensor:
        """Clip and step, unless blocked; a gradient that is no finite number blocks from here on.

        blocked: 0-d on the device, 1 for yes. Returns the gradient norm before clipping, which is
        the same on all ranks.
        """
        with phase("optimizer"), rows_held(self.freezing.rows):
            self.scaler.unscale_(optimizer)
            parameters = [
                p for group in optimizer.param_groups for p in group["params"] if p.grad is not None
            ]
            norm = nn.utils.get_total_norm([p.grad for p in parameters])
            if grad_clip is not None:
                nn.utils.clip_grads_with_norm_(parameters, grad_clip, norm)
            blocked.add_(~norm.isfinite()).clamp_(max=1)
            step_unless(blocked, optimizer)
        return norm

    @torch.no_grad()
    def average(self, blocked: Tensor) -> None:
        """Move the average, if one is kept, towards the generator's weights.

        Not if `blocked`, a 0-d tensor on the device, is 1.
        """
        if self.ema is not None:
            averages, weights = list(self.ema.parameters()), list(self.generator.parameters())
            moves = torch._foreach_sub(weights, averages)
            torch._foreach_mul_(moves, self.ema_share * (1 - blocked))
            torch._foreach_add_(averages, moves)

    def frozen_names(self) -> set[str]:
        """Of the weights that do not learn now; the discriminators' behind "discriminator."."""
        return set() if self.freezing.thawed else set(self.freezing.frozen)

    def is_finite(self) -> bool:
        """Whether no weight is NaN or infinite."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        return bool(torch.stack([weight.isfinite().all() for weight in weights]).all())

    def state_dict(self, ranks: Ranks) -> dict[str, Any]:
        """Weights, optimizers, schedule, scaler, counters and every rank's random state."""
        contents = {
            name: getattr(self, name).state_dict()
            for name in PARTS
            if getattr(self, name) is not None
        }
        for name in ("generator_optimizer", "discriminator_optimizer"):
            groups = contents[name]["param_groups"]
            contents[name]["param_groups"] = [g | {"lr": float(g["lr"])} for g in groups]
        return (
            contents
            | {name: getattr(self, name) for name in COUNTERS}
            | {"random": ranks.gather(random_state(ranks.device))}
        )

    def load_state_dict(self, contents: dict[str, Any], ranks: Ranks) -> None:
        """Take all of state_dict back; with another number of ranks, all but the random states.

        The settings of the present config rule on: an average or a scaler that it does not keep is
        left out, one that the checkpoint lacks starts here. What is frozen follows from the step.
        """
        self.set_thawed(is_thawed(self.freezing.config, contents["step"]))
        settings = [
            [{k: v for k, v in group.items() if k != "params"} for group in o.param_groups]
            for o in (self.generator_optimizer, self.discriminator_optimizer)
        ]
        for name in PARTS:
            part = getattr(self, name)
            if part is not None and contents.get(name):
                part.load_state_dict(contents[name])
        if self.ema is not None and "ema" not in contents:
            self.ema.load_state_dict(contents["generator"])
        for name in COUNTERS:
            if name in contents:  # warmup_until is younger than some checkpoints
                setattr(self, name, contents[name])
        for optimizer, groups in zip(
            (self.generator_optimizer, self.discriminator_optimizer), settings
        ):
            for group, setting in zip(optimizer.param_groups, groups):
                group |= setting
        self.set_rates()
        self.version += 1
        if len(contents["random"]) == ranks.n_ranks:
            set_random_state(contents["random"][ranks.rank], ranks.device)


def make_state(
    generator: nn.Module,
    discriminator: nn.Module,
    config: TrainConfig,
    device: torch.device,
    frozen_rows: Sequence[tuple[str, int]] = (),
) -> TrainingState:
    """Both networks on the device, each with its optimizer, at step 0.

    frozen_rows: [name of one of the generator's weights, number of its first rows] that do not
    learn.
    """
    generator, discriminator = generator.to(device), discriminator.to(device)
    ema = None if config.ema_decay is None else copy.deepcopy(generator).requires_grad_(False)
    freezing = Freezing(generator, discriminator, config, frozen_rows)
    fp16 = autocast_dtype(config, device) == torch.float16
    state = TrainingState(
        generator,
        discriminator,
        *freezing.make_optimizers(),
        Schedule(config),
        torch.amp.GradScaler(device.type, enabled=fp16),
        ema,
        torch.ones((), device=device),
        torch.zeros((), device=device),
        freezing=freezing,
    )
    state.set_rates()
    return state


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Of this process's generators, on the CPU and on its device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
