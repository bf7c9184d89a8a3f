"""Padding and the company of longer utterances change nothing for an utterance."""

import pytest
import torch

from tests.tiny_model import tiny_batch, tiny_model
from vits.model import VitsModel
from vits.passes import TrainingNoise
from vits.text_encoder import length_mask
from vits.text_on_frames import align, hold

N_TEXT, N_SPEC = 4, 13  # of the shorter item, the second of tiny_batch
DECODER_REACH = 10  # frames behind an end that still move samples before it


@pytest.fixture(
    scope="module",
    params=[(0, "stochastic"), (2, "deterministic")],
    ids=["single-stochastic", "multi-deterministic"],
)
def model(request: pytest.FixtureRequest) -> VitsModel:
    return tiny_model(*request.param).requires_grad_(False)


def both_and_alone(model: VitsModel) -> tuple[dict, dict]:
    """The batch of two, and the shorter of them alone and without padding."""
    both = tiny_batch(2 if model.speaker_embedding is not None else 0)
    alone = {name: None if values is None else values[1:] for name, values in both.items()}
    return both, alone | {
        "tokens": alone["tokens"][:, :N_TEXT],
        "spec": alone["spec"][..., :N_SPEC],
    }


def test_text_encoder(model: VitsModel) -> None:
    both, alone = both_and_alone(model)
    together = model.text_encoder(both["tokens"], both["token_lengths"])
    expected = model.text_encoder(alone["tokens"], alone["token_lengths"])
    for name in ("hidden", "m_p", "logs_p"):
        found = getattr(together, name)[1:]
        torch.testing.assert_close(
            found[..., :N_TEXT], getattr(expected, name), atol=1e-5, rtol=1e-4
        )
        assert not found[..., N_TEXT:].any()


def test_training_forward(model: VitsModel) -> None:
    both, alone = both_and_alone(model)
    noise = model.draw_noise(both["tokens"], both["spec"], torch.Generator().manual_seed(2))
    together = model(**both, noise=noise)
    expected = model(
        **alone,
        noise=TrainingNoise(
            noise.posterior[1:, :, :N_SPEC], noise.duration[1:, :, :N_TEXT], noise.segment[1:]
        ),
    )
    assert torch.equal(together.segment_starts[1:], expected.segment_starts)
    assert torch.equal(together.durations[1:, :N_TEXT], expected.durations)
    torch.testing.assert_close(
        together.duration_losses[1:], expected.duration_losses, atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(together.wav_hat[1:], expected.wav_hat, atol=1e-5, rtol=1e-4)
    for name in ("z_p", "m_p", "logs_p"):
        found = getattr(together, name)[1:]
        torch.testing.assert_close(
            found[..., :N_SPEC], getattr(expected, name), atol=1e-5, rtol=1e-4
        )
        assert not found[..., N_SPEC:].any()
    for name in ("z", "m_q", "logs_q"):
        found = getattr(together.posterior, name)[1:]
        torch.testing.assert_close(
            found[..., :N_SPEC], getattr(expected.posterior, name), atol=1e-5, rtol=1e-4
        )
        assert not found[..., N_SPEC:].any()


def test_flow_and_its_inverse(model: VitsModel) -> None:
    both, _ = both_and_alone(model)
    mask = length_mask(both["spec_lengths"], 21)
    z = torch.randn(2, 8, 21, generator=torch.Generator().manual_seed(3)) * mask
    speaker = model.embedded(both["speakers"])
    speaker_alone = None if speaker is None else speaker[1:]
    for run in (model.flow, model.flow.inverse):
        alone = run(z[1:, :, :N_SPEC], mask[1:, :, :N_SPEC], speaker_alone)
        torch.testing.assert_close(
            run(z, mask, speaker)[1:, :, :N_SPEC], alone, atol=1e-5, rtol=1e-4
        )


def test_synthesis_without_noise(model: VitsModel) -> None:
    both, alone = both_and_alone(model)
    together = model.synthesize(
        both["tokens"], both["token_lengths"], both["speakers"], 0.0, 0.0, 40.0
    )
    expected = model.synthesize(
        alone["tokens"], alone["token_lengths"], alone["speakers"], 0.0, 0.0, 40.0
    )
    length = int(expected.wav_lengths)
    assert torch.equal(together.durations[1:, :N_TEXT], expected.durations)
    assert int(together.wav_lengths[1]) == length > 2 * DECODER_REACH * 16
    assert not together.wav_hat[1, :, length:].any() and not together.durations[1, N_TEXT:].any()
    # As in the original, the decoder's biases reach across the end of the shorter item.
    inner = length - DECODER_REACH * 16
    torch.testing.assert_close(
        together.wav_hat[1, :, :inner], expected.wav_hat[0, :, :inner], atol=1e-5, rtol=1e-4
    )


def test_alignment_gives_every_frame_to_one_symbol(model: VitsModel) -> None:
    both, _ = both_and_alone(model)
    text = model.text_encoder(both["tokens"], both["token_lengths"])
    z_p = torch.randn(2, 8, 21, generator=torch.Generator().manual_seed(4))
    durations = align(z_p, text, both["token_lengths"], both["spec_lengths"])
    assert torch.equal(durations.sum(1), both["spec_lengths"]) and not durations[1, N_TEXT:].any()
    symbol_of_frame = hold(durations, 21)
    for item in (0, 1):
        length = both["spec_lengths"][item]
        counts = torch.bincount(symbol_of_frame[item, :length], minlength=7)
        assert torch.equal(counts, durations[item])
