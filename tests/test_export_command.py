"""python -m vits.export as a user runs it: every format, from a run, and from another's voice."""

import dataclasses
import json

import pytest
import torch

import infer
from hifigan.audio import read_audio
from hifigan.checkpoint import read_checkpoint
from hifigan.json_config import config_from_dict
from tests.small_run import (  # noqa: F401 (fixtures)
    SENTENCE,
    call,
    contents,
    error_line,
    run_script,
    trained,
    write_config,
    write_data,
)
from vits.config import VitsConfig
from vits.exchange.recogniser import open_voice
from vits.exchange.speaking import open_anything_to_speak
from vits.export import __main__ as export
from vits.export.texts import texts_to_prepare
from vits.speaking.loading import load_voice

CPU = torch.device("cpu")
WIDE = (  # what a VitsModel needs: equal widths and resblock 1
    "model.duration_predictor.hidden_channels=16",
    'model.decoder.resblock="1"',
    "text.symbols=from_data",
    "text.expand=true",  # which no other program does, nor knows it a lexicon
    'text.lexicon=[["здравей", "здраве"]]',
    # Of the original's kind, for a D_*.
    "discriminator.periods=[2, 3, 5, 7, 11]",
    "discriminator.period_channels=[2, 2, 2, 2, 2]",
    "discriminator.scale_layers=[[4, 15, 1, 1], [4, 41, 4, 4], [4, 41, 4, 2], [4, 41, 4, 4],"
    " [4, 41, 4, 4], [4, 5, 1, 1]]",
)


@pytest.fixture(scope="module")
def wide(trained):
    """Run runs/wide, of two speakers."""
    write_data(trained / "two", speakers=("Мария", "Иван"))
    write_config(trained / "wide.json", *WIDE, "data.folder=two", "data.speakers=from_data")
    run_script(trained, "train.py", "-c", "wide.json", "-m", "wide", "--max_steps", 1)
    return trained


@pytest.fixture
def exported(wide, call):
    """Export runs/wide or another path: the path written."""

    def run(format, out_path, model_path="runs/wide", *arguments):
        code, err = call(
            wide,
            export.main,
            model_path,
            "--format",
            format,
            "--out_path",
            out_path,
            *arguments,
        )
        assert code == 0, err
        return wide / out_path

    return run


def say(path, speaker="Иван"):
    voice = load_voice(path, CPU, opener=open_anything_to_speak)
    return voice.speak(SENTENCE, speaker=speaker, seed=3)


@pytest.mark.parametrize("format", ("original", "hugging_face", "piper", "sherpa_onnx"))
def test_an_export_says_what_another_program_does_not_do_with_texts(wide, call, format, caplog):
    out_path = "told.onnx" if format == "piper" else f"told_{format}"
    code, _ = call(wide, export.main, "runs/wide", "--format", format, "--out_path", out_path)
    assert code == 0
    config = read_checkpoint(wide / "runs/wide/checkpoints/step_00000001.pt")["config"]
    text = config_from_dict(VitsConfig, config, "a run").text
    numbers, words, _ = texts_to_prepare(text)
    assert "written out" in numbers and "lexicon" in words
    assert all(line in caplog.text for line in (numbers, words))
    assert texts_to_prepare(dataclasses.replace(text, expand=False, lexicon=None))[1:] == []


def test_an_original_pair_comes_back_whole_and_has_the_moments(wide, exported):
    folder = exported("original", "their_vits")
    assert {p.name for p in folder.iterdir()} == {"G_1.pth", "D_1.pth", "config.json"}
    ours = read_checkpoint(wide / "runs/wide/checkpoints/step_00000001.pt")
    opened = open_voice(folder)
    for found, saved in (
        (opened.generator, ours["generator"]),
        (opened.discriminator, ours["discriminator"]),
    ):
        assert found.keys() == saved.keys()
        assert all(torch.equal(weight, saved[name]) for name, weight in found.items())
    assert opened.config.data.speakers == ("Иван", "Мария")
    pair = torch.load(folder / "G_1.pth", weights_only=True)
    assert pair.keys() == {"model", "iteration", "optimizer", "learning_rate"}
    state = pair["optimizer"]["state"]
    assert len(state) == len(pair["model"]) and state[0]["step"] == 1
    for i, weight in enumerate(pair["model"].values()):
        assert state[i]["exp_avg"].shape == weight.shape


@pytest.mark.slow
def test_an_export_is_the_beginning_of_a_new_run(wide, exported):
    exported("original", "to_tune")
    run_script(
        wide,
        "finetune.py",
        "--restore_from",
        "to_tune",
        "--data",
        "two",
        "-m",
        "from_original",
        "--max_steps",
        1,
        "--set",
        "train.segment_samples=1024",
        "--set",
        "text.front_end=characters",
    )
    log = (wide / "runs/from_original/log.txt").read_text("utf-8")
    assert "to_tune/G_1.pth: original VITS, step 1; 100.0%" in log


def test_a_hugging_face_folder_is_loaded_and_speaks_in_transformers(wide, exported):
    transformers = pytest.importorskip("transformers")
    folder = exported("hugging_face", "their_hf")
    model = transformers.VitsModel.from_pretrained(folder).eval()
    tokenizer = transformers.VitsTokenizer.from_pretrained(folder)
    voice = load_voice(wide / "runs/wide", CPU)
    text = "добър ден"
    found = tokenizer(text, return_tensors="pt")
    assert found["input_ids"][0].tolist() == voice.symbols.encode(voice.front_end(text))
    model.noise_scale = model.noise_scale_duration = 0.0
    with torch.no_grad():
        wav = model(**found, speaker_id=1).waveform[0]
    expected = voice.speak(text, speaker="Мария", noise_scale=0.0, noise_scale_w=0.0)
    torch.testing.assert_close(wav, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("half", [False, True])
def test_a_speak_only_file_says_the_same_samples(wide, exported, half):
    path = exported("speak_only", f"small_{half}.safetensors", "runs/wide", *["--half"] * half)
    tolerance = 0.05 if half else 0.0
    torch.testing.assert_close(say(path), say(wide / "runs/wide"), atol=tolerance, rtol=0)
    with path.open("rb") as file:  # the format's header is JSON
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert set(header["__metadata__"]) == {"config", "step", "speak_only"}


def test_infer_speaks_from_every_export_that_holds_a_voice(wide, exported, call):
    paths = [
        exported("original", "say_vits"),
        exported("hugging_face", "say_hf"),
        exported("speak_only", "say.safetensors"),
        exported("piper", "say.onnx"),
        exported("sherpa_onnx", "say_sherpa") / "model.onnx",
    ]
    for i, path in enumerate(paths):
        arguments = ("--model_path", path, "--text", SENTENCE, "--speaker", "Иван")
        code, err = call(wide, infer.main, *arguments, "--out_path", f"{i}.wav")
        assert code == 0, err
    first, *others = (read_audio(wide / f"{i}.wav", 8000) for i in range(len(paths)))
    for other in others:
        torch.testing.assert_close(other, first, atol=1e-3, rtol=0)


@pytest.fixture
def refused(wide, call):
    """An export that must be refused: the one line; nothing is made or changed."""

    def run(*arguments):
        before = contents(wide)
        code, err = call(wide, export.main, *arguments)
        assert code == 2, err
        assert contents(wide) == before
        return error_line(err)

    return run


@pytest.mark.parametrize(
    "format, name",
    [
        ("original", "taken"),
        ("hugging_face", "taken"),
        ("speak_only", "taken/a.safetensors"),
        ("piper", "taken/a.onnx"),
        ("sherpa_onnx", "taken"),
    ],
)
def test_what_is_there_already_stays(wide, refused, format, name):
    (wide / "taken").mkdir(exist_ok=True)
    for file in ("config.json", "a.safetensors", "a.onnx", "model.onnx"):
        (wide / "taken" / file).write_text("mine")
    line = refused("runs/wide", "--format", format, "--out_path", name)
    assert "is there already" in line


def test_what_a_format_cannot_hold_is_named(wide, refused):
    line = refused("runs/voice", "--format", "hugging_face", "--out_path", "no")
    assert 'its decoder has resblock "2"' in line and "choose another format" in line
    line = refused("runs/wide", "--format", "original", "--out_path", "no", "--half")
    assert "--half: original has float32 alone" in line


def test_a_file_that_only_speaks_does_not_become_one_to_train_with(wide, exported, refused):
    exported("speak_only", "mute.safetensors")
    line = refused("mute.safetensors", "--format", "original", "--out_path", "no")
    assert "lacks what only training uses" in line


def test_weights_that_are_no_numbers_leave_no_file(wide, refused):
    path = wide / "runs/wide/checkpoints/step_00000001.pt"
    broken = read_checkpoint(path)
    broken["generator"]["decoder.input.bias"].fill_(float("nan"))
    torch.save(broken, wide / "broken.pt")
    for format, name in (
        ("original", "no"),
        ("hugging_face", "no"),
        ("piper", "no.onnx"),
        ("sherpa_onnx", "no"),
    ):
        line = refused("broken.pt", "--format", format, "--out_path", name)
        assert "not numbers" in line


@pytest.mark.slow
def test_a_voice_without_posterior_encoder_gets_one_that_learns_first(wide, exported):
    exported("piper", "to_tune.onnx")
    arguments = ("--restore_from", "to_tune.onnx", "--data", "two", "-m", "from_onnx")
    small = [
        argument
        for setting in (
            *WIDE[-3:],  # the file says nothing of discriminators
            "train.batch_size=2",
            "train.segment_samples=1024",
            "train.discriminator_warmup_steps=1",
        )
        for argument in ("--set", setting)
    ]
    run_script(wide, "finetune.py", *arguments, *small, "--max_steps", 2)
    log = (wide / "runs/from_onnx/log.txt").read_text("utf-8")
    assert "ours, as ONNX, step 1; 100.0%" in log and "discriminators: fresh" in log
    assert "fresh discriminators: until step 1 they learn alone" in log
    parts = "text_encoder, flow, duration_predictor, decoder, speaker_embedding"
    assert f"frozen until step 2001: {parts}\n" in log
    before = open_voice(wide / "to_tune.onnx").generator
    after = read_checkpoint(wide / "runs/from_onnx/checkpoints/step_00000002.pt")["generator"]
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    row = next(line for line in log.splitlines() if line.startswith("posterior_encoder "))
    assert row.split()[1] == "-" and "/" in row  # fresh
