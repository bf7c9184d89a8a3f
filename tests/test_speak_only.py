"""A speak-only file speaks as its checkpoint does, is small, and says what it cannot do."""

import copy
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

import infer
import train
from hifigan.checkpoint import read_checkpoint, write_checkpoint
from hifigan.errors import UserError
from hifigan.json_config import config_to_dict
from tests.small_run import call, error_line, run_script  # noqa: F401 (fixtures)
from tests.tiny_model import perturb
from vits import speak_only
from vits.config import VitsConfig
from vits.model import make_model
from vits.speaking.loading import load_voice
from vits.speaking.voice import Voice

CPU = torch.device("cpu")
TEXT = "so it goes"
SYMBOLS = 'text.symbols=["_", " ", "e", "g", "i", "o", "s", "t"]'


def random_weights(config: VitsConfig, seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    model = make_model(config)
    perturb(model)
    return model.state_dict()


@pytest.fixture(params=["stochastic", "deterministic", "several speakers"])
def config(smallest: Callable[..., VitsConfig], request: pytest.FixtureRequest) -> VitsConfig:
    kind, speakers = request.param, "null"
    if kind == "several speakers":
        kind, speakers = "stochastic", '["Иван", "Мария"]'
    return smallest(SYMBOLS, f"model.duration_predictor.kind={kind}", f"data.speakers={speakers}")


@pytest.fixture
def whole(config: VitsConfig, tmp_path: Path) -> Path:
    """A checkpoint with trained weights and a moving average that differs from them."""
    path = tmp_path / "step_00000012.pt"
    write_checkpoint(
        path,
        {
            "config": config_to_dict(config),
            "generator": random_weights(config, seed=1),
            "ema": random_weights(config, seed=2),
            "discriminator": {"weight": torch.zeros(10**5)},
            "generator_optimizer": {"state": {0: torch.zeros(10**6)}},
            "step": 12,
        },
    )
    return path


@pytest.fixture
def strip(call, tmp_path) -> Callable[..., Path]:
    """The command, called in this process."""

    def run(source: Path, name: str, *arguments: object) -> Path:
        code, err = call(
            tmp_path, speak_only.main, source, "--out_path", tmp_path / name, *arguments
        )
        assert code == 0, err
        return tmp_path / name

    return run


def say(voice: Voice, **how: float) -> Tensor:
    return voice.speak(TEXT, speaker=(voice.speakers or [None])[-1], **how)


@pytest.mark.parametrize("weights", ["ema", "trained"])
def test_in_float32_it_speaks_the_very_samples_of_its_checkpoint(whole, strip, weights) -> None:
    stripped = strip(whole, "voice.pt", "--weights", weights)
    expected = load_voice(whole, CPU, weights)
    found = load_voice(stripped, CPU)
    assert found.config == expected.config and found.step == 12 and found.weights == weights
    wav = say(found, seed=3)
    assert wav.abs().max() > 0 and torch.equal(wav, say(expected, seed=3))


def test_the_moving_average_speaks_unless_the_trained_weights_are_asked_for(whole, strip) -> None:
    by_default, ema, trained = (say(load_voice(whole, CPU, w)) for w in (None, "ema", "trained"))
    assert torch.equal(by_default, ema) and not torch.equal(ema, trained)
    assert torch.equal(say(load_voice(strip(whole, "voice.pt"), CPU)), ema)


def test_it_holds_what_synthesis_uses_and_nothing_else(whole, strip) -> None:
    path = strip(whole, "voice.pt")
    contents = read_checkpoint(path, for_synthesis=True)
    assert set(contents) == {"config", "step", "speak_only", "generator"}
    voice = load_voice(path, CPU)
    before, state = say(voice), copy.deepcopy(voice.model.state_dict())
    assert set(contents["generator"]) == set(state)
    for name in state:
        with torch.no_grad():
            voice.model.get_parameter(name).fill_(float("nan"))
        try:
            changed = not torch.equal(say(voice), before)
        except UserError:  # a duration that is not a number
            changed = True
        assert changed, f"{name} is not used"
        voice.model.load_state_dict(state)


def test_half_is_half_the_size_and_rounds_each_weight_to_eleven_bits(whole, strip) -> None:
    paths = [strip(whole, "voice.pt"), strip(whole, "half.pt", "--half")]
    size, half_size = (
        sum(weight.nbytes for weight in read_checkpoint(path, True)["generator"].values())
        for path in paths
    )
    assert half_size == size / 2
    assert paths[1].stat().st_size < paths[0].stat().st_size < 0.3 * whole.stat().st_size
    voices = [load_voice(path, CPU) for path in paths]
    for exact, half in zip(*(voice.model.parameters() for voice in voices)):
        assert half.dtype == torch.float32
        assert ((half - exact).abs() <= 2**-11 * exact.abs() + 2**-25).all()
    wav, half_wav = (say(voice) for voice in voices)
    assert wav.shape == half_wav.shape  # of these durations none is that close to a whole number
    assert (wav - half_wav).square().mean() < 1e-4 * wav.square().mean()  # 40 dB below the voice


def test_a_weight_too_large_for_float16_is_named(whole, tmp_path, call) -> None:
    contents = read_checkpoint(whole)
    contents["ema"]["decoder.input.bias"][0] = 1e5
    write_checkpoint(whole, contents)
    code, err = call(
        tmp_path, speak_only.main, whole, "--half", "--out_path", tmp_path / "voice.pt"
    )
    assert code == 2 and "decoder.input.bias is too large for float16" in error_line(err)
    assert not (tmp_path / "voice.pt").exists()


def test_the_command_tells_the_size(whole, strip, caplog) -> None:
    caplog.set_level(logging.INFO)
    path = strip(whole, "voice.pt")
    assert f"voice.pt: {path.stat().st_size / 1e6:.1f} MB" in caplog.text


def test_it_writes_over_no_file(whole, tmp_path, call) -> None:
    before = whole.read_bytes()
    code, err = call(tmp_path, speak_only.main, whole, "--out_path", whole)
    assert code == 2 and "is there already; choose another name" in error_line(err)
    assert whole.read_bytes() == before


@pytest.mark.parametrize("config", ["stochastic"], indirect=True)
def test_infer_takes_it_and_tells_which_weights_there_are(
    whole, strip, tmp_path, call, caplog
) -> None:
    caplog.set_level(logging.INFO)

    def speak(path: Path, *arguments: object) -> tuple[int, str]:
        options = ("--text", TEXT, "--model_path", path, "--out_path", tmp_path / "out.wav")
        return call(tmp_path, infer.main, *options, *arguments)

    voice = strip(whole, "voice.pt")
    samples = []
    for path in (whole, voice):
        caplog.clear()
        assert speak(path)[0] == 0 and "step 12, ema weights" in caplog.text
        samples.append(soundfile.read(tmp_path / "out.wav", dtype="int16")[0].tolist())
    assert samples[0] == samples[1]
    code, err = speak(voice, "--weights", "trained")
    assert code == 2 and "voice.pt: has no trained weights, only ema ones" in error_line(err)

    contents = read_checkpoint(whole)
    del contents["ema"]
    write_checkpoint(tmp_path / "without.pt", contents)
    code, err = speak(tmp_path / "without.pt", "--weights", "ema")
    assert code == 2 and "without.pt: has no ema weights, only trained ones" in error_line(err)
    del contents["generator"]["decoder.input.bias"]
    write_checkpoint(tmp_path / "other.pt", contents)
    code, err = speak(tmp_path / "other.pt")
    assert code == 2 and "other.pt: its weights do not fit its config" in error_line(err)


@pytest.mark.parametrize("config", ["stochastic"], indirect=True)
def test_training_says_what_it_lacks(whole, strip, smallest_file, tmp_path, call, caplog) -> None:
    voice = strip(whole, "voice.pt")
    start = ("-c", smallest_file, "-m", "new", "--restore_from", voice)
    code, err = call(tmp_path, train.main, *start)
    assert code == 2 and "voice.pt: has no posterior encoder" in error_line(err)
    assert "finetune.py --restore_from" in error_line(err)
    checkpoints = tmp_path / "runs/mine/checkpoints"
    checkpoints.mkdir(parents=True)
    voice.rename(checkpoints / "step_00000012.pt")
    code, err = call(tmp_path, train.main, "-c", smallest_file, "-m", "mine")
    assert code == 2 and "none of 1 checkpoints can be read" in error_line(err)
    lack = "a speak-only file: it lacks the discriminators, the optimizers"
    assert f"step_00000012.pt: {lack}" in caplog.text


@pytest.mark.parametrize("config", ["stochastic"], indirect=True)
def test_fine_tuning_makes_anew_what_it_lacks(whole, strip, data_folder, tmp_path) -> None:
    voice = strip(whole, "voice.pt")
    arguments = ("--restore_from", voice, "-m", "tuned", "--dry_run", "--data", data_folder)
    process = run_script(tmp_path, "finetune.py", *arguments)
    told = process.stdout
    assert "ours, step 12; 100.0%" in told and "discriminators: fresh" in told
    row = next(line for line in told.splitlines() if line.startswith("posterior_encoder "))
    assert row.split()[1] == "-" and "/" in row
