"""What only a CUDA device can show; all of it skips without one. Parts by precision are in
tests/test_precision.py.
"""

import copy
import dataclasses
import logging
from collections.abc import Iterator

import pytest
import torch

from hifigan.clips import check_clips
from hifigan.distributed import Ranks
from hifigan.phases import Phases
from hifigan.start import set_float32_precision
from hifigan.vocoder_training import VocoderTraining
from tests.accumulation_worker import given_batch
from tests.one_step import make, step
from tests.precision_modes import NEEDS_GPU
from tests.small_run import run_script, scalars, write_config, write_data
from tests.test_accumulation import EXACT, assert_same_gradients
from tests.test_resume import assert_same
from tests.vocoder_run import make_batch, vocoder_config, write_wavs
from vits.training import VitsTraining

pytestmark = [*NEEDS_GPU]
DEVICE = "cuda"


def ranks(device: str = DEVICE) -> Ranks:
    return Ranks(0, 1, torch.device(device))


@pytest.fixture
def full_float32(smallest) -> Iterator[None]:
    set_float32_precision(smallest("train.tf32=false").train)
    yield
    set_float32_precision(smallest("train.tf32=false").train)


def test_a_step_is_that_of_the_cpu_to_rounding(smallest, full_float32) -> None:
    config = smallest(*EXACT)
    found = {}
    for device in ("cpu", DEVICE):
        torch.manual_seed(0)
        experiment = VitsTraining(config, ranks(device), [], [])
        batch, noise = given_batch(config, 4, slice(4))
        noise = type(noise)(**{name: x.to(device) for name, x in vars(noise).items()})
        losses = experiment.train_step(batch, noise)
        experiment.state.generator.cpu(), experiment.state.discriminator.cpu()
        found[device] = {name: float(value) for name, value in losses.items()}, experiment.state
    assert found[DEVICE][0] == pytest.approx(found["cpu"][0], rel=1e-3)
    for network in ("generator", "discriminator"):
        a, b = (getattr(found[device][1], network) for device in (DEVICE, "cpu"))
        assert_same_gradients(a, b, rounding=1e-3)


def test_a_vocoders_step_is_that_of_the_cpu_to_rounding(tmp_path, full_float32) -> None:
    config = vocoder_config(f"data.wavs={write_wavs(tmp_path / 'wavs')}")
    found = {}
    for device in ("cpu", DEVICE):
        torch.manual_seed(0)
        experiment = VocoderTraining(config, ranks(device), [], [])
        losses = experiment.train_step(make_batch(config, check_clips(config).train))
        experiment.state.generator.cpu(), experiment.state.discriminator.cpu()
        found[device] = {name: float(value) for name, value in losses.items()}, experiment.state
    assert found[DEVICE][0] == pytest.approx(found["cpu"][0], rel=1e-3)
    for network in ("generator", "discriminator"):
        a, b = (getattr(found[device][1], network) for device in (DEVICE, "cpu"))
        assert_same_gradients(a, b, rounding=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        ("train.mixed_precision=false",),
        ("train.mixed_precision=false", "train.tf32=true"),
        ("train.mixed_precision=bf16",),
        ("train.mixed_precision=fp16",),
        ("train.mixed_precision=true", "train.grad_checkpoint=true", "train.accumulate=2"),
    ],
    ids=" ".join,
)
def test_the_losses_fall_on_one_repeated_batch(smallest, full_float32, settings) -> None:
    config = smallest("train.lr=0.004", *settings)
    set_float32_precision(config.train)
    experiment, batch = make(config, DEVICE)
    history = [float(step(experiment, batch)["mel"]) for _ in range(50)]
    assert history[-1] < 0.5 * history[0]


@pytest.mark.parametrize("optimizer", ["AdamW", "RAdam"])
@pytest.mark.parametrize("precision", ["false", "bf16", "fp16"])
def test_a_nan_skips_the_step_on_the_device_without_a_trace(smallest, optimizer, precision) -> None:
    settings = (f"train.optimizer={optimizer}", f"train.mixed_precision={precision}")
    experiment, batch = make(smallest(*settings, "train.ema_decay=0.9"), DEVICE)
    for _ in range(15):  # in fp16 the scale finds its size
        step(experiment, batch)
    before = copy.deepcopy(experiment.state.state_dict(ranks()))
    losses = step(experiment, dataclasses.replace(batch, wav=batch.wav * float("nan")))
    after = experiment.state.state_dict(ranks())
    assert losses["mel"].isnan() and losses["generator_gradient_norm"].isnan()
    for name in ("generator", "discriminator", "generator_optimizer", "ema"):
        assert_same(after[name], before[name], name)


def test_a_rehearsal_leaves_no_trace(smallest) -> None:
    experiment, batch = make(smallest("train.mixed_precision=fp16"), DEVICE)
    step(experiment, batch)
    before = copy.deepcopy(experiment.state.state_dict(ranks()))
    experiment.rehearse(batch)
    assert_same(experiment.state.state_dict(ranks()), before)


def test_a_step_that_does_not_fit_is_worked_through_in_parts(
    smallest, full_float32, caplog
) -> None:
    """With a memory limit between what one batch takes and what four parts of it take."""
    config = smallest(*EXACT, "train.segment_samples=1024")
    batch, noise = given_batch(config, 256, slice(256))
    noise = type(noise)(**{name: x.to(DEVICE) for name, x in vars(noise).items()})

    def take(n_parts: int) -> tuple[VitsTraining, int]:
        torch.manual_seed(0)
        experiment = VitsTraining(config, ranks(), [], [])
        experiment.accumulation.n_parts = n_parts
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        experiment.train_step(batch, noise)
        return experiment, torch.cuda.max_memory_allocated()  # what is reserved can be given back

    take(1)  # libraries take their own memory at the first use
    (_, least), (expected, most) = take(8), take(1)
    assert least < 0.7 * most
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((least + 0.5 * (most - least)) / total)
    try:
        found, _ = take(1)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert found.accumulation.n_parts > 1
    (line, *_) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert "out of GPU memory: a process had 256 utterances" in line
    assert_same_gradients(found.state.generator, expected.state.generator, rounding=1e-3)


def test_phases_are_timed_on_the_device(smallest) -> None:
    experiment, batch = make(smallest(), DEVICE)
    step(experiment, batch)
    with Phases(torch.device(DEVICE)) as phases:
        step(experiment, batch)
        seconds = phases.seconds()
    assert seconds.keys() == {"discriminator", "generator", "alignment", "optimizer"}
    assert all(0 < value < 10 for value in seconds.values())


def test_tf32_rounds_products_and_its_absence_does_not(smallest, full_float32) -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(512, 512, generator=draw) for _ in range(2))
    exact, errors = a.double() @ b.double(), {}
    for setting in ("true", "false"):
        set_float32_precision(smallest(f"train.tf32={setting}").train)
        product = (a.to(DEVICE) @ b.to(DEVICE)).cpu()
        errors[setting] = float((product - exact).abs().max())
    assert errors["false"] < 1e-3
    if torch.cuda.get_device_capability() >= (8, 0):
        assert errors["true"] > 4 * errors["false"]


def test_train_py_trains_stops_and_goes_on(tmp_path) -> None:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json", "train.validate_every=3", "train.save_every=2")
    arguments = ("train.py", "-c", "small.json", "--device", DEVICE)
    options = ("--set", "train.mixed_precision=fp16", "--set", "train.num_workers=2")
    run_script(tmp_path, *arguments, *options, "--max_steps", 4)
    told = run_script(tmp_path, *arguments, *options, "--max_steps", 8).stderr
    assert "resuming from" in told and "step 4" in told and "autocast to float16" in told
    lines = [line for line in scalars(tmp_path / "runs/small") if "train/mel" in line]
    assert [line["step"] for line in lines] == list(range(1, 9))
    assert all(line["gpu/peak_gib"] > 0 for line in lines)
