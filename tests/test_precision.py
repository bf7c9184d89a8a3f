"""Mixed precision: every part forward and backward in every mode, and float32 where it must be."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from hifigan import precision
from hifigan.config import DiscriminatorConfig
from hifigan.discriminators import Judgement, ScaleDiscriminator, vits_discriminators
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from hifigan.precision import autocast_dtype
from tests.one_step import NORMS, make, step
from tests.precision_modes import Mode, Operations, modes
from tests.tiny_model import TINY_AUDIO, tiny_batch, tiny_model
from vits.data import Batch
from vits.losses import duration_loss, kl_loss
from vits.passes import TrainingOutput
from vits.posterior_encoder import Posterior
from vits.spline import _knots, spline
from vits.stochastic_duration_predictor import StochasticDurationPredictor
from vits.text_encoder import length_mask
from vits.text_on_frames import alignment_scores

pytestmark = pytest.mark.usefixtures("one_thread")
BOUND, N_BINS = 5.0, 10
B, C, T_SPEC, T_TEXT = 2, 8, 21, 7
SCALE_LAYERS = ((4, 15, 1, 1), (8, 21, 4, 4))
NETWORKS = (
    "text encoder",
    "posterior encoder",
    "flow",
    "stochastic duration predictor",
    "deterministic duration predictor",
    "decoder",
    "discriminators of VITS",
    "spectral-normed discriminator",
)


def network(name: str, device: str) -> tuple[nn.Module, Callable[[], Sequence[Tensor]]]:
    """A part with weights, and a function that gives all it computes."""
    kind = "deterministic" if name.startswith("deterministic") else "stochastic"
    model = tiny_model(n_speakers=2, kind=kind).to(device)
    draw = torch.Generator().manual_seed(3)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw).to(device)

    batch = {key: value.to(device) for key, value in tiny_batch(n_speakers=2).items()}
    x_mask = length_mask(batch["token_lengths"], T_TEXT)
    mask, z, wav = length_mask(batch["spec_lengths"], T_SPEC), noise(B, C, T_SPEC), noise(B, 1, 512)
    hidden, speaker, drawn = noise(B, 16, T_TEXT), noise(B, 6, 1), noise(B, 2, T_TEXT)
    if name == "text encoder":
        return model.text_encoder, lambda: states_of(
            model.text_encoder(batch["tokens"], batch["token_lengths"])
        )
    if name == "posterior encoder":
        return model.posterior_encoder, lambda: states_of(
            model.posterior_encoder(batch["spec"], mask, z, speaker)
        )
    if name == "flow":
        return model.flow, lambda: [
            model.flow(z, mask, speaker),
            model.flow.inverse(z, mask, speaker),
        ]
    if name.endswith("duration predictor"):
        predictor = model.duration_predictor
        return predictor, lambda: [
            predictor(hidden, x_mask, 3 * x_mask, drawn, speaker),
            predictor.sample(hidden, x_mask, drawn, speaker).float(),
        ]
    if name == "decoder":
        return model.decoder, lambda: [model.decoder(z, speaker)]
    torch.manual_seed(0)
    if name == "discriminators of VITS":
        judges = vits_discriminators(DiscriminatorConfig((2, 3), (4, 8), SCALE_LAYERS)).to(device)
        return judges, lambda: [m.float() for j in judges(wav) for m in j.feature_maps]
    judge = ScaleDiscriminator(SCALE_LAYERS, spectral_norm=True).to(device).eval()
    return judge, lambda: [m.float() for m in judge(wav).feature_maps]


def states_of(result: object) -> list[Tensor]:
    return [value for value in vars(result).values() if value.requires_grad]


@modes("float32", "bf16", "fp16")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_runs_forward_and_backward_and_hands_on_float32(
    mode: Mode, name: str
) -> None:
    module, compute = network(name, mode.device)
    with mode.autocast():
        results = compute()
    assert all(result.dtype == torch.float32 and result.isfinite().all() for result in results)
    sum(result.square().mean() for result in results).backward()
    for key, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.dtype == torch.float32, key
        assert parameter.grad.isfinite().all(), key
    expected = compute()
    for found, exact in zip(results, expected):
        deviation = (found - exact).norm() / exact.norm()
        assert deviation < (0.05 if mode.half else 1e-6), f"{name}: off by {deviation:.3f}"


@modes("bf16", "fp16")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_large_networks_compute_in_half_precision_and_the_duration_flow_does_not(
    mode: Mode, name: str
) -> None:
    module, compute = network(name, mode.device)
    with mode.autocast(), Operations() as operations:
        compute()
    stays = isinstance(module, StochasticDurationPredictor)
    assert ("convolution" in operations.in_half) != stays
    assert not stays or not operations.in_half
    # What is exponentiated or squared is taken to float32 first; softmax is bounded.
    assert not operations.in_half & {"exp", "log", "log_sigmoid_forward", "softplus", "pow"}


def functions(mode: Mode) -> dict[str, tuple[Callable[..., Tensor], list[Tensor]]]:
    """What has no weights and must be float32, with the inputs that gradients go to."""
    draw = torch.Generator().manual_seed(4)

    def given(*shape: int) -> Tensor:
        x = 0.3 * torch.randn(*shape, generator=draw)
        return x.to(mode.device, mode.half or torch.float32).requires_grad_()

    spectrogram = Spectrogram(TINY_AUDIO).to(mode.device)
    mask = torch.ones(B, 1, T_SPEC, device=mode.device)
    lengths = torch.tensor([320, 200], device=mode.device)

    def judgements(*maps: Tensor) -> list[Judgement]:
        return [Judgement(x.flatten(1), [x]) for x in maps]

    def output(*states: Tensor) -> TrainingOutput:
        z_p, m_p, logs_p, logs_q, losses = states
        posterior = Posterior(z_p, m_p, logs_q)
        return TrainingOutput(z_p, mask, mask, losses, posterior, z_p, m_p, logs_p, mask)

    latents = [given(B, C, T_SPEC) for _ in range(4)]
    texts = [given(B, C, T_TEXT) for _ in range(2)]
    shape = [given(B, 5, N_BINS), given(B, 5, N_BINS), given(B, 5, N_BINS - 1)]
    return {
        "spectrogram": (spectrogram.magnitudes, [given(B, 1, 320)]),
        "padded spectrogram": (lambda x: spectrogram.magnitudes(x, lengths), [given(B, 1, 320)]),
        "mel": (lambda x: spectrogram.mel(x.abs()), [given(B, 33, T_SPEC)]),
        "spline": (lambda *x: sum(spline(*x, BOUND)), [given(B, 5), *shape]),
        "inverse spline": (lambda *x: sum(spline(*x, BOUND, True)), [given(B, 5), *shape]),
        "alignment scores": (alignment_scores, [latents[0], *texts]),
        "kl": (lambda *x: kl_loss(output(*x, x[0]), 34), latents),
        "duration loss": (lambda x: duration_loss(output(x, x, x, x, x), 11), [given(B)]),
        "mel loss": (mel_loss, [given(B, 10, 5), given(B, 10, 5)]),
        "adversarial": (lambda x: adversarial_loss(judgements(x)), [given(B, 4, 9)]),
        "discriminator": (
            lambda x, y: discriminator_loss(judgements(x), judgements(y)),
            [given(B, 4, 9), given(B, 4, 9)],
        ),
        "feature matching": (
            lambda x, y: feature_matching_loss(judgements(x), judgements(y)),
            [given(B, 4, 9), given(B, 4, 9)],
        ),
    }


@modes("float32", "bf16", "fp16")
@pytest.mark.parametrize("name", functions(Mode("cpu", "float32")))
def test_spectrograms_spline_kl_scores_and_losses_compute_in_float32_alone(
    mode: Mode, name: str
) -> None:
    compute, inputs = functions(mode)[name]
    with mode.autocast(), Operations() as operations:
        result = compute(*inputs)
    assert not operations.in_half - {"abs", "view", "squeeze", "split", "slice"}
    assert result.dtype == torch.float32 and result.isfinite().all()
    assert torch.equal(result, compute(*(x.detach().float() for x in inputs)))
    gradients = torch.autograd.grad(result.sum(), inputs, allow_unused=True)
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)
    assert any(gradient is not None and gradient.any() for gradient in gradients)


@modes("float32", "bf16", "fp16")
def test_a_hundred_thousand_splines_are_finite_and_undone_by_their_inverses(mode: Mode) -> None:
    """Knots and what lies next to them, both ends, and beyond, among random numbers."""
    n = 100_000
    draw = torch.Generator().manual_seed(5)
    scale = torch.rand(n, 1, generator=draw) * 4
    shape = [scale * torch.randn(n, k, generator=draw) for k in (N_BINS, N_BINS, N_BINS - 1)]
    x = torch.empty(n).uniform_(-6, 6, generator=draw)
    knots = _knots(shape[0], BOUND)[0].gather(1, torch.arange(n).unsqueeze(1) % (N_BINS + 1))[:, 0]
    nearby = torch.nextafter(knots, torch.tensor(float("inf")))
    x = torch.where(torch.arange(n) % 4 == 0, knots, x)
    x = torch.where(torch.arange(n) % 4 == 1, nearby, x)
    x, *shape = (t.to(mode.device).requires_grad_() for t in (x, *shape))
    with mode.autocast():
        y, log_slope = spline(x, *shape, BOUND)
        back, log_slope_back = spline(y, *shape, BOUND, inverse=True)
        again, _ = spline(back, *shape, BOUND)
    for values in (y, log_slope, back, log_slope_back):
        assert values.dtype == torch.float32 and values.isfinite().all()
    # Where a spline is flat, rounding in y moves x a lot, and where it is steep, the other way.
    assert torch.minimum((back - x).abs(), (again - y).abs()).max() < 1e-3
    total = y.sum() + log_slope.sum() + back.sum() + log_slope_back.sum()
    for gradient in torch.autograd.grad(total, [x, *shape]):
        assert gradient.isfinite().all()


def test_true_means_bf16_where_the_device_has_it_and_what_is_fast_elsewhere(
    smallest, monkeypatch
) -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    config = smallest("train.mixed_precision=true").train
    for has_bf16, expected in ((True, torch.bfloat16), (False, None)):
        monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: has_bf16)
        assert autocast_dtype(config, cpu) == expected
    for has_bf16, expected in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
        assert autocast_dtype(config, cuda) == expected
    assert autocast_dtype(smallest("train.mixed_precision=false").train, cuda) is None
    assert autocast_dtype(smallest("train.mixed_precision=fp16").train, cpu) == torch.float16


@modes("float32", "bf16", "fp16")
def test_a_step_has_float32_losses_near_those_of_full_precision(smallest, mode: Mode) -> None:
    plain, batch = make(smallest("train.mixed_precision=false"), mode.device)
    mixed, _ = make(smallest(mode.setting), mode.device)
    assert mixed.dtype == mode.half and mixed.state.scaler.is_enabled() == (mode.name == "fp16")
    for found, expected in zip(mixed.validate().losses, plain.validate().losses, strict=True):
        assert found == pytest.approx(expected, rel=0.1)
    expected, found = step(plain, batch), step(mixed, batch)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.dtype == torch.float32, name
        if name not in NORMS:  # which may overflow at first in fp16
            assert float(value) == pytest.approx(float(expected[name]), rel=0.1), name
    for network_ in (mixed.state.generator, mixed.state.discriminator):
        assert all(p.dtype == torch.float32 and p.isfinite().all() for p in network_.parameters())


def odd_clips(n_samples: int) -> Tensor:
    """Silence, a constant, a single sample, a full-scale square wave: [4, 1, n_samples]."""
    wav = torch.zeros(4, 1, n_samples)
    wav[1], wav[2, :, n_samples // 2] = 0.5, 1.0
    wav[3] = torch.where(torch.arange(n_samples) // 40 % 2 == 0, 1.0, -1.0)
    return wav


@modes("float32", "bf16", "fp16")
@pytest.mark.parametrize("kind", ["stochastic", "deterministic"])
def test_odd_clips_have_finite_losses_and_gradients(smallest, mode: Mode, kind: str) -> None:
    setting = f"model.duration_predictor.kind={kind}"
    experiment, speech = make(smallest(mode.setting, setting), mode.device)
    together = dataclasses.replace(
        speech, wav=odd_clips(4800), wav_lengths=torch.tensor([4800, 4736, 4800, 4640])
    )
    for batch in (together, *(one(together, i) for i in range(4))):
        for _ in range(30):  # in fp16 the scale finds its size
            losses = step(experiment, batch)
            assert all(v.isfinite() for name, v in losses.items() if name not in NORMS)
            if all(losses[name].isfinite() for name in NORMS):
                break
            assert mode.name == "fp16"
        else:
            pytest.fail("no loss scale is small enough")
    assert experiment.state.is_finite()


def one(batch: Batch, i: int) -> Batch:
    values = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    return Batch(**{name: value[i : i + 1] for name, value in values.items()})
