"""The decoder that ends early in an inverse STFT of bands: configs/fast.json."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hifigan.config import InverseStftConfig
from hifigan.filter_bank import filters
from hifigan.generator import Generator
from hifigan.inverse_stft import InverseStftHead, inverse_stft_rows
from hifigan.json_config import read_config
from hifigan.streaming import in_chunks, needed_context
from hifigan.subband_loss import SubbandLoss
from hifigan.vocoding.onnx_graph import INPUT, generator_graph
from tests.tiny_model import TINY_DECODER
from vits.config import VitsConfig
from vits.model import make_model

FAST, BASE = (
    Path(__file__).parent.parent / "configs" / f"{name}.json" for name in ("fast", "base")
)
HEAD = InverseStftConfig(n_fft=16, hop_length=4, n_bands=4, n_taps=64)
SMALL = dataclasses.replace(
    TINY_DECODER, upsample_rates=(4, 2), upsample_kernel_sizes=(8, 5), inverse_stft=HEAD
)


def through(bands: Tensor, n_bands: int, n_taps: int) -> Tensor:
    padding = (n_taps - n_bands) // 2
    splitting, joining = filters(n_bands, n_taps)
    split = F.conv1d(bands, splitting, stride=n_bands, padding=padding)
    return F.conv_transpose1d(split, joining, stride=n_bands, padding=padding)


@pytest.mark.parametrize("n_bands, n_taps, decibels", [(2, 32, 55), (4, 64, 60), (8, 128, 55)])
def test_a_waveform_split_into_bands_and_joined_is_itself(n_bands, n_taps, decibels) -> None:
    wav = torch.randn(2, 1, 4096, generator=torch.Generator().manual_seed(0))
    inside = slice(n_taps, -n_taps)
    error = (through(wav, n_bands, n_taps) - wav)[..., inside]
    assert 10 * torch.log10(wav[..., inside].square().sum() / error.square().sum()) > decibels


def test_a_tone_comes_out_in_its_band() -> None:
    splitting, _ = filters(4, 64)
    for band in range(4):
        frequency = (band + 0.5) / 8  # of the sample rate
        tone = torch.sin(2 * torch.pi * frequency * torch.arange(4096.0))[None, None]
        power = F.conv1d(tone, splitting, stride=4, padding=30)[0, :, 20:-20].square().mean(1)
        assert power.argmax() == band and power[band] > 1e4 * (power.sum() - power[band])


@pytest.mark.parametrize("n_fft, hop_length", [(16, 4), (32, 4), (64, 16)])
def test_the_inverse_stft_is_torchs(n_fft: int, hop_length: int) -> None:
    draw = torch.Generator().manual_seed(0)
    spec = torch.randn(3, n_fft // 2 + 1, 40, 2, generator=draw)
    spec[:, [0, -1], :, 1] = 0  # a real signal has no imaginary part there
    config = InverseStftConfig(n_fft, hop_length, 4, 64)
    parts = torch.cat([spec[..., 0], spec[..., 1]], dim=1)
    found = F.conv_transpose1d(parts, inverse_stft_rows(config), stride=hop_length)[:, 0]
    window = torch.hann_window(n_fft)
    expected = torch.istft(torch.view_as_complex(spec), n_fft, hop_length, window=window)
    n = expected.shape[1]
    found = found[:, n_fft // 2 : n_fft // 2 + n]
    torch.testing.assert_close(found[:, n_fft:-n_fft], expected[:, n_fft:-n_fft])


def test_the_head_makes_as_many_samples_as_the_config_says() -> None:
    head = InverseStftHead(8, HEAD)
    bands = head.bands(torch.randn(2, 8, 11))
    assert bands.shape == (2, 4, 44) and head.join(bands).shape == (2, 1, 176)
    wav = Generator(6, SMALL, weight_norm_ends=False)(torch.randn(2, 6, 5))
    assert SMALL.hop_length == 128 and wav.shape == (2, 1, 5 * 128)


def test_extreme_inputs_stay_finite() -> None:
    head = InverseStftHead(8, HEAD)
    wav = head.join(head.bands(1e4 * torch.randn(1, 8, 50)))
    assert wav.isfinite().all()
    wav.sum().backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_every_weight_learns() -> None:
    generator = Generator(6, SMALL, weight_norm_ends=False)
    wav, bands = generator(torch.randn(2, 6, 9), with_bands=True)
    loss = SubbandLoss(HEAD)(0.1 * torch.randn_like(wav), bands) + wav.square().mean()
    loss.backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_chunks_are_the_whole_with_the_context_that_is_said_and_not_with_less() -> None:
    torch.manual_seed(0)
    generator = Generator(6, SMALL, weight_norm_ends=False)
    with torch.no_grad():  # so that each of a filter's taps counts
        for parameter in generator.parameters():
            parameter.copy_(torch.randn_like(parameter))
        generator.head.waves.copy_(torch.randn_like(generator.head.waves))
        frames, context = torch.randn(1, 6, 90), needed_context(SMALL)
        whole = generator(frames)
        for less, fits in ((0, True), (2, False)):  # of the outermost frame little arrives
            pieces = torch.cat(list(in_chunks(generator, frames, 7, context - less)), dim=2)
            assert ((pieces - whole).abs().max() < 1e-5 * whole.abs().max()) == fits


def test_the_subband_loss_is_none_for_a_recordings_own_bands_and_of_each_item_alone() -> None:
    loss = SubbandLoss(HEAD)
    wavs = 0.1 * torch.randn(3, 1, 4096, generator=torch.Generator().manual_seed(0))
    bands = loss.split(wavs)
    assert loss(wavs, bands) == 0
    other = bands * 0.7
    each = [loss(wavs[i : i + 1], other[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(loss(wavs, other), sum(each) / 3)
    assert loss(wavs, other) > 0.2


def test_fast_json_is_base_json_with_a_light_decoder() -> None:
    fast, base = (read_config(VitsConfig, path) for path in (FAST, BASE))
    assert dataclasses.replace(fast.train) == base.train and fast.audio == base.audio
    assert fast.model.flow == base.model.flow and fast.model.text_encoder == base.model.text_encoder
    model = make_model(fast)
    n_spoken = sum(p.numel() for p in model.parameters()) - sum(
        p.numel() for p in model.posterior_encoder.parameters()
    )
    assert n_spoken == 17_271_697  # 35 MB in half precision


def test_onnxruntime_makes_the_same_samples() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    generator = Generator(6, SMALL)
    model = generator_graph(generator, {}).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for shape in ((1, 6, 9), (3, 6, 20)):
        frames = torch.randn(shape)
        (found,) = session.run(None, {INPUT: frames.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), generator(frames), rtol=1e-4, atol=1e-6)
