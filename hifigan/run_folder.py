"""What a run writes into its folder: curves, looks, checkpoints; and the way back to one."""

import logging
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hifigan.checkpoint import CheckpointFolder, read_checkpoint
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.experiment import Experiment
from hifigan.full_disk import lost_on_full_disk
from hifigan.json_config import config_to_dict
from hifigan.monitor import Monitor, Pace, pace_values, summary
from hifigan.phases import Phases
from hifigan.returns import Returns
from hifigan.step_report import StepReports
from hifigan.training_config import TrainConfig

logger = logging.getLogger(__name__)

FOR_FILE = {"for_file": True}  # marks a record of the log that the terminal does not show
PATIENCE = 5  # validations without a better one, after which the log says so
NAN_REMEDIES = (
    "lower train.lr, set train.grad_clip (1000 for a start), train with "
    "train.mixed_precision=false, and listen to the utterances that the log names"
)


class RunFolder:
    """A run folder and what is written there; only rank 0 writes."""

    def __init__(
        self,
        folder: Path,
        experiment: Experiment,
        config: TrainConfig,
        ranks: Ranks,
        after_look: Callable[[Path], None] | None,
    ) -> None:
        self.folder = folder
        self.experiment = experiment
        self.config = config
        self.ranks = ranks
        self.after_look = after_look
        self.checkpoints = CheckpointFolder(
            folder / "checkpoints", config.keep_last, config.keep_every
        )
        self.returns = Returns(folder / "returns.json")
        self.former_best: tuple[float | None, int | None] = (None, None)
        self.saved_at = time.monotonic()
        self.open_monitor()
        if ranks.is_first and experiment.state.best_step is not None:
            self.checkpoints.mark_best_step(experiment.state.best_step)

    def open_monitor(self) -> None:
        """Begin to write at the present step; what an earlier run wrote behind it is dropped."""
        step = self.experiment.state.step
        kept_until = step or -1  # a new run's look at its start writes step 0 itself
        self.monitor = Monitor(self.folder, kept_until) if self.ranks.is_first else None
        if self.ranks.is_first:
            drop_samples_behind(self.folder / "samples", step)

    @property
    def save_is_due(self) -> bool:
        minutes = self.config.save_minutes
        return minutes is not None and time.monotonic() - self.saved_at > 60 * minutes

    def log(
        self,
        reports: StepReports,
        pace: Pace,
        phases: Phases,
        last_step: int,
        seconds_left: float,
        as_line: bool,
    ) -> dict[str, float]:
        """Losses, rates, pace and phase times to the curves and the log; if `as_line` also to the
        terminal.
        """
        state, ranks = self.experiment.state, self.ranks
        n_steps, sums = pace.n_steps, ranks.sums(pace.sums())
        values = {
            **reports.averages(),
            "train/learning_rate": float(state.generator_optimizer.param_groups[0]["lr"]),
            **pace_values(sums, ranks.n_ranks),
            **{f"time/{name}": seconds / n_steps for name, seconds in phases.seconds().items()},
        }
        if ranks.device.type == "cuda":
            values |= {
                "gpu/peak_gib": torch.cuda.max_memory_allocated() / 2**30,
                "gpu/reserved_gib": torch.cuda.memory_reserved() / 2**30,
            }
            torch.cuda.reset_peak_memory_stats()
        pace.restart()
        if ranks.is_first:
            self.monitor.scalars(state.step, state.epoch, values)
        if ranks.is_first:
            # Where a bar shows the same on the terminal, the line is for the file alone.
            logger.info(
                "step %d of %d (%.1f h to go), epoch %d: %s",
                state.step,
                last_step,
                min((last_step - state.step) / values["train/steps_per_second"], seconds_left)
                / 3600,
                state.epoch,
                summary(values),
                extra={} if as_line else FOR_FILE,
            )
        return values

    def look(self, judging: bool) -> bool:
        """Log validation losses and render samples. If `judging`, say whether this step is best."""
        found = self.ranks.gather(self.ranks.each(self.experiment.validate))
        utterances = [losses for part in found for losses in part.losses]
        sums = [math.fsum(numbers) for numbers in zip(*(part.sums for part in found))]
        return self.ranks.first(lambda: self._write_look(utterances, sums, judging))

    def _write_look(
        self, utterances: list[dict[str, float]], sums: list[float], judging: bool
    ) -> bool:
        state, is_best = self.experiment.state, False
        if utterances:
            values = {
                name: math.fsum(losses[name] for losses in utterances) / len(utterances)
                for name in utterances[0]
            }
            self.monitor.scalars(
                state.step, state.epoch, {f"valid/{name}": v for name, v in values.items()}
            )
            logger.info(
                "step %d: validation: %s",
                state.step,
                " ".join(f"{name} {value:.3f}" for name, value in values.items()),
            )
            value = values[self.experiment.best_by]
            is_best = judging and value < (math.inf if state.best is None else state.best)
            if is_best:
                self.former_best = state.best, state.best_step
                state.best, state.best_step = value, state.step
            self._say_if_it_stands_still()
        folder = self.folder / "samples" / f"step_{state.step:08d}"
        try:
            with lost_on_full_disk("samples", self.folder):
                self.experiment.show(self.monitor, folder, sums)
        except torch.OutOfMemoryError:  # a synthesis has no bound on its length
            torch.cuda.empty_cache()
            logger.warning("step %d: no samples: out of GPU memory; training goes on", state.step)
        self.monitor.flush()
        if self.after_look:
            self.after_look(self.folder)
        return is_best

    def _say_if_it_stands_still(self) -> None:
        """Every PATIENCE validations without a better one, that more will hardly follow.

        While discriminators learn alone nothing can get better, so these steps do not count.
        """
        state, every = self.experiment.state, self.config.validate_every
        if state.best_step is None or state.step % every:
            return
        since = max(state.best_step, state.warmup_until)
        n_validations = state.step // every - since // every
        if n_validations > 0 and n_validations % PATIENCE == 0:
            logger.info(
                "valid/%s has not improved since step %d (%.3f): more training is unlikely to "
                "help; best_step_%08d.pt has the best weights; stop with Ctrl-C",
                self.experiment.best_by,
                state.best_step,
                state.best,
                state.best_step,
            )

    def save(self, is_best: bool, is_last: bool) -> None:
        """Write a checkpoint. What prevents it ends the run if it `is_last`, else costs a warning.

        Weights that are no numbers are no checkpoint: the last good one must stay the newest.
        """
        state, contents = self.experiment.state, self._contents()

        def write() -> None:
            try:
                if not state.is_finite():
                    raise UserError(
                        f"{self.folder}: step {state.step}: not saved: weights became NaN or "
                        f"infinite; {self.newest()}; {NAN_REMEDIES}"
                    )
                path = self.checkpoints.write(state.step, contents)
                if is_best:
                    self.checkpoints.mark_best(path)
            except UserError as error:
                if is_last:
                    raise
                if is_best:  # a best step must have its file
                    state.best, state.best_step = self.former_best
                logger.warning("%s; training goes on", error)

        self.ranks.first(write)
        self.saved_at = time.monotonic()

    def warn_of_little_room(self, last_step: int) -> None:
        """Say before the first step if the disk cannot take the checkpoints to come."""
        contents = self._contents()
        if self.ranks.is_first:
            self.checkpoints.warn_of_little_room(contents, last_step)

    def _contents(self) -> dict[str, Any]:
        state = self.experiment.state.state_dict(self.ranks)
        return {"config": config_to_dict(self.experiment.config), **state}

    def newest(self) -> str:
        """Says which checkpoint there is to go back to."""
        paths = self.checkpoints.steps()
        return f"the newest checkpoint, {paths[-1]}, is good" if paths else "nothing was saved"

    def roll_back(self, fault: str) -> None:
        """Take the newest checkpoint's state back, to go on with the data in a fresh order."""
        state = self.experiment.state
        path, order = self.ranks.first(lambda: self._plan_return(fault))
        state.load_state_dict(self.ranks.each(lambda: read_checkpoint(path)), self.ranks)
        state.order = order
        torch.manual_seed((self.config.seed + self.ranks.rank + 1000 * order) % 2**63)
        if self.ranks.is_first:
            self.monitor.close()
        self.open_monitor()

    def _plan_return(self, fault: str) -> tuple[Path, int]:
        """The checkpoint to go back to, and the number of the data's order from there on."""
        state, found = self.experiment.state, self.checkpoints.read_newest()
        n_bad, n_most = self.config.max_bad_steps, self.config.max_rollbacks
        n_returns = self.returns.count(found[1]["step"]) if found else 0
        if found is None or n_returns >= n_most:
            tried = f"after {n_returns} returns to a checkpoint" if found else "no checkpoint"
            raise UserError(
                f"{self.folder}: step {state.step}: {n_bad} steps in a row were skipped ({tried}), "
                f"the last one for {fault}; {self.newest()}; {NAN_REMEDIES}"
            )
        path, contents = found
        logger.warning(
            "step %d: %d steps in a row were skipped, the last one for %s; going back to %s, with "
            "the data in another order (%d of at most %d times)",
            state.step,
            n_bad,
            fault,
            path,
            n_returns + 1,
            n_most,
        )
        return path, max(state.order, contents["order"], self.returns.add(contents["step"]) - 1) + 1


def drop_samples_behind(folder: Path, step: int) -> None:
    """Remove the samples of steps behind `step`. folder: the run's samples, if there are any."""
    for path in folder.glob("step_*"):
        number = path.name.removeprefix("step_")
        if number.isdigit() and int(number) > step:
            # What someone keeps open may stay: without its samples.json the page leaves it out.
            shutil.rmtree(path, ignore_errors=True)
