"""A short test of each part of the model with made-up input: does it run here, and is it sound?

Every test is a function of a device that returns nothing, or raises. The parts are small, so that
all of them together take a second or so.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hifigan.config import AudioConfig, DiscriminatorConfig, GeneratorConfig
from hifigan.discriminators import vits_discriminators
from hifigan.generator import Generator
from hifigan.losses import mel_loss
from hifigan.mel import Spectrogram
from vits import alignment
from vits.alignment import reference
from vits.config import (
    DurationPredictorConfig,
    FlowConfig,
    ModelConfig,
    TextEncoderConfig,
    WaveNetConfig,
)
from vits.duration_predictor import DurationPredictor
from vits.flow import Flow
from vits.model import VitsModel
from vits.posterior_encoder import PosteriorEncoder
from vits.stochastic_duration_predictor import StochasticDurationPredictor
from vits.text_encoder import TextEncoder

AUDIO = AudioConfig(8000, 64, 16, 64, 10, 0.0, None)
WAVENET = WaveNetConfig(8, 2, 3)
TEXT_ENCODER = TextEncoderConfig(16, 2, 1, 3, 0.0, 2, hidden_channels=8)
FLOW = FlowConfig(2, WAVENET)
DECODER = GeneratorConfig((4, 4), (8, 8), 8, "1", (3,), ((1, 2),))
DISCRIMINATOR = DiscriminatorConfig((2, 3), (4, 8), ((4, 15, 1, 1), (4, 5, 1, 1)))
N_SYMBOLS, N_TEXT, N_SPEC, CHANNELS = 10, 7, 40, 4


@dataclass(frozen=True)
class Outcome:
    part: str
    device: str
    fault: str  # "": it passed
    seconds: float


def run_self_tests(devices: tuple[str, ...]) -> list[Outcome]:
    """Every part on every device. A fault of any kind becomes an outcome, not an exception."""
    return [_run(name, test, device) for device in devices for name, test in TESTS.items()]


def _run(name: str, test: Callable[[torch.device], None], device: str) -> Outcome:
    start = time.perf_counter()
    fault = ""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            test(torch.device(device))
        except Exception as error:  # what can be wrong with an installation is not foreseeable
            fault = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return Outcome(name, device, fault, time.perf_counter() - start)


def _require(holds: bool | Tensor, what: str) -> None:
    if not bool(holds):
        raise ArithmeticError(what)


def _forward_and_backward(part: nn.Module, output: Tensor, shape: tuple[int, ...]) -> None:
    """The output has its shape, and all that it and its gradients hold is finite."""
    _require(tuple(output.shape) == shape, f"found the shape {list(output.shape)}, not {shape}")
    _require(output.isfinite().all(), "the output is not finite")
    output.float().square().sum().backward()
    gradients = [p.grad for p in part.parameters() if p.grad is not None]
    _require(len(gradients) > 0, "no weight has a gradient")
    _require(all(bool(g.isfinite().all()) for g in gradients), "a gradient is not finite")


def _states(device: torch.device) -> tuple[Tensor, Tensor]:
    """Latents [1, CHANNELS, N_SPEC] and their mask."""
    return torch.randn(1, CHANNELS, N_SPEC, device=device), torch.ones(1, 1, N_SPEC, device=device)


def _text(device: torch.device) -> tuple[Tensor, Tensor]:
    tokens = torch.randint(N_SYMBOLS, (1, N_TEXT), device=device)
    return tokens, torch.tensor([N_TEXT], device=device)


def _try_fft(device: torch.device) -> None:
    wav = torch.randn(64, device=device)
    found = torch.fft.rfft(wav).abs().cpu().numpy()
    expected = np.abs(np.fft.rfft(wav.cpu().numpy()))
    _require(bool(np.allclose(found, expected, atol=1e-3)), "torch's FFT differs from numpy's")


def _try_spectrogram(device: torch.device) -> None:
    spectrogram = Spectrogram(AUDIO).to(device)
    wav = torch.randn(1, 1, 16 * N_SPEC, device=device, requires_grad=True)
    mel = spectrogram.mel(spectrogram.magnitudes(wav))
    mel_loss(torch.zeros_like(mel), mel).backward()
    _require(wav.grad.isfinite().all(), "a gradient is not finite")


def _try_text_encoder(device: torch.device) -> None:
    encoder = TextEncoder(N_SYMBOLS, CHANNELS, TEXT_ENCODER, 0).to(device)
    _forward_and_backward(encoder, encoder(*_text(device)).m_p, (1, CHANNELS, N_TEXT))


def _try_posterior_encoder(device: torch.device) -> None:
    encoder = PosteriorEncoder(AUDIO.n_bins, CHANNELS, WAVENET, 0).to(device)
    noise, mask = _states(device)
    spec = torch.rand(1, AUDIO.n_bins, N_SPEC, device=device)
    _forward_and_backward(encoder, encoder(spec, mask, noise, None).z, (1, CHANNELS, N_SPEC))


def _try_flow(device: torch.device) -> None:
    flow = Flow(CHANNELS, FLOW).to(device)
    z, mask = _states(device)
    z_p = flow(z, mask)
    with torch.no_grad():
        gap = (flow.inverse(z_p, mask) - z).abs().max()
    _require(gap < 1e-2, f"there and back leaves a gap of {float(gap):.2g}")
    _forward_and_backward(flow, z_p, (1, CHANNELS, N_SPEC))


def _try_duration_predictor(device: torch.device) -> None:
    _predict(DurationPredictor, "deterministic", device)


def _try_stochastic_duration_predictor(device: torch.device) -> None:
    _predict(StochasticDurationPredictor, "stochastic", device)


def _predict(kind: type[nn.Module], name: str, device: torch.device) -> None:
    predictor = kind(8, DurationPredictorConfig(name, 8, 3, 0.0, 2), 0).to(device)
    hidden = torch.randn(1, 8, N_TEXT, device=device)
    mask = torch.ones(1, 1, N_TEXT, device=device)
    durations = torch.full((1, 1, N_TEXT), 3.0, device=device)
    losses = predictor(hidden, mask, durations, torch.randn(1, 2, N_TEXT, device=device), None)
    _forward_and_backward(predictor, losses, (1,))


def _try_decoder(device: torch.device) -> None:
    decoder = Generator(CHANNELS, DECODER).to(device)
    _forward_and_backward(decoder, decoder(_states(device)[0]), (1, 1, 16 * N_SPEC))


def _try_discriminators(device: torch.device) -> None:
    discriminators = vits_discriminators(DISCRIMINATOR).to(device)
    wav = torch.randn(2, 1, 16 * N_SPEC, device=device)
    scores = torch.stack([judged.scores.mean() for judged in discriminators(wav)])
    _forward_and_backward(discriminators, scores, (3,))


def _try_alignment(device: torch.device) -> None:
    scores = torch.randn(2, N_SPEC, N_TEXT, device=device)
    lengths = torch.tensor([N_TEXT, 5]), torch.tensor([N_SPEC, 20])
    found = alignment.search(scores, *(n.to(device) for n in lengths)).cpu()
    expected = reference.search(scores.cpu(), *lengths)
    _require(torch.equal(found, expected), "the durations differ from the reference's")


def _try_whole_model(device: torch.device) -> None:
    predictor = DurationPredictorConfig("stochastic", 8, 3, 0.0, 2)
    config = ModelConfig(CHANNELS, 4, TEXT_ENCODER, WAVENET, FLOW, predictor, DECODER)
    model = VitsModel(config, N_SYMBOLS, 2, AUDIO.n_bins, 8).to(device)
    speaker = torch.tensor([1], device=device)
    spec = torch.rand(1, AUDIO.n_bins, N_SPEC, device=device)
    output = model(*_text(device), spec, torch.tensor([N_SPEC], device=device), speaker)
    _forward_and_backward(model, output.wav_hat, (1, 1, 16 * 8))
    spoken = model.synthesize(*_text(device), speaker).wav_hat
    _require(spoken.isfinite().all() and spoken.shape[2] > 0, "what it speaks is not finite")


TESTS: dict[str, Callable[[torch.device], None]] = {
    "FFT": _try_fft,
    "spectrogram and mel loss": _try_spectrogram,
    "text encoder": _try_text_encoder,
    "posterior encoder": _try_posterior_encoder,
    "flow, there and back": _try_flow,
    "duration predictor": _try_duration_predictor,
    "stochastic duration predictor": _try_stochastic_duration_predictor,
    "decoder": _try_decoder,
    "discriminators": _try_discriminators,
    "alignment search": _try_alignment,
    "whole model, training and speech": _try_whole_model,
}
