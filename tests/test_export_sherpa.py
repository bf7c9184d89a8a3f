"""An exported voice speaks in sherpa-onnx, with the ids and samples that it has here."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hifigan.errors import UserError
from hifigan.json_config import read_json
from tests.conftest import REPOSITORY
from tests.small_voice import known_ids, small_voice, without_noise
from vits.config import VitsConfig
from vits.speaking.voice import Voice

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from vits.export import onnx_transformer  # noqa: E402
from vits.export.sherpa import write_sherpa  # noqa: E402

CHARACTERS = ("text.front_end=characters", "text.language=bg", "text.expand=false")
FRAMES = [(), ("text.add_blank=false",), ('text.start="ж"', 'text.end="ц"'), ('text.end="ц"',)]


def listed(symbols: str) -> str:
    return f"text.symbols={json.dumps(list(symbols))}"


def published_symbols() -> str:
    symbols = read_json(REPOSITORY / "configs/base.json")["text"]["symbols"]
    return f"text.symbols={json.dumps([*symbols, 'ж', 'ц'])}"


def spoken(folder: Path, text: str, phonemes: list[str], speaker: int) -> torch.Tensor:
    """The waveform that sherpa-onnx makes of a text, or of phonemes where there are some."""
    sherpa_onnx = pytest.importorskip("sherpa_onnx")
    model = sherpa_onnx.OfflineTtsVitsModelConfig(
        model=str(folder / "model.onnx"),
        lexicon="",
        tokens=str(folder / "tokens.txt"),
        noise_scale=0.0,
        noise_scale_w=0.0,
        length_scale=1.0,
    )
    tts = sherpa_onnx.OfflineTts(
        sherpa_onnx.OfflineTtsConfig(model=sherpa_onnx.OfflineTtsModelConfig(vits=model))
    )
    settings = sherpa_onnx.GenerationConfig()
    settings.silence_scale, settings.sid = 1.0, speaker
    if phonemes:
        settings.phoneme_codepoints = [[ord(phoneme) for phoneme in phonemes]]
    audio = tts.generate(text, settings)
    assert audio.sample_rate == 8000
    return torch.tensor(audio.samples)


def assert_spoken_alike(folder: Path, voice: Voice, text: str, speaker: int = 0) -> None:
    known = [symbol for symbol in voice.front_end(text) if symbol in voice.symbols]
    phonemes = known if voice.config.text.front_end == "phonemes" else []
    ours = without_noise(voice, known_ids(voice, text), speaker)
    assert ours.abs().max() > 0.05
    found = spoken(folder, "" if phonemes else text, phonemes, speaker)
    torch.testing.assert_close(found, ours, rtol=0, atol=1e-4)


@pytest.mark.parametrize("settings", FRAMES)
def test_sherpa_speaks_characters_with_our_ids_and_samples(
    smallest: Callable[..., VitsConfig], tmp_path: Path, settings: tuple[str, ...]
) -> None:
    voice = small_voice(smallest(*CHARACTERS, listed("_ ,—аийкмжц0"), *settings))
    write_sherpa(voice, tmp_path / "voice")
    assert_spoken_alike(tmp_path / "voice", voice, "Май, мий (Йк) 0, 00")


@pytest.mark.parametrize("settings", [*FRAMES, ('data.speakers=["Ann", "Bob"]',)])
def test_sherpa_speaks_phonemes_with_our_ids_and_samples(
    smallest: Callable[..., VitsConfig], tmp_path: Path, settings: tuple[str, ...]
) -> None:
    pytest.importorskip("espeakng_loader")
    voice = small_voice(smallest("text.front_end=phonemes", published_symbols(), *settings))
    write_sherpa(voice, tmp_path / "voice")
    assert_spoken_alike(tmp_path / "voice", voice, "Hello there, my friend!")
    if voice.config.n_speakers:
        assert_spoken_alike(tmp_path / "voice", voice, "Hello there, my friend!", speaker=1)


def test_a_blank_that_is_not_the_first_symbol_is_kept(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    symbols = json.dumps(["_", "a", "b", "м", " ", "<BLNK>"])
    voice = small_voice(smallest(*CHARACTERS, f"text.symbols={symbols}", 'text.blank="<BLNK>"'))
    write_sherpa(voice, tmp_path / "voice")
    assert_spoken_alike(tmp_path / "voice", voice, "ab мама")


def test_the_model_says_what_sherpa_asks_for(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    voice = small_voice(smallest(*CHARACTERS, listed("_ ab"), 'data.speakers=["Ann", "Bob"]'))
    write_sherpa(voice, tmp_path / "voice")
    proto = onnx.load(tmp_path / "voice" / "model.onnx")
    found = {entry.key: entry.value for entry in proto.metadata_props}
    assert {key: found[key] for key in found if key not in ("config", "step")} == {
        "model_type": "vits",
        "comment": "piper",
        "language": "bg",
        "n_speakers": "2",
        "speakers": '["Ann", "Bob"]',
        "sample_rate": "8000",
        "frontend": "characters",
        "add_blank": "1",
        "blank_id": "0",
        "use_eos_bos": "0",
        "bos_id": "4",
        "eos_id": "5",
        "pad_id": "0",
    }
    lines = (tmp_path / "voice" / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == sorted(["  1", "a 2", "b 3", "A 2", "B 3", "^ 4", "$ 5", "_ 0"])


def test_a_failed_comparison_leaves_nothing(
    smallest: Callable[..., VitsConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_transformer, "layer_norm", lambda graph, norm, x: x)
    with pytest.raises(UserError, match=r"model\.onnx: not kept: onnxruntime"):
        write_sherpa(small_voice(smallest(*CHARACTERS, listed("_ ab"))), tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


@pytest.mark.parametrize("there", ["model.onnx", "tokens.txt"])
def test_files_that_are_there_already_stay(
    smallest: Callable[..., VitsConfig], tmp_path: Path, there: str
) -> None:
    folder = tmp_path / "voice"
    folder.mkdir()
    (folder / there).write_text("kept")
    with pytest.raises(UserError, match=f"{there}: is there already; move it away or choose"):
        write_sherpa(small_voice(smallest(*CHARACTERS, listed("_ ab"))), folder)
    assert [path.name for path in folder.iterdir()] == [there]
    assert (folder / there).read_text() == "kept"
