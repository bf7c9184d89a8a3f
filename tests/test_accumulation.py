"""Micro-batches add up to one batch, also when memory makes them smaller in the middle of a step."""

import copy
import logging
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import train as train_script
from hifigan.errors import UserError
from hifigan.generator import Generator
from tests.accumulation_worker import N_UTTERANCES, given_batch, run_out
from tests.one_step import make, step
from tests.small_run import call, error_line, run_script, write_config, write_data
from tests.test_resume import ALONE, assert_same
from vits.micro_batches import GeneratorPass, MicroBatch, MicroBatches
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
WORKER = "tests/accumulation_worker.py"
# Where one of two ranks runs out, and in which step. Torch makes its buckets anew in step 1.
SMALLER = ("forward 0", "forward 1", "forward 2", "backward 0", "backward 1", "backward 2")
# Adam would make whole steps of gradients that are mere rounding.
EXACT = (
    "model.text_encoder.dropout=0.0",
    "model.duration_predictor.dropout=0.0",
    "train.optimizer=SGD",
    "train.optimizer_options={}",
    "train.lr=0.001",
    "train.segment_samples=512",
    'text.symbols=["_", "a", "b", "c", "d"]',
)


def exact_step(smallest, *settings: str, trouble: tuple[str, int] | None = None):
    """The losses of a step with given noise, and the experiment with its gradients."""
    config = smallest(*EXACT, *settings)
    torch.manual_seed(0)
    experiment = VitsTraining(config, ALONE, [], [])
    experiment.state.step = 5
    if trouble:
        run_out(experiment, *trouble)
    losses = experiment.train_step(*given_batch(config, N_UTTERANCES, slice(N_UTTERANCES)))
    return losses, experiment


def assert_same_gradients(found: nn.Module, expected: nn.Module, rounding: float = 1e-5) -> None:
    """To rounding, which is as large as it is beside the network's largest gradient."""
    largest = max(float(p.grad.abs().max()) for p in expected.parameters())
    for (name, a), b in zip(found.named_parameters(), expected.parameters()):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=rounding * largest, msg=name)


def assert_same_step(found: tuple, expected: tuple) -> None:
    losses = {name: float(value) for name, value in found[0].items()}
    assert losses == pytest.approx({k: float(v) for k, v in expected[0].items()}, rel=1e-4)
    for network in ("generator", "discriminator"):
        assert_same_gradients(getattr(found[1].state, network), getattr(expected[1].state, network))


@pytest.mark.parametrize("speakers", ["null", '["x", "y"]'])
@pytest.mark.parametrize("n", [2, 3, 4, 9])
def test_micro_batches_give_the_losses_and_gradients_of_one_batch(smallest, n, speakers) -> None:
    setting = f"data.speakers={speakers}"
    assert_same_step(
        exact_step(smallest, setting, f"train.accumulate={n}"), exact_step(smallest, setting)
    )


def test_both_updates_see_the_same_draws_of_noise_and_dropout(smallest, monkeypatch) -> None:
    passes: dict[int, list[GeneratorPass]] = {}
    run_pass = VitsTraining._pass

    def noted(experiment: VitsTraining, part: MicroBatch) -> GeneratorPass:
        made = run_pass(experiment, part)
        passes.setdefault(id(part), []).append(made)
        return made

    monkeypatch.setattr(VitsTraining, "_pass", noted)
    experiment, batch = make(
        smallest("train.accumulate=2", "model.text_encoder.dropout=0.5"), batch_size=4
    )
    step(experiment, batch)
    assert len(passes) == 2 and all(len(both) == 2 for both in passes.values())
    for first, second in passes.values():
        for name in ("wav_hat", "segment_starts", "durations", "duration_losses", "z_p", "m_p"):
            a, b = (getattr(made.output, name).detach() for made in (first, second))
            assert torch.equal(a, b), name
        assert torch.equal(first.wav, second.wav) and torch.equal(first.mel, second.mel)
    (one, _), (other, _) = passes.values()
    assert not torch.equal(one.output.posterior.z[..., :9], other.output.posterior.z[..., :9])


@pytest.mark.parametrize("n_utterances", [1, 4])
def test_another_number_of_micro_batches_lets_go_of_what_was_made_of_the_former(
    smallest, n_utterances
) -> None:
    _, batch = make(smallest(), batch_size=n_utterances)
    batches = MicroBatches(batch, batch, noise=None, hop_length=64)
    former: list[MicroBatch] = []
    for n_parts in (1, 2, 4, 9, 2):
        parts = batches.cut(n_parts)
        assert len(parts) == min(n_parts, n_utterances)
        assert all(part.made is None and part.random is None for part in parts)
        assert not {id(part) for part in parts} & {id(part) for part in former}
        parts[0].made = object()
        assert batches.cut(n_parts) is parts
        former = parts


# Out of memory


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("largest, n_parts", [(3, 2), (2, 2), (1, 4)])
def test_what_does_not_fit_is_worked_through_in_parts(
    smallest, caplog, where, largest, n_parts
) -> None:
    found = exact_step(smallest, trouble=(where, largest))
    assert found[1].accumulation.n_parts == n_parts
    assert_same_step(found, exact_step(smallest))
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(lines) == (1 if n_parts == 2 else 2)
    assert f"going on with {n_parts} micro-batches" in lines[-1] and "\n" not in lines[-1]
    assert f"{N_UTTERANCES} utterances of up to " in lines[-1] and "frames" in lines[-1]
    for remedy in ("batch_size", "accumulate", "mixed_precision", "grad_checkpoint", "max_batch"):
        assert remedy in lines[-1]


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_one_utterance_that_does_not_fit_is_told(smallest, where) -> None:
    with pytest.raises(UserError, match="out of GPU memory with one utterance at a time"):
        exact_step(smallest, trouble=(where, 0))


def test_a_run_whose_utterances_do_not_fit_ends_in_one_line(call, monkeypatch, tmp_path) -> None:
    def forward(generator: Generator, frames: Tensor, speaker: Tensor | None = None) -> Tensor:
        raise torch.OutOfMemoryError("simulated")

    monkeypatch.setattr(Generator, "forward", forward)
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    code, err = call(tmp_path, train_script.main, "-c", "small.json")
    line = error_line(err)
    assert code == 2 and "one utterance at a time; a process had 2 utterances of up to" in line
    assert "wavs/" in line and "data.max_seconds" in line


def run_two(folder: Path, *cases: str, expect: int = 0) -> str:
    """Two ranks go through the cases. Gives what they told on stderr."""
    arguments = (WORKER, "small.json", folder, *cases)
    return run_script(folder, *arguments, n_processes=2, timeout=100, expect=expect).stderr


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """What two ranks ended with, by case."""
    folder = tmp_path_factory.mktemp("ranks")
    write_config(folder / "small.json", *EXACT)
    cases = ("none 0", *SMALLER, "nan 2")
    told = run_two(folder, *cases)
    # A line from each rank, whose workers do not silence those of other ranks as train.py does.
    assert told.count("out of GPU memory: a process had 4 utterances") == 2 * len(SMALLER)
    return {case: [torch.load(folder / f"{case} {rank}.pt") for rank in (0, 1)] for case in cases}


@pytest.mark.slow
@pytest.mark.parametrize("case", SMALLER)
def test_ranks_take_smaller_parts_together_when_one_runs_out(ended, case) -> None:
    expected, _ = ended["none 0"]
    first, second = ended[case]
    assert first["n_parts"] == second["n_parts"] == 2 and expected["n_parts"] == 1
    for network in ("generator", "discriminator"):
        assert_same(first[network], second[network], network)
        for name, weight in expected[network].items():
            torch.testing.assert_close(first[network][name], weight, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.slow
def test_all_ranks_end_when_one_has_no_room_for_an_utterance(tmp_path) -> None:
    write_config(tmp_path / "small.json", *EXACT)
    told = run_two(tmp_path, "alone 1", expect=1)  # torchrun's own exit code
    assert "error: out of GPU memory with one utterance at a time" in told
    assert "exitcode  : 2" in told and "OutOfMemoryError" not in told


@pytest.mark.slow
def test_a_nan_on_one_rank_skips_the_step_on_all(ended) -> None:
    first, second = ended["nan 2"]
    for i, norms in enumerate(first["norms"]):
        assert all(map(math.isfinite, norms)) == (i != 2)
    for network in ("generator", "discriminator"):
        assert_same(first[network], second[network], network)
        assert all(weight.isfinite().all() for weight in first[network].values())


# The rehearsal


@pytest.fixture
def unset_memory_is_nan() -> Iterator[None]:
    """Else it may hold, by chance, the very numbers that it should."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    "settings",
    [
        ("train.ema_decay=0.9",),
        ("train.optimizer=RAdam", "train.accumulate=2"),
        ("train.optimizer=SGD", 'train.optimizer_options={"momentum": 0.9}', "train.lr=0.0001"),
        ("train.mixed_precision=fp16",),
    ],
    ids=["fused", "not fused", "momentum", "fp16"],
)
def test_a_rehearsal_leaves_no_trace(smallest, unset_memory_is_nan, settings) -> None:
    rehearsed, batch = make(smallest(*settings))
    other, _ = make(smallest(*settings))
    rehearsed.rehearse(batch)
    for _ in range(3):
        step(rehearsed, batch)
        step(other, batch)
    before = copy.deepcopy(rehearsed.state.state_dict(ALONE))
    assert_same(before, other.state.state_dict(ALONE))
    rehearsed.rehearse(batch)
    assert_same(rehearsed.state.state_dict(ALONE), before)
