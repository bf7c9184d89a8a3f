"""What tests/test_distributed.py lets every process do, under torchrun or alone.

distributed_worker.py jobs JOBS OUT           the steps and runs of the file; results to OUT
distributed_worker.py die HOW ARGUMENTS...    train.py, of which rank 1 dies in its second step
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

import train
from hifigan.distributed import Ranks, joined_ranks
from hifigan.errors import UserError
from hifigan.json_config import read_config
from hifigan.loop import Limits
from hifigan.start import RANDOM, Start
from vits.config import VitsConfig
from vits.data import Batch
from vits.passes import TrainingNoise
from vits.run import run_training
from vits.training import VitsTraining


@dataclass(frozen=True)
class Step:
    """One training step, with given noise. shares: of the global batch, by rank."""

    config: str
    shares: list[dict[str, dict[str, Tensor]]]

    def __call__(self, ranks: Ranks) -> dict[str, Any]:
        """Losses (means over the ranks), and gradients and weights of this rank."""
        torch.manual_seed(ranks.rank)  # rank 0's weights rule, whatever the others started from
        training = VitsTraining(read_config(VitsConfig, Path(self.config)), ranks, [], [])
        share = self.shares[ranks.rank]
        batch = Batch(**share["batch"], ids=["made up"] * len(share["batch"]["wav"]))
        losses = training.train_step(batch, TrainingNoise(**share["noise"]))
        totals = ranks.sums([float(loss) for loss in losses.values()])
        found = {"losses": {name: total / ranks.n_ranks for name, total in zip(losses, totals)}}
        for network in ("generator", "discriminator"):
            parameters = dict(getattr(training.state, network).named_parameters())
            found[f"{network} gradients"] = {name: p.grad for name, p in parameters.items()}
            found[f"{network} weights"] = {name: p.detach() for name, p in parameters.items()}
        return found


@dataclass(frozen=True)
class Run:
    """A training run, from random weights or those of a checkpoint."""

    config: str
    folder: str
    max_steps: int | None = None
    weights: str | None = None

    def __call__(self, ranks: Ranks) -> dict[str, Any]:
        """The ids that this rank saw, step by step, its weights at the end, and what it wrote."""
        seen: list[list[str]] = []
        trainings: list[VitsTraining] = []
        take_step = VitsTraining.train_step

        def watched_step(training: VitsTraining, batch: Batch, **options: Any) -> dict[str, Tensor]:
            if not options.get("dry"):
                seen.append(batch.ids)
                trainings.append(training)
            return take_step(training, batch, **options)

        WRITTEN.clear()
        start = Start(Path(self.weights), resumes=False) if self.weights else RANDOM
        with patch.object(VitsTraining, "train_step", watched_step):
            run_training(
                read_config(VitsConfig, Path(self.config)),
                Path(self.folder),
                ranks,
                Limits(self.max_steps),
                start,
            )
        state = trainings[-1].state
        weights = {**state.generator.state_dict(), **state.discriminator.state_dict()}
        return {"seen": seen, "weights": weights, "written": list(WRITTEN)}


def share_results(ranks: Ranks) -> dict[str, Any]:
    """What the ranks' common calls give this one."""
    last = ranks.n_ranks - 1

    def fail() -> None:
        raise UserError(f"rank {ranks.rank}")

    def outcome(call: Callable[[], None]) -> str:
        try:
            call()
        except UserError as error:
            return str(error)
        except SystemExit as end:
            return f"exit code {end.code}"
        return "nothing"

    return {
        "from the first": ranks.first(lambda: [ranks.rank, "a"]),
        "its own": ranks.each(lambda: ranks.rank),
        "sums": ranks.sums([1.0, ranks.rank]),
        "gathered": ranks.gather(ranks.rank),
        "all but the first": ranks.all(ranks.rank > 0),
        "all": ranks.all(True),
        "the first fails": outcome(lambda: ranks.first(fail)),
        "the last fails": outcome(
            lambda: ranks.each(lambda: fail() if ranks.rank == last else None)
        ),
    }


WRITTEN: list[str] = []  # what this process opened for writing, renamed, made or removed


def watch_writing(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook."""
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("os.rename", "os.mkdir", "os.remove", "os.link"):
        WRITTEN.append(str(arguments[0]))


def do_jobs(jobs: dict[str, Callable[[Ranks], Any]], out: Path) -> None:
    """Every job's results, in order of rank, to the file `out`."""
    sys.addaudithook(watch_writing)
    with joined_ranks("cpu") as ranks:
        results = {name: ranks.gather(job(ranks)) for name, job in jobs.items()}
        if ranks.is_first:
            torch.save(results, out)


def die(how: str) -> None:
    """Leave the time of it in the file died."""
    Path("died").write_text(str(time.time()))
    if how == "raise":
        raise RuntimeError("made to crash")
    if how == "exit":
        sys.exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def train_and_die(how: str, arguments: list[str]) -> None:
    take_step = VitsTraining.train_step

    def deadly_step(training: VitsTraining, batch: Batch, **options: Any) -> dict[str, Tensor]:
        if training.ranks.rank == 1 and training.state.step == 1:
            die(how)
        return take_step(training, batch, **options)

    sys.argv = ["train.py", *arguments]
    with patch.object(VitsTraining, "train_step", deadly_step):
        train.main()


if __name__ == "__main__":
    # Under their own name, or torch.load would not find the jobs in the test that made them.
    from tests import distributed_worker

    if sys.argv[1] == "jobs":
        jobs = torch.load(sys.argv[2], weights_only=False)
        distributed_worker.do_jobs(jobs, Path(sys.argv[3]))
    else:
        distributed_worker.train_and_die(sys.argv[2], sys.argv[3:])
