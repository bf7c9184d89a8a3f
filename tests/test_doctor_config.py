"""The doctor on configs: what it finds in odd ones, and that it lets good ones be."""

import dataclasses
import json
from pathlib import Path

import pytest

from hifigan.json_config import config_from_dict, override, read_json
from vits.config import VitsConfig
from vits.doctor.config_checks import config_findings, mel_recipe_name
from vits.doctor.config_text import language_script, script_of
from vits.doctor.config_training import steps_of

CONFIGS = Path(__file__).parent.parent / "configs"
FINDS = [  # of configs/base.json with a data folder, changed so: what is found in it
    (("data.train_list=other.csv",), "list_missing"),
    (("audio.f_max=5000",), "low_f_max"),
    (("audio.n_mels=200",), "unusual_mels"),
    (("train.segment_samples=331008",), "segment_too_long"),
    (("train.segment_samples=65536",), "long_segment"),
    (("data.max_seconds=60",), "long_recordings"),
    (("train.max_batch_frames=500",), "small_max_batch_frames"),
    (("train.lr=0.1",), "unusual_lr"),
    (("train.discriminator_lr=1e-7",), "unusual_lr"),
    (("train.lr_schedule_per=step",), "dying_lr"),
    (("train.optimizer=Adamm",), "optimization_refused"),
    (("train.lr_schedule=Frob",), "optimization_refused"),
    (('train.optimizer_options={"frob": 1}',), "optimization_refused"),
    (("train.grad_clip=1",), "small_grad_clip"),
    (("loss.kl=0",), "loss_without_weight"),
    (("train.batch_size=2",), "small_batch"),
    (("train.accumulate=8",), "large_batch"),
    (("data.n_valid=0",), "no_validation"),
    (("train.num_workers=999",), "many_workers"),
    (("text.lexicon=gone.txt",), "lexicon_missing"),
    (("text.unknown_symbols=leave_out",), "unknown_symbols_left_out"),
    (('data.languages=["en-us", "ru"]',), "languages_without_embedding"),
    (('text.symbols=["_", "a", "b"]',), "symbols_not_phonetic"),
    (("text.front_end=characters", "text.symbols=original"), "table_of_phonemes"),
    (
        ("text.front_end=characters", "text.language=bg", 'text.symbols=["_", "a", "b", "c"]'),
        "other_script",
    ),
    (("text.front_end=characters", 'text.symbols=["_", "A", "B"]'), "capitals_only"),
]


def changed(folder: Path, *settings: str, name: str = "base.json") -> VitsConfig:
    """A config of configs/ with a data folder, and changes."""
    folder.mkdir(exist_ok=True)
    values = override(read_json(CONFIGS / name), [f"data.folder={folder}", *settings])
    return config_from_dict(VitsConfig, values, name)


def kinds(config: VitsConfig, n_utterances: int | None = None) -> list[str]:
    return [finding.kind for finding in config_findings(config, Path("c.json"), n_utterances)]


@pytest.mark.parametrize(
    "name", ["base.json", "small.json", "multi_speaker.json", "tiny.json", "vits2.json"]
)
def test_nothing_is_found_in_our_own_configs(tmp_path, name):
    assert kinds(changed(tmp_path / "data", name=name), 10_000) == []


@pytest.mark.parametrize("settings, kind", FINDS, ids=lambda value: str(value)[:40])
def test_an_odd_value_is_found_and_nothing_else(tmp_path, settings, kind):
    assert kinds(changed(tmp_path / "data", *settings)) == [kind]


def test_every_finding_says_a_value_why_and_a_fix(tmp_path):
    for settings, _ in FINDS:
        for finding in config_findings(changed(tmp_path / "data", *settings), Path("c.json")):
            assert finding.title and finding.why.endswith(".") and finding.fix, finding.kind
            assert "\n" not in finding.title + finding.why + finding.fix


@pytest.mark.parametrize(
    "values, program",
    [
        ({"train": {"lr": 1}, "data": {"training_files": "x"}, "model": {}}, "the original VITS"),
        ({"audio": {}, "phoneme_id_map": {}}, "Piper"),
        ({"model": "vits", "audio": {"sample_rate": 22050}}, "Coqui TTS"),
        ({"model_type": "vits", "vocab_size": 38}, "Hugging Face"),
        ({"resblock": "1", "upsample_rates": [8, 8, 2, 2]}, "the original HiFi-GAN"),
    ],
)
def test_a_config_of_another_program_is_named(tmp_path, examine_config, values, program):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    [finding] = examine_config(path).findings
    assert finding.kind == "other_program" and finding.title == f"this is a config of {program}"


def test_intervals_beyond_the_run_are_found(tmp_path):
    config = changed(tmp_path / "data", "train.epochs=10", "train.warmup_steps=50")
    assert steps_of(config, 100) == 40
    assert kinds(config, 100) == ["beyond_the_run", "beyond_the_run", "warmup_never_ends"]
    assert kinds(config) == []  # without data nothing can be said
    just = ("train.epochs=10", "train.save_every=41", "train.validate_every=40")
    [finding] = config_findings(changed(tmp_path / "data", *just), Path("c.json"), 100)
    assert "save_every" in finding.title and "train.save_every=4" in finding.fix


DURATIONS = 'discriminator.durations={"hidden_channels": 192, "kernel_size": 3}'


def test_a_duration_discriminator_that_nobody_hears_is_found(tmp_path):
    silent = changed(tmp_path / "data", DURATIONS)
    [finding] = config_findings(silent, Path("c.json"))
    assert finding.kind == "loss_without_weight" and "duration_adversarial" in finding.title
    settings = ("loss.duration_adversarial=1", "train.duration_discriminator_from_step=700000")
    config = changed(tmp_path / "data", DURATIONS, *settings, "train.epochs=100")
    [finding] = config_findings(config, Path("c.json"), 32_000)
    assert finding.kind == "duration_discriminator_unheard" and "=50000" in finding.fix


def test_alignment_noise_beyond_the_run_is_found_with_what_ends_in_it(tmp_path):
    settings = ("train.epochs=50", 'train.alignment_noise={"scale": 0.01, "decrease": 2e-6}')
    ends = ("train.save_every=100", "train.validate_every=100")
    [finding] = config_findings(changed(tmp_path / "data", *settings, *ends), Path("c.json"), 320)
    assert finding.kind == "alignment_noise_never_ends" and "lasts 5,000 steps" in finding.title
    assert "decrease=4e-05" in finding.fix  # 250 of 500 steps


def test_a_batch_larger_than_the_data_is_found(tmp_path):
    assert kinds(changed(tmp_path / "data"), 20) == ["batch_larger_than_data"]
    assert kinds(changed(tmp_path / "data"), 32) == []


def test_a_validation_list_is_validation(tmp_path):
    config = changed(tmp_path / "data", "data.n_valid=0")
    (tmp_path / "data" / "valid.csv").write_text("a|b\n", encoding="utf-8")
    assert kinds(config) == []


def test_a_missing_data_folder_is_found_with_one_beside_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there" / "data").mkdir(parents=True)
    config = changed(tmp_path / "made")
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, folder="data"))
    [finding] = config_findings(config, Path("there/c.json"))
    assert finding.kind == "data_folder_missing" and finding.severity == "error"
    assert "start it from there" in finding.fix


def test_front_end_without_its_packages_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "vits.doctor.config_text.is_there", lambda module: module != "espeakng_loader"
    )
    [finding] = config_findings(changed(tmp_path / "data"), Path("c.json"))
    assert (finding.kind, finding.severity) == ("front_end_missing", "error")
    assert (
        "espeakng-loader, which is" in finding.title
        and "pip install espeakng-loader;" in finding.fix
    )


def test_numbers_need_a_package_in_other_languages_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("vits.doctor.config_text.is_there", lambda module: module != "num2words")
    expand = ("text.expand=true", "text.front_end=characters", "text.symbols=from_data")
    assert kinds(changed(tmp_path / "data", *expand, "text.language=de")) == ["numbers_missing"]
    assert kinds(changed(tmp_path / "data", *expand, "text.language=bg")) == []


def test_mels_of_known_programs_are_named(tmp_path):
    config = changed(tmp_path / "data")
    assert mel_recipe_name(config.audio) == "the original VITS's"
    assert "HiFi-GAN" in mel_recipe_name(dataclasses.replace(config.audio, f_max=8000.0))
    assert mel_recipe_name(dataclasses.replace(config.audio, n_mels=81)) is None


@pytest.mark.parametrize(
    "language, letters", [("en-us", "abc"), ("bg", "абв"), ("el", "αβγ"), ("de", "äöü")]
)
def test_script_of_a_language_is_that_of_its_letters(language, letters):
    assert script_of(letters + "_ ,.") == language_script(language)
    assert script_of("_ ,.") is None


@pytest.fixture
def examine_config():
    from vits.doctor.config_file import examine_config

    return examine_config


def test_what_reading_refuses_becomes_a_finding(tmp_path, examine_config):
    values = read_json(CONFIGS / "base.json")
    values["train"]["r"] = 2
    path = tmp_path / "c.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    [finding] = examine_config(path).findings
    assert (finding.kind, finding.severity) == ("config_refused", "error")
    assert "Tacotron" in finding.title + finding.fix


def test_facts_tell_the_size_of_the_model(examine_config):
    facts = dict(examine_config(CONFIGS / "base.json").facts)
    assert facts["parameters"] == "36.3 million"
    assert facts["audio"] == "22050 Hz, a frame every 11.6 ms"


def test_a_part_of_a_config_and_a_vocoders_are_known_as_such(examine_config):
    [finding] = examine_config(CONFIGS / "finetune.json").findings
    assert (finding.kind, finding.severity) == ("part_of_a_config", "note")
    vocoder = examine_config(CONFIGS / "hifigan_v1.json")
    assert vocoder.findings == [] and dict(vocoder.facts)["kind"] == "a vocoder's config"
