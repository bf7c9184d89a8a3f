"""A training step never waits for the device, but to search the alignment.

Held without a GPU on torch's "meta" device, whose tensors have shapes and no values: whatever would
read a value off a GPU (item, bool, tolist, cpu, nonzero, a mask as an index) is an error there. The
batch stays on the CPU until the step moves it, as in training.
"""

import contextlib

import pytest
import torch
from torch import Tensor

import vits.training
from hifigan import training_state
from hifigan.distributed import Ranks
from hifigan.vocoder_training import VocoderTraining
from tests.one_step import make
from tests.vocoder_run import make_batch, make_training, vocoder_config, write_wavs
from vits import alignment
from vits.data import Batch
from vits.training import VitsTraining

ALLOWED = "the scores of the alignment search, which the compiled search takes on the host"


def allow_meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without autocast and fused optimizers, which CUDA has and the meta device has not."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(training_state, "step_unless", lambda blocked, optimizer: None)


@pytest.fixture
def on_meta(smallest, monkeypatch):
    """An experiment on the meta device, its batch, and what was read with leave."""
    experiment, batch = make(smallest("train.grad_clip=1", "train.ema_decay=0.9"), batch_size=2)
    read = []

    def search(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> Tensor:
        read.append(ALLOWED)
        assert scores.device == text_lengths.device == spec_lengths.device == torch.device("meta")
        return torch.empty(scores.shape[0], scores.shape[2], dtype=torch.int64, device="meta")

    monkeypatch.setattr(alignment, "search", search)
    allow_meta(monkeypatch)
    monkeypatch.setattr(vits.training, "random_state", lambda device: {})
    return VitsTraining(experiment.config, Ranks(0, 1, torch.device("meta")), [], []), batch, read


def test_a_step_reads_nothing_off_the_device_but_the_alignment_scores(
    on_meta: tuple[VitsTraining, Batch, list[str]],
) -> None:
    experiment, batch, read = on_meta
    assert all(x.device.type == "cpu" for x in (batch.wav, batch.tokens, batch.wav_lengths))
    losses = experiment.train_step(batch)
    assert read == [ALLOWED]
    assert all(loss.device.type == "meta" and loss.shape == () for loss in losses.values())


def test_a_vocoders_step_reads_nothing_off_the_device(tmp_path, monkeypatch) -> None:
    settings = ("train.grad_clip=1", "train.ema_decay=0.9")
    config = vocoder_config(f"data.wavs={write_wavs(tmp_path / 'wavs')}", *settings)
    _, clips = make_training(config)
    allow_meta(monkeypatch)
    experiment = VocoderTraining(config, Ranks(0, 1, torch.device("meta")), [], [])
    batch = make_batch(config, clips)
    assert batch.around.device.type == "cpu"
    losses = experiment.train_step(batch)
    assert all(loss.device.type == "meta" and loss.shape == () for loss in losses.values())


@pytest.mark.parametrize("sync", [float, bool, Tensor.cpu, Tensor.tolist, Tensor.nonzero])
def test_anything_else_would_be_caught(on_meta, monkeypatch, sync) -> None:
    experiment, batch, _ = on_meta
    mel_loss = vits.training.mel_loss

    def reading(mel: Tensor, mel_hat: Tensor) -> Tensor:
        loss = mel_loss(mel, mel_hat)
        sync(loss.detach())
        return loss

    monkeypatch.setattr(vits.training, "mel_loss", reading)
    with pytest.raises((RuntimeError, NotImplementedError)):
        experiment.train_step(batch)
