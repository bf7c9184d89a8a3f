"""--overfit_one_batch and --subset pass a sound trainer, fail a broken one, and keep to themselves."""

import dataclasses

import pytest
import torch

import train
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.json_config import read_config
from hifigan.loop import Limits
from tests.small_run import call, contents, error_line, run_script, write_config, write_data  # noqa: F401
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.data import UtteranceDataset, collate
from vits.diagnosis.trial import PASSING_SHARE, Judge, Trial, step_size
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")
ALONE = Ranks(0, 1, torch.device("cpu"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json", "train.batch_size=4", "train.lr=0.006")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def freeze_decoder(training: VitsTraining) -> None:
    training.state.generator.decoder.requires_grad_(False)


def shuffle_targets(training: VitsTraining) -> None:
    real_segments = training._real_segments

    def shuffled(batch, spec, starts):
        order = torch.randperm(len(starts))
        return tuple(segments[order] for segments in real_segments(batch, spec, starts))

    training._real_segments = shuffled


def do_not_learn(training: VitsTraining) -> None:
    for group in training.state.generator_optimizer.param_groups:
        group["lr"] = 0.0


@pytest.mark.parametrize(
    "damage, n_steps", [(freeze_decoder, 15), (shuffle_targets, 30), (do_not_learn, 1)]
)
def test_a_broken_trainer_fails(folder, damage, n_steps) -> None:
    data = Trial().cut(check_data(read_config(VitsConfig, folder / "small.json")), ALONE)
    torch.manual_seed(0)
    training = VitsTraining(data.config, ALONE, data.valid, [])
    judge = Judge(Trial(), training, Limits(max_steps=n_steps))
    damage(training)
    dataset = UtteranceDataset(data.train, data.config.audio.sample_rate)
    batch = collate([dataset[i] for i in range(len(dataset))])
    for _ in range(n_steps):
        training.train_step(batch)
        training.state.step += 1  # without the schedule, which would set the rates
    assert not judge.passes()
    assert judge.share() > PASSING_SHARE + 0.1  # the average sound is the best it can do


def test_a_trial_that_begins_well_has_to_become_better(folder, monkeypatch) -> None:
    data = Trial(2).cut(check_data(read_config(VitsConfig, folder / "small.json")), ALONE)
    training = VitsTraining(data.config, ALONE, data.valid, [])
    shares = iter([0.5, 0.5, 0.5, 0.4])
    monkeypatch.setattr(Judge, "share", lambda self: next(shares))
    for passes in (False, True):
        judge = Judge(Trial(2), training, Limits(max_steps=3))
        training.state.step += 3
        assert judge.passes() == passes


def test_one_batch_is_what_one_step_takes(folder, monkeypatch) -> None:
    data = check_data(read_config(VitsConfig, folder / "small.json", ["train.accumulate=2"]))
    three = dataclasses.replace(ALONE, n_ranks=3)
    assert [step_size(data, ranks) for ranks in (ALONE, three)] == [8, 24]
    assert len(Trial().cut(data, ALONE).train) == len(data.train) == 6
    longest = max(u.n_frames for u in data.train)
    tight = dataclasses.replace(data.config.train, max_batch_frames=2 * longest)
    limited = dataclasses.replace(data, config=dataclasses.replace(data.config, train=tight))
    assert step_size(limited, ALONE) == 4
    with monkeypatch.context() as padded:  # as on a GPU: the longest takes a frame more
        padded.setattr("vits.loader.records_steps", lambda *_: True)
        padded.setattr("vits.loader.padded_frames", lambda n, hop_length: n // hop_length + 1)
        assert step_size(limited, ALONE) == 2
    cut = Trial(3).cut(data, ALONE)
    assert cut.train == data.train[:3] == cut.valid
    with pytest.raises(UserError, match="--subset 7: the training list has 6 utterances"):
        Trial(7).cut(data, ALONE)


def test_trials_have_folders_of_their_own_and_leave_the_run_alone(folder, call) -> None:  # noqa: F811
    command = (folder, train.main, "-c", "small.json", "--max_steps", 1)
    assert call(*command)[0] == 0
    before = contents(folder / "runs/small")
    for _ in range(2):
        assert call(*command, "--overfit_one_batch", "--set", "train.lr=1e-9")[0] == 1
    assert call(*command, "--subset", 2, "--max_minutes", 1e-9)[0] == 1
    assert contents(folder / "runs/small") == before
    log = {
        name: (folder / f"runs/small_{name}/log.txt").read_text(encoding="utf-8")
        for name in ("overfit", "overfit_2", "subset_2")
    }
    assert "4 utterances in batches of 4 x 1" in log["overfit"]
    assert "new run at step 0" in log["overfit_2"] and "overfit: FAIL: " in log["overfit_2"]
    assert "2 utterances in batches" in log["subset_2"]
    code, err = call(folder, train.main, "--continue_path", "runs/small", "--subset", 2)
    assert code == 2 and "--restore_from runs/small" in error_line(err[err.rindex("error: ") :])


def test_a_run_that_was_stopped_early_gets_no_verdict(folder, monkeypatch, caplog) -> None:
    data = Trial(2).cut(check_data(read_config(VitsConfig, folder / "small.json")), ALONE)
    training = VitsTraining(data.config, ALONE, data.valid, [])
    shares = iter([2.0, 0.1])
    monkeypatch.setattr(Judge, "share", lambda self: next(shares))
    judge = Judge(Trial(2), training, Limits())
    training.state.step = 7
    assert not judge.passes()
    assert "subset_2: stopped early, no verdict" in caplog.text and "after 7 steps" in caplog.text


def test_a_sound_trainer_passes_as_a_user_starts_it_and_ends_with_code_0(folder) -> None:
    told = run_script(
        folder, "train.py", "-c", "small.json", "--overfit_one_batch", "--max_steps", 120
    ).stderr
    assert "overfit: to pass, the mel loss on 4 utterances, now " in told
    assert "overfit: PASS: " in told and "after 120 steps" in told


def test_a_trial_lets_all_learn_from_its_first_step(folder) -> None:
    """Or it would be over before fresh discriminators are warm, or frozen layers have thawed."""
    settings = ["train.discriminator_warmup_steps=500", 'train.freeze_layers=["flow"]']
    settings.append("train.unfreeze_at=2500")
    config = read_config(VitsConfig, folder / "small.json", settings)
    adapted = Trial().adapt(config).train
    assert adapted.discriminator_warmup_steps == 0
    assert (adapted.freeze_layers, adapted.unfreeze_at) == ((), None)
