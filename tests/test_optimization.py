"""Optimizers and schedules by name, warm-up and two rates, against torch's own and numbers worked
out by hand; and what a checkpoint takes along."""

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim

from hifigan.checkpoint import read_checkpoint, write_checkpoint
from hifigan.errors import UserError
from hifigan.optimization import check_optimization, step_unless
from hifigan.training_config import TrainConfig
from hifigan.training_state import TrainingState, make_state
from tests.one_step import make, step
from tests.test_resume import ALONE, assert_same

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
OPTIMIZERS = {
    "AdamW": '{"betas": [0.8, 0.99]}',
    "Adam": '{"amsgrad": true}',
    "RAdam": '{"betas": [0.8, 0.99]}',
    "NAdam": "{}",
    "SGD": '{"momentum": 0.9, "nesterov": true}',
    "RMSprop": '{"centered": true}',
    "Adafactor": "{}",
    "Adamax": "{}",
    "Adagrad": "{}",
    "Adadelta": "{}",
    "ASGD": "{}",
    "Rprop": "{}",
}
# Options as shares of the base rate, and what torch's own class takes for a base rate of LR.
LR = 0.02
SCHEDULES = {
    "ExponentialLR": ('{"gamma": 0.9}', {"gamma": 0.9}),
    "CosineAnnealingLR": ('{"T_max": 10, "eta_min": 0.1}', {"T_max": 10, "eta_min": 0.1 * LR}),
    "CosineAnnealingWarmRestarts": ('{"T_0": 3, "T_mult": 2}', {"T_0": 3, "T_mult": 2}),
    "StepLR": ('{"step_size": 4, "gamma": 0.5}', {"step_size": 4, "gamma": 0.5}),
    "MultiStepLR": ('{"milestones": [2, 5]}', {"milestones": [2, 5]}),
    "LinearLR": ('{"start_factor": 0.25, "total_iters": 6}', {"start_factor": 0.25, "total_iters": 6}),
    "PolynomialLR": ('{"total_iters": 9, "power": 2.0}', {"total_iters": 9, "power": 2.0}),
    "ConstantLR": ('{"factor": 0.5, "total_iters": 3}', {"factor": 0.5, "total_iters": 3}),
    "OneCycleLR": (
        '{"max_lr": 1.0, "total_steps": 20, "cycle_momentum": false}',
        {"max_lr": LR, "total_steps": 20, "cycle_momentum": False},
    ),
    "CyclicLR": (
        '{"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 3, "cycle_momentum": false}',
        {"base_lr": 0.1 * LR, "max_lr": LR, "step_size_up": 3, "cycle_momentum": False},
    ),
}  # fmt: skip
N_BATCHES = 3  # an epoch


class Shallow(nn.Module):
    """A matrix and a vector, the same every time."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 3, generator=draw))
        self.bias = nn.Parameter(torch.randn(4, generator=draw))


def start(config: TrainConfig) -> TrainingState:
    state = make_state(Shallow(), Shallow(), config, CPU)
    state.n_batches = N_BATCHES
    return state


def go_on(state: TrainingState, n_steps: int) -> None:
    """Steps with gradients that depend on the weights and on the step alone."""
    free = torch.zeros(())
    for _ in range(n_steps):
        for network, optimizer in (
            (state.discriminator, state.discriminator_optimizer),
            (state.generator, state.generator_optimizer),
        ):
            for parameter in network.parameters():
                parameter.grad = parameter.detach() * (1 + state.step % 3)
            step_unless(free, optimizer)
        state.average(free)
        state.advance()


def through_a_file(state: TrainingState, path: Path) -> dict[str, Any]:
    write_checkpoint(path, {"config": {}, **state.state_dict(ALONE)})
    return read_checkpoint(path)


def rates(state: TrainingState, n_steps: int) -> list[float]:
    """The generator's rate in each of the next steps."""
    found = []
    for _ in range(n_steps):
        found.append(state.generator_optimizer.param_groups[0]["lr"])
        go_on(state, 1)
    return found


def schedule_settings(name: str, options: str, per: str) -> tuple[str, ...]:
    return (
        f"train.lr={LR}",
        f"train.lr_schedule={name}",
        f"train.lr_schedule_options={options}",
        f"train.lr_schedule_per={per}",
    )


# Optimizers


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_steps_waits_when_blocked_and_resumes_to_the_bit(
    smallest, tmp_path, name
) -> None:
    config = smallest(
        f"train.optimizer={name}",
        f"train.optimizer_options={OPTIMIZERS[name]}",
        "train.lr=0.01",
        "train.discriminator_lr=0.03",
        "train.ema_decay=0.8",
    ).train
    whole = start(config)
    assert type(whole.generator_optimizer) is getattr(optim, name)
    go_on(whole, 3)
    before = copy.deepcopy(whole.state_dict(ALONE))
    for network, optimizer in (
        (whole.generator, whole.generator_optimizer),
        (whole.discriminator, whole.discriminator_optimizer),
    ):
        for parameter in network.parameters():
            parameter.grad.fill_(float("nan"))
        step_unless(torch.ones(()), optimizer)
    assert_same(whole.state_dict(ALONE), before)

    resumed = start(config)
    resumed.load_state_dict(through_a_file(whole, tmp_path / "state.pt"), ALONE)
    go_on(whole, 4)
    go_on(resumed, 4)
    assert_same(resumed.state_dict(ALONE), whole.state_dict(ALONE))
    for moved, old in zip(whole.generator.parameters(), Shallow().parameters()):
        assert moved.isfinite().all() and not moved.equal(old)


@pytest.mark.parametrize("name", ["AdamW", "RAdam", "SGD"])
def test_an_optimizer_takes_torchs_own_steps(smallest, name) -> None:
    options = {"weight_decay": 0.1}
    config = smallest(
        f"train.optimizer={name}",
        'train.optimizer_options={"weight_decay": 0.1}',
        "train.lr=0.01",
        'train.lr_schedule_options={"gamma": 1.0}',
    ).train
    state, plain = start(config), Shallow()
    optimizer = getattr(optim, name)(plain.parameters(), lr=0.01, **options)
    for i in range(6):
        for parameter in plain.parameters():
            parameter.grad = parameter.detach() * (1 + i % 3)
        optimizer.step()
    go_on(state, 6)
    for found, expected in zip(state.generator.parameters(), plain.parameters()):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["AdamW", "Adafactor"])
def test_training_with_it_lowers_the_loss(smallest, name) -> None:
    settings = (f"train.optimizer={name}", "train.optimizer_options={}", "train.lr=0.004")
    experiment, batch = make(smallest(*settings), batch_size=2)
    totals = [float(step(experiment, batch)["total"]) for _ in range(12)]
    assert totals[-1] < totals[0]


# Rates


@pytest.mark.parametrize("per", ["epoch", "step"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_gives_torchs_own_rates_and_resumes(smallest, tmp_path, name, per) -> None:
    options, own_options = SCHEDULES[name]
    config = smallest(*schedule_settings(name, options, per)).train
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    own = getattr(optim.lr_scheduler, name)(optimizer, **own_options)
    expected = []
    for i in range(15):
        expected.append(optimizer.param_groups[0]["lr"])
        if per == "step" or i % N_BATCHES == N_BATCHES - 1:
            optimizer.step()
            own.step()
    assert len(set(expected)) > 1
    whole = start(config)
    first = rates(whole, 7)
    resumed = start(config)
    resumed.load_state_dict(through_a_file(whole, tmp_path / "state.pt"), ALONE)
    assert first + rates(whole, 8) == pytest.approx(expected)
    assert rates(resumed, 8) == pytest.approx(expected[7:])
    assert_same(resumed.state_dict(ALONE), whole.state_dict(ALONE))


def test_the_rate_warms_up_in_a_straight_line_and_the_schedule_counts_on(smallest) -> None:
    config = smallest(
        *schedule_settings("ExponentialLR", '{"gamma": 0.5}', "epoch"), "train.warmup_steps=4"
    ).train
    shares = [1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1]
    halvings = [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert rates(start(config), 7) == pytest.approx([LR * a * b for a, b in zip(shares, halvings)])


def test_the_discriminators_have_a_rate_of_their_own_under_one_schedule(smallest) -> None:
    settings = schedule_settings("ExponentialLR", '{"gamma": 0.5}', "step")
    state = start(smallest(*settings, "train.discriminator_lr=0.5").train)
    go_on(state, 2)
    found = [
        optimizer.param_groups[0]["lr"]
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer)
    ]
    assert found == pytest.approx([LR / 4, 0.5 / 4])
    assert start(smallest(*settings).train).discriminator_optimizer.param_groups[0]["lr"] == LR


def test_changed_settings_rule_on_resume(smallest, tmp_path) -> None:
    before = schedule_settings("ExponentialLR", '{"gamma": 0.5}', "step")
    old = start(smallest(*before, 'train.optimizer_options={"weight_decay": 0.5}').train)
    go_on(old, 4)
    after = schedule_settings("StepLR", '{"step_size": 3, "gamma": 0.1}', "step")
    config = smallest(*after, "train.lr=0.1", 'train.optimizer_options={"weight_decay": 0.25}')
    state = start(config.train)
    state.load_state_dict(through_a_file(old, tmp_path / "state.pt"), ALONE)
    group = state.generator_optimizer.param_groups[0]
    assert group["lr"] == pytest.approx(0.1 * 0.1) and group["weight_decay"] == 0.25
    assert rates(state, 3) == pytest.approx([0.01, 0.01, 0.001])
    for weight in state.generator.parameters():
        assert "exp_avg" in state.generator_optimizer.state[weight], "the moments are kept"


# Mistakes


@pytest.mark.parametrize(
    "setting, told",
    [
        ("train.optimizer=Adamm", ["train.optimizer", '"Adamm"', "AdamW"]),
        ("train.optimizer=LBFGS", ["train.optimizer", '"LBFGS"', "AdamW"]),
        ("train.optimizer=Optimizer", ["train.optimizer", "AdamW"]),
        ('train.optimizer_options={"beta": 1}', ["AdamW takes no 'beta'", "betas"]),
        ('train.optimizer_options={"lr": 1}', ["AdamW takes no 'lr'", "betas"]),
        ('train.optimizer_options={"betas": [2, 2]}', ["AdamW refuses them", "mend"]),
        ('train.optimizer_options={"foreach": true}', ["AdamW refuses them", "mend"]),
        ("train.lr_schedule=Cosine", ["train.lr_schedule", '"Cosine"', "CosineAnnealingLR"]),
        ("train.lr_schedule=ReduceLROnPlateau", ["train.lr_schedule", "ExponentialLR"]),
        ("train.lr_schedule_options={}", ["ExponentialLR refuses them", "gamma"]),
        ('train.lr_schedule_options={"gama": 1}', ["ExponentialLR takes no 'gama'", "gamma"]),
        ('train.lr_schedule_options={"optimizer": 1}', ["takes no 'optimizer'", "gamma"]),
    ],
)
def test_a_name_or_option_that_torch_lacks_is_told_in_one_line(smallest, setting, told) -> None:
    with pytest.raises(UserError) as caught:
        check_optimization(smallest(setting).train)
    line = str(caught.value)
    assert "\n" not in line and all(words in line for words in told), line


def test_a_schedule_that_ends_before_the_run_says_so(smallest) -> None:
    options = '{"max_lr": 1.0, "total_steps": 4, "cycle_momentum": false}'
    state = start(smallest(*schedule_settings("OneCycleLR", options, "step")).train)
    with pytest.raises(UserError, match="train.lr_schedule OneCycleLR: .* set its length"):
        go_on(state, 9)


def test_no_schedule_warns_of_its_use(smallest) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, (options, _) in SCHEDULES.items():
            go_on(start(smallest(*schedule_settings(name, options, "step")).train), 3)
