"""A voice says the same sentence in the same samples: whole, streamed, in a batch, anywhere."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.mel import Spectrogram
from tests.small_voice import small_voice
from vits.config import VitsConfig
from vits.speaking import torch_engine
from vits.speaking.engine import BLOCK_FRAMES, Noise, Scales
from vits.speaking.info import can_convert
from vits.speaking.loading import drop_training_parts
from vits.speaking.manner import Manner
from vits.speaking.pieces import CLAUSE_SILENCE, MAX_CHARACTERS, pieces_of
from vits.speaking.torch_engine import TorchEngine
from vits.speaking.voice import Voice

Configure = Callable[..., VitsConfig]
LETTERS = 'text.symbols=["_", " ", ".", ",", "a", "b", "c", "d"]'
STORY = "Abba bad. Cab dab, a bad cab. Dada! Add a bad dad cab."


@pytest.fixture
def voice(smallest: Configure) -> Voice:
    return small_voice(smallest(LETTERS))


@pytest.fixture
def several(smallest: Configure) -> Voice:
    return small_voice(smallest(LETTERS, 'data.speakers=["anna", "boris"]'))


def test_noise_of_frames_begins_the_same_however_much_is_drawn() -> None:
    whole = Noise(3).of_frames(5, 300)
    for n_frames in (1, BLOCK_FRAMES, BLOCK_FRAMES + 1, 299):
        assert torch.equal(Noise(3).of_frames(5, n_frames), whole[:, :n_frames])
    assert not torch.equal(Noise(4).of_frames(5, 300), whole)
    assert abs(whole.mean()) < 0.1 and abs(whole.std() - 1) < 0.1


def test_a_stream_joined_is_the_whole(voice: Voice) -> None:
    whole = voice.speak(STORY, seed=5)
    pieces = [*voice.stream(STORY, seed=5)]
    assert len(pieces) > 8
    torch.testing.assert_close(torch.cat(pieces), whole, atol=1e-5, rtol=0)


def test_a_sentence_sounds_the_same_whatever_stands_beside_it(voice: Voice) -> None:
    alone = [voice.speak(s, seed=2) for s in ("Abba bad.", "Cab dab, a bad cab.")]
    both = voice.speak("Abba bad. Cab dab, a bad cab.", seed=2, sentence_silence=0.1)
    n_silent = round(0.1 * voice.sample_rate)
    assert torch.equal(both, torch.cat([alone[0], torch.zeros(n_silent), alone[1]]))
    assert not torch.equal(voice.speak("Abba bad.", seed=3), alone[0])


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("model.duration_predictor.kind=deterministic",),
        ('data.languages=["en-us", "bg"]', "model.language_embedding=true"),
    ],
)
def test_together_each_text_is_what_it_is_alone(
    smallest: Configure, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]
) -> None:
    """Padding changes neither durations nor samples, but for rounding."""
    several = small_voice(smallest(LETTERS, 'data.speakers=["anna", "boris"]', *settings))
    alone, config = several.engine, several.config
    language = 1 if config.model.language_embedding else None
    together = TorchEngine(several.model, config.model, batch=4)
    draw = torch.Generator().manual_seed(0)
    texts = [
        torch.randint(8, (n,), generator=draw).tolist() for n in (31, 3, 90, 40, 1, 33, 35, 60)
    ]
    found = together.draw(texts, Scales(), 7, 1, language)
    expected = [alone.draw([text], Scales(), 7, 1, language)[0] for text in texts]
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.durations, other.durations)
        torch.testing.assert_close(one.z_p, other.z_p, atol=1e-5, rtol=0)
    draws = [drawn.z_p for drawn in expected]
    latents = [alone.flow([z_p], speaker=1)[0] for z_p in draws]
    for one, other in zip(together.flow(draws, speaker=1), latents, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    monkeypatch.setitem(torch_engine.BATCH_FRAMES, "cpu", 4096)
    wavs = together.decode(latents, speaker=1)
    monkeypatch.setitem(torch_engine.BATCH_FRAMES, "cpu", 0)
    for wav, z in zip(wavs, latents, strict=True):
        (expected_wav,) = alone.decode([z], speaker=1)
        torch.testing.assert_close(wav, expected_wav, atol=1e-5, rtol=0)


def test_many_texts_come_in_their_order_as_each_alone(voice: Voice) -> None:
    texts = ["Dada bad cab. Add.", "A.", "Cab dab, a bad cab add.", "Bad."] * 20
    spoken: list[list[Tensor]] = [[] for _ in texts]
    for number, utterance in voice.utterances(texts, Manner(seed=1)):
        spoken[number].append(utterance.wav)
    for text, wavs in zip(texts[:4], spoken[-4:]):
        assert torch.equal(torch.cat(wavs), voice.speak(text, seed=1))
    engine = TorchEngine(voice.model, voice.config.model, batch=7)
    together = replace(voice, engine=engine).utterances(texts, Manner(seed=1))
    for (number, utterance), wav in zip(together, (wav for wavs in spoken for wav in wavs)):
        torch.testing.assert_close(utterance.wav, wav, atol=1e-5, rtol=0)
    assert number == len(texts) - 1


@pytest.mark.parametrize(
    "text", ["<pause=200ms>Abba.<pause=1s>Dada, dad. A<pause>", "A. <pause>B."]
)
def test_pauses_stand_in_their_places_however_many_lines_are_computed_together(
    voice: Voice, text: str
) -> None:
    wav, timings = voice.speak(text), voice.timings(text)
    assert (wav == 0).sum() >= 0.5 * voice.sample_rate
    for batch in (2, 5):
        engine = TorchEngine(voice.model, voice.config.model, batch=batch)
        together = replace(voice, engine=engine)
        torch.testing.assert_close(together.speak(text), wav, atol=1e-5, rtol=0)
        assert together.timings(text) == timings


def test_bfloat16_rounds_the_samples_and_no_duration(voice: Voice) -> None:
    rounded = replace(voice, engine=TorchEngine(voice.model, voice.config.model, "bfloat16"))
    assert rounded.timings(STORY) == voice.timings(STORY)
    wav, noise = voice.speak(STORY), rounded.speak(STORY) - voice.speak(STORY)
    assert 0 < noise.square().mean() < 1e-2 * wav.square().mean()  # of this loud voice, 20 dB


def test_no_sample_goes_beyond_full_scale(voice: Voice) -> None:
    with torch.no_grad():
        voice.model.decoder.output.weight *= 1e3
    assert 0.99 < voice.speak(STORY).abs().max() <= 1


def test_a_long_text_is_spoken_in_short_pieces(voice: Voice) -> None:
    sentence = "Abba bad cab, " * 80 + "dad. "  # one sentence of a thousand characters
    pieces = pieces_of(sentence * 10, "en-us", 0.3)
    assert sum(len(piece.text) for piece in pieces) > 9000
    assert max(len(piece.text) for piece in pieces) <= MAX_CHARACTERS
    assert {piece.silence for piece in pieces} == {CLAUSE_SILENCE, 0.3, 0.0}
    assert " ".join(piece.text for piece in pieces).split() == (sentence * 10).split()
    assert len(voice.lines(sentence * 10, Manner())) == len(pieces)


def test_phonemes_in_brackets_are_never_cut() -> None:
    text = f"One. [[a. b. {'c ' * 200}]] two. Three."
    assert [piece.text for piece in pieces_of(text, "en-us", 0.3)][-1] == "Three."
    for piece in pieces_of(text, "en-us", 0.3):
        assert piece.text.count("[[") == piece.text.count("]]")


def test_pauses_stand_instead_of_the_silence_between_sentences() -> None:
    made = pieces_of("<pause=1s>One. Two.<pause=2s>Three. Four.", "en-us", 0.3)
    told = [(piece.text, piece.silence) for piece in made]
    assert told == [("", 1.0), ("One.", 0.3), ("Two.", 2.0), ("Three.", 0.3), ("Four.", 0.0)]


def test_unknown_symbols_are_told_once(voice: Voice, caplog: pytest.LogCaptureFixture) -> None:
    voice.speak("Abба bad. Бa cab. Xa dab.")
    assert sum("left out" in message for message in caplog.messages) == 1
    assert caplog.text.count("U+0431") == 1 and "'x'" in caplog.text


@pytest.mark.parametrize("text", ["", " \n", "...", "?!", "<pause=1s>", "12"])
def test_a_text_without_a_word_is_refused(voice: Voice, text: str) -> None:
    with pytest.raises(UserError, match="nothing in it that the voice can say"):
        voice.speak(text)


def test_one_letter_and_sentences_of_nothing_behave(voice: Voice) -> None:
    assert len(voice.speak("a")) >= voice.engine.hop_length
    assert torch.equal(voice.speak("Abba. ?! ... Bad."), voice.speak("Abba. Bad."))


def test_wrong_manners_are_refused(several: Voice) -> None:
    for name, value in (("noise_scale", -1), ("length_scale", 0), ("seed", -1)):
        with pytest.raises(UserError, match=f"{name} {value}: expected"):
            several.speak("a", speaker="anna", **{name: value})
    with pytest.raises(UserError, match="sentence_silence 61: expected seconds"):
        several.speak("a", sentence_silence=61)
    with pytest.raises(UserError, match="no --speaker given; this voice has: anna, boris"):
        several.speak("a")
    with pytest.raises(TypeError, match="loudness"):
        several.speak("a", loudness=3)


def test_conversion_is_the_models_own(several: Voice) -> None:
    audio = several.config.audio
    wav = 0.3 * torch.randn(60 * audio.hop_length + 7, generator=torch.Generator().manual_seed(0))
    found = several.convert(wav, "anna", "boris")
    spec = Spectrogram(audio).magnitudes(wav[None, None])
    lengths, who = torch.tensor([spec.shape[2]]), torch.tensor
    expected = several.model.convert(spec, lengths, who([0]), who([1]))[0, 0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert len(found) == 60 * audio.hop_length
    assert not torch.allclose(found, several.convert(wav, "anna", "anna"), atol=1e-3)


def test_what_cannot_be_converted_is_refused(several: Voice, voice: Voice) -> None:
    wav = torch.zeros(9000)
    with pytest.raises(UserError, match="this voice has one speaker, expected several"):
        voice.convert(wav, "anna", "boris")
    with pytest.raises(UserError, match="--speaker clara: unknown"):
        several.convert(wav, "anna", "clara")
    with pytest.raises(UserError, match="--speaker_from clara: unknown"):
        several.convert(wav, "clara", "anna")
    with pytest.raises(UserError, match="5 samples to convert, expected more"):
        several.convert(wav[:5], "anna", "boris")
    drop_training_parts(several.model)
    assert not can_convert(several)
    with pytest.raises(UserError, match="no posterior encoder"):
        several.convert(wav, "anna", "boris")


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_memory_stays_flat_over_500_syntheses_and_in_a_long_text(voice: Voice) -> None:
    for _ in range(50):
        voice.speak(STORY)
    before = resident_mib()
    for seed in range(500):
        voice.speak("Abba bad.", seed=seed)
    text = STORY * 200  # 10,000 characters
    n_samples = sum(len(piece) for piece in voice.stream(text))
    n_samples += sum(len(spoken.wav) for _, spoken in voice.utterances([text], Manner()))
    assert n_samples > 200 * voice.sample_rate
    assert resident_mib() - before < 12
