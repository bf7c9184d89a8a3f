"""Recorded steps on a GPU against the same steps taken one by one."""

import copy
import multiprocessing
from typing import Any

import pytest
import torch

from hifigan.captured import CapturedSteps
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.start import set_float32_precision
from tests.precision_modes import NEEDS_GPU
from tests.test_captured import examples
from tests.vits2_settings import DURATIONS
from vits.config import VitsConfig
from vits.data import collate
from vits.training import VitsTraining

pytestmark = [*NEEDS_GPU]
# Recordings are made before that step and replayed behind it; the weight shows it in the total.
HEARD_LATER = (
    DURATIONS,
    "loss.duration_adversarial=100",
    "train.duration_discriminator_from_step=6",
)


def after_steps(
    config: VitsConfig, n_steps: int, recorded: bool
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Losses and the state after steps with batches of two shapes and rates that change."""
    torch.manual_seed(0)
    device = torch.device("cuda")
    experiment = VitsTraining(config, Ranks(0, 1, device), [], [])
    experiment.state.n_batches = 3
    steps = CapturedSteps(experiment, device) if recorded else experiment
    hop_length = config.audio.hop_length
    made = [collate(examples(n, config.n_symbols, hop_length), hop_length) for n in (3, 4)]
    losses = []
    for i in range(n_steps):
        values = steps.train_step(made[i % 3 % 2])
        losses.append({name: float(value) for name, value in values.items()})
        experiment.state.advance()
    if recorded:
        assert [r is not None for r in steps.recordings.values()] == [True, True]
    return losses, copy.deepcopy(experiment.state.state_dict(Ranks(0, 1, device)))


@pytest.mark.parametrize(
    "precision, added",
    [
        ("false", ()),
        ("bf16", ()),
        ("false", ('train.alignment_noise={"scale": 0.1, "decrease": 0.02}',)),
        ("false", HEARD_LATER),
    ],
)
def test_recorded_steps_are_the_steps(smallest, precision: str, added: tuple[str, ...]) -> None:
    settings = (
        f"train.mixed_precision={precision}",
        "train.ema_decay=0.9",
        "train.grad_clip=5",
        "train.lr_schedule_per=step",
        "train.warmup_steps=4",
    )
    config = smallest(*settings, *added)
    set_float32_precision(config.train)
    expected, state = after_steps(config, 9, recorded=False)
    found, state_found = after_steps(config, 9, recorded=True)
    for ours, theirs in zip(found, expected):
        assert ours == pytest.approx(theirs, rel=2e-2 if precision == "bf16" else 1e-3)
    assert state_found["random"][0]["cuda"].equal(state["random"][0]["cuda"])
    rates = [
        [group["lr"] for group in contents["generator_optimizer"]["param_groups"]]
        for contents in (state, state_found)
    ]
    assert rates[0] == rates[1]
    assert state_found["generator_optimizer"]["state"][0]["step"] == 9


def test_a_run_of_recorded_steps_learns_as_one_in_float32_does(smallest) -> None:
    """Two hundred steps on a batch; each way's mean over the last fifty."""
    ends = []
    for precision, recorded in (("false", False), ("bf16", True)):
        config = smallest(f"train.mixed_precision={precision}", "train.lr=0.002")
        set_float32_precision(config.train)
        losses, _ = after_steps(config, 200, recorded)
        ends.append(sum(values["mel"] for values in losses[-50:]) / 50)
        assert losses[-1]["mel"] < 0.6 * losses[0]["mel"]
    assert ends[1] == pytest.approx(ends[0], rel=0.1)


def test_a_step_that_waits_for_the_device_ends_the_run_with_the_way_out(smallest) -> None:
    """In a process of its own: the attempt leaves torch's random numbers useless."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=record_what_waits, args=(smallest(), answers))
    process.start()
    message = answers.get(timeout=120)
    process.join()
    assert message.startswith("a training step could not be recorded as a CUDA graph: ")
    assert message.endswith("--set train.cuda_graphs=false") and "\n" not in message


def record_what_waits(config: VitsConfig, answers: multiprocessing.Queue) -> None:
    device = torch.device("cuda")
    experiment = VitsTraining(config, Ranks(0, 1, device), [], [])
    plain = experiment.train_step

    def waiting(batch: object) -> dict[str, torch.Tensor]:
        values = plain(batch)
        values["mel"].item()
        return values

    experiment.train_step = waiting
    steps = CapturedSteps(experiment, device)
    batch = collate(examples(3, config.n_symbols, config.audio.hop_length))
    steps.train_step(batch)
    try:
        steps.train_step(batch)
    except UserError as error:
        answers.put(str(error))
    else:
        answers.put("no error")
