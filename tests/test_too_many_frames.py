"""A voice whose durations have diverged says so, before it asks for more than memory holds."""

from pathlib import Path

import pytest
import torch

from hifigan.errors import UserError
from hifigan.mel import Spectrogram
from tests.small_voice import small_voice
from vits.data import Utterance
from vits.samples import render
from vits.speaking.onnx_engine import with_onnxruntime
from vits.speaking.voice import Voice
from vits.text_on_frames import MOST_FRAMES, MOST_FRAMES_OF_SYMBOL, TooManyFrames, whole_frames

LETTERS = 'text.symbols=["_", " ", ".", "a", "b", "c", "d"]'


def ask(frames: list[float], length_scale: float = 1.0) -> list[int]:
    """Durations of a text, beside a shorter one that asks for nothing odd."""
    wanted = torch.tensor([frames, [3.0] * len(frames)])
    mask = torch.ones(2, 1, len(frames))
    mask[1, :, 1:] = 0
    found = whole_frames(wanted.log().unsqueeze(1), mask, length_scale)
    assert found[1].tolist() == [3] + [0] * (len(frames) - 1)
    return found[0].tolist()


def test_durations_up_to_the_limit_are_rounded_up_and_no_more() -> None:
    assert ask([0.2, 7.5, 2.0]) == [1, 8, 2]
    most = MOST_FRAMES_OF_SYMBOL
    assert sum(ask([2 * most - 1.5, 1.0])) == 2 * most  # the mean counts
    assert len(ask([9.5] * 20_000)) * 10 == MOST_FRAMES


@pytest.mark.parametrize(
    "frames, length_scale",
    [
        ([2.0 * MOST_FRAMES_OF_SYMBOL + 1, 1.0], 1.0),
        ([150.5, 150.5], 1.5),
        ([10.5] * 20_000, 1.0),  # each is well, all of them are too much
        ([torch.inf, 1.0], 1.0),
        ([torch.nan, 1.0], 1.0),
    ],
)
def test_more_is_refused_with_what_was_asked_and_allowed(frames, length_scale) -> None:
    with pytest.raises(TooManyFrames) as caught:
        ask(frames, length_scale)
    allowed = min(MOST_FRAMES_OF_SYMBOL * len(frames), MOST_FRAMES)
    assert f"for {len(frames)} symbols, expected {allowed:,} at most" in str(caught.value)
    assert "use an earlier checkpoint" in str(caught.value)


@pytest.fixture
def make_diverged(smallest):
    def make(by: float) -> Voice:
        voice = small_voice(smallest(LETTERS, "model.duration_predictor.kind=deterministic"))
        with torch.no_grad():
            voice.model.duration_predictor.projection.bias += by
        return voice

    return make


@pytest.fixture
def diverged(make_diverged):
    return make_diverged(30)


def test_the_text_is_named(diverged) -> None:
    with pytest.raises(UserError) as caught:
        diverged.speak("A bad cab.")
    assert str(caught.value).startswith("text 'A bad cab.': ") and "e+" in str(caught.value)
    with pytest.raises(UserError, match="text 'A bad cab.'"):
        next(diverged.stream("A bad cab."))


@pytest.mark.parametrize("by", [30, 70, torch.inf, torch.nan])  # e^43 is the last in an int64
def test_onnxruntime_names_it_too(make_diverged, by) -> None:
    pytest.importorskip("onnxruntime")
    voice = with_onnxruntime(make_diverged(by))
    with pytest.raises(UserError, match="text 'A bad cab.': .* frames for"):
        voice.speak("A bad cab.")


def test_in_training_it_costs_a_sentence_of_the_samples_and_not_the_run(
    diverged, data_folder: Path, caplog
) -> None:
    path = str(data_folder / "wavs/3.wav")
    utterance = Utterance("3", path, "a bad", None, 0, (0, 3, 0, 1, 0, 4, 0), 6000, 6000 // 64)
    sample = render(
        diverged.model, Spectrogram(diverged.config.audio), utterance, torch.device("cpu")
    )
    assert sample.wavs["synthesis"].isnan().all() and sample.wavs["target"].isfinite().all()
    assert "3: not spoken: " in caplog.text
