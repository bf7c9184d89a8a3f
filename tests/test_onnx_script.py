"""python -m hifigan.export_onnx as a user runs it."""

import subprocess
import sys

import pytest
import torch

import hifigan
import hifigan.export_onnx
from tests.conftest import REPOSITORY
from tests.small_run import ENVIRONMENT, call, error_line  # noqa: F401 (a fixture)
from tests.small_vocoder import random_generator, small_config, speech_mel, write_vocoder

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def export(call, tmp_path):  # noqa: F811 (the fixture)
    """The command in a folder with vocoder.pt: the exit code and stderr."""
    write_vocoder(tmp_path / "vocoder.pt", small_config())

    def run(*arguments: object) -> tuple[int, str]:
        return call(tmp_path, hifigan.export_onnx.main, *arguments)

    return run


def test_a_checkpoint_becomes_an_onnx_file_with_the_same_voice(export, tmp_path):
    assert export("vocoder.pt", "--out_path", "new/voice.onnx")[0] == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["voice.onnx"]
    mel = speech_mel(30)
    torch.testing.assert_close(
        hifigan.load(tmp_path / "new/voice.onnx").vocode(mel),
        hifigan.load(tmp_path / "vocoder.pt").vocode(mel),
        rtol=0,
        atol=1e-4,
    )


def test_the_average_over_training_is_what_is_exported(export, tmp_path):
    average = random_generator(small_config(), seed=1).state_dict()
    write_vocoder(tmp_path / "averaged.pt", small_config(), ema=average)
    assert export("averaged.pt", "--out_path", "voice.onnx")[0] == 0
    exported, mel = hifigan.load(tmp_path / "voice.onnx"), speech_mel(12)
    difference = exported.vocode(mel) - hifigan.load(tmp_path / "averaged.pt").vocode(mel)
    assert difference.abs().max() <= 1e-4
    difference = exported.vocode(mel) - hifigan.load(tmp_path / "vocoder.pt").vocode(mel)
    assert difference.abs().max() > 1e-3


def test_nothing_is_overwritten(export, tmp_path):
    (tmp_path / "voice.onnx").write_bytes(b"mine")
    code, err = export("vocoder.pt", "--out_path", "voice.onnx")
    assert code == 2
    assert error_line(err) == (
        "error: voice.onnx: is there already; move it away or choose another name"
    )
    assert (tmp_path / "voice.onnx").read_bytes() == b"mine"


def test_a_wrong_name_or_checkpoint_is_told_in_one_line(export, tmp_path):
    code, err = export("vocoder.pt", "--out_path", "voice.pt")
    assert code == 2 and "expected a name that ends in .onnx" in error_line(err)
    code, err = export("missing.pt", "--out_path", "voice.onnx")
    assert code == 2 and "missing.pt" in error_line(err)
    code, err = export("vocoder.pt")
    assert code == 2 and "--out_path" in error_line(err)
    assert export("vocoder.pt", "--out_path", "voice.onnx")[0] == 0
    code, err = export("voice.onnx", "--out_path", "again.onnx")
    assert code == 2 and "voice.onnx: is an ONNX file; name a checkpoint" in error_line(err)


@pytest.mark.slow
def test_it_runs_as_a_module(export, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "hifigan.export_onnx", tmp_path / "vocoder.pt"]
        + ["--out_path", tmp_path / "voice.onnx"],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"{tmp_path / 'voice.onnx'}\n"
