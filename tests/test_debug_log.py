"""--log_level DEBUG tells what flows through a step, and does not change it."""

import logging
import re

import pytest
import torch

from hifigan.diagnosis.debug_log import Debugged, described
from tests.one_step import make

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_line_tells_shape_type_range_mean_and_share_of_nan() -> None:
    values = torch.tensor([[1.0, torch.nan, 2.0, 6.0]])
    assert described(values) == "[1, 4] float32 cpu, 1 to 6, mean 3, NaN 25 %"
    assert described(torch.tensor([1, 3])) == "[2] int64 cpu, 1 to 3, mean 2, NaN 0 %"
    assert described(torch.tensor(torch.nan)) == "[] float32 cpu, NaN 100 %"
    assert described(torch.empty(0, 2)) == "[0, 2] float32 cpu, empty"
    assert "-1 to inf" in described(torch.tensor([-1.0, torch.inf]).bfloat16())


def test_batch_parts_losses_and_gradients_are_told_in_the_first_and_in_logging_steps(
    smallest, caplog
) -> None:
    caplog.set_level(logging.DEBUG, "hifigan")
    plain, batch = make(smallest(), batch_size=2)
    inner, _ = make(smallest(), batch_size=2)
    debugged = Debugged(inner, log_every=3)
    told = []
    for seed in range(3):
        torch.manual_seed(seed)
        expected = plain.train_step(batch)
        caplog.clear()
        torch.manual_seed(seed)
        losses = debugged.train_step(batch)
        debugged.state.advance()
        told.append(caplog.text)
        assert all(torch.equal(value, losses[name]) for name, value in expected.items())
    assert told[0] and not told[1] and told[2]
    parts = ("text_encoder", "posterior_encoder", "flow", "duration_predictor", "decoder")
    for name in (
        "batch.wav",
        "batch.ids",
        *(f"generator.{part}" for part in parts),
        *(f"gradients of generator.{part}" for part in parts),
        *(f"discriminator.members.{i}.scores" for i in range(3)),
        *(f"gradients of discriminator.members.{i}" for i in range(3)),
        "generator.durations",
        "losses.kl",
    ):
        assert re.search(rf"  {re.escape(name)}\b", told[0]), name
    n_samples = batch.wav.shape[2]
    assert f"  batch.wav: [2, 1, {n_samples}] float32 cpu, " in told[0]
    assert not any(module._forward_hooks for module in inner.state.generator.modules())
