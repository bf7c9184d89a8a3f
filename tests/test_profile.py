"""--profile records some steps and leaves the training as it is."""

import gzip
import json
import logging
import re

import pytest
import torch

from hifigan.diagnosis import profiling
from hifigan.diagnosis.profiling import N_STEPS, WARM_UP_STEPS, Profiled, phase_table
from hifigan.phases import Phases, phase
from tests.one_step import make

pytestmark = pytest.mark.usefixtures("one_thread")
PHASES = ("alignment", "generator", "discriminator", "optimizer")


def test_a_trace_with_the_phases_is_written_once_and_the_weights_are_the_same(
    smallest, tmp_path, caplog, monkeypatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(profiling, "WARM_UP_STEPS", 2)
    monkeypatch.setattr(profiling, "N_STEPS", 2)
    plain, batch = make(smallest(), batch_size=2)
    inner, _ = make(smallest(), batch_size=2)
    torch.manual_seed(5)
    for _ in range(5):
        plain.train_step(batch)
    torch.manual_seed(5)
    device = torch.device("cpu")
    with Phases(device) as of_the_loop, Profiled(inner, device, tmp_path) as profiled:
        for _ in range(5):
            profiled.train_step(batch)
            profiled.state.advance()
    for name, weight in plain.state.generator.state_dict().items():
        assert torch.equal(weight, inner.state.generator.state_dict()[name]), name

    (path,) = (tmp_path / "profile").iterdir()
    assert path.name == "step_00000004.pt.trace.json.gz"
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    counts = {name: sum(event.get("name") == name for event in events) for name in PHASES}
    # The generator has its pass in the discriminators' update, and an update of its own.
    assert counts == {"alignment": 2, "generator": 4, "discriminator": 2, "optimizer": 4}
    assert f"profile of 2 steps: {path}" in caplog.text
    assert "aten::convolution_backward" in caplog.text and "Self CPU" in caplog.text
    for name in PHASES:
        assert re.search(rf"^{name} +\d+\.\d +\d+\.\d %$", caplog.text, re.M), name
    assert {*of_the_loop.seconds()} == {*PHASES}  # the log line's times go on meanwhile


def test_the_shares_of_the_phases_add_up() -> None:
    table = phase_table({"data": 0.3, "generator": 1.2}, seconds=1.5 * N_STEPS)
    rows = {line[:16].strip(): line[16:].split() for line in table.splitlines()[1:]}
    assert rows["data"][1] == f"{100 * 0.3 / 1.5 / N_STEPS:.1f}"
    assert rows["together"] == ["1500.0", "100.0", "%"]
    shares = [float(row[1]) for name, row in rows.items() if name != "together"]
    assert sum(shares) == pytest.approx(100, abs=0.2)


def test_phases_inside_others_count_for_both() -> None:
    with Phases(torch.device("cpu")) as outer:
        with phase("data"):
            pass
        with Phases(torch.device("cpu")) as inner:
            with phase("optimizer"):
                pass
        with phase("generator"):
            pass
    assert list(outer.seconds()) == ["data", "optimizer", "generator"]
    assert list(inner.seconds()) == ["optimizer"]


def test_a_run_too_short_for_a_profile_says_so(smallest, tmp_path, caplog) -> None:
    experiment, batch = make(smallest(), batch_size=2)
    with Profiled(experiment, torch.device("cpu"), tmp_path) as profiled:
        profiled.train_step(batch)
    assert f"no profile: the run took 1 steps, and it needs {WARM_UP_STEPS + N_STEPS}" in (
        caplog.text
    )
    assert not (tmp_path / "profile").exists()
