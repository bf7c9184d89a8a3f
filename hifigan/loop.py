"""The training loop that a vocoder and VITS share: batches, steps, looking, saving, stopping,
resuming.

It knows nothing of the networks. An experiment brings its step, its validation and its samples.
"""

import logging
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from hifigan.checkpoint import CheckpointFolder
from hifigan.config import TrainConfig
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.json_config import config_to_dict
from hifigan.monitor import Monitor, Pace, summary
from hifigan.training_state import TrainingState

logger = logging.getLogger(__name__)

SECOND_SIGNAL_SECONDS = 2.0


class Experiment(Protocol):
    """What is trained. `config` goes into the checkpoints; values are unweighted losses by name.

    train_step gets the batch as the loader made it, on the CPU. Rank 0 alone validates and shows.
    """

    state: TrainingState
    config: Any  # a config dataclass
    best_by: str  # the validation loss that says which checkpoint is best

    def train_step(self, batch: Any) -> dict[str, Tensor]: ...

    def validate(self) -> dict[str, float]: ...

    def show(self, monitor: Monitor, folder: Path) -> None: ...


@dataclass(frozen=True)
class Limits:
    """When to stop before the configured epochs are over; None for no limit."""

    max_steps: int | None = None
    max_minutes: float | None = None


def train(
    experiment: Experiment,
    loader: DataLoader,
    config: TrainConfig,
    ranks: Ranks,
    run: Path,
    limits: Limits = Limits(),
) -> None:
    """Train until the epochs, a limit or an interrupt end it, then save.

    The loader's batch sampler has set_epoch(epoch) and set_start(batch), and gives every rank the
    same number of batches.
    """
    state = experiment.state
    monitor = Monitor(run, state.step) if ranks.is_first else None
    checkpoints = CheckpointFolder(run / "checkpoints", config.keep_last)
    deadline = time.monotonic() + 60 * (
        math.inf if limits.max_minutes is None else limits.max_minutes
    )
    n_batches = len(loader)
    resume_position(state, n_batches)
    last_step = state.step + (config.epochs - state.epoch) * n_batches - state.batch
    if limits.max_steps is not None:
        last_step = min(last_step, limits.max_steps)
    stopping = state.step >= last_step

    with (
        _interrupts() as interrupted,
        _progress(state.step, last_step, ranks) as bar,
        _ended(loader),
    ):
        pace = Pace()
        while not stopping:
            loader.batch_sampler.set_epoch(state.epoch)
            loader.batch_sampler.set_start(state.batch)
            for batch in loader:
                losses = experiment.train_step(batch)
                state.advance()
                pace.count(len(batch.wav))
                bar.update()

                n_interrupted, n_late = ranks.sums([interrupted[0], time.monotonic() > deadline])
                stopping = state.step >= last_step or n_interrupted + n_late > 0
                logging_now = state.step % config.log_every == 0
                validating = state.step % config.validate_every == 0
                looking = validating or (stopping and not n_interrupted)
                saving = stopping or state.step % config.save_every == 0

                if logging_now or looking or saving:
                    values = read_values(losses, ranks)
                    require_finite(values, state, checkpoints)
                if logging_now:
                    values |= {
                        "train/learning_rate": state.generator_schedule.get_last_lr()[0],
                        "train/samples_per_second": sum(ranks.gather(pace.per_second())),
                    }
                    bar.set_postfix_str(summary(values))
                    if ranks.is_first:
                        monitor.scalars(state.step, state.epoch, values)
                        if bar.disable:  # no terminal: lines instead of a bar
                            logger.info(
                                "step %d of %d, epoch %d: %s",
                                state.step,
                                last_step,
                                state.epoch,
                                summary(values),
                            )
                # A look because of an early stop must not judge: stopping would change the run.
                judging = validating or state.epoch == config.epochs
                is_best = looking and ranks.first(lambda: look(experiment, monitor, run, judging))
                if is_best or saving:
                    _save(experiment, checkpoints, ranks, is_best)
                if looking or saving:
                    pace.restart()
                if stopping:
                    break

    if ranks.is_first:
        monitor.close()
        if state.step >= last_step:
            logger.info("finished at step %d", state.step)
        else:
            logger.info(
                "%s at step %d; the same command goes on from there",
                "interrupted" if interrupted[0] else "out of time",
                state.step,
            )


def resume_position(state: TrainingState, n_batches: int) -> None:
    """Fit the position in the epoch to another number of batches (other data, size or ranks)."""
    if state.batch and state.n_batches != n_batches:
        position = min(round(state.batch * n_batches / state.n_batches), n_batches - 1)
        logger.warning(
            "the epoch had %d batches and now has %d: going on at batch %d instead of %d",
            state.n_batches,
            n_batches,
            position,
            state.batch,
        )
        state.batch = position
    state.n_batches = n_batches


def read_values(losses: dict[str, Tensor], ranks: Ranks) -> dict[str, float]:
    """Losses and norms as "train/..." numbers, averaged over the ranks. Waits for the device."""
    values = torch.stack([value.detach().float() for value in losses.values()]).tolist()
    means = [total / ranks.n_ranks for total in ranks.sums(values)]
    return {f"train/{name}": value for name, value in zip(losses, means)}


def look(experiment: Experiment, monitor: Monitor, run: Path, judging: bool) -> bool:
    """Log validation losses and render samples. If `judging`, say whether this step is best."""
    state, is_best = experiment.state, False
    values = experiment.validate()
    if values:
        monitor.scalars(state.step, state.epoch, {f"valid/{name}": v for name, v in values.items()})
        logger.info(
            "step %d: validation: %s",
            state.step,
            " ".join(f"{name} {value:.3f}" for name, value in values.items()),
        )
        value = values[experiment.best_by]
        lowest = math.inf if state.best is None else state.best
        is_best = judging and value < lowest  # NaN never is
        state.best = value if is_best else state.best
    experiment.show(monitor, run / "samples" / f"step_{state.step:08d}")
    monitor.flush()
    return is_best


def require_finite(
    values: dict[str, float], state: TrainingState, checkpoints: CheckpointFolder
) -> None:
    """Stop a run whose losses have become NaN or infinite, before its checkpoints do."""
    lost = [name for name, value in values.items() if not math.isfinite(value)]
    if state.scaler.is_enabled():  # fp16: a step with infinite gradients is skipped, and no fault
        lost = [name for name in lost if not name.endswith("gradient_norm")]
    if lost:
        saved = [str(path) for path in checkpoints.steps()[-1:]]
        raise UserError(
            f"step {state.step}: {', '.join(lost)} became NaN or infinite, so the run stops; the last "
            f"checkpoint is {saved[0] if saved else 'none'}; lower train.lr, set train.grad_clip, "
            f"or train in float32, and start again"
        )


def _save(
    experiment: Experiment, checkpoints: CheckpointFolder, ranks: Ranks, is_best: bool
) -> None:
    contents = {"config": config_to_dict(experiment.config), **experiment.state.state_dict(ranks)}

    def write() -> None:
        path = checkpoints.write(experiment.state.step, contents)
        if is_best:
            checkpoints.mark_best(path)

    ranks.first(write)


@contextmanager
def _interrupts() -> Iterator[list[bool]]:
    """A flag that Ctrl-C and SIGTERM set, so that the step at hand ends and is saved.

    A later second signal ends the program at once. One that follows closely is torchrun passing on
    what the terminal has sent to all processes already.
    """
    interrupted, first = [False], [0.0]

    def stop(number: int, frame: Any) -> None:
        if interrupted[0]:
            if time.monotonic() - first[0] > SECOND_SIGNAL_SECONDS:
                raise KeyboardInterrupt
            return
        interrupted[0], first[0] = True, time.monotonic()
        print("\nstopping after this step and saving; once more to stop at once", file=sys.stderr)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ended(loader: DataLoader) -> Iterator[None]:
    """Ends the loader's processes on leaving.

    They outlive SIGTERM so that a stopped run can be saved, but after a crash Python itself would
    end them by SIGTERM, and wait for ever.
    """
    try:
        yield
    finally:
        iterator = loader._iterator  # of persistent workers, which torch has no public way to end
        if iterator is not None:
            iterator._shutdown_workers()


@contextmanager
def _progress(step: int, last_step: int, ranks: Ranks) -> Iterator[tqdm]:
    hidden = not ranks.is_first or not sys.stderr.isatty()
    with (
        logging_redirect_tqdm(),
        tqdm(
            total=last_step,
            initial=step,
            unit="step",
            disable=hidden,
            dynamic_ncols=True,
            smoothing=0.05,
        ) as bar,
    ):
        yield bar
