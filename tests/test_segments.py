"""Segments lie where the draws say, with the mels that whole recordings have there."""

import math
from pathlib import Path

import pytest
import soundfile
import torch

from hifigan.clips import check_clips
from hifigan.mel_recipe import input_recipe
from hifigan.mels_on_disk import mel_path, write_mel, write_recipe
from hifigan.segments import ClipReader, SegmentBatches, SegmentDataset, collate, cut_with_ends
from tests.conftest import SAMPLE_RATE
from tests.vocoder_run import make_training, vocoder_config, write_wavs

HOP_LENGTH, SEGMENT_FRAMES = 64, 16


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    return write_wavs(tmp_path / "wavs")


def with_mels(wavs: Path, *settings: str, extra_frames: int = 0):
    """A config whose mels lie on disk, each of them the recording's own plus half a nat."""
    config = vocoder_config(f"data.wavs={wavs}", f"data.mels={wavs.parent / 'mels'}", *settings)
    plain = vocoder_config(f"data.wavs={wavs}", *settings, "data.peak=null", "data.n_valid=0")
    experiment, clips = make_training(plain)
    reader = ClipReader(clips, plain)
    for i, clip in enumerate(clips):
        mel = experiment.spectrogram.mel(
            experiment.spectrogram.magnitudes(reader.wav(i)[None, None])
        )
        mel = torch.nn.functional.pad(mel[0], (0, extra_frames), mode="replicate")
        write_mel(mel_path(wavs.parent / "mels", clip.id), mel + 0.5)
    write_recipe(wavs.parent / "mels", input_recipe(config))
    return config


@pytest.mark.parametrize("place", [0.0, 0.37, 0.999999])
def test_a_segments_mel_is_that_part_of_the_whole_recordings(wavs, place) -> None:
    config = vocoder_config(f"data.wavs={wavs}", "data.n_valid=0")
    experiment, clips = make_training(config)
    reader = ClipReader(clips, config)
    for i in range(len(clips)):
        whole = reader.wav(i)
        batch = collate([SegmentDataset(reader)[i, place]])
        start = int(place * (len(whole) - 1024 + 1))
        assert torch.equal(batch.wav[0, 0], whole[start : start + 1024])
        mel = experiment.spectrogram.mel(experiment.spectrogram.magnitudes_inside(batch.around))
        # Of the recording from there on, so that frames begin at the same sample.
        later = experiment.spectrogram.magnitudes(whole[None, None, start % HOP_LENGTH :])
        first = start // HOP_LENGTH
        expected = experiment.spectrogram.mel(later)[..., first : first + SEGMENT_FRAMES]
        inside = slice(1 if first == 0 and start % HOP_LENGTH else 0, None)
        torch.testing.assert_close(mel[..., inside], expected[..., inside], atol=1e-4, rtol=0)


def test_recordings_are_scaled_to_the_peak_or_left_alone(wavs) -> None:
    for peak, expected in (("0.95", 0.95), ("null", None)):
        config = vocoder_config(f"data.wavs={wavs}", f"data.peak={peak}")
        clips = check_clips(config).train
        wav = ClipReader(clips, config).wav(0)
        own = soundfile.read(clips[0].path, dtype="float32")[0]
        assert float(wav.abs().max()) == pytest.approx(expected or abs(own).max(), rel=1e-6)


@pytest.mark.parametrize("extra_frames", [-1, 0, 1])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999999])
def test_a_mel_from_disk_is_cut_where_the_recording_is(wavs, place, extra_frames) -> None:
    config = with_mels(wavs, extra_frames=extra_frames)
    data = check_clips(config)
    assert not data.refusals
    experiment, _ = make_training(config)
    reader = ClipReader(data.train, config)
    for i in range(len(data.train)):
        batch = collate([SegmentDataset(reader)[i, place]])
        assert batch.mel.shape == (1, 20, SEGMENT_FRAMES)
        whole = experiment.spectrogram.mel(
            experiment.spectrogram.magnitudes(reader.wav(i)[None, None])
        )
        n_common = min(whole.shape[2] + min(extra_frames, 0), whole.shape[2])
        first = int(place * (n_common - SEGMENT_FRAMES + 1))
        torch.testing.assert_close(batch.mel - 0.5, whole[..., first : first + SEGMENT_FRAMES])
        own = soundfile.read(data.train[i].path, dtype="float32")[0]
        start = first * HOP_LENGTH  # at the recording's own level, which the mel has
        assert batch.wav[0, 0].tolist() == own[start : start + 1024].tolist()


def test_a_recording_shorter_than_a_segment_is_followed_by_silence(tmp_path) -> None:
    (tmp_path / "wavs").mkdir()
    noise = torch.rand(2 * 500).sub(0.5).numpy()
    for i in range(2):
        soundfile.write(tmp_path / f"wavs/{i}.wav", noise[500 * i :][:500], SAMPLE_RATE)
    settings = ("data.min_seconds=0.01", "data.n_valid=0", "data.peak=null")
    config = vocoder_config(f"data.wavs={tmp_path / 'wavs'}", *settings)
    clips = check_clips(config).train
    batch = collate([SegmentDataset(ClipReader(clips, config))[0, 0.9]])
    assert batch.wav[0, 0, :500].abs().max() > 0.1 and not batch.wav[0, 0, 500:].any()

    config = with_mels(tmp_path / "wavs", *settings)
    clips = check_clips(config).train
    mel = SegmentDataset(ClipReader(clips, config))[0, 0.9].mel
    n_frames = 500 // HOP_LENGTH
    assert (mel[:, n_frames:] == pytest.approx(math.log(1e-5))) and mel[:, :n_frames].max() > -5


def test_the_ends_of_a_wav_are_mirrored() -> None:
    wav = torch.arange(10.0)
    assert cut_with_ends(wav, 0, 4, 2).tolist() == [2, 1, 0, 1, 2, 3, 4, 5]
    assert cut_with_ends(wav, 6, 4, 2).tolist() == [4, 5, 6, 7, 8, 9, 8, 7]
    assert cut_with_ends(wav, 3, 4, 2).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert cut_with_ends(wav[:3], 0, 5, 2).tolist() == [2, 1, 0, 1, 2, 0, 0, 0, 2]


def draws_of(n_ranks: int, epoch: int, order: int = 0, accumulate: int = 1) -> list[list]:
    """Of every rank the lists of an epoch, together by step."""
    ranks = []
    for rank in range(n_ranks):
        batches = SegmentBatches([SEGMENT_FRAMES] * 21, 2, n_ranks, rank, 7, accumulate)
        batches.set_epoch(epoch, order)
        ranks.append(list(batches))
    return [[draw for rank in step for draw in rank] for step in zip(*ranks, strict=True)]


def test_every_recording_comes_once_an_epoch_at_a_place_of_its_own() -> None:
    epochs = [sorted(draw for step in draws_of(1, epoch) for draw in step) for epoch in range(3)]
    for draws in epochs:
        assert [index for index, _ in draws] == list(range(21))
        assert len({place for _, place in draws}) == 21
        assert all(0 <= place < 1 for _, place in draws)
    assert epochs[0] != epochs[1]
    assert draws_of(1, 0) == draws_of(1, 0) != draws_of(1, 0, order=1)
    assert draws_of(2, 0) == draws_of(1, 0, accumulate=2), "two ranks take what one takes at once"
