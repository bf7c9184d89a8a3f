"""The moving average of the generator's weights: how it moves, and who speaks with it."""

import pytest
import torch

from tests.test_optimization import go_on, start, through_a_file
from tests.test_resume import ALONE, assert_same, newest, train

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_average_is_that_of_the_weights_with_a_quick_start(smallest) -> None:
    state = start(smallest("train.ema_decay=0.5", "train.lr=0.1").train)
    expected = [p.detach().clone() for p in state.generator.parameters()]
    for i in range(12):
        go_on(state, 1)
        decay = min(0.5, (1 + i) / (10 + i))
        weights = [p.detach() for p in state.generator.parameters()]
        expected = [decay * e + (1 - decay) * w for e, w in zip(expected, weights)]
    for found, value in zip(state.ema.parameters(), expected):
        torch.testing.assert_close(found, value)
        assert not found.requires_grad


def test_validation_judges_the_average(smallest, train, tmp_path) -> None:
    settings = ("train.ema_decay=0.9", "train.lr=0.01")
    experiment = train(smallest(*settings), tmp_path / "run", 6).experiment
    contents = newest(tmp_path / "run")
    assert_same(contents["ema"], experiment.state.ema.state_dict())
    judged = experiment.validate().losses
    with torch.no_grad():
        for average, weight in zip(
            experiment.state.ema.parameters(), experiment.state.generator.parameters()
        ):
            weight.copy_(average)
    experiment.state.ema = None
    assert experiment.validate().losses == judged


def test_a_run_that_begins_to_average_starts_from_its_weights(smallest, tmp_path) -> None:
    old = start(smallest().train)
    go_on(old, 3)
    state = start(smallest("train.ema_decay=0.9").train)
    state.load_state_dict(through_a_file(old, tmp_path / "state.pt"), ALONE)
    assert_same(state.ema.state_dict(), state.generator.state_dict())
