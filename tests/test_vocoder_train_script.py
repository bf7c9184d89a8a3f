"""python -m hifigan.train as a user runs it: training, going on, and fine-tuning."""

import json
import logging

import pytest
import torch

from hifigan.checkpoint import read_checkpoint
from tests.same_run import assert_same_run
from tests.small_run import call, scalars  # noqa: F401 (fixture)
from tests.vocoder_run import (  # noqa: F401 (fixture)
    go,
    run,
    same,
    trained,
    weights,
    write_vocoder_config,
    write_wavs,
)


def test_a_run_leaves_curves_samples_a_page_and_a_best_checkpoint(trained) -> None:
    voice = trained / "runs/voice"
    assert {path.name for path in voice.iterdir()} >= {
        "config.json",
        "data_report.txt",
        "log.txt",
        "scalars.jsonl",
        "tensorboard",
        "listen.html",
    }
    log = (voice / "log.txt").read_text(encoding="utf-8")
    assert "mel recipe" in log and "new run at step 0 with random weights" in log
    lines = scalars(voice)
    assert {"train/mel", "train/adversarial", "train/feature_matching", "train/discriminator"} <= {
        *lines[0]
    }
    assert any("valid/mel" in line for line in lines)
    sample = json.loads((voice / "samples/step_00000002/samples.json").read_text("utf-8"))[0]
    assert {*sample["n_samples"]} == {"target", "reconstruction"}
    assert sample["scores"]["mel_distance"] > 0


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_bit(call, tmp_path) -> None:
    write_wavs(tmp_path / "wavs")
    settings = ("train.save_every=2", "train.validate_every=2", "train.ema_decay=0.9")
    write_vocoder_config(tmp_path / "small.json", *settings)
    arguments = ("-c", "small.json", "--set", "train.keep_last=3")
    go(call, tmp_path, *arguments, "-m", "whole", "--max_steps", 6)
    for n_steps in (2, 4, 6):  # in the midst of an epoch of three steps, and at its end
        go(call, tmp_path, *arguments, "-m", "parts", "--max_steps", n_steps)
    assert_same_run(tmp_path / "runs/parts", tmp_path / "runs/whole")


@pytest.mark.slow
def test_two_processes_train_as_one_with_their_batch(tmp_path) -> None:
    write_wavs(tmp_path / "wavs")
    write_vocoder_config(tmp_path / "small.json", "train.validate_every=3")
    arguments = ("-c", "small.json", "--max_steps", 3)
    run(tmp_path, "hifigan.train", *arguments, "-m", "one", "--set", "train.batch_size=4")
    run(tmp_path, "hifigan.train", *arguments, "-m", "two", n_processes=2)
    one, two = (scalars(tmp_path / "runs" / name) for name in ("one", "two"))
    for left, right in zip(one, two, strict=True):
        names = [n for n in left if n.startswith(("train/", "valid/")) and "per_second" not in n]
        assert [right[n] for n in names] == pytest.approx([left[n] for n in names], rel=2e-3)
    for name in ("generator", "discriminator"):
        found = [weights(tmp_path / "runs" / run, 3, name) for run in ("one", "two")]
        for key, value in found[0].items():
            torch.testing.assert_close(found[1][key], value, atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("flag", [["--fine_tuning"], ["--fine_tuning", "True"]])
def test_fine_tuning_a_generator_alone_warms_fresh_discriminators_up(
    call, trained, tmp_path, flag
) -> None:
    write_vocoder_config(tmp_path / "small.json", "train.save_every=1", "train.keep_last=9")
    g = next((trained / "alone").glob("g_*"))
    arguments = ("--input_wavs_dir", trained / "wavs", "--checkpoint_path", g, *flag)
    go(call, tmp_path, "-c", "small.json", "-m", "tuned", *arguments, "--max_steps", 4)
    tuned = tmp_path / "runs/tuned"
    log = (tuned / "log.txt").read_text(encoding="utf-8")
    assert f"new run at step 0 with the weights of {g}" in log
    assert "fresh discriminators: until step 2 they learn alone, and the generator rests" in log
    start = weights(trained / "runs/voice", 2)
    assert same(weights(tuned, 2), start) and not same(weights(tuned, 3), start)
    assert not same(weights(tuned, 1, "discriminator"), weights(tuned, 2, "discriminator"))
    assert json.loads((tuned / "config.json").read_text())["data"]["peak"] is None


def test_a_warm_up_that_was_stopped_goes_on(call, trained, tmp_path) -> None:
    write_vocoder_config(tmp_path / "small.json", "train.save_every=1", "train.keep_last=9")
    arguments = ("-c", "small.json", "-m", "tuned", "--input_wavs_dir", trained / "wavs")
    arguments = (*arguments, "--checkpoint_path", trained / "alone")
    go(call, tmp_path, *arguments, "--max_steps", 1)
    go(call, tmp_path, *arguments, "--max_steps", 3)
    log = (tmp_path / "runs/tuned/log.txt").read_text(encoding="utf-8")
    assert log.count("until step 2 they learn alone") == 2
    start = weights(trained / "runs/voice", 2)
    assert same(weights(tmp_path / "runs/tuned", 2), start)
    assert not same(weights(tmp_path / "runs/tuned", 3), start)


@pytest.mark.parametrize("origin", ["official", "runs/voice"])
def test_weights_with_discriminators_need_no_warm_up(call, trained, tmp_path, origin) -> None:
    arguments = ("-m", "tuned", "--input_wavs_dir", trained / "wavs", "--max_steps", 1)
    write_vocoder_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", *arguments, "--checkpoint_path", trained / origin)
    go(call, tmp_path, *arguments)
    log = (tmp_path / "runs/tuned/log.txt").read_text(encoding="utf-8")
    assert "with the weights of" in log and "fresh discriminators" not in log
    assert not same(weights(tmp_path / "runs/tuned", 1), weights(trained / "runs/voice", 2))


def test_our_export_says_itself_how_wide_its_discriminators_are(call, trained, tmp_path) -> None:
    """The original's config does not, so that nothing could go on from it without ours."""
    arguments = ("-m", "tuned", "--input_wavs_dir", trained / "wavs", "--max_steps", 1)
    go(call, tmp_path, *arguments, "--checkpoint_path", trained / "official")
    ours, theirs = (
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for folder in (trained / "runs/voice", tmp_path / "runs/tuned")
    )
    assert theirs["discriminator"] == ours["discriminator"]
    assert "fresh discriminators" not in (tmp_path / "runs/tuned/log.txt").read_text("utf-8")


def test_the_originals_files_go_on_as_our_own_checkpoint_does(call, trained, tmp_path) -> None:
    """With moments, step and schedule; the data begin their epoch anew in both."""
    write_vocoder_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", "--input_wavs_dir", trained / "wavs", "--max_steps", 4)
    state = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    state |= {"batch": 0, "n_batches": 0}
    torch.save(state, tmp_path / "epoch_anew.pt")
    go(call, tmp_path, *arguments, "-m", "ours", "--restore_from", tmp_path / "epoch_anew.pt")
    go(call, tmp_path, *arguments, "-m", "theirs", "--restore_from", trained / "official")
    for name in ("generator", "discriminator"):
        ours, theirs = (weights(tmp_path / "runs" / run, 4, name) for run in ("ours", "theirs"))
        assert same(ours, theirs), name


def test_without_a_config_that_of_the_checkpoint_is_used(call, trained, tmp_path) -> None:
    arguments = ("--checkpoint_path", trained / "runs/voice", "-m", "tuned", "--max_steps", 1)
    go(call, tmp_path, *arguments, "--input_wavs_dir", trained / "wavs")
    before, after = (
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for folder in (trained / "runs/voice", tmp_path / "runs/tuned")
    )
    assert after == before | {"data": after["data"]}


def test_fine_tuning_on_mels_from_disk(trained, tmp_path) -> None:
    config = write_vocoder_config(tmp_path / "small.json")
    mels = ("--output_dir", "mels", "--config", config)
    run(tmp_path, "hifigan.extract_mel_spectrograms", "--input_dir", trained / "wavs", *mels)
    arguments = ("--checkpoint_path", trained / "runs/voice", "--input_mels_dir", "mels", "-m", "t")
    arguments = (*arguments, "--input_wavs_dir", trained / "wavs", "--max_steps", 2)
    err = run(tmp_path, "hifigan.train", "-c", config, *arguments, "--fine_tuning", "True")
    assert "mels: those in mels" in err and "0 refused" in err


def test_fine_tuning_false_is_false(call, trained, tmp_path) -> None:
    write_vocoder_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", "-m", "new", "--input_wavs_dir", trained / "wavs")
    go(call, tmp_path, *arguments, "--fine_tuning", "False", "--max_steps", 1)
    config = json.loads((tmp_path / "runs/new/config.json").read_text(encoding="utf-8"))
    assert config["data"]["peak"] == 0.95


def test_weights_with_other_mels_are_taken_with_a_warning(call, trained, tmp_path, caplog) -> None:
    """Of Coqui's, whose mels our recipe cannot say."""
    (g,) = (trained / "alone").glob("g_*")
    theirs = torch.load(g, weights_only=True)["generator"]
    theirs = {f"model_g.{name}": weight for name, weight in theirs.items()}
    torch.save({"model": theirs, "step": 7, "epoch": 1}, tmp_path / "best_model.pth")
    write_vocoder_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", "-m", "tuned", "--input_wavs_dir", trained / "wavs")
    arguments = (*arguments, "--checkpoint_path", tmp_path / "best_model.pth", "--max_steps", 1)
    go(call, tmp_path, *arguments)
    assert "is unknown; training teaches it this project's mels instead" in caplog.text
    assert same(weights(tmp_path / "runs/tuned", 1), weights(trained / "runs/voice", 2)), "warm-up"


def test_checking_data_alone_writes_no_run(call, trained, tmp_path, caplog) -> None:
    write_vocoder_config(tmp_path / "small.json")
    caplog.set_level(logging.INFO)
    go(call, tmp_path, "-c", "small.json", "--input_wavs_dir", trained / "wavs", "--check_data")
    assert "data: 6 recordings to train on" in caplog.text
    assert not (tmp_path / "runs/small").exists()
