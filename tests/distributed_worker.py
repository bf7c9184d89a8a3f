"""What tests/test_distributed.py lets every process run, under torchrun or alone.

steps CASES OUT: for each case (config and global batch) one step on this rank's rows, with given
noise train OUT ARGUMENTS...: train.py itself; every rank leaves the files it saw and its weights
"""

import sys
from pathlib import Path
from typing import Any

import torch

import train
from hifigan.distributed import Ranks, joined_ranks
from hifigan.json_config import read_config
from vits.config import VitsConfig
from vits.data import Batch
from vits.model import TrainingNoise
from vits.training import VitsTraining


def step(config: str, batches: dict[str, list[dict]], ranks: Ranks) -> dict[str, Any]:
    """Losses (means over the ranks), gradients and weights after one step on this rank's rows."""
    torch.manual_seed(ranks.rank)  # rank 0's weights rule, whatever the others started from
    training = VitsTraining(read_config(VitsConfig, Path(config)), ranks, [], [])
    rows = batches[f"{ranks.n_ranks} ranks"][ranks.rank]
    losses = training.train_step(Batch(**rows["batch"], ids=[]), TrainingNoise(**rows["noise"]))
    totals = ranks.sums([float(loss) for loss in losses.values()])
    tensors = {
        f"{network} {kind}": tensors
        for network in ("generator", "discriminator")
        for kind, tensors in tensors_of(training, network).items()
    }
    return {
        "losses": {name: total / ranks.n_ranks for name, total in zip(losses, totals)},
        **tensors,
    }


def tensors_of(training: VitsTraining, network: str) -> dict[str, dict[str, torch.Tensor]]:
    parameters = dict(getattr(training.state, network).named_parameters())
    assert all(p.grad is not None for p in parameters.values()), "a parameter without a gradient"
    return {
        "gradients": {name: p.grad for name, p in parameters.items()},
        "weights": {name: p.detach() for name, p in parameters.items()},
    }


def train_and_watch(out: Path, arguments: list[str]) -> None:
    seen, runs = [], []
    take_step = VitsTraining.train_step

    def watched_step(
        self: VitsTraining, batch: Batch, dry: bool = False
    ) -> dict[str, torch.Tensor]:
        if dry:
            return take_step(self, batch, dry=True)
        runs.append(self)
        seen.append(batch.ids)
        return take_step(self, batch)

    VitsTraining.train_step = watched_step
    sys.argv = ["train.py", *arguments]
    train.main()
    ranks: Ranks = runs[-1].ranks
    torch.save(
        {
            "seen": seen,
            "generator": runs[-1].state.generator.state_dict(),
            "discriminator": runs[-1].state.discriminator.state_dict(),
            "joined": torch.distributed.is_initialized(),
            "n_ranks": ranks.n_ranks,
        },
        out / f"rank{ranks.rank}.pt",
    )


if __name__ == "__main__":
    if sys.argv[1] == "steps":
        with joined_ranks("cpu") as ranks_here:
            made = [
                step(config, batches, ranks_here) for config, batches in torch.load(sys.argv[2])
            ]
            if ranks_here.is_first:
                torch.save(made, sys.argv[3])
    else:
        train_and_watch(Path(sys.argv[2]), sys.argv[3:])
