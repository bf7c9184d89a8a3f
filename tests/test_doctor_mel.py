"""Mels that are not of a vocoder's config or not of their recordings are found, good ones pass."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hifigan.corpus.finder import list_recordings
from hifigan.json_config import config_to_dict
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import input_recipe
from hifigan.mels_on_disk import mel_of_recording, mel_path, write_mel, write_recipe
from hifigan.vocoder_config import VocoderConfig
from tests.small_vocoder import small_config
from vits.doctor.config_file import examine_config
from vits.doctor.findings import Finding
from vits.doctor.mel_checks import mel_findings
from vits.doctor.run_checks import examine_run

MINI = Path(__file__).parent.parent / "data/ljspeech-mini/flac"
N = 6


@pytest.fixture
def config(tmp_path: Path) -> VocoderConfig:
    """Of recordings and their own mels."""
    (tmp_path / "wavs").mkdir()
    for path in sorted(MINI.glob("*.flac"))[:N]:
        shutil.copy(path, tmp_path / "wavs")
    config = small_config(f"data.wavs={tmp_path / 'wavs'}", f"data.mels={tmp_path / 'mels'}")
    write_mels(config, config)
    return config


def write_mels(config: VocoderConfig, made_by: VocoderConfig) -> None:
    folder = Path(config.data.mels)
    spectrogram = Spectrogram(made_by.audio, made_by.mel.magnitude_floor)
    for id_, path in list_recordings(Path(config.data.wavs)).items():
        write_mel(mel_path(folder, id_), mel_of_recording(path, spectrogram))
    write_recipe(folder, input_recipe(config))


def the_one(found: list[Finding]) -> Finding:
    (finding,) = found
    return finding


def test_a_vocoder_of_its_own_mels_has_no_findings(config: VocoderConfig) -> None:
    assert mel_findings(config) == []
    assert mel_findings(small_config("data.mels=null")) == []


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda mel: mel / np.log(10), "log10"),
        (lambda mel: 20 / np.log(10) * mel, "dB"),
        (lambda mel: 2 * mel, "power"),
        (lambda mel: mel[:, : mel.shape[1] // 2], "frames, expected"),
        (lambda mel: mel[:, ::-1].copy(), "recording"),
        (lambda mel: np.exp(mel), "magnitude"),
    ],
)
def test_mels_of_another_kind_are_told_with_what_they_look_like(
    config: VocoderConfig, change, told: str
) -> None:
    for path in Path(config.data.mels).glob("*.npy"):
        np.save(path, change(np.load(path)).astype(np.float32))
    found = the_one(mel_findings(config))
    assert (found.kind, found.n_cases) == ("mel_mismatch", N)
    assert told in found.cases[0].detail and found.cases[0].path.endswith(".flac")


def test_one_mel_of_another_recording_is_found(config: VocoderConfig) -> None:
    paths = sorted(Path(config.data.mels).glob("*.npy"))
    shutil.copy(paths[1], paths[0])
    found = the_one(mel_findings(config))
    assert [case.id for case in found.cases] == [paths[0].stem] and found.title.startswith("1 of 6")


def test_a_recipe_that_is_another_is_told(config: VocoderConfig, tmp_path: Path) -> None:
    other = small_config(
        f"data.wavs={config.data.wavs}", f"data.mels={config.data.mels}", "audio.f_max=3000"
    )
    found = the_one(mel_findings(other))
    assert found.kind == "mel_recipe" and "f_max 4000.0 here and 3000.0 there" in found.why
    (Path(config.data.mels) / "mel_recipe.json").unlink()
    assert "--declare_recipe" in the_one(mel_findings(config)).why


def test_a_mel_without_a_recording_is_told(config: VocoderConfig) -> None:
    path = next(Path(config.data.wavs).iterdir())
    path.unlink()
    assert the_one(mel_findings(config)).kind == "mel_alone"


def test_configs_and_runs_of_vocoders_are_examined(config: VocoderConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    path = run / "config.json"
    path.write_text(json.dumps(config_to_dict(config)), encoding="utf-8")
    (run / "log.txt").write_text("")
    assert examine_config(path).findings == examine_run(run).findings == []
    for mel in Path(config.data.mels).glob("*.npy"):
        np.save(mel, np.load(mel) / np.float32(np.log(10)))
    for found in (examine_config(path), examine_run(run)):
        assert [finding.kind for finding in found.findings] == ["mel_mismatch"]
