"""A run is looked at where it begins, is told when it stands still, and shows several speakers."""

import logging
import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hifigan.corpus.columns import Columns
from hifigan.corpus.packed import pack
from hifigan.distributed import Ranks
from hifigan.experiment import Validation
from hifigan.listening.run_folder import read_curves, read_samples
from hifigan.loop import Limits, train
from hifigan.run_folder import PATIENCE, RunFolder
from vits.corpus.check import check_data
from vits.corpus.shown import shown
from vits.corpus.utterance_table import TableBuilder, UtteranceTable
from vits.data import Utterance
from vits.loader import make_loader
from vits.training import VitsTraining

ALONE = Ranks(0, 1, torch.device("cpu"))
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def begin(smallest, tmp_path):
    """Train from step 0 with settings into a folder; returns the experiment."""

    def call(folder, n_steps, *settings):
        config = smallest("train.num_workers=0", *settings)
        torch.manual_seed(0)
        data = check_data(config)
        experiment = VitsTraining(data.config, ALONE, data.valid, shown(data.valid, 2))
        loader = make_loader(data.train, data.config, ALONE, tmp_path / "runs")
        train(experiment, loader, data.config.train, ALONE, folder, Limits(n_steps))
        return experiment

    return call


def steps(run):
    """The steps with samples and those with a validation loss, as the listening page has them."""
    notes = []
    curves, samples = (
        read_curves(run / "scalars.jsonl", notes),
        read_samples(run / "samples", notes),
    )
    assert not notes
    return list(samples), [step for step, _ in curves["valid/mel"]]


def test_a_look_at_the_start_is_of_step_0_and_changes_nothing_of_the_training(begin, tmp_path):
    early = begin(tmp_path / "early", 1, "train.look_at_start=true")
    plain = begin(tmp_path / "plain", 1)
    for one, other in zip(early.state.generator.parameters(), plain.state.generator.parameters()):
        assert torch.equal(one, other)
    assert early.state.best_step is None  # the look at an early stop does not judge, either
    assert steps(tmp_path / "early") == ([0, 1], [0, 1])
    assert steps(tmp_path / "plain") == ([1], [1])
    assert (tmp_path / "early/samples/step_00000000").is_dir()


def test_a_second_try_before_any_checkpoint_writes_step_0_once(begin, tmp_path):
    for _ in range(2):
        begin(tmp_path / "run", 1, "train.look_at_start=true")
    assert steps(tmp_path / "run") == ([0, 1], [0, 1])


def test_a_run_that_goes_on_is_not_looked_at_again(begin, smallest, tmp_path):
    experiment = begin(tmp_path / "run", 1)
    looks = []
    experiment.validate = lambda: looks.append(experiment.state.step) or Validation([], [])
    experiment.show = lambda *_: None
    config = smallest("train.num_workers=0", "train.look_at_start=true")
    data = check_data(config)
    loader = make_loader(data.train, data.config, ALONE, tmp_path / "runs")
    train(experiment, loader, config.train, ALONE, tmp_path / "run", Limits(2))
    assert looks == [2]


class Validated:
    """What a run folder needs of an experiment, with the validation loss of each step as told."""

    best_by = "mel"

    def __init__(self, warmup_until=0):
        self.state = SimpleNamespace(
            step=0, epoch=0, best=None, best_step=None, warmup_until=warmup_until
        )
        self.mel = math.nan

    def validate(self):
        return Validation([{"mel": self.mel}], [])

    def show(self, *_):
        pass


def hints(folder, caplog, mels, warmup_until=0):
    """The steps at which the log says that nothing improves; mels: one for each 10 steps."""
    train_config = SimpleNamespace(keep_last=2, keep_every=None, validate_every=10)
    experiment, told = Validated(warmup_until), []
    run = RunFolder(folder, experiment, train_config, ALONE, None)
    for i, experiment.mel in enumerate(mels, start=1):
        experiment.state.step = 10 * i
        caplog.clear()
        run.look(judging=True)
        lines = [record.getMessage() for record in caplog.records]
        told += [(10 * i, line) for line in lines if "not improved" in line]
    run.monitor.close()
    return told


def test_the_log_says_every_so_often_that_validation_stands_still(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    told = hints(tmp_path, caplog, [3.0, 2.0, *[2.5] * (2 * PATIENCE + 1), 1.0, *[2.0] * PATIENCE])
    assert [step for step, _ in told] == [70, 120, 190]
    line = told[0][1]
    assert line.startswith("valid/mel has not improved since step 20 (2.000)")
    assert "best_step_00000020.pt" in line and "Ctrl-C" in line
    assert "since step 140 (1.000)" in told[2][1]


def test_while_discriminators_learn_alone_nothing_is_expected(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    told = hints(tmp_path, caplog, [3.0] * 20, warmup_until=100)
    assert [step for step, _ in told] == [150, 200]


def utterances(speaker_ids):
    return [
        Utterance(f"{i}", "a.wav", "a", None, speaker_id, (0,), 100, 1)
        for i, speaker_id in enumerate(speaker_ids)
    ]


@pytest.mark.parametrize(
    "speaker_ids, n, expected",
    [
        ([0] * 6, 4, [0, 1, 2, 3]),
        ([0, 0], 4, [0, 1]),
        ([], 4, []),
        ([0, 0, 0, 0, 0, 1], 4, [0, 1, 2, 5]),
        ([5, 5, 2, 2, 5, 2], 4, [0, 1, 2, 3]),
        ([9, 8, 8, 7, 7, 7, 6], 4, [0, 1, 3, 6]),
        ([*range(110), *range(110)], 4, [0, 36, 73, 109]),
        ([3, 2, 1, 0], 1, [3]),
    ],
)
def test_sentences_of_different_speakers_are_shown_first(speaker_ids, n, expected):
    assert [int(u.id) for u in shown(utterances(speaker_ids), n)] == expected


def test_the_sentences_of_a_table_are_chosen_without_making_the_others(monkeypatch):
    builder = TableBuilder(n_symbols=2)
    made = utterances(np.arange(20_000) // 4000)
    for utterance in made:
        builder.add(utterance, 0)
    columns = Columns(builder.arrays(pack(["a.wav"])), {"speakers": None, "languages": None})
    table, rows = UtteranceTable(columns, 0, len(made)), []
    row = UtteranceTable.row
    monkeypatch.setattr(
        UtteranceTable, "row", lambda self, index: (rows.append(index), row(self, index))[1]
    )
    start = time.process_time()
    assert [int(u.id) for u in shown(table, 4)] == [0, 4000, 12000, 16000] and len(rows) == 4
    assert time.process_time() - start < 1
