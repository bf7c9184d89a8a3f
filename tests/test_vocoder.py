"""A trained vocoder in use: the same samples whole, in pieces and in batches, from any file."""

import doctest
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

import hifigan
from hifigan.audio import write_audio
from hifigan.exchange.names import generator_table
from hifigan.mel_recipe import input_recipe
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoding.like_lengths import LIKE, in_batches
from hifigan.vocoding.streamed_file import write_pieces
from hifigan.vocoding.vocoder import Vocoder
from tests.conftest import REPOSITORY, SAMPLE_RATE, tone_with_noise
from tests.small_vocoder import (  # noqa: F401 (fixture)
    HOP_LENGTH,
    N_MELS,
    load_small,
    random_generator,
    refusal,
    small_config,
    speech_mel,
    vocoder,
    write_vocoder,
)

# What it makes


def test_a_vocoder_makes_what_its_generator_makes_in_training(vocoder):
    mel = speech_mel(40)
    with torch.no_grad():
        expected = random_generator(small_config())(mel[None])[0, 0]
    wav_hat = vocoder.vocode(mel)
    assert wav_hat.shape == (40 * HOP_LENGTH,) and wav_hat.dtype == torch.float32
    assert wav_hat.std() > 1e-3  # or two constants would be compared
    torch.testing.assert_close(wav_hat, expected, rtol=0, atol=1e-6)


def test_weight_norm_is_folded_and_nothing_is_trained(vocoder):
    names = [name for name, _ in vocoder.generator.named_parameters()]
    assert names and not [name for name in names if "parametrizations" in name]
    assert not vocoder.generator.training
    assert not any(p.requires_grad for p in vocoder.generator.parameters())


def test_arrays_and_batches_of_any_float_type_are_taken(vocoder):
    mel = speech_mel(9)
    whole = vocoder.vocode(mel)
    array = mel.numpy()
    array.setflags(write=False)
    assert torch.equal(vocoder.vocode(array), whole)
    assert torch.equal(vocoder.vocode(array.astype("f8")), whole)
    assert torch.equal(vocoder.vocode(mel.T.contiguous().T), whole)
    assert torch.equal(vocoder.vocode(mel.clone().requires_grad_()), whole)
    both = vocoder.vocode(torch.stack([mel, speech_mel(9, seed=1)]))
    assert both.shape == (2, 9 * HOP_LENGTH)
    torch.testing.assert_close(both[0], whole, rtol=0, atol=1e-6)


def test_autocast_around_it_changes_nothing(vocoder):
    mel = speech_mel(9)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(vocoder.vocode(mel), vocoder.vocode(mel))
        inside = vocoder.vocode(mel)
    assert torch.equal(inside, vocoder.vocode(mel))


@pytest.mark.parametrize("n_frames", [1, 8, 50, 131])
def test_a_stream_joined_is_the_whole(vocoder, n_frames):
    mel = speech_mel(n_frames)
    whole = vocoder.vocode(mel)
    for chunk_frames in (1, 7, 50, 200):
        pieces = list(vocoder.stream(mel, chunk_frames))
        assert len(pieces) == -(-n_frames // chunk_frames)
        torch.testing.assert_close(torch.cat(pieces), whole, rtol=0, atol=1e-5)
    batch = torch.cat(list(vocoder.stream(mel[None], 50)), dim=1)
    assert batch.shape == (1, n_frames * HOP_LENGTH)


def test_a_stream_holds_the_frames_of_one_piece_only(vocoder):
    seen = []
    vocoder.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    stream = vocoder.stream(speech_mel(500), 20)
    next(stream)
    assert len(seen) == 1
    assert sum(len(piece) for piece in stream) == 480 * HOP_LENGTH
    assert max(seen) == 20 + 2 * vocoder.context_frames and len(seen) == 25


@pytest.mark.parametrize("seed", range(4))
def test_mels_of_other_lengths_in_a_batch_change_no_sample(vocoder, seed):
    draws, end = random.Random(seed), 2 * vocoder.context_frames
    for lowest in (1, end):  # with and without mels too short to be padded
        lengths = [draws.randint(lowest, 3 * end) for _ in range(5)]
        mels = [speech_mel(n, seed=n) for n in lengths]
        for wav_hat, mel in zip(vocoder.vocode_together(mels), mels, strict=True):
            torch.testing.assert_close(wav_hat, vocoder.vocode(mel), rtol=0, atol=1e-5)


def test_a_batch_runs_the_generator_once_for_the_mels_and_once_for_their_ends(vocoder):
    seen, end = [], 2 * vocoder.context_frames
    vocoder.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    vocoder.vocode_together([speech_mel(end + n) for n in (0, 3, 1)])
    assert [tuple(shape) for shape in seen] == [(3, N_MELS, end + 3), (3, N_MELS, end)]


def test_batches_hold_like_lengths_within_the_limit_and_every_mel_once():
    draws = random.Random(0)
    mels = [(i, torch.empty(N_MELS, draws.randint(20, 400))) for i in range(150)]
    batches = list(in_batches(mels, 2000))
    assert sorted(key for batch in batches for key, _ in batch) == list(range(150))
    for batch in batches:
        lengths = [mel.shape[1] for _, mel in batch]
        assert len(batch) == 1 or len(batch) * max(lengths) <= 2000
        assert max(lengths) <= LIKE * min(lengths)
    assert len(batches) < 40


def test_alone_mels_are_vocoded_in_their_order_as_they_come():
    taken = []

    def mels():
        for key in "cab":
            taken.append(key)
            yield key, torch.empty(N_MELS, ord(key))

    batches = in_batches(mels(), 0)
    assert [key for key, _ in next(batches)] == ["c"] and taken == ["c"]
    assert [key for batch in batches for key, _ in batch] == ["a", "b"]


def test_memory_that_does_not_suffice_is_told_with_the_way_out():
    def full(_: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    told = refusal(Vocoder(small_config(), full).vocode, speech_mel(300))
    assert "1 x 300 frames" in told and "--chunk_frames" in told


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_written_in_pieces_is_the_file_written_whole(tmp_path, suffix):
    wav = torch.from_numpy(tone_with_noise(0.5, 200, 0))
    whole, pieces = tmp_path / f"whole{suffix}", tmp_path / f"pieces{suffix}"
    write_audio(whole, wav, SAMPLE_RATE)
    assert write_pieces(pieces, wav.split(700), SAMPLE_RATE) == len(wav)
    (made, rate), (expected, _) = (soundfile.read(path, dtype="int16") for path in (pieces, whole))
    assert np.array_equal(made, expected) and rate == SAMPLE_RATE
    assert len(list(tmp_path.iterdir())) == 2  # nothing unfinished is left


# Where it comes from


def test_the_moving_average_speaks_where_there_is_one(tmp_path, caplog):
    config, mel = small_config(), speech_mel(12)
    average = random_generator(config, seed=5).state_dict()
    plain = hifigan.load(write_vocoder(tmp_path / "plain.pt", config))
    caplog.set_level("INFO")
    both = hifigan.load(write_vocoder(tmp_path / "both.pt", config, ema=average))
    assert "step 7, averaged weights" in caplog.text
    alone = hifigan.load(write_vocoder(tmp_path / "alone.pt", config, generator=average))
    assert torch.equal(both.vocode(mel), alone.vocode(mel))
    assert not torch.allclose(both.vocode(mel), plain.vocode(mel), atol=1e-3)


def test_an_average_that_does_not_fit_is_refused(tmp_path):
    average = random_generator(small_config("generator.upsample_initial_channels=8"))
    path = write_vocoder(tmp_path / "v.pt", small_config(), ema=average.state_dict())
    assert "v.pt: its weights do not fit its config" in refusal(hifigan.load, path)


def test_a_run_folder_gives_its_newest_checkpoint(tmp_path):
    config = small_config()
    for step in (1, 2):
        state = random_generator(config, seed=step).state_dict()
        path = tmp_path / f"run/checkpoints/step_{step:08d}.pt"
        write_vocoder(path, config, generator=state, step=step)
    newest = hifigan.load(str(tmp_path / "run")).vocode(speech_mel(5))
    assert torch.equal(newest, hifigan.load(path).vocode(speech_mel(5)))


def test_a_missing_file_and_a_wrong_device_are_told(tmp_path):
    assert "no.pt" in refusal(hifigan.load, tmp_path / "no.pt")
    path = write_vocoder(tmp_path / "v.pt", small_config())
    if not torch.cuda.is_available():
        assert "torch sees no CUDA device" in refusal(hifigan.load, path, "cuda")
    assert hifigan.load(path, torch.device("cpu")).device.type == "cpu"


def foreign_state(config: VocoderConfig, prefix: str = "") -> dict[str, Tensor]:
    """The random generator's weights under the original's names."""
    state, table = random_generator(config).state_dict(), generator_table(config.generator)
    return {prefix + theirs: state[ours] for theirs, ours in table.items()}


def test_an_official_checkpoint_needs_its_config_and_sounds_the_same(tmp_path, vocoder):
    config, path = small_config(), tmp_path / "official" / "g_00000009"
    path.parent.mkdir()
    torch.save({"generator": foreign_state(config)}, path)
    assert "pass it with -c" in refusal(hifigan.load, path)
    mel = speech_mel(11)
    wav_hat = hifigan.load(path, config=config).vocode(mel)
    torch.testing.assert_close(wav_hat, vocoder.vocode(mel), rtol=0, atol=1e-6)


def test_a_vocoder_of_unknown_mels_takes_mels_and_makes_none(tmp_path, vocoder):
    path = tmp_path / "coqui.pth"
    torch.save({"model": foreign_state(small_config(), "model_g."), "step": 3}, path)
    foreign, mel = hifigan.load(path, config=small_config()), speech_mel(11)
    torch.testing.assert_close(foreign.vocode(mel), vocoder.vocode(mel), rtol=0, atol=1e-6)
    assert foreign.vocode(mel / 11).shape == (11 * HOP_LENGTH,)  # on whichever scale it learnt
    assert "is unknown" in refusal(foreign.mel, torch.zeros(900))
    assert "is unknown" in refusal(foreign.vocode, mel, input_recipe(small_config()))
    assert "transposed" in refusal(foreign.vocode, mel.T)


def test_an_onnx_file_is_a_vocoder_too(tmp_path, vocoder):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from hifigan.vocoding.onnx_export import export_onnx

    config, mel = small_config(), speech_mel(61)
    export_onnx(random_generator(config), config, tmp_path / "v.onnx")
    onnx = hifigan.load(tmp_path / "v.onnx", device="auto")
    assert onnx.recipe == vocoder.recipe
    whole = onnx.vocode(mel)
    torch.testing.assert_close(whole, vocoder.vocode(mel), rtol=0, atol=1e-4)
    torch.testing.assert_close(torch.cat(list(onnx.stream(mel, 9))), whole, rtol=0, atol=1e-4)
    assert "runs on the CPU here" in refusal(hifigan.load, tmp_path / "v.onnx", "cuda")
    assert "leave the config out" in refusal(hifigan.load, tmp_path / "v.onnx", config=config)


# The package


def test_the_example_of_load_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_vocoder(Path("runs/my_vocoder/checkpoints/step_00000007.pt"), small_config())
    soundfile.write("speech.wav", np.tile(tone_with_noise(0.5, 150, 0)[:, None], 2), 16000)
    found = doctest.DocTestFinder().find(hifigan.load, "load", globs={})
    assert sum(len(test.examples) for test in found) >= 8
    results = [doctest.DocTestRunner(verbose=False).run(test) for test in found]
    assert not sum(result.failed for result in results)
    assert soundfile.info("speech_hat.wav").samplerate == SAMPLE_RATE


def test_importing_the_package_brings_nothing_along():
    code = "import sys, hifigan; print([m for m in sys.modules if m.startswith(('torch', 'hifi'))])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['hifigan']"
