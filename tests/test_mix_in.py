"""Old data that is mixed in is judged like all other, and has its share of the batches."""

import logging
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch

from hifigan.distributed import Ranks
from hifigan.errors import UserError
from tests.conftest import SAMPLE_RATE, tone_with_noise
from vits.corpus.check import check_data
from vits.loader import make_loader

ALONE = Ranks(0, 1, torch.device("cpu"))


@pytest.fixture
def old(tmp_path):
    """A folder beside the data: three recordings and their list, which stands apart from it."""
    folder = tmp_path / "old"
    (folder / "wavs").mkdir(parents=True)
    for i in range(3):
        samples = tone_with_noise(0.7 + 0.1 * i, 400, seed=i)
        soundfile.write(folder / "wavs" / f"{i}.wav", samples, SAMPLE_RATE)
    write(folder, "wavs/0.wav|an old one", "1|as old", "2.wav|older")
    return folder


def write(folder, *rows):
    (folder / "train.csv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def mixed(smallest, old, *settings):
    return smallest(f"data.mix_in={old / 'train.csv'}", *settings)


def test_its_recordings_are_found_beside_its_list_and_join_the_training(smallest, old):
    checked = check_data(mixed(smallest, old))
    new = check_data(smallest())
    assert [u.id for u in checked.train[-3:]] == ["wavs/0", "1", "2"]
    assert all(str(old) in u.path for u in checked.train[-3:])
    assert checked.train.is_mixed_in.tolist() == [False] * 8 + [True] * 3
    assert checked.valid.is_mixed_in.tolist() == [False] * 2 and len(checked.valid) == 2
    assert "  mixed in            3" in checked.report.text()
    assert "mixed in" not in new.report.text()
    assert checked.report.new_seconds == pytest.approx(new.report.seconds["train"])
    assert checked.report.seconds["train"] > new.report.seconds["train"] + 2


def test_a_recording_of_the_data_folder_does_not_stand_in_for_one_of_its_own(smallest, old):
    write(old, "wavs/0.wav|an old one", "wavs/7.wav|old, and gone")
    checked = check_data(mixed(smallest, old))
    assert checked.train.is_mixed_in.sum() == 1
    assert [refusal.reason for refusal in checked.report.refusals] == ["missing file"]


def test_the_list_is_found_within_the_data_folder_too(smallest, old, data_folder):
    (data_folder / "old.txt").write_text(f"{old / 'wavs/1.wav'}|old", encoding="utf-8")
    checked = check_data(smallest("data.mix_in=old.txt"))
    assert checked.train.is_mixed_in.sum() == 1


def test_its_lines_are_refused_with_a_place_in_its_list(smallest, old):
    write(old, "0|fine", "9|gone", "|nothing")
    report = check_data(mixed(smallest, old)).report
    assert report.mixed_in["read"] == 3 and report.mixed_in["used"] == 1
    found = {str(refusal).split(": ")[0]: refusal.reason for refusal in report.refusals}
    place = f"{old / 'train.csv'}"
    assert found == {f"{place}:2": "missing file", f"{place}:3": "missing file"}
    assert {refusal.split for refusal in report.refusals} == {"mix_in"}


def test_what_validates_is_not_mixed_in(smallest, old, data_folder):
    write(old, "0|fine", f"{data_folder / 'wavs/9.wav'}|also held out")
    refusals = check_data(mixed(smallest, old)).report.refusals
    assert [refusal.reason for refusal in refusals] == ["also in the validation list"]


@pytest.mark.parametrize(
    "rows, says",
    [
        ([], r"train\.csv: holds no utterance"),
        (["0|ann|three"], r"train\.csv: line 1: found 3 columns, expected 2"),
        (["9|gone", "8|gone"], r"of 2 utterances of data\.mix_in none can be used; 2 for: missing"),
    ],
)
def test_a_list_of_no_use_is_an_error(smallest, old, rows, says):
    write(old, *rows)
    with pytest.raises(UserError, match=says):
        check_data(mixed(smallest, old))


def test_a_list_that_is_missing_is_named(smallest, tmp_path):
    with pytest.raises(UserError, match=r"gone\.csv: no such file, neither.*data\.mix_in names it"):
        check_data(smallest("data.mix_in=gone.csv"))


def test_the_list_to_train_on_is_not_mixed_into_itself(smallest, data_folder):
    for name in ("train.csv", data_folder / "train.csv"):
        with pytest.raises(UserError, match="is the list to train on, so that nothing old"):
            check_data(smallest(f"data.mix_in={name}"))


def test_a_folder_is_told_from_a_list(smallest, old):
    with pytest.raises(UserError, match="is a folder.* name the file in it; there are: train.csv"):
        check_data(smallest(f"data.mix_in={old}"))


def test_old_data_alone_is_nothing_to_train_on(smallest, old, data_folder):
    (data_folder / "train.csv").write_text("gone|a\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"of 1 training utterances none can be used"):
        check_data(mixed(smallest, old))


def epoch(loader):
    loader.batch_sampler.set_epoch(0)
    return list(loader)


@pytest.mark.parametrize("packed", ["true", "false"])
def test_an_epoch_has_old_data_by_its_share_and_each_with_its_own_sound(
    smallest, old, tmp_path, caplog, packed
):
    caplog.set_level(logging.INFO)
    config = mixed(smallest, old, "data.mix_in_share=0.5", f"data.packed_cache={packed}")
    data = check_data(config)
    loader = make_loader(data.train, data.config, ALONE, tmp_path / "runs")
    assert "an epoch has the 11 utterances 16 times in all" in caplog.text
    sounds = {}
    for batch in (*epoch(loader), *epoch(loader)):  # the packed cache fills, and gives back
        for i, (id_, n_samples) in enumerate(zip(batch.ids, batch.wav_lengths.tolist())):
            sounds.setdefault(id_, []).append(batch.wav[i, 0, :n_samples])
    counts = Counter({id_: len(found) // 2 for id_, found in sounds.items()})
    old_ones = {"1", "2"}  # "wavs/0" is a name in both lists
    assert sum(counts.values()) == 16 and sum(counts[id_] for id_ in old_ones) in (5, 6)
    for utterance in data.train[1:-3] + data.train[-2:]:
        samples, _ = soundfile.read(utterance.path, dtype="float32")
        for found in sounds[utterance.id]:
            assert np.array_equal(found.numpy(), samples)


def test_without_a_balance_the_batches_are_those_of_before(smallest, tmp_path):
    data = check_data(smallest())
    plain = make_loader(data.train, data.config, ALONE, tmp_path)
    balanced = make_loader(
        data.train, smallest("data.balance_speakers=true"), ALONE, tmp_path
    )  # of one speaker
    assert plain.dataset.utterances is data.train
    assert [b.ids for b in epoch(plain)] == [b.ids for b in epoch(balanced)]
    assert sorted(id_ for b in epoch(plain) for id_ in b.ids) == sorted(u.id for u in data.train)
