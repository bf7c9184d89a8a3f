"""The VITS model: its parts against plain definitions, speakers, and gradients."""

import math

import pytest
import torch
from torch import Tensor

from tests.tiny_model import (
    SEGMENT_FRAMES,
    TINY_AUDIO,
    tiny_batch,
    tiny_config,
    tiny_model,
)
from vits.attention import RelativeAttention
from vits.duration_predictor import DurationPredictor
from vits.losses import duration_loss, kl_loss
from vits.model import VitsModel, take_segments
from vits.text_encoder import length_mask
from vits.text_on_frames import alignment_scores

KINDS = ["stochastic", "deterministic"]


def test_attention_equals_its_definition() -> None:
    torch.manual_seed(0)
    n_heads, window, length, valid = 2, 2, 7, 5
    attention = RelativeAttention(8, n_heads, window, dropout=0.0).requires_grad_(False)
    x, mask = torch.randn(1, 8, length), length_mask(torch.tensor([valid]), length)
    query, key, value = (
        layer(x)[0].view(n_heads, 4, length).transpose(1, 2)
        for layer in (attention.query, attention.key, attention.value)
    )
    expected = torch.zeros(n_heads, valid, 4)
    for head in range(n_heads):
        for i in range(valid):
            scores = torch.empty(valid)
            for j in range(valid):
                near = abs(j - i) <= window
                relative = attention.relative_keys[0, j - i + window] if near else torch.zeros(4)
                scores[j] = query[head, i] @ (key[head, j] + relative) / math.sqrt(4)
            for j, weight in enumerate(scores.softmax(0)):
                near = abs(j - i) <= window
                relative = attention.relative_values[0, j - i + window] if near else torch.zeros(4)
                expected[head, i] += weight * (value[head, j] + relative)
    expected = attention.output(expected.transpose(1, 2).reshape(1, 8, valid))
    torch.testing.assert_close(attention(x, mask)[..., :valid], expected, atol=1e-5, rtol=1e-4)


def test_attention_takes_texts_shorter_than_its_window() -> None:
    attention = RelativeAttention(8, 2, window=4, dropout=0.0)
    assert attention(torch.randn(1, 8, 1), torch.ones(1, 1, 1)).isfinite().all()


@pytest.mark.parametrize("n_speakers", [0, 2])
def test_inverse_undoes_the_flow(n_speakers: int) -> None:
    model, batch = tiny_model(n_speakers).requires_grad_(False), tiny_batch(n_speakers)
    mask = length_mask(batch["spec_lengths"], 21)
    z, speaker = torch.randn(2, 8, 21) * mask, model.embedded(batch["speakers"])
    z_p = model.flow(z, mask, speaker)
    assert (z_p.flip(1) - z).abs().max() > 1e-2
    torch.testing.assert_close(model.flow.inverse(z_p, mask, speaker), z)
    torch.testing.assert_close(model.flow(model.flow.inverse(z, mask, speaker), mask, speaker), z)


def test_flow_keeps_volume() -> None:
    flow, mask = tiny_model().flow, torch.ones(1, 1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda z: flow(z, mask), torch.randn(1, 8, 4))
    assert torch.linalg.slogdet(jacobian.view(32, 32)).logabsdet.abs() < 1e-4


def test_alignment_scores_are_log_likelihoods() -> None:
    z_p, m_p, logs_p = torch.randn(2, 8, 9), torch.randn(2, 8, 5), 0.3 * torch.randn(2, 8, 5)
    normal = torch.distributions.Normal(m_p.unsqueeze(2), logs_p.exp().unsqueeze(2))
    expected = normal.log_prob(z_p.unsqueeze(3)).sum(1)
    torch.testing.assert_close(alignment_scores(z_p, m_p, logs_p), expected, atol=1e-4, rtol=1e-5)


def test_segments_lie_where_they_say() -> None:
    x = torch.arange(20.0).view(2, 1, 10)
    expected = torch.tensor([[[3.0, 4.0]], [[10.0, 11.0]]])
    assert torch.equal(take_segments(x, torch.tensor([3, 0]), 2), expected)


def test_segments_stay_within_each_utterance() -> None:
    model, batch = tiny_model(), tiny_batch()
    noise = model.draw_noise(batch["tokens"], batch["spec"])
    for draw, expected in ((0.0, [0, 0]), (1 - 2**-24, [21 - SEGMENT_FRAMES, 13 - SEGMENT_FRAMES])):
        noise.segment = torch.full((2,), draw)
        assert model(**batch, noise=noise).segment_starts.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_speaker_is_heard_in_synthesis(kind: str) -> None:
    model, batch = tiny_model(2, kind), tiny_batch(2)
    voices = [
        model.synthesize(
            batch["tokens"], batch["token_lengths"], torch.full((2,), speaker), 0.0, 0.0
        )
        for speaker in (0, 1)
    ]
    shortest = min(voice.wav_hat.shape[2] for voice in voices)
    assert (
        voices[0].wav_hat[..., :shortest] - voices[1].wav_hat[..., :shortest]
    ).abs().max() > 1e-3


def test_a_multi_speaker_model_asks_who_speaks() -> None:
    batch = tiny_batch()
    with pytest.raises(ValueError, match="2 speakers"):
        tiny_model(2).synthesize(batch["tokens"], batch["token_lengths"])


def test_converting_to_the_same_speaker_is_reconstruction() -> None:
    model, batch = tiny_model(2), tiny_batch(2)
    spec, lengths, source = batch["spec"], batch["spec_lengths"], batch["speakers"]
    reconstruction = model.reconstruct(spec, lengths, source)
    assert reconstruction.shape == (2, 1, 21 * TINY_AUDIO.hop_length)
    torch.testing.assert_close(
        model.convert(spec, lengths, source, source.clone()), reconstruction, atol=1e-5, rtol=0
    )
    assert (model.convert(spec, lengths, source, 1 - source) - reconstruction).abs().max() > 1e-3


def test_a_single_speaker_model_converts_nothing() -> None:
    batch = tiny_batch()
    zeros = torch.zeros(2, dtype=torch.long)
    with pytest.raises(ValueError, match="one speaker"):
        tiny_model().convert(batch["spec"], batch["spec_lengths"], zeros, zeros)


def test_longer_scale_speaks_slower_and_every_symbol_lasts() -> None:
    model, batch = tiny_model(), tiny_batch()
    slow, fast = (
        model.synthesize(
            batch["tokens"], batch["token_lengths"], length_scale=scale, noise_scale_w=0.0
        )
        for scale in (4.0, 1e-6)
    )
    assert (slow.durations > fast.durations)[0].all()
    assert torch.equal(fast.durations.sum(1), batch["token_lengths"])
    assert torch.equal(slow.wav_lengths, slow.durations.sum(1) * TINY_AUDIO.hop_length)


def test_synthesis_takes_its_noise_from_draw_only() -> None:
    model, batch = tiny_model(), tiny_batch()
    arguments = batch["tokens"], batch["token_lengths"]

    def speak(seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        return model.synthesize(
            *arguments,
            draw=lambda *shape, device: torch.randn(*shape, device=device, generator=draws),
        ).wav_hat

    assert torch.equal(speak(0), speak(0)) and not torch.equal(speak(0), speak(1))


def test_deterministic_durations_are_learnt() -> None:
    torch.manual_seed(0)
    predictor = DurationPredictor(16, tiny_config("deterministic").duration_predictor)
    hidden, mask = torch.randn(2, 16, 7), length_mask(torch.tensor([7, 4]), 7)
    durations = torch.randint(1, 9, (2, 1, 7)) * mask
    optimizer = torch.optim.Adam(predictor.parameters(), lr=1e-2)
    predictor.eval()  # no dropout: can it fit at all?
    for _ in range(200):
        loss = predictor(hidden, mask, durations).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    spoken = predictor.sample(hidden, mask).exp() * mask
    torch.testing.assert_close(spoken, durations, atol=0.5, rtol=0.2)


def total_loss(model: VitsModel, batch: dict) -> Tensor:
    torch.manual_seed(5)  # of dropout and noise
    output = model(**batch)
    return (
        output.wav_hat.square().mean()
        + kl_loss(output, batch["spec_lengths"].sum())
        + duration_loss(output, batch["token_lengths"].sum())
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_speakers", [0, 2])
def test_every_weight_has_a_gradient(n_speakers: int, kind: str) -> None:
    model, batch = tiny_model(n_speakers, kind).train(), tiny_batch(n_speakers)
    total_loss(model, batch).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # A bias of all keys moves all scores of a query alike, which softmax does not see.
        assert parameter.grad.any() or name.endswith("key.bias"), name


@pytest.mark.parametrize("n_speakers", [0, 2])
def test_the_duration_predictor_does_not_teach_the_rest(n_speakers: int) -> None:
    model, batch = tiny_model(n_speakers), tiny_batch(n_speakers)
    model(**batch).duration_losses.sum().backward()
    assert {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None} == {
        "duration_predictor"
    }


@pytest.mark.parametrize("n_speakers", [0, 2])
def test_checkpointing_changes_no_gradient(n_speakers: int) -> None:
    gradients = []
    for grad_checkpoint in (False, True):
        model = tiny_model(n_speakers, grad_checkpoint=grad_checkpoint).train()
        total_loss(model, tiny_batch(n_speakers)).backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(
            gradients[1][name], gradient, msg=lambda text, name=name: f"{name}: {text}"
        )
