"""Mels that are not of a vocoder's config or not of their recordings are found, good ones pass."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy.ndimage import gaussian_filter

from hifigan.corpus.finder import list_recordings
from hifigan.json_config import config_to_dict
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import input_recipe
from hifigan.mels_on_disk import mel_of_recording, mel_path, write_mel, write_recipe
from hifigan.vocoder_config import VocoderConfig
from tests.small_vocoder import small_config
from vits.doctor.config_file import examine_config
from vits.doctor.findings import ERROR, WARNING, Finding
from vits.doctor.mel_checks import mel_findings, rate_findings
from vits.doctor.mel_search import recipe_of_mels
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
    write_by(Spectrogram(config.audio, config.mel.magnitude_floor), config)
    write_recipe(tmp_path / "mels", input_recipe(config))
    return config


def write_by(spectrogram: Spectrogram, config: VocoderConfig) -> None:
    """Mels of the config's recordings in its folder of mels, which may be of another recipe."""
    for id_, path in list_recordings(Path(config.data.wavs)).items():
        write_mel(mel_path(Path(config.data.mels), id_), mel_of_recording(path, spectrogram))


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
    untold = the_one(mel_findings(config))
    assert untold.kind == "mel_recipe" and "those of this config's recipe" in untold.why
    assert untold.fix.startswith("declare the recipe: python") and "--declare_recipe" in untold.fix


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


@pytest.mark.parametrize(
    "changes, fix",
    [
        ({"f_min": 50}, "set audio.f_min to 50 in the config"),
        (
            {"n_fft": 256, "win_length": 256},
            "set audio.n_fft to 256 and audio.win_length to 256 in the config",
        ),
        (
            {"n_fft": 256, "win_length": 256, "hop_length": 128},
            "set audio.n_fft to 256, audio.hop_length to 128, audio.win_length to 256 and "
            "generator.upsample_rates to numbers whose product is 128 in the config",
        ),
        (
            {"sample_rate": 16000, "n_fft": 512, "win_length": 400, "hop_length": 200},
            "set audio.sample_rate to 16000, audio.n_fft to 512, audio.hop_length to 200, "
            "audio.win_length to 400 and generator.upsample_rates",
        ),
    ],
)
def test_the_recipe_that_mels_were_made_by_is_told_key_by_key(
    config: VocoderConfig, changes: dict[str, int], fix: str
) -> None:
    write_by(Spectrogram(replace(config.audio, **changes)), config)
    recipe = Path(config.data.mels) / "mel_recipe.json"
    found = the_one(mel_findings(config))
    assert found.kind == "mel_mismatch" and fix in found.fix, found.fix
    assert f"delete {recipe}" in found.fix
    recipe.unlink()
    found = the_one(mel_findings(config))
    assert found.kind == "mel_recipe" and fix in found.fix and "delete" not in found.fix


@pytest.mark.parametrize("equal_height", [False, True])
def test_mels_on_the_scale_of_htk_are_told(config: VocoderConfig, equal_height: bool) -> None:
    audio = config.audio
    edges = 700 * (10 ** (np.linspace(0, np.log10(1 + 4000 / 700), audio.n_mels + 2)) - 1)
    hz = np.arange(audio.n_bins) * audio.sample_rate / audio.n_fft
    filters = np.array([np.interp(hz, edges[i : i + 3], (0, 1, 0)) for i in range(audio.n_mels)])
    if not equal_height:
        filters *= 2 / (edges[2:] - edges[:-2])[:, None]
    spectrogram = Spectrogram(audio, config.mel.magnitude_floor)
    spectrogram.filterbank.copy_(torch.from_numpy(filters))
    write_by(spectrogram, config)
    found = the_one(mel_findings(config))
    assert "mel scale HTK's" in found.why and found.fix.startswith("make the mels anew")
    assert ("equal height" in found.why) == equal_height
    assert (found.severity, found.n_cases) == ((ERROR, N) if equal_height else (WARNING, 0))


def test_a_recipe_that_hardly_differs_is_not_told(config: VocoderConfig) -> None:
    write_by(Spectrogram(replace(config.audio, n_fft=256), 1e-6), config)
    assert mel_findings(config) == []


def test_a_logarithm_is_mended_by_a_factor(config: VocoderConfig) -> None:
    for path in Path(config.data.mels).glob("*.npy"):
        np.save(path, np.load(path) / np.float32(np.log(10)))
    assert the_one(mel_findings(config)).fix == "multiply the mels by 2.30259"


def test_mels_that_a_model_predicted_are_left_in_peace(config: VocoderConfig) -> None:
    draw = np.random.default_rng(0)
    for path in Path(config.data.mels).glob("*.npy"):
        mel = gaussian_filter(np.load(path), (0.5, 1.5))
        np.save(path, mel + 0.2 * draw.standard_normal(mel.shape).astype(np.float32))
    assert mel_findings(config) == []
    (Path(config.data.mels) / "mel_recipe.json").unlink()
    assert "if it was by this config, declare it" in the_one(mel_findings(config)).fix


def test_recordings_of_a_lower_rate_than_the_run_are_told(config: VocoderConfig) -> None:
    paths = sorted(Path(config.data.wavs).iterdir())
    assert (
        rate_findings(paths, 22050) == rate_findings(paths, 8000) == rate_findings([], 8000) == []
    )
    path = paths[0].with_suffix(".wav")
    soundfile.write(path, np.zeros(1600), 16000)
    (found,) = rate_findings([path, *paths, Path("gone.wav")], 22050)
    assert found.title == f"1 of {N + 1} recordings has a lower rate than the run"
    assert (found.cases[0].path, found.cases[0].detail) == (str(path), "16000 Hz")
    assert "set audio.sample_rate to 16000" in found.fix and "above 8000 Hz" in found.why


def test_a_vocoders_run_is_told_of_recordings_of_a_lower_rate(
    config: VocoderConfig, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    values = config_to_dict(config)
    values["data"]["mels"], values["audio"]["sample_rate"] = None, 44100
    (tmp_path / "run/config.json").write_text(json.dumps(values), encoding="utf-8")
    assert [finding.kind for finding in examine_run(tmp_path / "run").findings] == ["other_rate"]
    shutil.rmtree(tmp_path / "wavs")
    assert examine_run(tmp_path / "run").findings == []


@pytest.mark.parametrize("n_samples", [64, 200, 3000])
def test_short_and_silent_recordings_have_no_recipe_to_be_found(
    config: VocoderConfig, n_samples: int
) -> None:
    for id_, path in list_recordings(Path(config.data.wavs)).items():
        path.unlink()
        soundfile.write(path.with_suffix(".wav"), np.zeros(n_samples), config.audio.sample_rate)
        mel = torch.full((config.audio.n_mels, n_samples // 64), float(np.log(1e-5)))
        write_mel(mel_path(Path(config.data.mels), id_), mel)
    pairs = [
        (mel_path(Path(config.data.mels), id_), path)
        for id_, path in list_recordings(Path(config.data.wavs)).items()
    ]
    assert recipe_of_mels(pairs, input_recipe(config)) is None
    assert recipe_of_mels([], input_recipe(config)) is None


def test_mels_have_no_recipe_where_one_is_of_a_longer_recording(config: VocoderConfig) -> None:
    paths, recordings = Path(config.data.mels), list_recordings(Path(config.data.wavs))
    pairs = [(mel_path(paths, id_), path) for id_, path in recordings.items()]
    assert recipe_of_mels(pairs, input_recipe(config)) is not None
    for n_samples in (0, 100):
        soundfile.write(paths / "short.wav", np.zeros(n_samples), config.audio.sample_rate)
        short = [*pairs[:-1], (pairs[-1][0], paths / "short.wav")]
        assert recipe_of_mels(short, input_recipe(config)) is None
