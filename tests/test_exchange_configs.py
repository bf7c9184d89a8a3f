"""Configs of the original HiFi-GAN, of Coqui and of bshall say what ours say."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hifigan.errors import UserError
from hifigan.exchange.configs import from_values, official_config, read_vocoder_config, unsaid
from hifigan.exchange.defaults import bshall_values
from hifigan.json_config import config_to_dict, read_config
from hifigan.mel_recipe import input_recipe
from hifigan.vocoder_config import VocoderConfig
from tests.conftest import REPOSITORY
from tests.exchange_original import NARROW_1, V1, V2, V3, narrow

COQUI = {
    "model": "hifigan",
    "run_name": "hifigan",
    "batch_size": 32,
    "generator_model": "hifigan_generator",
    "generator_model_params": {
        "upsample_factors": [8, 8, 2, 2],
        "upsample_kernel_sizes": [16, 16, 4, 4],
        "upsample_initial_channel": 128,
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        "resblock_type": "1",
    },
    "audio": {
        "sample_rate": 22050,
        "fft_size": 1024,
        "hop_length": 256,
        "win_length": 1024,
        "num_mels": 80,
        "mel_fmin": 0.0,
        "mel_fmax": 8000.0,
        "log_func": "np.log",
        "spec_gain": 1.0,
        "signal_norm": False,
    },
}


def written(folder: Path, values: Any, name: str = "config.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def ours(version: int) -> VocoderConfig:
    return read_config(VocoderConfig, REPOSITORY / f"configs/hifigan_v{version}.json")


@pytest.mark.parametrize("version, values", [(1, V1), (2, V2), (3, V3)])
def test_the_official_configs_are_ours(tmp_path, version, values) -> None:
    assert read_vocoder_config(written(tmp_path, values)) == ours(version)
    assert official_config(ours(version)) == values
    assert unsaid(ours(version)) == []


def test_our_own_configs_are_read_unchanged() -> None:
    path = REPOSITORY / "configs/hifigan_v3.json"
    assert read_vocoder_config(path) == read_config(VocoderConfig, path)


def test_each_official_value_arrives_where_it_belongs(tmp_path) -> None:
    changed = {
        "batch_size": (8, lambda c: c.train.batch_size),
        "learning_rate": (0.5, lambda c: c.train.lr),
        "adam_b1": (0.25, lambda c: c.train.optimizer_options["betas"][0]),
        "adam_b2": (0.75, lambda c: c.train.optimizer_options["betas"][1]),
        "lr_decay": (0.5, lambda c: c.train.lr_schedule_options["gamma"]),
        "seed": (5, lambda c: c.train.seed),
        "segment_size": (4096, lambda c: c.train.segment_samples),
        "num_mels": (40, lambda c: c.audio.n_mels),
        "n_fft": (2048, lambda c: c.audio.n_fft),
        "win_size": (512, lambda c: c.audio.win_length),
        "sampling_rate": (44100, lambda c: c.audio.sample_rate),
        "fmin": (20.0, lambda c: c.audio.f_min),
        "fmax": (7600.0, lambda c: c.audio.f_max),
        "fmax_for_loss": (9000.0, lambda c: c.mel.loss_f_max),
        "upsample_initial_channel": (64, lambda c: c.generator.upsample_initial_channels),
    }
    for key, (value, found) in changed.items():
        config = read_vocoder_config(written(tmp_path, V1 | {key: value}))
        assert found(config) == value, key
        assert official_config(config) == V1 | {key: value}


def test_what_is_of_the_machine_alone_may_be_missing_or_anything(tmp_path) -> None:
    for key in ("num_gpus", "num_freq", "num_workers", "dist_config"):
        less = {k: v for k, v in V1.items() if k != key}
        assert read_vocoder_config(written(tmp_path, less)) == ours(1)
        assert read_vocoder_config(written(tmp_path, V1 | {key: 3})) == ours(1)


def test_overrides_speak_of_our_names(tmp_path) -> None:
    path = written(tmp_path, V1)
    config = read_vocoder_config(path, ["train.batch_size=4", "data.n_valid=3"])
    assert (config.train.batch_size, config.data.n_valid) == (4, 3)
    with pytest.raises(UserError, match="batch_size"):
        read_vocoder_config(path, ["batch_size=4"])
    assert read_vocoder_config(path) == ours(1), "an override was left behind"


MISTAKES = {
    "unknown key": (V1 | {"hop_sise": 256}, 'unknown key "hop_sise"'),
    "missing key": ({k: v for k, v in V1.items() if k != "fmax"}, 'missing key "fmax"'),
    "wrong type": (V1 | {"num_mels": "80"}, 'audio.n_mels: found "80"'),
    "resblock a number": (V1 | {"resblock": 1}, "generator.resblock: found 1"),
    "odd kernel": (
        V1 | {"upsample_kernel_sizes": [16, 15, 4, 4]},
        "kernel size 15 less rate 8 is odd",
    ),
    "VITS": ({"train": {}, "data": {}, "model": {}}, "a config of VITS"),
    "list": ([1], "not a config"),
    "Coqui's other vocoder": (
        COQUI | {"generator_model": "melgan_generator"},
        "generator_model is 'melgan_generator'",
    ),
    "Coqui without audio": ({k: v for k, v in COQUI.items() if k != "audio"}, 'no section "audio"'),
    "Coqui with more": (
        COQUI | {"generator_model_params": COQUI["generator_model_params"] | {"cond_channels": 8}},
        'unknown key "cond_channels"',
    ),
    "Coqui with less": (
        COQUI | {"generator_model_params": {"resblock_type": "1"}},
        'missing key "upsample_factors"',
    ),
    "Coqui's logarithm": (
        COQUI | {"audio": COQUI["audio"] | {"log_func": "np.log2"}},
        "audio.log_func is 'np.log2'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_in_one_line(tmp_path, mistake) -> None:
    values, message = MISTAKES[mistake]
    path = written(tmp_path, values)
    with pytest.raises(UserError) as caught:
        read_vocoder_config(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)
    assert str(caught.value).isprintable()


def test_our_vits_config_is_no_vocoder_config() -> None:
    with pytest.raises(UserError, match="a config of VITS"):
        read_vocoder_config(REPOSITORY / "configs/base.json")


def test_coqui_brings_network_and_mel() -> None:
    config, foreign_mel = from_values(COQUI, "config.json")
    wanted = ours(2)
    mel = dataclasses.replace(wanted.mel, magnitude_floor=0.0)
    assert config == dataclasses.replace(wanted, mel=mel)
    assert "centred" in foreign_mel and "1 times the natural logarithm" in foreign_mel


def test_coquis_frames_may_be_in_milliseconds() -> None:
    audio = COQUI["audio"] | {
        "hop_length": None,
        "win_length": None,
        "frame_length_ms": 64,
        "frame_shift_ms": 16,
        "sample_rate": 16000,
    }
    config, _ = from_values(COQUI | {"audio": audio}, "config.json")
    assert (config.audio.hop_length, config.audio.win_length) == (256, 1024)


@pytest.mark.parametrize(
    "audio, told",
    [
        ({"log_func": "np.log10", "spec_gain": 20}, "20 times the decimal logarithm"),
        ({"signal_norm": True, "stats_path": "scale_stats.npy"}, "deviations of scale_stats.npy"),
        (
            {
                "signal_norm": True,
                "min_level_db": -100,
                "ref_level_db": 20,
                "max_norm": 4.0,
                "symmetric_norm": True,
            },
            "from -100 dB upwards, less 20 dB, to a range of 4.0 on both sides of 0",
        ),
        ({"do_amp_to_db_mel": False}, "not turned into logarithms"),
        ({"preemphasis": 0.97}, "pre-emphasised by 0.97"),
        ({"stft_pad_mode": "constant"}, "constant padding"),
    ],
)
def test_how_coquis_mels_differ_is_told(audio, told) -> None:
    assert told not in from_values(COQUI, "config.json")[1]
    assert told in from_values(COQUI | {"audio": COQUI["audio"] | audio}, "config.json")[1]


def test_bshalls_settings_make_a_recipe_of_ours() -> None:
    config, foreign_mel = from_values(bshall_values(), "bshall")
    recipe = input_recipe(config)
    assert foreign_mel is None
    assert (recipe.sample_rate, recipe.hop_length, recipe.n_mels) == (16000, 160, 128)
    assert (recipe.f_min, recipe.f_max, recipe.magnitude_floor) == (0.0, 8000.0, 0.0)


def test_a_mel_that_the_original_cannot_make_is_refused() -> None:
    config = ours(1)
    vits = dataclasses.replace(config, mel=dataclasses.replace(config.mel, magnitude_floor=1e-6))
    with pytest.raises(UserError, match="magnitude_floor is 1e-06"):
        official_config(vits)


@pytest.mark.parametrize(
    "change, told",
    [
        ("audio.n_mels=40", "takes 80 mels alone, not 40"),
        ("generator.resblock_dilations=[[1],[1],[1]]", "3 dilations each"),
        ("generator.upsample_kernel_sizes=[17,16,4,4]", "a sample too many"),
        ("discriminator.periods=[2,3]", "a do_* goes on here alone"),
        ("train.lr_schedule_per=step", "by lr_decay each epoch"),
        ("train.optimizer_options.weight_decay=0.5", "its optimizer has"),
        ("train.discriminator_lr=0.1", "the generator's rate"),
        ("loss.mel=1", "its losses are weighted"),
    ],
)
def test_what_the_original_does_otherwise_is_told(change, told) -> None:
    config = read_vocoder_config(REPOSITORY / "configs/hifigan_v1.json", [change])
    assert [told in line for line in unsaid(config)] == [True]


def test_narrow_discriminators_are_the_only_thing_unsaid_of_them() -> None:
    """And they are said in a key of ours, so that a do_* of ours opens again."""
    config = narrow(NARROW_1)
    widths = config_to_dict(config)["discriminator"]
    made = official_config(config)
    assert made == NARROW_1 | {"discriminator": widths}
    assert from_values(made, "made")[0].discriminator == config.discriminator
    assert "discriminator" not in official_config(from_values(V1, "V1")[0])
    assert len(unsaid(config)) == 2  # its mels, too


def convert(*arguments: Path | str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "hifigan.exchange.configs", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.mark.slow
def test_the_command_converts_and_overwrites_nothing(tmp_path) -> None:
    path, out_path = written(tmp_path, V3), tmp_path / "mine.json"
    made = convert(path, "--out_path", out_path, "--set", "train.batch_size=2")
    assert (made.returncode, made.stderr) == (0, f"wrote {out_path}\n")
    assert read_config(VocoderConfig, out_path).train.batch_size == 2
    before = out_path.read_bytes()
    again = convert(path, "--out_path", out_path)
    assert again.returncode == 2 and again.stderr.startswith("error: ")
    assert again.stderr.count("\n") == 1 and "is there already" in again.stderr
    assert out_path.read_bytes() == before
