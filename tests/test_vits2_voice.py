"""A voice with what VITS2 adds goes through everything that voices go through."""

import json

import pytest
import torch

import finetune
import train
import vits
from hifigan.checkpoint import read_checkpoint
from tests.small_run import call, error_line, run_script, write_config, write_data  # noqa: F401
from tests.test_resume import assert_same
from tests.vits2_settings import FLOW_TRANSFORMER, JUDGED, SPEAKER_LAYER
from vits.doctor import __main__ as doctor
from vits.export import __main__ as export
from vits.speaking.onnx_engine import with_onnxruntime

SPEAKERS = "data.speakers=from_data"
VITS2 = (
    SPEAKERS,
    *SPEAKER_LAYER,
    FLOW_TRANSFORMER,
    *JUDGED,
    "train.duration_discriminator_from_step=3",
    'train.alignment_noise={"scale": 1, "decrease": 0.2}',
)
SENTENCE, WHO = "здравей", {"speaker": "boris"}
LEARNT = {"generator", "discriminator", "generator_optimizer", "discriminator_optimizer", "random"}


@pytest.fixture(scope="module")
def voice_folder(tmp_path_factory):
    """A folder with runs/voice of 4 steps, whose rates are such that every part does something."""
    folder = tmp_path_factory.mktemp("vits2")
    write_data(folder / "data", speakers=("anna", "boris"))
    write_config(folder / "vits2.json", *VITS2, "train.save_every=2", "train.lr=0.02")
    run_script(folder, "train.py", "-c", "vits2.json", "-m", "voice", "--max_steps", 4)
    return folder


def test_a_run_that_stops_goes_on_as_if_it_had_not(voice_folder, call) -> None:  # noqa: F811
    for last in (2, 4):
        code, err = call(
            voice_folder, train.main, "-c", "vits2.json", "-m", "again", "--max_steps", last
        )
        assert code == 0, err
    found, expected = (
        read_checkpoint(voice_folder / f"runs/{run}/checkpoints/step_00000004.pt")
        for run in ("again", "voice")
    )
    for name in LEARNT:
        assert_same(found[name], expected[name], name)


def test_a_voice_of_vits_is_fine_tuned_with_it(voice_folder, call) -> None:  # noqa: F811
    write_config(voice_folder / "plain.json", SPEAKERS, *SPEAKER_LAYER[:1], "train.epochs=1")
    code, err = call(voice_folder, train.main, "-c", "plain.json", "-m", "plain", "--max_steps", 1)
    assert code == 0, err
    sets = [x for setting in VITS2[2:] for x in ("--set", setting)]
    arguments = ("--restore_from", "runs/plain", "-m", "tuned", "--data", "data", "--max_steps", 2)
    code, err = call(voice_folder, finetune.main, *arguments, *sets)
    assert code == 0, err
    report = (voice_folder / "runs/tuned/load_report.txt").read_text(encoding="utf-8")
    assert "100.0% of the parameters that could be loaded are" in report
    contents = read_checkpoint(voice_folder / "runs/tuned/checkpoints/step_00000002.pt")
    assert any(".transformer." in name for name in contents["generator"])
    assert any(name.startswith("durations.") for name in contents["discriminator"])


@pytest.mark.parametrize("kept", [True, False], ids=["with", "without"])
def test_a_folder_of_it_goes_on_with_or_without_judge_of_durations(
    voice_folder,
    call,  # noqa: F811
    kept,
) -> None:
    path = f"folder_{kept}"
    code, err = call(
        voice_folder, export.main, "runs/voice", "--format", "voice", "--out_path", path
    )
    assert code == 0, err
    sets = ("discriminator.durations=null", "loss.duration_adversarial=0") if not kept else ()
    arguments = ("--restore_from", path, "-m", path, "--data", "data", "--max_steps", 1)
    code, err = call(
        voice_folder, finetune.main, *arguments, *(x for s in sets for x in ("--set", s))
    )
    assert code == 0, err
    contents = read_checkpoint(voice_folder / f"runs/{path}/checkpoints/step_00000001.pt")
    assert contents["config"]["train"]["alignment_noise"] is None and not contents["warmup_until"]
    durations = [name for name in contents["discriminator"] if name.startswith("durations.")]
    assert bool(durations) is kept


def test_the_doctor_aligns_it_with_its_speakers(voice_folder, call) -> None:  # noqa: F811
    arguments = ("runs/voice", "--json", "found.json", "--no_html")
    _, err = call(voice_folder, doctor.main, *arguments)
    found = json.loads((voice_folder / "found.json").read_text(encoding="utf-8"))
    facts = {fact["name"]: fact["value"] for fact in found["facts"]}
    assert facts["aligned"].startswith("6 utterances"), err


def test_streamed_it_is_the_whole(voice_folder) -> None:
    voice = vits.load(voice_folder / "runs/voice")
    text = f"{SENTENCE} " * 20
    whole = voice.speak(text, **WHO)
    assert len(whole) > 20_000
    torch.testing.assert_close(torch.cat(list(voice.stream(text, **WHO))), whole, rtol=0, atol=1e-4)


def test_onnxruntime_speaks_as_torch_does_on_several_threads(voice_folder) -> None:
    voice, threads = vits.load(voice_folder / "runs/voice"), torch.get_num_threads()
    text = f"{SENTENCE} " * 20
    torch.set_num_threads(2)
    try:
        other = with_onnxruntime(voice)
        spoken, streamed = other.speak(text, **WHO), torch.cat(list(other.stream(text, **WHO)))
    finally:
        torch.set_num_threads(threads)
    for found in (spoken, streamed):
        torch.testing.assert_close(found, voice.speak(text, **WHO), rtol=0, atol=1e-4)


@pytest.mark.parametrize("format, suffix", [("onnx", ".onnx"), ("speak_only", ".safetensors")])
def test_files_of_ours_speak_as_it_does(voice_folder, call, format, suffix) -> None:  # noqa: F811
    path = f"voice{suffix}"
    code, err = call(
        voice_folder, export.main, "runs/voice", "--format", format, "--out_path", path
    )
    assert code == 0, err
    found, expected = (
        vits.load(voice_folder / p).speak(SENTENCE, **WHO) for p in (path, "runs/voice")
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "format, name", [("onnx_two", "two.onnx"), ("piper", "piper.onnx"), ("sherpa_onnx", "sherpa")]
)
def test_other_programs_get_it_as_onnx(voice_folder, call, format, name) -> None:  # noqa: F811
    """Each export holds itself against PyTorch before it is kept."""
    code, err = call(
        voice_folder, export.main, "runs/voice", "--format", format, "--out_path", name
    )
    assert code == 0, err


def test_it_comes_back_out_of_the_form_of_piper(voice_folder, call) -> None:  # noqa: F811
    name = "back.onnx"
    code, err = call(
        voice_folder, export.main, "runs/voice", "--format", "piper", "--out_path", name
    )
    assert code == 0, err
    found, expected = (vits.load(voice_folder / p) for p in (name, "runs/voice"))
    assert found.config.model == expected.config.model
    torch.testing.assert_close(
        found.speak(SENTENCE, **WHO), expected.speak(SENTENCE, **WHO), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("format", ["original", "hugging_face"])
def test_formats_without_such_parts_say_so(voice_folder, call, format) -> None:  # noqa: F811
    code, err = call(
        voice_folder, export.main, "runs/voice", "--format", format, "--out_path", "no"
    )
    line = error_line(err)
    assert code == 2 and not (voice_folder / "no").exists()
    assert "its flow has transformers" in line and "its text encoder has a speaker_layer" in line
