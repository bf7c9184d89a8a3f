"""A vocoder whose generator ends in an inverse STFT of bands: it trains, speaks and is exported."""

from pathlib import Path

import torch

import hifigan
from hifigan import export_onnx
from hifigan.checkpoint import read_checkpoint
from hifigan.exchange.official import write_official
from tests.small_run import call  # noqa: F401 (a fixture)
from tests.small_vocoder import refusal, small_config, speech_mel, write_vocoder
from tests.vocoder_run import make_batch, make_training, vocoder_config, write_wavs

HEAD = (
    "generator.upsample_rates=[2, 2]",
    "generator.upsample_kernel_sizes=[4, 4]",
    'generator.inverse_stft={"n_fft": 16, "hop_length": 4, "n_bands": 4, "n_taps": 32}',
)


def test_its_mel_loss_falls_on_one_repeated_batch(tmp_path, one_thread) -> None:
    wavs = write_wavs(tmp_path / "wavs")
    config = vocoder_config(f"data.wavs={wavs}", "train.lr=0.004", *HEAD)
    experiment, clips = make_training(config)
    batch = make_batch(config, clips)
    losses = [float(experiment.train_step(batch)["mel"]) for _ in range(60)]
    assert losses[-1] < 0.8 * losses[0]


def test_in_pieces_it_makes_the_same_waveform(tmp_path: Path) -> None:
    vocoder = hifigan.load(write_vocoder(tmp_path / "vocoder.pt", small_config(*HEAD)))
    mel = speech_mel(90)
    whole = vocoder.vocode(mel)
    pieces = torch.cat(list(vocoder.stream(mel)))
    assert whole.shape == (90 * 64,)
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-5)


def test_its_onnx_file_makes_the_same_waveform(tmp_path, call) -> None:  # noqa: F811
    path = write_vocoder(tmp_path / "vocoder.pt", small_config(*HEAD))
    code, err = call(tmp_path, export_onnx.main, path, "--out_path", "vocoder.onnx")
    assert code == 0, err
    mel = speech_mel(50)
    expected = hifigan.load(path).vocode(mel)
    found = hifigan.load(tmp_path / "vocoder.onnx").vocode(mel)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_the_originals_format_has_no_place_for_it(tmp_path: Path) -> None:
    config = small_config(*HEAD)
    state = read_checkpoint(write_vocoder(tmp_path / "vocoder.pt", config))
    message = refusal(write_official, tmp_path / "official", state, config)
    assert "generator.inverse_stft" in message and "hifigan.export_onnx" in message
    assert not (tmp_path / "official").exists()
