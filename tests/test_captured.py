"""Recorded steps do what steps do; batches come in few shapes, which changes nothing."""

import copy
import logging
from types import SimpleNamespace

import pytest
import torch

from hifigan.captured import CapturedSteps, records_steps, tensors
from hifigan.diagnosis import watching
from hifigan.diagnosis.watching import Watching, watched
from hifigan.distributed import Ranks
from tests.one_step import make
from vits.data import FRAME_STEPS, TEXT_STEPS, Example, collate, rounded_up
from vits.training import VitsTraining

CPU = torch.device("cpu")


def examples(n: int, n_symbols: int, hop_length: int) -> list[Example]:
    draw = torch.Generator().manual_seed(n)
    made = []
    for i in range(n):
        n_tokens, n_frames = 4 + 3 * i, 40 + 7 * i
        tokens = torch.randint(n_symbols, (n_tokens,), generator=draw)
        wav = 0.1 * torch.randn(n_frames * hop_length + 3, generator=draw)
        made.append(Example(str(i), tokens, wav, 0, 0))
    return made


@pytest.mark.parametrize("n_steps", [TEXT_STEPS, FRAME_STEPS])
def test_numbers_are_rounded_up_to_few_and_by_little(n_steps: int) -> None:
    rounded = [rounded_up(n, n_steps) for n in range(1, 1025)]
    assert all(n <= r <= n * (1 + 1 / n_steps) for n, r in enumerate(rounded, start=1))
    assert rounded == sorted(rounded)
    assert sum(512 < r <= 1024 for r in set(rounded)) == n_steps


def test_rounded_lengths_change_no_loss(smallest) -> None:
    config = smallest("model.text_encoder.dropout=0", "model.duration_predictor.dropout=0")
    torch.manual_seed(0)
    experiment = VitsTraining(config, Ranks(0, 1, CPU), [], [])
    hop_length = config.audio.hop_length
    chosen = examples(4, config.n_symbols, hop_length)
    found = []
    for rounding in (None, hop_length):
        batch = collate(chosen, rounding)
        n_frames, n_tokens = batch.wav.shape[2] // hop_length, batch.tokens.shape[1]
        draw = torch.Generator().manual_seed(0)
        noise = experiment.state.generator.draw_noise(
            torch.zeros(4, 99), torch.zeros(4, 1, 99), draw
        )
        noise.posterior, noise.duration = (
            noise.posterior[:, :, :n_frames],
            noise.duration[:, :, :n_tokens],
        )
        fresh = copy.deepcopy(experiment)
        losses = fresh.train_step(batch, noise)
        found.append((batch, {name: float(loss) for name, loss in losses.items()}))
    (plain, expected), (rounded, losses) = found
    assert rounded.wav.shape[2] > plain.wav.shape[2] and rounded.wav.shape[2] % hop_length == 0
    assert rounded.tokens.shape[1] > plain.tokens.shape[1]
    assert losses == pytest.approx(expected, rel=1e-5)


class Counted:
    """An experiment that counts its steps."""

    def __init__(self) -> None:
        self.state = SimpleNamespace(version=0, is_warming_up=False)
        self.accumulation = SimpleNamespace(n_parts=1)
        self.n_steps = 0

    def train_step(self, batch: object) -> dict[str, torch.Tensor]:
        self.n_steps += 1
        return {}


@pytest.fixture
def counted(monkeypatch) -> tuple[CapturedSteps, list[str]]:
    """With recordings that only say what is done to them."""
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)

    def record(self: CapturedSteps, batch: object) -> SimpleNamespace:
        done.append("recorded")
        return SimpleNamespace(replay=lambda batch: done.append("replayed"))

    monkeypatch.setattr(CapturedSteps, "_record", record)
    return CapturedSteps(Counted(), CPU), done


def test_a_shape_is_recorded_when_it_comes_again(counted) -> None:
    steps, done = counted
    short, long = (collate(examples(n, 9, 16)) for n in (2, 3))
    for batch in (short, long, short, short, long):
        steps.train_step(batch)
    assert steps.n_steps == 2
    assert done == ["recorded", "replayed", "replayed", "recorded", "replayed"]


@pytest.mark.parametrize("change", ["version", "is_warming_up"])
def test_what_the_host_decides_makes_recordings_anew(counted, change: str) -> None:
    steps, done = counted
    batch = collate(examples(2, 9, 16))
    for _ in range(3):
        steps.train_step(batch)
    setattr(steps.experiment.state, change, 1)
    for _ in range(2):
        steps.train_step(batch)
    assert steps.n_steps == 2 and done.count("recorded") == 2


def test_batches_in_parts_are_not_recorded(counted) -> None:
    steps, done = counted
    steps.experiment.accumulation.n_parts = 2
    for _ in range(3):
        steps.train_step(collate(examples(2, 9, 16)))
    assert steps.n_steps == 3 and not done


def test_on_cpus_nothing_is_recorded(smallest, tmp_path) -> None:
    experiment, _ = make(smallest())
    with watched(experiment, Watching(), Ranks(0, 1, CPU), tmp_path) as seen:
        assert seen is experiment


@pytest.mark.parametrize(
    "setting, n_ranks, records",
    [
        ("train.mixed_precision=false", 1, True),
        ("train.mixed_precision=true", 1, True),
        ("train.optimizer=Adam", 1, True),
        ("train.cuda_graphs=false", 1, False),
        ("train.mixed_precision=fp16", 1, False),
        ("train.accumulate=2", 1, False),
        ("train.grad_checkpoint=true", 1, False),
        ("train.optimizer=RAdam", 1, False),
        ('train.optimizer_options={"fused": false}', 1, False),
        ("train.mixed_precision=false", 2, False),
    ],
)
def test_what_cannot_be_recorded_is_not(
    smallest, monkeypatch, setting: str, n_ranks: int, records: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    ranks = Ranks(0, n_ranks, torch.device("cuda"))
    assert records_steps(smallest(setting).train, ranks) is records


@pytest.mark.parametrize("looking", ["profile", "detect_anomaly", "debug", None])
def test_steps_that_are_looked_into_are_taken_as_they_stand(
    smallest, monkeypatch, tmp_path, caplog, looking: str | None
) -> None:
    monkeypatch.setattr(watching, "records_steps", lambda config, ranks: True)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    experiment, _ = make(smallest())
    wanted = Watching(profile=looking == "profile", detect_anomaly=looking == "detect_anomaly")
    caplog.set_level(logging.DEBUG if looking == "debug" else logging.INFO, watching.logger.name)
    with watched(experiment, wanted, Ranks(0, 1, CPU), tmp_path) as seen:
        assert isinstance(seen, CapturedSteps) is (looking is None)


def test_tensors_come_in_the_order_of_the_fields() -> None:
    batch = collate(examples(2, 9, 16))
    assert [t.shape for t in tensors(batch)][:3] == [(2, 7), (2,), (2, 1, 47 * 16 + 3)]
