"""What a start must not spoil: the config in the run folder, the optimizers' moments, and the
average of weights that all ranks share.
"""

import copy
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

import train as train_script
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.json_config import read_config
from tests.accumulation_worker import N_UTTERANCES, given_batch
from tests.small_run import (  # noqa: F401 (fixtures)
    ENVIRONMENT,
    call,
    command,
    contents,
    error_line,
    run_script,
    write_config,
    write_data,
)
from tests.test_resume import assert_same, train  # noqa: F401 (fixture)
from vits.config import VitsConfig
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
LARGEST_FILE = 64  # bytes: too few for a config, and enough to try whether a folder takes files


def test_a_start_that_cannot_write_the_config_leaves_the_old_one_whole(call, tmp_path) -> None:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    code, err = call(
        tmp_path, train_script.main, *("-c", "small.json", "-m", "run", "--max_steps", 1)
    )
    assert code == 0, err
    config = (tmp_path / "runs/run/config.json").read_bytes()
    ended = subprocess.run(
        command("train.py", "--continue_path", "runs/run", "--max_steps", 2),
        cwd=tmp_path,
        env=ENVIRONMENT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE,) * 2),
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert (tmp_path / "runs/run/config.json").read_bytes() == config
    assert ended.returncode == 2, ended.stderr
    assert error_line(ended.stderr).startswith(
        "error: runs/run/config.json: not saved: File too large; raise the limit (ulimit -f)"
    )


# Moments


def test_options_that_need_moments_never_kept_are_refused_before_anything_is_written(
    smallest, train, tmp_path
) -> None:
    train(smallest(), tmp_path / "run", 1)
    before = contents(tmp_path / "run")
    with pytest.raises(UserError, match="without the optimizer's max_exp_avg_sq") as caught:
        train(smallest("train.optimizer_options.amsgrad=true"), tmp_path / "run", 2)
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'run/checkpoints/step_00000001.pt'}: ")
    assert told.isprintable() and "train.optimizer_options" in told and "weights alone" in told
    assert contents(tmp_path / "run") == before


def test_options_that_need_no_other_moments_are_taken(smallest, train, tmp_path) -> None:
    amsgrad = "train.optimizer_options.amsgrad=true"
    train(smallest(amsgrad), tmp_path / "run", 1)
    betas = "train.optimizer_options.betas=[0.5, 0.9]"
    state = train(smallest(amsgrad, betas), tmp_path / "run", 2).state
    assert state.step == 2
    assert tuple(state.generator_optimizer.param_groups[0]["betas"]) == (0.5, 0.9)


# The average


@dataclass(frozen=True)
class Averaging:
    """Three steps with an average, each rank from random weights of its own; a job of
    distributed_worker.py.
    """

    config: Path

    def __call__(self, ranks: Ranks) -> list[dict[str, dict[str, Tensor]]]:
        """The generator's weights and their average, at the start and after each step."""
        config = read_config(VitsConfig, self.config)
        torch.manual_seed(ranks.rank)
        experiment = VitsTraining(config, ranks, [], [])
        state = experiment.state
        state.n_batches = 100
        share = slice(ranks.rank * N_UTTERANCES, (ranks.rank + 1) * N_UTTERANCES)
        batch, noise = given_batch(config, ranks.n_ranks * N_UTTERANCES, share)

        def weights() -> dict[str, dict[str, Tensor]]:
            parts = {"generator": state.generator, "average": state.ema}
            return {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}

        found = [weights()]
        for _ in range(3):
            experiment.train_step(batch, noise)
            state.advance()
            found.append(weights())
        return found


@pytest.mark.slow
def test_all_ranks_average_from_rank_0s_weights(tmp_path) -> None:
    symbols = 'text.symbols=["_", "a", "b", "c", "d"]'
    config = write_config(tmp_path / "small.json", "train.ema_decay=0.9", symbols)
    torch.save({"average": Averaging(config)}, tmp_path / "jobs.pt")
    arguments = ("jobs", tmp_path / "jobs.pt", tmp_path / "results.pt")
    run_script(tmp_path, "tests/distributed_worker.py", *arguments, n_processes=2)
    first, second = torch.load(tmp_path / "results.pt")["average"]
    assert_same(first[0]["average"], first[0]["generator"])
    assert_same(second, first)
    with pytest.raises(AssertionError):
        assert_same(first[3]["average"], first[0]["average"])
