"""python -m hifigan.train as a user runs it: training, going on, fine-tuning, and mistakes."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hifigan import train as train_script
from hifigan.checkpoint import read_checkpoint
from hifigan.exchange.official import write_official
from hifigan.json_config import config_from_dict
from hifigan.vocoder_config import VocoderConfig
from tests.same_run import assert_same_run
from tests.small_run import ENVIRONMENT, call, contents, error_line, scalars  # noqa: F401 (fixture)
from tests.vocoder_run import write_vocoder_config, write_wavs


def run(cwd: Path, module: str, *arguments: object, n_processes: int = 1, expect: int = 0) -> str:
    """A command as a process of its own, or of torchrun's; what it told on stderr."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={n_processes}"]
    command = [*(launcher if n_processes > 1 else []), "-m", module, *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wavs/, small.json and runs/voice, trained for 2 steps; the same weights as the
    original's files in official/, and g_ alone in alone/.
    """
    folder = tmp_path_factory.mktemp("vocoder")
    write_wavs(folder / "wavs")
    write_vocoder_config(folder / "small.json")
    run(folder, "hifigan.train", "-c", "small.json", "-m", "voice", "--max_steps", 2)
    state = read_checkpoint(folder / "runs/voice/checkpoints/step_00000002.pt")
    config = config_from_dict(VocoderConfig, state["config"], "a checkpoint")
    state["config"]["mel"]["magnitude_floor"] = 1e-9
    paths = write_official(folder / "official", state, config)
    (folder / "alone").mkdir()
    for path in paths:
        if not path.name.startswith("do_"):
            os.link(path, folder / "alone" / path.name)
    return folder


def go(call, folder: Path, *arguments: object, expect: int = 0) -> str:
    code, err = call(folder, train_script.main, *arguments)
    assert code == expect, err
    return err


def weights(run_folder: Path, step: int, name: str = "generator") -> dict[str, torch.Tensor]:
    return read_checkpoint(run_folder / f"checkpoints/step_{step:08d}.pt")[name]


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(torch.equal(v, right[k]) for k, v in left.items())


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


def mistakes(trained: Path) -> dict[str, tuple[list[object], list[str]]]:
    wavs = ["--input_wavs_dir", trained / "wavs"]
    new = ["-c", "small.json", "-m", "new", *wavs]
    return {
        "fine-tuning from nothing": (
            [*new, "--fine_tuning"],
            ["--fine_tuning: --checkpoint_path is missing", "g_02500000"],
        ),
        "neither true nor false": (
            [*new, "--fine_tuning", "perhaps"],
            ["--fine_tuning", "'perhaps' is neither true nor false"],
        ),
        "no config": (wavs, ["-c/--config is missing", "configs/hifigan_v1.json"]),
        "another generator": (
            [*new, "--checkpoint_path", trained / "runs/voice"]
            + ["--set", "generator.upsample_initial_channels=32"],
            [
                "upsample_initial_channels is 16 by its own config, but 32 in the one given"
            ],
        ),
        "another recipe": (
            [*new, "--checkpoint_path", trained / "runs/voice", "--set", "audio.f_max=2000"],
            ["audio.f_max is 3000.0, but the config says 2000.0"],
        ),
        "no discriminators to go on with": (
            [*new, "--restore_from", trained / "alone"],
            ["has no discriminators and optimizers", "--checkpoint_path"],
        ),
        "no such checkpoint": ([*new, "--checkpoint_path", "nowhere"], ["nowhere: no such"]),
        "no such wavs": (
            ["-c", "small.json", "-m", "new", "--input_wavs_dir", "nowhere"],
            ["nowhere: no such folder"],
        ),
        "no mels": (
            [*new, "--input_mels_dir", trained / "wavs"],
            ["wavs: no mels"],
        ),
        "an unknown key": ([*new, "--set", "train.lrr=1"], ['unknown key "train.lrr"', '"lr"']),
        "a segment that is no frames": (
            [*new, "--set", "train.segment_samples=1000"],
            ["train.segment_samples 1000 is not a multiple of audio.hop_length 64; use 1024"],
        ),
    }


@pytest.mark.parametrize("mistake", mistakes(Path()))
def test_a_mistake_is_one_line_and_leaves_no_run(call, trained, tmp_path, mistake) -> None:
    arguments, words = mistakes(trained)[mistake]
    write_vocoder_config(tmp_path / "small.json")
    line = error_line(go(call, tmp_path, *arguments, expect=2))
    assert all(word in line for word in words), line
    assert not (tmp_path / "runs/new").exists()


def test_fine_tuning_false_is_false(call, trained, tmp_path) -> None:
    write_vocoder_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", "-m", "new", "--input_wavs_dir", trained / "wavs")
    go(call, tmp_path, *arguments, "--fine_tuning", "False", "--max_steps", 1)
    config = json.loads((tmp_path / "runs/new/config.json").read_text(encoding="utf-8"))
    assert config["data"]["peak"] == 0.95


def test_mels_of_another_recipe_are_refused_with_both_side_by_side(trained, tmp_path) -> None:
    full_band = write_vocoder_config(tmp_path / "full.json", "audio.f_max=null")
    config = write_vocoder_config(tmp_path / "small.json")
    mels = ("--output_dir", "mels", "--config", full_band)
    run(tmp_path, "hifigan.extract_mel_spectrograms", "--input_dir", trained / "wavs", *mels)
    before = contents(tmp_path)
    arguments = ("-c", config, "--input_wavs_dir", trained / "wavs", "--input_mels_dir", "mels")
    line = error_line(run(tmp_path, "hifigan.train", *arguments, expect=2))
    assert "f_max 4000.0 here and 3000.0 there" in line and "n_mels 20 in both" in line
    assert contents(tmp_path) == before


def test_checking_data_alone_writes_no_run(call, trained, tmp_path, caplog) -> None:
    write_vocoder_config(tmp_path / "small.json")
    caplog.set_level(logging.INFO)
    go(call, tmp_path, "-c", "small.json", "--input_wavs_dir", trained / "wavs", "--check_data")
    assert "data: 6 recordings to train on" in caplog.text
    assert not (tmp_path / "runs/small").exists()
