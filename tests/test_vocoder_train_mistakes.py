"""What python -m hifigan.train refuses: in one line, before anything is written."""

from pathlib import Path

import pytest
import torch

import train as voice_script
from hifigan.checkpoint import read_checkpoint
from tests.small_run import (  # noqa: F401 (fixture)
    call,
    contents,
    error_line,
    write_config,
    write_data,
)
from tests.vocoder_run import (  # noqa: F401 (fixture)
    go,
    run,
    trained,
    write_vocoder_config,
)


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
        "no name": ([*wavs, "--checkpoint_path", "x"], ["-m/--model is missing", "runs/NAME"]),
        "no epochs left": (
            [*new, "--restore_from", trained / "official", "--set", "train.epochs=0"],
            ["epochs is 0"],
        ),
        "another generator": (
            [*new, "--checkpoint_path", trained / "runs/voice"]
            + ["--set", "generator.upsample_initial_channels=32"],
            ["upsample_initial_channels is 16 by its own config, but 32 in the one given"],
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


def test_a_run_whose_epochs_are_over_is_not_restored(call, trained, tmp_path) -> None:
    state = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    torch.save(state | {"epoch": 300}, tmp_path / "over.pt")
    write_vocoder_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", "-m", "new", "--input_wavs_dir", trained / "wavs")
    arguments = (*arguments, "--restore_from", tmp_path / "over.pt")
    line = error_line(go(call, tmp_path, *arguments, expect=2))
    assert "over.pt: has had 300 epochs, and train.epochs is 300" in line
    assert not (tmp_path / "runs/new").exists()


def test_a_run_of_the_other_kind_is_called_by_its_name(call, trained, tmp_path) -> None:
    write_data(tmp_path / "data")
    write_config(tmp_path / "voice.json")
    write_vocoder_config(tmp_path / "small.json")
    (tmp_path / "runs").symlink_to(trained / "runs")
    code, err = call(tmp_path, voice_script.main, "-c", "voice.json", "-m", "voice")
    assert code == 2 and "is of a vocoder, no VITS voice" in error_line(err)
    voice = tmp_path / "a_voice.pt"
    torch.save({"config": {"text": {}}, "generator": {"x": torch.ones(1)}, "step": 1}, voice)
    arguments = ("-c", "small.json", "-m", "new", "--input_wavs_dir", trained / "wavs")
    err = go(call, tmp_path, *arguments, "--checkpoint_path", voice, expect=2)
    assert "a VITS voice" in error_line(err)
