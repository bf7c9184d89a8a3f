"""Utterances become padded batches, and an error says which recording it comes from."""

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from hifigan.errors import UserError
from hifigan.sampler import LengthBucketedBatches
from vits.data import Example, Utterance, UtteranceDataset, collate


def example(n_tokens, n_samples, speaker_id=0):
    return Example(
        f"u{n_tokens}", torch.arange(1, n_tokens + 1), torch.ones(n_samples), speaker_id, 0
    )


@pytest.fixture
def utterances(tmp_path):
    made = []
    for i, n_samples in enumerate([4000, 9000, 6000, 1000, 12000]):
        noise = np.random.default_rng(i).uniform(-0.5, 0.5, n_samples)
        soundfile.write(tmp_path / f"{i}.wav", noise, 22050)
        tokens = (0, 1, 0, 2, 0)[: i + 1]
        made.append(
            Utterance(
                f"{i}",
                str(tmp_path / f"{i}.wav"),
                "a",
                None,
                i % 2,
                tokens,
                n_samples,
                n_samples // 256,
            )
        )
    return made


def test_a_batch_is_padded_with_zeros_behind_each_item():
    batch = collate([example(3, 500, speaker_id=4), example(7, 300)])
    assert batch.tokens.shape == (2, 7) and batch.tokens.dtype == torch.int64
    assert batch.wav.shape == (2, 1, 500) and batch.wav.dtype == torch.float32
    assert batch.token_lengths.tolist() == [3, 7] and batch.wav_lengths.tolist() == [500, 300]
    assert batch.speakers.tolist() == [4, 0] and batch.ids == ["u3", "u7"]
    assert batch.tokens[0].tolist() == [1, 2, 3, 0, 0, 0, 0]
    assert batch.wav[1, 0, :300].min() == 1 and batch.wav[1, 0, 300:].abs().max() == 0
    assert batch.spec_lengths(256).tolist() == [1, 1]


def test_moving_a_batch_keeps_everything():
    batch = collate([example(3, 500), example(7, 300)])
    moved = batch.to("cpu")
    assert moved.ids == batch.ids and torch.equal(moved.wav, batch.wav)
    assert torch.equal(moved.token_lengths, batch.token_lengths)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_gives_every_utterance_with_its_own_samples(utterances, num_workers):
    sampler = LengthBucketedBatches([u.n_frames for u in utterances], 2, 1, 0, seed=1)
    loader = DataLoader(
        UtteranceDataset(utterances, 22050),
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=num_workers,
    )
    lengths = {id: n.item() for batch in loader for id, n in zip(batch.ids, batch.wav_lengths)}
    assert lengths == {u.id: u.n_samples for u in utterances}


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_inside_a_worker_names_the_recording(utterances, tmp_path, num_workers):
    (tmp_path / "2.wav").write_bytes(b"broken")
    dataset = UtteranceDataset(utterances, 22050)
    loader = DataLoader(dataset, collate_fn=collate, num_workers=num_workers)
    with pytest.raises(UserError, match=r"2\.wav"):
        list(loader)


def test_a_recording_that_changed_since_the_check_is_refused(utterances, tmp_path):
    soundfile.write(tmp_path / "1.wav", np.zeros(100), 22050)
    with pytest.raises(UserError, match=r"1\.wav: found 100 samples, expected 9000"):
        UtteranceDataset(utterances, 22050)[1]
