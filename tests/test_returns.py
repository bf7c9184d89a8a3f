"""Returns to a checkpoint: the run goes on in an epoch of another length, and no restart by
torchrun gives it more tries than a person allowed.

The data makes 4 batches of 2 utterances an epoch.
"""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hifigan.errors import UserError
from hifigan.returns import Returns
from tests.test_bad_steps import poison  # noqa: F401 (fixture)
from tests.test_resume import train  # noqa: F401 (fixture)

pytestmark = pytest.mark.usefixtures("one_thread")
RESTARTS = "TORCHELASTIC_RESTART_COUNT"  # torchrun tells its workers so


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """TimeoutError inside, once so much time has passed."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_return_to_a_checkpoint_of_longer_epochs_goes_on_and_ends(
    smallest, train, poison, tmp_path
) -> None:
    train(smallest("train.save_every=2"), tmp_path / "run", 2)  # half of an epoch
    taken = poison(lambda state, batch: state.order == 0)
    config = smallest("train.batch_size=4", "train.max_bad_steps=2")
    with within(60):
        state = train(config, tmp_path / "run", 7).state
    assert [(step, order) for step, order, _ in taken] == [
        *((step, 0) for step in (3, 4)),
        *((step, 1) for step in (3, 4, 5, 6, 7)),
    ]
    # Of two batches each: half of the first epoch, and two more
    assert (state.step, state.epoch, state.batch, state.n_batches) == (7, 3, 0, 2)


def test_returns_are_counted_for_each_checkpoint(tmp_path) -> None:
    returns = Returns(tmp_path / "returns.json")
    assert returns.count(4) == 0
    assert [returns.add(step) for step in (4, 8, 4)] == [1, 2, 3]
    assert [returns.count(step) for step in (4, 8, 12)] == [2, 1, 0]


@pytest.mark.parametrize("restarts, n_counted", [("1", 2), ("7", 2), ("0", 0), (None, 0)])
def test_torchruns_restart_goes_on_counting_and_a_persons_start_does_not(
    tmp_path, monkeypatch, restarts, n_counted
) -> None:
    path = tmp_path / "returns.json"
    former = Returns(path)
    for step in (4, 4):
        former.add(step)
    if restarts is None:
        monkeypatch.delenv(RESTARTS, raising=False)
    else:
        monkeypatch.setenv(RESTARTS, restarts)
    returns = Returns(path)
    assert returns.count(4) == n_counted
    assert returns.add(4) == 3, "of all, so that no order of the data comes twice"
    assert returns.count(4) == n_counted + 1


@pytest.mark.parametrize("restarts", ["0", "1"])
def test_a_torn_count_begins_anew(tmp_path, monkeypatch, restarts) -> None:
    monkeypatch.setenv(RESTARTS, restarts)
    path = tmp_path / "returns.json"
    whole = json.dumps([4, 4])
    for length in range(len(whole)):
        path.write_text(whole[:length], encoding="utf-8")
        returns = Returns(path)
        assert returns.count(4) == 0
        assert returns.add(4) == 1 and returns.count(4) == 1


def test_torchruns_restart_of_a_run_out_of_returns_stops_at_once_and_a_person_may_try_again(
    smallest, train, poison, monkeypatch, tmp_path
) -> None:
    config = smallest("train.save_every=2", "train.max_bad_steps=3", "train.max_rollbacks=2")
    taken = poison(lambda state, batch: state.step >= 4)

    def steps_until_it_stops(restarts: str) -> list[int]:
        monkeypatch.setenv(RESTARTS, restarts)
        taken.clear()
        with within(60), pytest.raises(UserError, match=r"skipped \(after 2 returns to a ch"):
            train(config, tmp_path / "run", 20)
        return [step for step, *_ in taken]

    assert steps_until_it_stops("0") == [1, 2, 3, 4] + 3 * [5, 6, 7]
    assert steps_until_it_stops("1") == [5, 6, 7]
    assert steps_until_it_stops("2") == [5, 6, 7]
    assert steps_until_it_stops("0") == 3 * [5, 6, 7]
