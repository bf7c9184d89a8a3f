"""A folder that speaks and can be learnt from: written, spoken from by name, fine-tuned from."""

import shutil
import subprocess
import sys

import pytest
import soundfile
import torch

import finetune
import infer
import train
from hifigan.checkpoint import read_checkpoint
from tests.small_run import (  # noqa: F401 (fixtures)
    ENVIRONMENT,
    SENTENCE,
    call,
    contents,
    error_line,
    run_script,
    trained,
    write_config,
)
from vits.exchange.recogniser import open_voice
from vits.exchange.speaking import open_anything_to_speak
from vits.exchange.tensor_file import read_tensor_file
from vits.exchange.voice_folder import TRAINING, VOICE
from vits.export import __main__ as export
from vits.speaking.loading import load_voice

CPU = torch.device("cpu")
CHECKPOINT = "checkpoints/step_00000002.pt"


@pytest.fixture(scope="module")
def shipped(trained):  # noqa: F811
    """The folder of `trained`, with voices/voice (float32) and voices/light (float16)."""
    write_config(trained / "average.json", "train.ema_decay=0.5")
    run_script(trained, "train.py", "-c", "average.json", "-m", "average", "--max_steps", 2)
    for name, run, *half in (
        ("voice", "voice"),
        ("light", "voice", "--half"),
        ("average", "average"),
    ):
        arguments = ("--format", "voice", "--out_path", f"voices/{name}", *half)
        made = [sys.executable, "-m", "vits.export", f"runs/{run}", *arguments]
        subprocess.run(made, cwd=trained, env=ENVIRONMENT, check=True)
    return trained


def say(path):
    return load_voice(path, CPU, opener=open_anything_to_speak).speak(SENTENCE, seed=3)


def test_the_two_files_hold_the_whole_checkpoint_and_each_weight_once(shipped) -> None:
    assert {p.name for p in (shipped / "voices/voice").iterdir()} == {VOICE, TRAINING}
    ours = read_checkpoint(shipped / "runs/voice" / CHECKPOINT)
    opened = open_voice(shipped / "voices/voice")
    assert (opened.absent, opened.step, opened.path.name) == ((), 2, VOICE)
    assert opened.discriminator.keys() == ours["discriminator"].keys()
    for name, weight in ours["discriminator"].items():
        assert torch.equal(opened.discriminator[name], weight), name
    assert opened.generator.keys() == ours["generator"].keys()
    for name, weight in ours["generator"].items():
        if name.startswith("posterior_encoder."):
            assert torch.equal(opened.generator[name], weight), name
    n_weights = sum(w.numel() for net in ("generator", "discriminator") for w in ours[net].values())
    n_bytes = sum((shipped / "voices/voice" / name).stat().st_size for name in (VOICE, TRAINING))
    assert n_bytes < 4 * n_weights + 60_000  # headers and the config


def test_in_float32_it_speaks_the_checkpoints_samples(shipped) -> None:
    expected = say(shipped / "runs/voice")
    for path in ("voices/voice", f"voices/voice/{VOICE}"):
        assert torch.equal(say(shipped / path), expected)


def test_in_half_precision_it_is_half_as_large_and_speaks_in_float32(shipped) -> None:
    for name in (VOICE, TRAINING):
        whole, half = (shipped / "voices" / voice / name for voice in ("voice", "light"))
        assert half.stat().st_size < 0.75 * whole.stat().st_size
    voice = load_voice(shipped / "voices/light", CPU, opener=open_anything_to_speak)
    assert {w.dtype for w in voice.model.state_dict().values()} == {torch.float32}
    wav = voice.speak(SENTENCE, seed=3)
    assert wav.dtype == torch.float32
    torch.testing.assert_close(wav, say(shipped / "runs/voice"), atol=0.05, rtol=0)


def test_a_moving_average_goes_into_both_files(shipped) -> None:
    ours = read_checkpoint(shipped / "runs/average" / CHECKPOINT)
    opened = open_voice(shipped / "voices/average")
    bias = "posterior_encoder.input.bias"
    assert torch.equal(opened.generator[bias], ours["ema"][bias])
    assert not torch.equal(opened.generator[bias], ours["generator"][bias])


def test_written_again_it_keeps_the_name_of_its_weights(shipped, refused, call) -> None:  # noqa: F811
    again = ("voices/average", "--format", "voice", "--out_path", "again")
    line = refused(export.main, *again, "--weights", "trained")
    assert "has no trained weights, only ema ones" in line
    code, err = call(shipped, export.main, *again)
    assert code == 0, err
    for name in (VOICE, TRAINING):
        (metadata, weights), (known, expected) = (
            read_tensor_file(shipped / folder / name) for folder in ("again", "voices/average")
        )
        assert metadata.get("speak_only") == known.get("speak_only")
        assert weights.keys() == expected.keys()
        for tensor, weight in expected.items():
            torch.testing.assert_close(weights[tensor], weight)
    shutil.rmtree(shipped / "again")


SMALL = ("--set", "train.batch_size=2", "--set", "train.look_at_start=false")


@pytest.mark.parametrize("path", ["voices/light", f"voices/light/{VOICE}"])
def test_fine_tuning_goes_on_from_all_of_it(shipped, tmp_path, path) -> None:
    arguments = ("--restore_from", shipped / path, "--data", shipped / "data", "-m", "tuned")
    run_script(
        tmp_path, "finetune.py", *arguments, *SMALL, "--set", "train.lr=1e-20", "--max_steps", 1
    )
    log = (tmp_path / "runs/tuned/log.txt").read_text("utf-8")
    assert "ours, step 2; 100.0%" in log
    assert "frozen" not in log.split("part ")[0] and "learn alone" not in log
    before = read_checkpoint(shipped / "runs/voice" / CHECKPOINT)
    after = read_checkpoint(tmp_path / "runs/tuned/checkpoints/step_00000001.pt")
    for network, name in (
        ("generator", "posterior_encoder.input.bias"),
        ("generator", "decoder.input.bias"),
        ("discriminator", next(iter(before["discriminator"]))),
    ):
        weight = before[network][name]
        torch.testing.assert_close(after[network][name], weight, rtol=1e-3, atol=1e-4)


def test_training_takes_its_weights_too(shipped, call) -> None:  # noqa: F811
    arguments = ("-c", "small.json", "-m", "whole", "--restore_path", "voices/light")
    code, err = call(shipped, train.main, *arguments, "--max_steps", 1)
    assert code == 0, err


def test_without_its_training_file_a_posterior_encoder_learns_first(shipped, tmp_path) -> None:
    (tmp_path / "alone").mkdir()
    shutil.copy(shipped / "voices/light" / VOICE, tmp_path / "alone")
    opened = open_voice(tmp_path / "alone")
    assert opened.absent and opened.discriminator is None


@pytest.fixture
def refused(shipped, call):  # noqa: F811
    def run(main, *arguments):
        before = contents(shipped)
        code, err = call(shipped, main, *arguments)
        assert code == 2, err
        assert contents(shipped) == before
        return error_line(err)

    return run


def test_halves_of_two_voices_are_refused(shipped, refused, tmp_path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(shipped / "voices/voice", mixed)
    shutil.copy(shipped / "voices/average" / TRAINING, mixed)
    line = refused(finetune.main, "--restore_from", mixed, "--data", "data", "-m", "mixed")
    assert f"{TRAINING}: belongs to another {VOICE}" in line and "copy both" in line
    assert say(mixed).isfinite().all()  # speaking does not need it


def test_the_half_for_training_named_alone_says_where_the_voice_is(shipped, refused) -> None:
    half = shipped / "voices/voice" / TRAINING
    for main, *arguments in (
        (infer.main, "--model_path", half, "--text", SENTENCE),
        (finetune.main, "--restore_from", half, "--data", "data", "-m", "no"),
    ):
        line = refused(main, *arguments)
        assert f"{TRAINING}: what training uses beside {VOICE}" in line and "the folder" in line


@pytest.mark.parametrize("name", [VOICE, TRAINING])
def test_what_is_there_is_not_written_over(shipped, refused, name) -> None:
    folder = shipped / "voices/kept"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    (folder / name).write_text("mine")
    line = refused(export.main, "runs/voice", "--format", "voice", "--out_path", folder)
    assert f"{name}: is there already" in line
    shutil.rmtree(folder)


def test_a_file_that_only_speaks_does_not_become_such_a_folder(shipped, refused, tmp_path) -> None:
    path = shutil.copy(shipped / "voices/voice" / VOICE, tmp_path / "mute.safetensors")
    line = refused(export.main, path, "--format", "voice", "--out_path", "voices/no")
    assert "lacks what only training uses" in line


def test_weights_too_large_for_half_precision_leave_no_file(shipped, refused, tmp_path) -> None:
    broken = read_checkpoint(shipped / "runs/voice" / CHECKPOINT)
    broken["generator"]["posterior_encoder.input.bias"].fill_(1e6)
    torch.save(broken, tmp_path / "large.pt")
    arguments = ("--format", "voice", "--half", "--out_path", "voices/large")
    line = refused(export.main, tmp_path / "large.pt", *arguments)
    assert "posterior_encoder.input.bias is too large for float16" in line


def test_infer_speaks_with_a_voice_by_its_name(shipped, call, monkeypatch, tmp_path) -> None:  # noqa: F811
    monkeypatch.setattr(infer, "VOICES", shipped / "voices")
    code, err = call(tmp_path, infer.main, "--voice", "light", "--text", SENTENCE, "--seed", 3)
    assert code == 0, err  # speech.wav is where it goes if nobody says another
    samples, _ = soundfile.read(tmp_path / "speech.wav", dtype="float32")
    expected = say(shipped / "voices/light")
    torch.testing.assert_close(torch.from_numpy(samples), expected, atol=1e-4, rtol=0)


def test_an_unknown_voice_is_told_with_those_that_there_are(shipped, refused, monkeypatch) -> None:
    monkeypatch.setattr(infer, "VOICES", shipped / "voices")
    for name in ("lihgt", "../voices/light", ""):
        line = refused(infer.main, "--voice", name, "--text", SENTENCE)
        assert line == (
            f"error: --voice {name}: unknown; there are: average, light, voice; or name a file "
            f"with --model_path"
        )
    monkeypatch.setattr(infer, "VOICES", shipped / "nowhere")
    assert "nowhere has none" in refused(infer.main, "--voice", "light", "--text", SENTENCE)


def test_a_voice_is_named_once(shipped, call) -> None:  # noqa: F811
    both = ("--voice", "light", "--model_path", "runs/voice", "--text", SENTENCE)
    for arguments, told in ((both, "not allowed with"), (both[4:], "--model_path --voice")):
        code, err = call(shipped, infer.main, *arguments)
        assert code == 2 and told in err
