"""A voice whose decoder joins bands goes through everything that voices go through."""

import pytest
import torch

import finetune
import train
import vits
from hifigan.checkpoint import read_checkpoint
from tests.small_run import call, error_line, run_script, write_config, write_data  # noqa: F401
from tests.test_resume import assert_same
from vits.export import __main__ as export
from vits.speaking.info import describe

FAST = (
    "model.decoder.upsample_rates=[4]",
    "model.decoder.upsample_kernel_sizes=[8]",
    'model.decoder.inverse_stft={"n_fft": 16, "hop_length": 4, "n_bands": 4, "n_taps": 64}',
    "loss.subband=1.0",
)
SENTENCE = "здравей"
FOUR_STEPS = "runs/voice/checkpoints/step_00000004.pt"


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    """A folder with runs/voice of 4 steps."""
    folder = tmp_path_factory.mktemp("fast")
    write_data(folder / "data")
    write_config(folder / "fast.json", *FAST, "train.save_every=2")
    run_script(folder, "train.py", "-c", "fast.json", "-m", "voice", "--max_steps", 4)
    return folder


def test_a_run_that_stops_goes_on_as_if_it_had_not(fast, call) -> None:  # noqa: F811
    for last in (2, 4):
        code, err = call(fast, train.main, "-c", "fast.json", "-m", "again", "--max_steps", last)
        assert code == 0, err
    found, expected = (
        read_checkpoint(fast / path)
        for path in ("runs/again/checkpoints/step_00000004.pt", FOUR_STEPS)
    )
    for name in ("generator", "discriminator", "generator_optimizer", "random"):
        assert_same(found[name], expected[name], name)


def test_it_is_fine_tuned_with_its_bands_frozen(fast, call) -> None:  # noqa: F811
    arguments = ("--restore_from", "runs/voice", "-m", "tuned", "--freeze_layers", "decoder.head")
    code, err = call(fast, finetune.main, *arguments, "--max_steps", 2, "--data", "data")
    assert code == 0, err
    before, after = (
        read_checkpoint(fast / path)["generator"]
        for path in (FOUR_STEPS, "runs/tuned/checkpoints/step_00000002.pt")
    )
    same = {name for name in before if before[name].equal(after[name])}
    heads = {name for name in before if name.startswith("decoder.head.")}
    assert len(heads) == 4 and heads <= same and len(same) < len(before) / 2


def test_streamed_it_is_the_whole(fast) -> None:
    voice = vits.load(fast / "runs/voice")
    text = f"{SENTENCE} " * 20
    whole = voice.speak(text)
    streamed = torch.cat(list(voice.stream(text)))
    assert len(whole) > 20_000
    torch.testing.assert_close(streamed, whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("format, suffix", [("onnx", ".onnx"), ("speak_only", ".safetensors")])
def test_files_of_ours_speak_as_it_does(fast, call, format, suffix) -> None:  # noqa: F811
    path = f"voice{suffix}"
    code, err = call(fast, export.main, "runs/voice", "--format", format, "--out_path", path)
    assert code == 0, err
    found, expected = (vits.load(fast / p).speak(SENTENCE) for p in (path, "runs/voice"))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "format, name", [("onnx_two", "two.onnx"), ("piper", "piper.onnx"), ("sherpa_onnx", "sherpa")]
)
def test_other_programs_get_it_as_onnx(fast, call, format, name) -> None:  # noqa: F811
    """Each export holds itself against PyTorch before it is kept."""
    code, err = call(fast, export.main, "runs/voice", "--format", format, "--out_path", name)
    assert code == 0, err


@pytest.mark.parametrize("format", ["original", "hugging_face"])
def test_formats_without_such_a_decoder_say_so(fast, call, format) -> None:  # noqa: F811
    code, err = call(fast, export.main, "runs/voice", "--format", format, "--out_path", "no")
    assert code == 2 and "inverse STFT" in error_line(err) and not (fast / "no").exists()


def test_info_tells_of_its_bands(fast) -> None:
    rows = dict(describe(vits.load(fast / "runs/voice")))
    assert rows["decoder"] == "16 channels, upsampling 4, inverse STFT of 4 bands"
