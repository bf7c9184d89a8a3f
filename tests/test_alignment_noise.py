"""Noise in the alignment search (VITS2 Sec. 2.2): how much, how long, and that runs stay exact."""

import numpy as np
import pytest
import torch

from hifigan.training_state import make_state
from tests.one_step import make, step
from tests.test_resume import assert_equals_unbroken, train  # noqa: F401
from tests.tiny_model import tiny_batch, tiny_model
from vits import text_on_frames
from vits.micro_batches import MicroBatches
from vits.passes import TrainingNoise
from vits.text_on_frames import add_noise

NOISE = 'train.alignment_noise={"scale": 0.01, "decrease": 2e-6}'
LOUD = 'train.alignment_noise={"scale": 5, "decrease": 0.5}'
NO_DROPOUT = ("model.text_encoder.dropout=0", "model.duration_predictor.dropout=0")


def test_noise_is_measured_in_deviations_of_the_items_own_scores() -> None:
    draw = torch.Generator().manual_seed(0)
    scores, noise = (torch.randn(2, 9, 5, generator=draw) * scale for scale in (30, 1))
    lengths = ((9, 5), (6, 3))
    valid = torch.zeros(2, 9, 5)
    for item, (n_frames, n_symbols) in enumerate(lengths):
        valid[item, :n_frames, :n_symbols] = 1
    found = add_noise(scores, noise, valid).numpy()
    for item, (n, m) in enumerate(lengths):
        own, drawn = scores[item, :n, :m].numpy(), noise[item, :n, :m].numpy()
        np.testing.assert_allclose(found[item, :n, :m], own + np.std(own) * drawn, rtol=1e-5)


def test_padding_and_other_items_change_no_noisy_alignment() -> None:
    model, both = tiny_model(), tiny_batch()
    noise = model.draw_noise(
        both["tokens"], both["spec"], torch.Generator().manual_seed(2), torch.tensor(1.0)
    )
    alone = {name: None if values is None else values[1:] for name, values in both.items()}
    alone |= {"tokens": alone["tokens"][:, :4], "spec": alone["spec"][..., :13]}
    cut = TrainingNoise(
        noise.posterior[1:, :, :13],
        noise.duration[1:, :, :4],
        noise.segment[1:],
        noise.alignment[1:, :13, :4],
    )
    together, apart = model(**both, noise=noise), model(**alone, noise=cut)
    assert torch.equal(together.durations[1:, :4], apart.durations)
    noise.alignment = None
    assert not torch.equal(model(**both, noise=noise).durations, together.durations)


def test_micro_batches_cut_the_noise_with_the_batch(smallest) -> None:
    experiment, batch = make(smallest(LOUD))
    hop_length = experiment.config.audio.hop_length
    spec = experiment.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
    model = experiment.state.generator
    noise = model.draw_noise(batch.tokens, spec, alignment_scale=torch.tensor(1.0))
    for part in MicroBatches(batch, batch, noise, hop_length).cut(2):
        rows = [batch.ids.index(name) for name in part.batch.ids]
        n_frames, n_tokens = part.noise.posterior.shape[2], part.batch.tokens.shape[1]
        assert part.noise.alignment.equal(noise.alignment[rows, :n_frames, :n_tokens])


def test_the_scale_falls_by_the_step_on_the_device_and_never_below_0(smallest, monkeypatch) -> None:
    experiment, batch = make(smallest(NOISE))
    scales, drawn = [], experiment.state.generator.draw_noise

    def draw_noise(*inputs, alignment_scale):
        scales.append(float(alignment_scale))
        return drawn(*inputs, alignment_scale=alignment_scale)

    monkeypatch.setattr(experiment.state.generator, "draw_noise", draw_noise)
    experiment.state.n_batches = 100
    count = experiment.state.count
    for _ in range(3):
        experiment.train_step(batch)
        experiment.state.advance()
    # A recorded step would not see the host's number: the tensor alone is what counts.
    assert experiment.state.step == 3 and experiment.state.count is count
    for n in (2500, 5000, 700_000):
        count.fill_(n)
        experiment.train_step(batch)
    assert scales == pytest.approx([0.01, 0.009998, 0.009996, 0.005, 0, 0], abs=1e-8)


def test_a_loaded_state_counts_on(smallest) -> None:
    experiment, batch = make(smallest(NOISE))
    experiment.state.n_batches = 100
    experiment.state.advance()
    contents = experiment.state.state_dict(experiment.ranks)
    other, _ = make(smallest(NOISE))
    other.state.load_state_dict(contents, experiment.ranks)
    assert float(other.state.count) == 1
    fresh = make_state(
        other.state.generator, other.state.discriminator, other.config.train, torch.device("cpu")
    )
    assert float(fresh.count) == 0


def test_it_moves_alignments_while_it_lasts_and_then_is_as_if_it_were_not(
    smallest, monkeypatch
) -> None:
    found = []
    align = text_on_frames.alignment.search

    def search(*inputs):
        found.append(align(*inputs))
        return found[-1]

    monkeypatch.setattr(text_on_frames.alignment, "search", search)
    plain, batch = make(smallest(*NO_DROPOUT))
    noisy, _ = make(smallest(LOUD, *NO_DROPOUT))
    expected, before = step(plain, batch), step(noisy, batch)
    assert not torch.equal(found[0], found[1]) and before["kl"] != expected["kl"]
    noisy, _ = make(smallest(LOUD, *NO_DROPOUT))
    noisy.state.count.fill_(10)
    after = step(noisy, batch)
    assert torch.equal(found[0], found[2])
    assert all(after[name].equal(expected[name]) for name in expected)


def test_validation_aligns_without_noise(smallest) -> None:
    losses = []
    for setting in (LOUD, "train.alignment_noise=null"):
        experiment, _ = make(smallest(setting))
        losses.append(experiment.validate().losses)
    assert losses[0] == losses[1]


def test_eight_steps_equal_a_stop_and_the_rest(smallest, train, tmp_path) -> None:  # noqa: F811
    config = smallest(LOUD, "train.save_every=2")
    whole = train(config, tmp_path / "whole", 8)
    first = train(config, tmp_path / "run", 3)
    second = train(config, tmp_path / "run", 8)
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")
