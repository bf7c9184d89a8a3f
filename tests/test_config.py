"""A config is read strictly, and every mistake in it ends in one line that says how to mend it."""

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hifigan.config
import hifigan.training_config
import vits.config
import vits.data_config
import vits.training_config
from hifigan.errors import UserError
from hifigan.json_config import (
    config_from_dict,
    config_to_dict,
    config_to_json,
    override,
    read_config,
)
from hifigan.vocoder_config import VocoderConfig
from vits.config import VitsConfig

REPOSITORY = Path(__file__).parent.parent
CONFIGS = {
    path: VocoderConfig if path.name.startswith("hifigan_") else VitsConfig
    for path in sorted((REPOSITORY / "configs").glob("*.json"))
    if path.name != "finetune.json"  # changes a checkpoint's config, see test_finetune_script.py
}
BASE = REPOSITORY / "configs/base.json"


def base_values() -> dict:
    return json.loads(BASE.read_text(encoding="utf-8"))


def mistake(read: Callable[..., Any], *arguments: Any) -> str:
    """The message of the UserError, which must be one line."""
    with pytest.raises(UserError) as caught:
        read(*arguments)
    message = str(caught.value)
    assert message.isprintable(), f"more than one line, or control characters: {message!r}"
    return message


@pytest.fixture
def mistake_in(tmp_path: Path) -> Callable[[str], str]:
    """From the text of a config file to the message of its mistake, without the folder's name."""

    def read(text: str) -> str:
        path = tmp_path / "mine.json"
        path.write_text(text, encoding="utf-8")
        return mistake(read_config, VitsConfig, path).replace(f"{tmp_path}/", "")

    return read


def mistake_of(*settings: str) -> str:
    return mistake(config_from_dict, VitsConfig, override(base_values(), settings), "mine.json")


# Reading and writing


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_reads_and_written_back_reads_the_same(path, tmp_path) -> None:
    config = read_config(CONFIGS[path], path)
    (tmp_path / "again.json").write_text(config_to_json(config), encoding="utf-8")
    assert read_config(CONFIGS[path], tmp_path / "again.json") == config
    assert config_from_dict(CONFIGS[path], config_to_dict(config), "a checkpoint") == config


def test_written_configs_keep_one_key_a_line_for_sed() -> None:
    text = config_to_json(read_config(VitsConfig, BASE))
    assert '    "batch_size": 32,\n' in text
    assert '      "betas": [0.8, 0.99],\n' in text


def test_sed_changes_the_batch_size(tmp_path) -> None:
    edited = subprocess.run(
        ["sed", 's/"batch_size": 32/"batch_size": 16/', BASE], check=True, capture_output=True
    )
    (tmp_path / "mine.json").write_bytes(edited.stdout)
    config, base = read_config(VitsConfig, tmp_path / "mine.json"), read_config(VitsConfig, BASE)
    assert (base.train.batch_size, config.train.batch_size) == (32, 16)
    assert edited.stdout.decode() != BASE.read_text(encoding="utf-8")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path) -> None:
    text = BASE.read_text(encoding="utf-8").replace("\n", "\r\n")
    (tmp_path / "windows.json").write_text(text, encoding="utf-8-sig", newline="")
    assert read_config(VitsConfig, tmp_path / "windows.json") == read_config(VitsConfig, BASE)


def test_a_whole_number_does_for_a_number() -> None:
    config = config_from_dict(
        VitsConfig, override(base_values(), ["loss.mel=45", "train.lr=1"]), "mine.json"
    )
    assert isinstance(config.loss.mel, float) and isinstance(config.train.lr, float)


# --set


@pytest.mark.parametrize(
    "setting, expected",
    [
        ("train.batch_size=16", 16),
        ("train.lr=1e-4", 1e-4),
        ("train.optimizer_options.betas=[0.9, 0.999]", [0.9, 0.999]),
        ("train.optimizer_options.amsgrad=true", True),
        ('train.lr_schedule_options={"T_max": 100}', {"T_max": 100}),
        ("train.optimizer=RAdam", "RAdam"),
        ('train.optimizer="RAdam"', "RAdam"),
        ("train.mixed_precision=true", True),
        ("train.mixed_precision=bf16", "bf16"),
        ("train.grad_clip=5", 5.0),
        ("train.grad_clip=null", None),
        ("audio.f_max=8000", 8000.0),
        ("data.folder=a=b", "a=b"),
        ("data.speakers=from_data", "from_data"),
        ('data.speakers=["ann", "bob"]', ("ann", "bob")),
        ("model.text_encoder.n_layers=3", 3),
    ],
)
def test_set_changes_one_value(setting, expected) -> None:
    config: Any = read_config(VitsConfig, BASE, [setting])
    for key in setting.partition("=")[0].split("."):
        config = config[key] if isinstance(config, dict) else getattr(config, key)
    assert config == expected and type(config) is type(expected)


@pytest.mark.parametrize(
    "setting, parts",
    [
        ("batch_size", ["--set batch_size: expected section.key=value"]),
        ("=16", ["expected section.key=value"]),
        ("trian.batch_size=16", ['no section "trian"', "there are: audio, text, data, model"]),
        ("train.batchsize=16", ['unknown key "train.batchsize"', 'did you mean "batch_size"?']),
        ("batch_size=16", ['unknown key "batch_size"']),
        ("train=16", ['"train" is a section; set one of: seed, epochs']),
        ("train.lr.x=1", ['no section "lr"']),
        ("train.learning_rate=1", ["here it is called train.lr"]),
    ],
)
def test_set_names_a_setting_that_does_not_exist(setting, parts) -> None:
    message = mistake(override, base_values(), [setting])
    assert all(part in message for part in parts), message


def test_set_takes_a_section_away_where_there_need_be_none() -> None:
    settings = ["train.alignment_noise=null", "model.flow.transformer=null"]
    config = read_config(VitsConfig, REPOSITORY / "configs/vits2.json", settings)
    assert (config.train.alignment_noise, config.model.flow.transformer) == (None, None)
    message = mistake(read_config, VitsConfig, BASE, ["model.flow=null"])
    assert message.endswith("model.flow: found null (null), expected a section {...}")


def test_set_is_named_when_its_value_does_not_fit() -> None:
    message = mistake(read_config, VitsConfig, BASE, ["train.batch_size=many"])
    assert message == (
        f'{BASE} --set train.batch_size=many: train.batch_size: found "many" (a text), '
        f"expected a whole number"
    )


# The file


def test_a_missing_file_names_its_neighbours(tmp_path) -> None:
    (tmp_path / "mine.json").touch()
    message = mistake(read_config, VitsConfig, tmp_path / "mien.json")
    assert message == f"{tmp_path}/mien.json: no such file; there are: {tmp_path}/mine.json"
    nowhere = tmp_path / "no/mien.json"
    assert mistake(read_config, VitsConfig, nowhere) == f"{nowhere}: no such file; check the path"


def test_a_folder_is_not_a_file(tmp_path) -> None:
    assert "is a folder, expected a JSON file" in mistake(read_config, VitsConfig, tmp_path)


def test_text_that_is_not_utf_8_is_named_by_its_byte(tmp_path) -> None:
    (tmp_path / "mine.json").write_bytes('{"a": "è"}'.encode("latin-1"))
    assert mistake(read_config, VitsConfig, tmp_path / "mine.json") == (
        f"{tmp_path}/mine.json: not UTF-8 at byte 7; save the file as UTF-8"
    )


@pytest.mark.parametrize(
    "text, parts",
    [
        (
            '{\n  "a": 1,\n  // why\n  "b": 2\n}',
            ["line 3, column 3", "'// why'", "no comments; remove it"],
        ),
        ('{\n  "a": 1  # why\n}', ["line 2, column 11", "no comments; remove it"]),
        ("/* why */ {}", ["line 1, column 1", "no comments; remove it"]),
        ('{"a#": 1,, "b": 2}', ["line 1, column 10", "not JSON", "property name"]),
        ("{'a': 1}", ["line 1, column 2", "double quotes"]),
        ('{"a": 1', ["line 1, column 8", "delimiter"]),
        ("", ["line 1, column 1", "not JSON"]),
        ("\n\n", ["line 3, column 1", "not JSON"]),
        ('{"a": "\u2028", "b" 2}', ["line 1", "':' delimiter"]),
        (
            '{"train": {"lr": 1, "lr": 2}}',
            ['key "lr" stands twice in one section; keep one of them'],
        ),
        ("[1, 2]", ["found [1, 2] (a list), expected an object {...} of sections"]),
    ],
)
def test_what_is_not_json_is_named_by_line_and_column(mistake_in, text, parts) -> None:
    message = mistake_in(text)
    assert message.startswith("mine.json: ")
    assert all(part in message for part in parts), message


# Keys


def test_an_unknown_key_suggests_the_nearest(mistake_in) -> None:
    message = mistake_in(BASE.read_text(encoding="utf-8").replace('"hop_length"', '"hop_lenght"'))
    assert message == (
        'mine.json: audio: unknown key "hop_lenght"; did you mean "hop_length"?; known keys: '
        "f_max, f_min, hop_length, n_fft, n_mels, sample_rate, win_length"
    )


@pytest.mark.parametrize(
    "section, key, parts",
    [
        ("train", "r", ["Tacotron", "remove it"]),
        ("train", "fp16_run", ["train.mixed_precision"]),
        ("train", "learning_rate", ["train.lr"]),
        ("train", "segment_size", ["train.segment_samples"]),
        ("audio", "sampling_rate", ["audio.sample_rate"]),
        ("audio", "filter_length", ["audio.n_fft"]),
        ("audio", "hop_size", ["audio.hop_length"]),
        ("data", "n_speakers", ["data.speakers"]),
        ("model", "use_noise_scaled_mas", ["train.alignment_noise"]),
        ("model", "use_transformer_flows", ["model.flow.transformer"]),
        ("model", "use_spk_conditioned_encoder", ["model.text_encoder.speaker_layer"]),
        ("model", "use_duration_discriminator", ["discriminator.durations"]),
    ],
)
def test_a_key_of_another_project_is_answered_with_ours(section, key, parts) -> None:
    values = base_values()
    values[section][key] = 2
    message = mistake(config_from_dict, VitsConfig, values, "mine.json")
    assert message.startswith(f'mine.json: {section}: unknown key "{key}": ')
    assert all(part in message for part in parts), message


def test_a_missing_key_is_named_with_what_it_should_hold() -> None:
    values = base_values()
    del values["model"]["decoder"]["resblock"]
    assert mistake(config_from_dict, VitsConfig, values, "mine.json") == (
        'mine.json: model.decoder: missing key "resblock", expected "1" or "2"; add it '
        "(those in configs/ show a value)"
    )
    del values["model"]
    assert 'mine.json: missing key "model", expected a section {...}' in mistake(
        config_from_dict, VitsConfig, values, "mine.json"
    )


# Types


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("train.batch_size", "32", 'found "32" (a text), expected a whole number'),
        ("train.batch_size", True, "found true (a truth value), expected a whole number"),
        ("train.batch_size", 32.0, "found 32.0 (a number), expected a whole number"),
        ("train.batch_size", None, "found null (null), expected a whole number"),
        ("train.lr", "fast", 'found "fast" (a text), expected a number'),
        ("train.lr", True, "found true (a truth value), expected a number"),
        ("train.lr", float("nan"), "found nan (not a finite number), expected a number"),
        ("train.lr", float("inf"), "found inf (not a finite number), expected a number"),
        ("train.grad_checkpoint", 1, "found 1 (a whole number), expected true or false"),
        ("train.grad_clip", "none", 'found "none" (a text), expected a number or null'),
        ("model.flow", 4, "found 4 (a whole number), expected a section {...}"),
        ("train.optimizer_options", 0.9, "found 0.9 (a number), expected a section {...}"),
        ("train.lr_schedule_per", "day", 'expected "epoch" or "step"'),
        ("train.mixed_precision", "fp32", 'expected true or false or "bf16" or "fp16"'),
        ("train.mixed_precision", 1, 'expected true or false or "bf16" or "fp16"'),
        ("data.folder", 5, "found 5 (a whole number), expected a text in quotes"),
        ("data.speakers", "ann", 'expected a list of: a text in quotes or "from_data" or null'),
        (
            "model.decoder.upsample_rates",
            [8, "8"],
            'found [8, "8"] (a list), expected a list of: a whole number',
        ),
        ("model.decoder.resblock", 1, 'found 1 (a whole number), expected "1" or "2"'),
        ("model.decoder", 5, "found 5 (a whole number), expected a section {...}"),
    ],
)
def test_a_wrong_type_says_what_was_found_and_expected(key, value, expected) -> None:
    values: dict = base_values()
    *sections, last = key.split(".")
    place = values
    for section in sections:
        place = place[section]
    place[last] = value
    message = mistake(config_from_dict, VitsConfig, values, "mine.json")
    assert message.startswith(f"mine.json: {key}: ") and expected in message, message


# Rules between values: settings on configs/base.json, the place named, and the words of the message


def positive(*names: str) -> list[tuple[list[str], str, str]]:
    return [
        ([f"{name}=0"], name.rpartition(".")[0], f"{name.rpartition('.')[2]} is 0")
        for name in names
    ]


RULES: list[tuple[list[str], str, str]] = [
    *positive(
        "audio.sample_rate",
        "audio.n_fft",
        "audio.hop_length",
        "audio.win_length",
        "audio.n_mels",
        "data.max_symbols",
        "model.latent_channels",
        "model.text_encoder.hidden_channels",
        "model.text_encoder.filter_channels",
        "model.text_encoder.n_heads",
        "model.text_encoder.n_layers",
        "model.text_encoder.kernel_size",
        "model.posterior_encoder.hidden_channels",
        "model.posterior_encoder.n_layers",
        "model.flow.n_flows",
        "model.duration_predictor.hidden_channels",
        "model.duration_predictor.kernel_size",
        "model.duration_predictor.n_flows",
        "model.decoder.upsample_initial_channels",
        "train.epochs",
        "train.batch_size",
        "train.segment_samples",
        "train.lr",
        "train.accumulate",
        "train.max_bad_steps",
        "train.prefetch_factor",
        "train.log_every",
        "train.validate_every",
        "train.save_every",
    ),
    (
        ["audio.n_fft=512"],
        "audio",
        "n_fft 512 is smaller than win_length 1024; raise n_fft to 1024",
    ),
    (["audio.win_length=128"], "audio", "win_length 128 is smaller than hop_length 256"),
    (["audio.n_fft=1025"], "audio", "n_fft 1025 minus hop_length 256 is odd"),
    (["audio.n_mels=514"], "audio", "n_mels 514 is more than the 513 bins of n_fft 1024"),
    (
        ["audio.f_max=12000"],
        "audio",
        "f_max 12000.0 Hz is above half the sample rate; set it to null or to at most 11025",
    ),
    (
        ["audio.f_min=8000", "audio.f_max=8000"],
        "audio",
        "f_min 8000.0 Hz is not below f_max 8000.0 Hz",
    ),
    (["audio.f_min=-1"], "audio", "f_min -1.0 Hz is not below f_max 11025.0 Hz"),
    (["text.symbols=[]"], "text", "symbols is empty"),
    (['text.symbols=["_", "a", "a"]'], "text", "symbols lists ['a'] more than once"),
    (
        ['text.symbols=["_", "ch", ""]'],
        "text",
        "symbols lists ['ch', '']; every symbol is one character",
    ),
    (["data.n_valid=-1"], "data", "n_valid is -1, expected 0 or more"),
    (
        ["data.balance_languages=true"],
        "data",
        "balance_languages is true, but languages is null",
    ),
    (
        ["model.language_embedding=true"],
        "",
        "model.language_embedding is true, but data.languages is null",
    ),
    (["data.min_seconds=15"], "data", "min_seconds 15.0 is not below max_seconds 15.0"),
    (['data.speakers=["ann", "ann"]'], "data", "speakers lists ['ann'] more than once"),
    (['data.speakers=[""]'], "data", "speakers lists an empty name"),
    (["data.speakers=[]"], "data", "speakers is an empty list; write null for one speaker"),
    (
        ["model.text_encoder.n_heads=5"],
        "model.text_encoder",
        "hidden_channels 192 is not a multiple of n_heads 5",
    ),
    (
        ["model.text_encoder.dropout=1"],
        "model.text_encoder",
        "dropout is 1.0, expected a share from 0",
    ),
    (
        ["model.text_encoder.speaker_layer=7"],
        "model.text_encoder",
        "speaker_layer is 7, expected one behind the first, 2 to n_layers 6, or null",
    ),
    (
        ["model.text_encoder.speaker_layer=3"],
        "",
        "model.text_encoder.speaker_layer is 3, but data.speakers is null",
    ),
    (["model.text_encoder.attention_window=-1"], "model.text_encoder", "attention_window is -1"),
    (["model.duration_predictor.dropout=-0.1"], "model.duration_predictor", "dropout is -0.1"),
    (["model.posterior_encoder.kernel_size=4"], "model.posterior_encoder", "kernel_size 4 is even"),
    (["model.flow.wavenet.kernel_size=4"], "model.flow.wavenet", "kernel_size 4 is even"),
    (
        [
            'model.flow.transformer={"filter_channels": 768, "n_heads": 5, "n_layers": 1, '
            '"kernel_size": 3, "dropout": 0.1, "attention_window": 4}'
        ],
        "model.flow",
        "wavenet.hidden_channels 192 is not a multiple of n_heads 5",
    ),
    (["model.latent_channels=191"], "model", "latent_channels 191 is odd"),
    (["model.speaker_channels=-1"], "model", "speaker_channels is -1, expected 0 or more"),
    (
        ["model.speaker_channels=0", "data.speakers=from_data"],
        "",
        "model.speaker_channels is 0, so that all",
    ),
    (
        ["model.decoder.upsample_rates=[]"],
        "model.decoder",
        "upsample_rates is [], expected one or more numbers",
    ),
    (
        ["model.decoder.upsample_rates=[-8, -8, 2, 2]"],
        "model.decoder",
        "upsample_rates is [-8, -8, 2, 2]",
    ),
    (
        ["model.decoder.upsample_rates=[16, 16]"],
        "model.decoder",
        "2 entries and upsample_kernel_sizes 4",
    ),
    (
        [
            "model.decoder.upsample_rates=[8, 4, 4, 2]",
            "model.decoder.upsample_kernel_sizes=[16, 16, 2, 4]",
        ],
        "model.decoder",
        "upsample kernel size 2 is smaller than its rate 4, which leaves samples without input; use 8",
    ),
    (
        ["model.decoder.upsample_rates=[8, 8, 4, 1]"],
        "model.decoder",
        "size 4 is even and its rate 1",
    ),
    (
        ["model.decoder.upsample_initial_channels=100"],
        "model.decoder",
        "halved 4 times; use a multiple of 16",
    ),
    (
        ["model.decoder.resblock_kernel_sizes=[3, 7]"],
        "model.decoder",
        "resblock_kernel_sizes has 2 entries and resblock_dilations 3",
    ),
    (["model.decoder.resblock_kernel_sizes=[3, 7, 10]"], "model.decoder", "[3, 7, 10] must be odd"),
    (
        ["model.decoder.resblock_dilations=[[1, 3, 5], [], [1, 3, 5]]"],
        "model.decoder",
        "resblock_dilations is [[",
    ),
    (["discriminator.periods=[2, 0]"], "discriminator", "periods is [2, 0]"),
    (["discriminator.period_channels=[]"], "discriminator", "period_channels is []"),
    (
        ["discriminator.scale_layers=[[16, 15, 1, 0]]"],
        "discriminator",
        "scale_layers is [[16, 15, 1, 0]]",
    ),
    (["discriminator.scale_layers=[[16, 14, 1, 1]]"], "discriminator", "kernel 14 is even"),
    (
        ["discriminator.scale_layers=[[16, 15, 1, 1], [20, 15, 1, 8]]"],
        "discriminator",
        "8 groups do not divide 16 and 20 channels",
    ),
    (
        ['discriminator.durations={"hidden_channels": 0, "kernel_size": 3}'],
        "discriminator.durations",
        "hidden_channels is 0, expected more than 0",
    ),
    (
        ["loss.duration_adversarial=1"],
        "",
        "discriminator.durations is null, but loss.duration_adversarial is 1.0 and "
        "train.duration_discriminator_from_step 0; set both to 0",
    ),
    (
        ["train.duration_discriminator_from_step=-1"],
        "train",
        "duration_discriminator_from_step is -1, expected 0 or more",
    ),
    (["loss.mel=-1"], "loss", "mel is -1.0, expected 0 or more"),
    (["train.seed=-1"], "train", "seed is -1"),
    (["train.warmup_steps=-1"], "train", "warmup_steps is -1, expected 0 or more"),
    (["train.max_rollbacks=-1"], "train", "max_rollbacks is -1, expected 0 or more"),
    (["train.num_workers=-1"], "train", "num_workers is -1, expected 0 or more"),
    (["train.grad_clip=0"], "train", "grad_clip is 0.0, expected more than 0, or null"),
    (["train.max_batch_frames=0"], "train", "max_batch_frames is 0, expected more than 0, or null"),
    (["train.discriminator_lr=0"], "train", "discriminator_lr is 0.0, expected more than 0"),
    (["train.save_minutes=0"], "train", "save_minutes is 0.0, expected more than 0, or null"),
    (["train.keep_every=0"], "train", "keep_every is 0, expected more than 0, or null"),
    (["train.ema_decay=1"], "train", "ema_decay is 1.0, expected a share between 0 and 1"),
    (["train.keep_last=1"], "train", "keep_last is 1, expected 2 or more"),
    (
        ["train.discriminator_warmup_steps=-1"],
        "train",
        "discriminator_warmup_steps is -1, expected 0 or more",
    ),
    (["train.unfreeze_at=10"], "train", "unfreeze_at is 10, but freeze_layers is empty"),
    (['train.layer_lr=[["flow", 0]]'], "train", "layer_lr of flow is 0.0, expected more than 0"),
    (["train.frozen_speakers=-1"], "train", "frozen_speakers is -1, expected 0 or more"),
    (
        ['train.alignment_noise={"scale": 0, "decrease": 1e-5}'],
        "train.alignment_noise",
        "scale is 0.0, expected more than 0",
    ),
    (["text.end=xyz"], "text", "end is 'xyz', which symbols does not list"),
    (["data.mix_in_share=1"], "data", "mix_in_share is 1.0, expected a share between 0 and 1"),
    (
        [
            "model.decoder.upsample_rates=[8, 8, 2, 1]",
            "model.decoder.upsample_kernel_sizes=[16, 16, 4, 3]",
        ],
        "",
        "model.decoder.upsample_rates [8, 8, 2, 1] make 128 samples of a frame, but audio.hop_length is 256",
    ),
    (
        ["train.segment_samples=8000"],
        "",
        "train.segment_samples 8000 is not a multiple of audio.hop_length 256; use 7936",
    ),
    (["train.segment_samples=100"], "", "use 256"),
    (
        ["train.segment_samples=256"],
        "",
        "train.segment_samples 256 is too short for n_fft 1024; use at least 512",
    ),
    (
        ['model.decoder.inverse_stft={"n_fft": 20, "hop_length": 4, "n_bands": 4, "n_taps": 64}'],
        "model.decoder.inverse_stft",
        "n_fft 20 is not a multiple of 4 hop_lengths, so that the windows would not add up evenly; "
        "use 16",
    ),
    (
        ['model.decoder.inverse_stft={"n_fft": 16, "hop_length": 4, "n_bands": 4, "n_taps": 62}'],
        "model.decoder.inverse_stft",
        "use 4 and 64",
    ),
    (["loss.subband=1.0"], "", "so that there are no bands; set it to 0"),
]


@pytest.mark.parametrize(
    "settings, section, words", RULES, ids=[" ".join(rule[0]) for rule in RULES]
)
def test_values_that_do_not_fit_are_named(settings, section, words) -> None:
    message = mistake_of(*settings)
    assert message.startswith(f"mine.json: {section}: " if section else "mine.json: "), message
    assert words in message, message


def test_the_table_breaks_every_rule_there_is(monkeypatch) -> None:
    broken = set()

    def note(condition: bool, message: str) -> None:
        if not condition:
            caller = sys._getframe(1)
            broken.add((caller.f_globals["__name__"], caller.f_lineno))
            raise UserError(message)

    modules = (
        hifigan.config,
        hifigan.training_config,
        vits.config,
        vits.data_config,
        vits.training_config,
    )
    for module in modules:
        monkeypatch.setattr(module, "require", note)
    for settings, _, _ in RULES:
        mistake_of(*settings)
    rules = {
        (module.__name__, call.lineno)
        for module in modules
        for call in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "require"
    }
    assert broken == rules


def test_the_advice_of_a_geometry_error_mends_it() -> None:
    for settings in (
        ["train.segment_samples=7936"],
        ["audio.n_fft=1024"],
        ["audio.f_max=11025"],
        ["train.segment_samples=512"],
        ["model.decoder.upsample_initial_channels=96"],
    ):
        config_from_dict(VitsConfig, override(base_values(), settings), "mine.json")
