"""The training loop that a vocoder and VITS share: batches, steps, looking, saving, stopping,
resuming, and going back to a checkpoint when the numbers have become NaN.

It knows nothing of the networks. An experiment brings its step, its validation and its samples.
"""

import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from hifigan.distributed import Ranks
from hifigan.experiment import Experiment
from hifigan.interrupts import ended, interrupts
from hifigan.monitor import Pace, summary
from hifigan.phases import Phases, phase
from hifigan.run_folder import RunFolder
from hifigan.step_report import StepReports, send
from hifigan.training_config import TrainConfig
from hifigan.training_state import TrainingState

logger = logging.getLogger(__name__)


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
    folder: Path,
    limits: Limits = Limits(),
    after_look: Callable[[Path], None] | None = None,
) -> None:
    """Train until the epochs, a limit or an interrupt end it, then save.

    The loader's batch sampler has set_epoch(epoch, order), set_start(batch) and heaviest(), and
    gives every rank the same number of batches. after_look(folder) follows every validation.
    """
    state = experiment.state
    run = RunFolder(folder, experiment, config, ranks, after_look)
    reports = StepReports(ranks, fp16=state.scaler.is_enabled())
    n_minutes = math.inf if limits.max_minutes is None else limits.max_minutes
    deadline = time.monotonic() + 60 * n_minutes
    resume_position(state, len(loader))
    last_step = state.step + (config.epochs - state.epoch) * len(loader) - state.batch
    if limits.max_steps is not None:
        last_step = min(last_step, limits.max_steps)
    stopping, save_is_owed = state.step >= last_step, False

    with (
        interrupts() as interrupted,
        progress(state.step, last_step, ranks) as bar,
        ended(loader),
        Phases(ranks.device) as phases,
    ):
        if not stopping:
            rehearse(experiment, loader, ranks)
            run.warn_of_little_room(last_step)
            if config.look_at_start and state.step == 0:
                run.look(judging=False)  # what training has not made must not be its best
        pace = Pace(experiment.config.audio.sample_rate)
        phases.seconds()  # those of rehearsal and look do not count
        while not stopping:
            loader.batch_sampler.set_epoch(state.epoch, state.order)
            loader.batch_sampler.set_start(state.batch)
            for batch in waited_for(loader):
                losses = experiment.train_step(batch)
                state.advance()
                pace.count(batch.wav, batch.wav_lengths)
                bar.update()

                n_interrupted, n_late, n_due = ranks.sums(
                    [
                        interrupted[0],
                        time.monotonic() > deadline,
                        ranks.is_first and run.save_is_due,
                    ]
                )
                stopping = state.step >= last_step or n_interrupted + n_late > 0
                logging_now = state.step % config.log_every == 0
                validating = state.step % config.validate_every == 0
                looking = validating or (stopping and not n_interrupted)
                milestone = config.keep_every is not None and state.step % config.keep_every == 0
                saving = stopping or milestone or state.step % config.save_every == 0 or n_due > 0

                reports.add(send(state.step, batch.ids, losses), logging_now or looking or saving)
                if reports.n_bad >= config.max_bad_steps and n_interrupted + n_late == 0:
                    run.roll_back(reports.fault)
                    resume_position(state, len(loader))
                    reports.forget()
                    bar.n = state.step
                    stopping = save_is_owed = False
                    break
                if logging_now:
                    seconds_left = deadline - time.monotonic()
                    values = run.log(reports, pace, phases, last_step, seconds_left, bar.disable)
                    bar.set_postfix_str(summary(values))
                    reachable = state.step + seconds_left * values["train/steps_per_second"]
                    bar.total = int(min(last_step, reachable))
                # A look because of an early stop must not judge: stopping would change the run.
                judging = validating or state.epoch == config.epochs
                is_best = looking and run.look(judging)
                # Behind a skipped step the weights may be worth nothing, unless they proved good.
                if reports.n_bad and not stopping and not is_best:
                    save_is_owed = save_is_owed or saving
                elif is_best or saving or save_is_owed:
                    run.save(is_best, is_last=stopping)
                    save_is_owed = False
                if looking or saving:
                    pace.restart()
                    phases.seconds()
                if stopping:
                    break

    if ranks.is_first:
        run.monitor.close()
        if state.step >= last_step:
            logger.info("finished at step %d", state.step)
        else:
            logger.info(
                "%s at step %d; the same command goes on from there",
                "interrupted" if interrupted[0] else "out of time",
                state.step,
            )


def rehearse(experiment: Experiment, loader: DataLoader, ranks: Ranks) -> None:
    """Steps with the heaviest batches that can come, so that memory runs out now or never."""
    for indices in loader.batch_sampler.heaviest():
        batch = ranks.each(lambda: loader.collate_fn([loader.dataset[i] for i in indices]))
        experiment.rehearse(batch)


def waited_for(loader: DataLoader) -> Iterator[Any]:
    """The loader's batches; the wait for each is the phase "data"."""
    batches = iter(loader)
    while True:
        with phase("data"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


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


@contextmanager
def progress(step: int, last_step: int, ranks: Ranks) -> Iterator[tqdm]:
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
