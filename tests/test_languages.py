"""Several languages in one model: lists, tables, the embedding, transfer, speaking and export."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch

import finetune
import infer
import train
from hifigan.checkpoint import read_checkpoint
from hifigan.errors import UserError
from hifigan.json_config import config_to_dict
from tests.conftest import SAMPLE_RATE, tone_with_noise
from tests.small_run import call, error_line, write_config  # noqa: F401 (fixtures)
from tests.small_voice import known_ids, small_voice
from tests.tiny_model import N_BINS, N_SYMBOLS, SEGMENT_FRAMES, perturb, tiny_batch, tiny_config
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.export.one_language import reading
from vits.model import VitsModel
from vits.speaking.loading import load_voice
from vits.speaking.voice import Voice
from vits.transfer.languages import LANGUAGES, in_one_language, language_rows

Configure = Callable[..., VitsConfig]
ROWS = (
    ("a low hum", "en-us", "ann"),
    ("два тона", "bg", "ann"),
    ("it rises", "en-us", "bob"),
    ("пада сега", "bg", "bob"),
    ("one more hum", "en-us", "ann"),
    ("още един", "bg", "bob"),
)
SEVERAL = (
    "data.languages=from_data",
    "data.speakers=from_data",
    "data.n_valid=1",
    "data.min_seconds=0.2",
)


def write_lists(folder: Path, style: str, rows: tuple = ROWS) -> Path:
    """Recordings and a training list: as JSON lines or in columns."""
    (folder / "wavs").mkdir(parents=True, exist_ok=True)
    lines = []
    for i, (text, language, speaker) in enumerate(rows):
        samples = tone_with_noise(0.6 + 0.05 * i, 90 + 20 * i, seed=i)
        soundfile.write(folder / "wavs" / f"{i}.wav", samples, SAMPLE_RATE)
        values = {"audio": f"wavs/{i}.wav", "text": text, "speaker": speaker, "language": language}
        lines.append(
            json.dumps(values, ensure_ascii=False)
            if style == "jsonl"
            else "|".join([f"wavs/{i}.wav", speaker, language, text])
        )
    name = "train.jsonl" if style == "jsonl" else "train.csv"
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def configure(smallest: Configure, tmp_path: Path) -> Configure:
    return lambda *settings: smallest(f"data.folder={tmp_path / 'many'}", *SEVERAL, *settings)


@pytest.mark.parametrize("style", ["jsonl", "csv"])
def test_lists_of_both_forms_give_the_same_utterances(configure, tmp_path, style) -> None:
    write_lists(tmp_path / "many", style)
    data = check_data(configure("data.n_valid=0"))
    assert data.config.data.languages == ("bg", "en-us")
    assert data.config.data.speakers == ("ann", "bob")
    found = [(u.text, u.language, u.speaker, u.language_id, u.speaker_id) for u in data.train]
    assert found == [(t, w, s, int(w == "en-us"), int(s == "bob")) for t, w, s in ROWS]


def test_a_list_of_objects_serves_one_language_and_speaker_too(smallest, tmp_path) -> None:
    rows = tuple((text, "bg", "ann") for text, _, _ in ROWS)
    folder = write_lists(tmp_path / "one", "jsonl", rows)
    config = smallest(f"data.folder={folder}", "data.n_valid=0", "text.language=bg")
    data = check_data(config)
    assert len(data.train) == len(ROWS)
    assert {(u.speaker, u.language) for u in data.train} == {(None, None)}


def test_several_speakers_in_objects_are_not_trained_as_one(smallest, tmp_path) -> None:
    folder = write_lists(tmp_path / "many", "jsonl")
    with pytest.raises(UserError, match="has 2 speakers.*data.speakers=from_data"):
        check_data(smallest(f"data.folder={folder}", "data.n_valid=0"))


def test_texts_of_another_language_are_refused_where_the_language_counts(
    smallest, tmp_path
) -> None:
    folder = write_lists(tmp_path / "many", "jsonl")
    settings = (f"data.folder={folder}", "data.n_valid=0", "data.speakers=from_data")
    data = check_data(smallest(*settings, "text.language=en-gb", "text.expand=true"))
    assert [u.text for u in data.train] == [t for t, language, _ in ROWS if language == "en-us"]
    assert {r.reason for r in data.report.refusals} == {"other language"}
    assert "text.language is en-gb" in data.report.refusals[0].detail
    letters = check_data(smallest(*settings, "text.language=en-gb", "text.expand=false"))
    assert len(letters.train) == len(ROWS)


@pytest.mark.parametrize(
    "row, message",
    [
        ("[1]", "expected an object"),
        ('{"audio": "a.wav"}', 'expected the text "text"'),
        ('{"text": "a"}', 'expected the text "audio"'),
        ('{"audio": "a.wav", "text": 5}', 'expected the text "text"'),
        ('{"audio": "a.wav", "text": "a", "speaker": 5}', '"speaker" is no text'),
        ("a.wav|text", "expected an object"),
    ],
)
def test_a_wrong_row_is_named_with_its_number(smallest, tmp_path, row, message) -> None:
    folder = write_lists(tmp_path / "many", "jsonl")
    with (folder / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(row + "\n")
    with pytest.raises(UserError, match=f"train.jsonl: line {len(ROWS) + 1}: .*{message}"):
        check_data(smallest(f"data.folder={folder}", "data.speakers=from_data"))


def test_columns_without_a_language_are_told(configure, tmp_path) -> None:
    folder = write_lists(tmp_path / "many", "csv")
    (folder / "train.csv").write_text("wavs/0.wav|ann|a low hum\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"expected 4 \(path\|speaker\|language\|text\)"):
        check_data(configure())


def test_what_a_check_found_is_found_again_with_the_languages_it_gave(configure, tmp_path) -> None:
    write_lists(tmp_path / "many", "jsonl")
    first = check_data(configure(), cache=tmp_path / "kept")
    (kept,) = (tmp_path / "kept").glob("*.utterances")
    again = check_data(first.config, cache=tmp_path / "kept")
    assert list((tmp_path / "kept").glob("*.utterances")) == [kept]
    assert again.config == first.config
    assert [u.language_id for u in again.train] == [u.language_id for u in first.train]


def two_languages(n_languages: int = 2) -> VitsModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VitsModel(
            tiny_config(), N_SYMBOLS, 0, N_BINS, SEGMENT_FRAMES, n_languages=n_languages
        )
    return model.eval()


def test_the_embedding_begins_as_nothing_and_then_tells_languages_apart() -> None:
    batch = tiny_batch()
    tokens, lengths = batch["tokens"], batch["token_lengths"]
    model = two_languages()
    plain = two_languages(0)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k != LANGUAGES})
    encoder = model.text_encoder
    for languages in (torch.tensor([0, 1]), torch.tensor([1, 1])):
        same = encoder(tokens, lengths, languages).m_p
        assert torch.equal(same, plain.text_encoder(tokens, lengths).m_p)
    perturb(encoder.language_embedding, 1.0)
    both = encoder(tokens, lengths, torch.tensor([0, 1])).m_p
    other = encoder(tokens, lengths, torch.tensor([1, 1])).m_p
    assert torch.equal(both[1], other[1]) and (both[0] - other[0]).abs().max() > 0.1
    with pytest.raises(ValueError, match="2 languages; say which"):
        encoder(tokens, lengths)


def test_one_language_in_the_symbols_reads_as_the_embedding_did() -> None:
    batch = tiny_batch()
    tokens, lengths = batch["tokens"], batch["token_lengths"]
    model, plain = two_languages(), two_languages(0)
    perturb(model, 0.3)
    for i, language in enumerate(("bg", "en-us")):
        plain.load_state_dict(in_one_language(model.state_dict(), ("bg", "en-us"), language))
        expected = model.text_encoder(tokens, lengths, torch.full((2,), i))
        torch.testing.assert_close(
            plain.text_encoder(tokens, lengths).m_p, expected.m_p, atol=1e-5, rtol=1e-5
        )
    with pytest.raises(UserError, match="language 'de' is none of the voice's: bg, en-us"):
        in_one_language(model.state_dict(), ("bg", "en-us"), "de")


def test_new_languages_begin_as_their_relative_or_the_mean() -> None:
    change = language_rows(("bg", "en-us"), ("en-gb", "bg", "de"))
    assert [row.sources for row in change.rows] == [(1,), (0,), (0, 1)]
    assert change.dropped == ("en-us",)
    assert change.relatives == {"en-gb": "en-us", "de": "mean of 2 languages"}


@pytest.fixture
def voice(smallest: Configure) -> Voice:
    letters = tuple("_ abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъьюя")
    config = smallest('data.languages=["en-us", "bg"]', "model.language_embedding=true")
    text = dataclasses.replace(config.text, symbols=letters, language="en-us")
    return small_voice(dataclasses.replace(config, text=text))


def test_a_voice_speaks_each_of_its_languages(voice: Voice) -> None:
    spoken = {name: voice.speak("abc", language=name) for name in (None, "en-us", "bg")}
    assert torch.equal(spoken[None], spoken["en-us"])  # text.language, where none is named
    assert not torch.equal(spoken["bg"], spoken["en-us"])  # False for other lengths, too
    with pytest.raises(UserError, match="--language de: unknown; this voice has: en-us, bg"):
        voice.speak("abc", language="de")


def test_an_export_in_one_language_says_the_same(voice: Voice) -> None:
    contents = {"config": config_to_dict(voice.config), "generator": voice.model.state_dict()}
    contents["generator_optimizer"] = {}
    for language in ("en-us", "bg"):
        made = reading(contents, language, "voice.pt")
        assert "generator_optimizer" not in made and LANGUAGES not in made["generator"]
        assert made["config"]["text"]["language"] == language
        tokens = torch.tensor([known_ids(voice, "abc")])
        lengths = torch.tensor([tokens.shape[1]])
        index = torch.tensor([voice.config.data.languages.index(language)])
        expected = voice.model.text_encoder(tokens, lengths, index).m_p
        voice_of_one = small_voice(
            dataclasses.replace(
                voice.config,
                data=dataclasses.replace(voice.config.data, languages=None),
                model=dataclasses.replace(voice.config.model, language_embedding=False),
            )
        )
        voice_of_one.model.load_state_dict(made["generator"])
        found = voice_of_one.model.text_encoder(tokens, lengths).m_p
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for language, message in ((None, "no --language given"), ("de", "--language de: unknown")):
        with pytest.raises(UserError, match=message):
            reading(contents, language, "voice.pt")


def test_two_languages_are_trained_resumed_fine_tuned_and_spoken(
    tmp_path: Path,
    call: Callable[..., tuple[int, str]],  # noqa: F811
) -> None:
    write_lists(tmp_path / "data", "jsonl")
    config = write_config(
        tmp_path / "c.json",
        *SEVERAL,
        "model.language_embedding=true",
        "data.balance_languages=true",
        "train.save_every=2",
    )
    code, err = call(tmp_path, train.main, "-c", config, "-m", "whole", "--max_steps", 4)
    assert code == 0, err
    for steps in (2, 4):
        assert call(tmp_path, train.main, "-c", config, "-m", "two", "--max_steps", steps)[0] == 0
    whole, two = (
        read_checkpoint(max((tmp_path / "runs" / name / "checkpoints").glob("step_*.pt")))
        for name in ("whole", "two")
    )
    for name, weight in whole["generator"].items():
        assert torch.equal(weight, two["generator"][name]), name
    assert whole["generator"][LANGUAGES].abs().sum(1).min() > 0  # both have learnt

    more = tuple((t, "en-gb" if w == "en-us" else w, "cleo") for t, w, _ in ROWS)
    write_lists(tmp_path / "more", "jsonl", more)
    code, err = call(
        tmp_path, finetune.main, "--restore_from", "runs/two", "-m", "tuned", "--data", "more",
        "--max_steps", 1, "--set", "data.n_valid=1", "--set", "train.look_at_start=false",
    )  # fmt: skip
    assert code == 0, err
    tuned = read_checkpoint(max((tmp_path / "runs/tuned/checkpoints").glob("step_*.pt")))
    assert tuned["config"]["data"]["languages"] == ["bg", "en-us", "en-gb"]
    assert tuned["config"]["data"]["speakers"] == ["ann", "bob", "cleo"]
    report = (tmp_path / "runs/tuned/load_report.txt").read_text(encoding="utf-8")
    assert "new languages (1): en-gb from en-us" in report

    arguments = ("--model_path", "runs/tuned", "--out_path", "a.wav", "--speaker", "cleo")
    code, err = call(tmp_path, infer.main, "--text", "a low hum", "--language", "en-gb", *arguments)
    assert code == 0, err
    assert soundfile.info(tmp_path / "a.wav").frames > 0
    code, err = call(tmp_path, infer.main, "--text", "a low hum", "--language", "de", *arguments)
    assert code == 2 and "this voice has: bg, en-us, en-gb" in error_line(err)
    one = load_voice(tmp_path / "runs/tuned", torch.device("cpu"))
    assert one.config.data.languages == ("bg", "en-us", "en-gb")
