"""Every part of the model, every loss and every gradient equals the original VITS's numbers."""

from dataclasses import dataclass

import pytest
import torch

from hifigan.config import AudioConfig, DiscriminatorConfig
from hifigan.discriminators import Judgement, vits_discriminators
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from tests.recorded import assert_close, fill_by_rule, generator_config, recording
from vits import alignment
from vits.config import (
    DurationPredictorConfig,
    FlowConfig,
    ModelConfig,
    TextEncoderConfig,
    WaveNetConfig,
)
from vits.exchange.names import vits_name
from vits.losses import duration_loss, kl_loss
from vits.model import VitsModel, take_segments
from vits.passes import TrainingNoise, TrainingOutput
from vits.text_encoder import length_mask
from vits.text_on_frames import alignment_scores

AUDIO = AudioConfig(
    sample_rate=22050, n_fft=1024, hop_length=256, win_length=1024, n_mels=80, f_min=0.0, f_max=None
)
DISCRIMINATOR = DiscriminatorConfig(
    periods=(2, 3, 5, 7, 11),
    period_channels=(32, 128, 512, 1024, 1024),
    scale_layers=(
        (16, 15, 1, 1),
        (64, 41, 4, 4),
        (256, 41, 4, 16),
        (1024, 41, 4, 64),
        (1024, 41, 4, 256),
        (1024, 5, 1, 1),
    ),
)


@dataclass
class Original:
    """A recording, our model with its weights, and our training forward on its input."""

    numbers: dict
    model: VitsModel
    names: dict[str, str]  # the original's name of each weight to ours
    spectrogram: Spectrogram
    spec: torch.Tensor
    output: TrainingOutput
    real: list[Judgement]
    generated: list[Judgement]
    losses: dict[str, torch.Tensor]


@pytest.fixture(
    scope="module", params=["original_vits_single_speaker", "original_vits_multi_speaker"]
)
def original(request: pytest.FixtureRequest) -> Original:
    numbers = recording(request.param)
    model, names = build(numbers)
    inputs = numbers["input"]
    spectrogram = Spectrogram(AUDIO)
    # The recording cut its shorter item's spectrogram off a longer waveform: nothing is reflected
    # there.
    spec = spectrogram.magnitudes(inputs["wav"])
    spec = spec * length_mask(inputs["spec_lengths"], spec.shape[2])
    output = model(
        inputs["tokens"],
        inputs["token_lengths"],
        spec,
        inputs["spec_lengths"],
        inputs.get("speaker"),
        TrainingNoise(*numbers["random_draws_training"]),
    )

    discriminators = vits_discriminators(DISCRIMINATOR).requires_grad_(False)
    fill_by_rule(discriminators, numbers["discriminator_keys"])
    segment = numbers["segment_frames"]
    wav = take_segments(
        inputs["wav"], output.segment_starts * AUDIO.hop_length, segment * AUDIO.hop_length
    )
    real, generated = discriminators(wav), discriminators(output.wav_hat)
    mel = take_segments(spectrogram.mel(spec), output.segment_starts, segment)
    mel_hat = spectrogram.mel(spectrogram.magnitudes(output.wav_hat))
    losses = {
        "discriminator": discriminator_loss(real, generated),
        "adversarial": adversarial_loss(generated),
        "feature_matching": 2 * feature_matching_loss(real, generated),
        "mel": 45 * mel_loss(mel, mel_hat),
        "kl": kl_loss(output, inputs["spec_lengths"].sum()),
        "duration": duration_loss(output, inputs["token_lengths"].sum()),
    }
    return Original(numbers, model, names, spectrogram, spec, output, real, generated, losses)


def build(numbers: dict) -> tuple[VitsModel, dict[str, str]]:
    c = numbers["config"]
    hidden = c["hidden_channels"]
    config = ModelConfig(
        latent_channels=c["inter_channels"],
        speaker_channels=c["gin_channels"],
        text_encoder=TextEncoderConfig(
            c["filter_channels"],
            c["n_heads"],
            c["n_layers"],
            c["kernel_size"],
            c["p_dropout"],
            attention_window=4,
            hidden_channels=hidden,
        ),
        posterior_encoder=WaveNetConfig(hidden, n_layers=16, kernel_size=5),
        flow=FlowConfig(4, WaveNetConfig(hidden, n_layers=4, kernel_size=5)),
        duration_predictor=DurationPredictorConfig("stochastic", hidden, 3, 0.5, 4),
        decoder=generator_config(c),
    )
    model = VitsModel(
        config,
        numbers["n_vocab"],
        c["n_speakers"],
        numbers["spec_channels"],
        numbers["segment_frames"],
    ).eval()
    n_resblocks = len(c["resblock_kernel_sizes"])
    names = {name: vits_name(name, n_resblocks) for name in numbers["state_dict"]}
    model.load_state_dict({names[name]: weight for name, weight in numbers["state_dict"].items()})
    return model, names


def test_spectrogram(original: Original) -> None:
    assert_close(original.spec, original.numbers["input"]["spec"])
    assert_close(original.spectrogram.mel(original.spec), original.numbers["mel"])


def test_text_encoder(original: Original) -> None:
    inputs = original.numbers["input"]
    text = original.model.text_encoder(inputs["tokens"], inputs["token_lengths"])
    for name, expected in original.numbers["text_encoder"].items():
        assert_close(getattr(text, name), expected)


def test_posterior_and_flow(original: Original) -> None:
    for name, expected in original.numbers["posterior"].items():
        assert_close(getattr(original.output.posterior, name), expected)
    assert_close(original.output.z_p, original.numbers["z_p"])


def test_alignment(original: Original) -> None:
    inputs = original.numbers["input"]
    text = original.model.text_encoder(inputs["tokens"], inputs["token_lengths"])
    scores = alignment_scores(original.output.z_p, text.m_p, text.logs_p)
    assert_close(scores, original.numbers["alignment_score"])
    path = original.numbers["path"]
    assert torch.equal(original.output.durations, path.sum(1).long())
    assert torch.equal(
        alignment.path_from_durations(original.output.durations, path.shape[1]).float(), path
    )


def test_expansion_by_durations_equals_the_dense_product(original: Original) -> None:
    text = original.numbers["text_encoder"]
    for name in ("m_p", "logs_p"):
        dense = (original.numbers["path"] @ text[name].transpose(1, 2)).transpose(1, 2)
        assert_close(getattr(original.output, name), dense)


def test_duration_loss_of_each_item(original: Original) -> None:
    n_symbols = original.numbers["input"]["token_lengths"].sum()
    assert_close(
        original.output.duration_losses / n_symbols, original.numbers["duration_loss_per_item"]
    )


def test_generated_segment(original: Original) -> None:
    assert torch.equal(original.output.segment_starts, original.numbers["segment_start_frames"])
    assert_close(original.output.wav_hat, original.numbers["wav_hat_segment"])
    mel_hat = original.spectrogram.mel(original.spectrogram.magnitudes(original.output.wav_hat))
    assert_close(mel_hat, original.numbers["mel_hat_segment"])


def test_discriminators(original: Original) -> None:
    for judgements, key in (
        (original.real, "discriminator_real"),
        (original.generated, "discriminator_generated"),
    ):
        for judgement, expected in zip(judgements, original.numbers[key], strict=True):
            assert_close(judgement.scores, expected)
    recorded = original.numbers["feature_map_mean_abs_generated"]
    for judgement, expected in zip(original.generated, recorded, strict=True):
        found = torch.stack([feature_map.abs().mean() for feature_map in judgement.feature_maps])
        assert_close(found, torch.as_tensor(expected))


@pytest.mark.parametrize(
    "name", ["discriminator", "adversarial", "feature_matching", "mel", "kl", "duration"]
)
def test_loss(original: Original, name: str) -> None:
    assert_close(original.losses[name], original.numbers["loss"][name], relative=1e-3)


def test_gradient_norm_of_every_weight(original: Original) -> None:
    original.model.zero_grad()
    total = sum(loss for name, loss in original.losses.items() if name != "discriminator")
    total.backward(retain_graph=True)
    weights = dict(original.model.named_parameters())
    recorded = original.numbers["generator_gradient_norms"]
    assert {original.names[name] for name in recorded} <= set(weights)
    found = torch.stack([weights[original.names[name]].grad.norm() for name in recorded])
    expected = torch.stack([torch.as_tensor(norm) for norm in recorded.values()])
    # The few norms that are rounding noise around an exact zero have no relative error to speak of.
    assert ((found - expected).abs() <= 0.01 * expected + 1e-6 * expected.max()).all()
    assert len(recorded) == len(weights)


def test_synthesis(original: Original) -> None:
    inputs, recorded = original.numbers["input"], original.numbers["inference"]
    draws = iter(original.numbers["random_draws_inference"])

    def recorded_draw(*shape: int, device: torch.device) -> torch.Tensor:
        noise = next(draws)
        assert noise.shape == shape
        return noise

    synthesis = original.model.synthesize(
        inputs["tokens"],
        inputs["token_lengths"],
        inputs.get("speaker"),
        recorded["noise_scale"],
        recorded["noise_scale_w"],
        draw=recorded_draw,
    )
    assert torch.equal(synthesis.durations, recorded["path"].sum(1).long())
    for wav_hat, expected, length in zip(synthesis.wav_hat, recorded["wav"], synthesis.wav_lengths):
        assert_close(wav_hat[:, :length], expected[:, :length])
