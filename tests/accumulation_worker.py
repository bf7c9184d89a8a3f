"""What tests/test_accumulation.py lets every process run, under torchrun.

CONFIG OUT CASES...: for each case, such as "backward 1", four steps, in which the last rank meets
the trouble from this step on. Each rank leaves in OUT what it ended with.

forward, backward: CUDA's memory runs out, simulated, for more than two utterances at a time
alone: for any number of utterances
nan: in that step alone an utterance is NaN
none: no trouble
"""

import dataclasses
import logging
import sys
from pathlib import Path

import torch

from hifigan.distributed import Ranks, joined_ranks
from hifigan.errors import user_errors_exit
from hifigan.json_config import read_config
from tests.test_distributed import made_up_batch, rows
from vits.config import VitsConfig
from vits.data import Batch
from vits.passes import TrainingNoise
from vits.training import VitsTraining

N_UTTERANCES = 4  # per rank


def run_out(experiment: VitsTraining, where: str, largest: int, first_step: int = 0) -> None:
    """Let memory run out in the decoder, forward or backward, for more than `largest` items."""

    def refuse(items: torch.Tensor) -> None:
        if len(items) > largest and experiment.state.step >= first_step:
            raise torch.OutOfMemoryError("simulated")

    def refuse_gradient(_: torch.nn.Module, inputs: tuple, wav: torch.Tensor) -> None:
        if wav.requires_grad:
            wav.register_hook(refuse)

    decoder = experiment.state.generator.decoder
    if where == "forward":
        decoder.register_forward_pre_hook(lambda _, inputs: refuse(inputs[0]))
    else:
        decoder.register_forward_hook(refuse_gradient)


def given_batch(config: VitsConfig, n: int, part: slice) -> tuple[Batch, TrainingNoise]:
    """Some of n made-up utterances, with their noise."""
    values = rows(*made_up_batch(config, n), part)
    ids = [str(i) for i in range(n)][part]
    return Batch(**values["batch"], ids=ids), TrainingNoise(**values["noise"])


def train(case: str, config: VitsConfig, ranks: Ranks) -> dict[str, object]:
    trouble, first_step = case.split()
    torch.manual_seed(0)
    experiment = VitsTraining(config, ranks, [], [])
    experiment.state.n_batches = 100
    is_troubled = ranks.rank == ranks.n_ranks - 1
    if is_troubled and trouble in ("forward", "backward"):
        run_out(experiment, trouble, 2, int(first_step))
    if is_troubled and trouble == "alone":
        run_out(experiment, "forward", 0, int(first_step))
    first = ranks.rank * N_UTTERANCES
    part = slice(first, first + N_UTTERANCES)
    batch, noise = given_batch(config, ranks.n_ranks * N_UTTERANCES, part)
    spoilt = dataclasses.replace(batch, wav=batch.wav * float("nan"))
    norms = []
    for i in range(4):
        is_bad = is_troubled and trouble == "nan" and i == int(first_step)
        losses = experiment.train_step(spoilt if is_bad else batch, noise)
        norms.append([float(v) for name, v in losses.items() if name.endswith("_norm")])
        experiment.state.advance()
    return {
        "norms": norms,
        "n_parts": experiment.accumulation.n_parts,
        "generator": experiment.state.generator.state_dict(),
        "discriminator": experiment.state.discriminator.state_dict(),
    }


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    config_path, out, *cases = sys.argv[1:]
    with user_errors_exit(), joined_ranks("cpu") as ranks_here:
        for each in cases:
            made = train(each, read_config(VitsConfig, Path(config_path)), ranks_here)
            torch.save(made, Path(out) / f"{each} {ranks_here.rank}.pt")
