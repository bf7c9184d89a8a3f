"""Folders of Hugging Face's VitsModel are read and written without a difference."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hifigan.config import DiscriminatorConfig
from hifigan.discriminators import vits_discriminators
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, config_to_dict
from tests.tiny_model import perturb
from vits.config import VitsConfig
from vits.exchange.found import FoundVoice, generator_layout
from vits.exchange.hugging_face import hugging_face_weights, open_hugging_face
from vits.exchange.hugging_face_config import (
    hugging_face_config,
    hugging_face_tokenizer,
    require_hugging_face,
)
from vits.exchange.hugging_face_names import hugging_face_name, our_name
from vits.model import VitsModel, make_model
from vits.text import SymbolTable, build_front_end

transformers = pytest.importorskip("transformers")
safetensors_torch = pytest.importorskip("safetensors.torch")

VOCABULARY = {symbol: i for i, symbol in enumerate("k_abcdefghij '-")}  # a letter is the blank
TOKENIZER = {
    "tokenizer_class": "VitsTokenizer",
    "add_blank": True,
    "is_uroman": False,
    "language": "eng",
    "normalize": True,
    "pad_token": "k",
    "phonemize": False,
    "unk_token": "<unk>",
}
N_SYMBOLS = len(VOCABULARY)
TOKENS = torch.tensor([[3, 4, 1, 5, 9, 2, 6, 5, 3, 5]])
SMALL_JUDGE = {
    "periods": [2, 3],
    "period_channels": [4, 8],
    "scale_layers": [[4, 15, 1, 1], [8, 5, 1, 1]],
}


def their_model(n_speakers: int = 0, stochastic: bool = True) -> Any:
    torch.manual_seed(0)
    model = transformers.VitsModel(
        transformers.VitsConfig(
            vocab_size=N_SYMBOLS,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            window_size=3,
            ffn_dim=32,
            flow_size=12,
            spectrogram_bins=33,
            num_speakers=max(1, n_speakers),
            speaker_embedding_size=6 if n_speakers else 0,
            use_stochastic_duration_prediction=stochastic,
            duration_predictor_filter_channels=256 if stochastic else 20,
            upsample_initial_channel=16,
            upsample_rates=[4, 4],
            upsample_kernel_sizes=[8, 8],
            resblock_kernel_sizes=[3, 5],
            resblock_dilation_sizes=[[1, 3], [1, 3]],
            prior_encoder_num_wavenet_layers=2,
            prior_encoder_num_flows=3,
            posterior_encoder_num_wavenet_layers=2,
            duration_predictor_num_flows=3,
            sampling_rate=8000,
        )
    ).eval()
    perturb(model, deviation=0.1)
    return model


def written(folder: Path, model: Any) -> Path:
    """The folder of a model of theirs, with tokenizer files."""
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    return folder


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for tests to copy."""
    return written(tmp_path_factory.mktemp("whole"), their_model())


@pytest.fixture(scope="module")
def config(whole_folder: Path) -> VitsConfig:
    return open_hugging_face(whole_folder).config


def loaded(voice: FoundVoice) -> VitsModel:
    model = make_model(voice.config).eval()
    model.load_state_dict(voice.generator)
    return model


def said_there(model: Any, speaker: int | None) -> Tensor:
    model.noise_scale = model.noise_scale_duration = 0.0
    with torch.no_grad():
        return model(TOKENS, speaker_id=speaker).waveform[0]


def said_here(model: VitsModel, speaker: int | None) -> Tensor:
    speakers = None if speaker is None else torch.tensor([speaker])
    lengths = torch.tensor([TOKENS.shape[1]])
    return model.synthesize(TOKENS, lengths, speakers, 0.0, 0.0).wav_hat[0, 0]


def assert_same_sound(wav_hat: Tensor, wav: Tensor) -> None:
    torch.testing.assert_close(wav_hat, wav, atol=1e-3 * float(wav.std()), rtol=0)
    assert wav.std() > 1e-3  # the comparison means something


@pytest.mark.parametrize(
    "n_speakers, speaker, stochastic", [(0, None, True), (3, 2, True), (3, 1, False)]
)
def test_a_folder_speaks_here_as_in_transformers(
    tmp_path: Path, n_speakers: int, speaker: int | None, stochastic: bool
) -> None:
    theirs = their_model(n_speakers, stochastic)
    voice = open_hugging_face(written(tmp_path, theirs))
    assert_same_sound(said_here(loaded(voice), speaker), said_there(theirs, speaker))
    assert voice.config.data.speakers == (("0", "1", "2") if n_speakers else None)
    assert voice.config.audio.sample_rate == 8000 and voice.absent == ()


@pytest.mark.parametrize(
    "n_speakers, speaker, stochastic", [(0, None, True), (3, 2, True), (3, 1, False)]
)
def test_a_voice_of_ours_speaks_in_transformers_as_here(
    tmp_path: Path, n_speakers: int, speaker: int | None, stochastic: bool
) -> None:
    config = open_hugging_face(written(tmp_path, their_model(n_speakers, stochastic))).config
    torch.manual_seed(1)
    ours = make_model(config).eval()
    perturb(ours, deviation=0.1)
    theirs = transformers.VitsModel(transformers.VitsConfig(**hugging_face_config(config))).eval()
    theirs.load_state_dict(hugging_face_weights(config, ours.state_dict()))
    assert_same_sound(said_there(theirs, speaker), said_here(ours, speaker))


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder_read_and_written_again_has_the_same_tensors(tmp_path: Path, file: str) -> None:
    theirs = their_model(3)
    folder, state = written(tmp_path, theirs), theirs.state_dict()
    if file == "pytorch_model.bin":  # of the older versions, with their spelling of weight norm
        spelt = {"parametrizations.weight.original0": "weight_g"}
        spelt |= {"parametrizations.weight.original1": "weight_v"}
        (folder / "model.safetensors").unlink()
        old = dict(state)
        for new_name, old_name in spelt.items():
            old = {name.replace(new_name, old_name): weight for name, weight in old.items()}
        assert old.keys() != state.keys()
        torch.save(old, folder / file)
    voice = open_hugging_face(folder)
    again = hugging_face_weights(voice.config, voice.generator)
    assert again.keys() == state.keys()
    assert [name for name in state if not torch.equal(again[name], state[name])] == []
    said = theirs.config.to_dict()
    expected = hugging_face_config(voice.config)
    assert {key: said[key] for key in expected} == expected


@pytest.mark.parametrize("stochastic", [True, False])
def test_every_name_of_ours_comes_back(tmp_path: Path, stochastic: bool) -> None:
    config = open_hugging_face(written(tmp_path, their_model(3, stochastic))).config
    names = list(generator_layout(config).shapes)
    theirs = [hugging_face_name(name, config.model) for name in names]
    assert len(set(theirs)) == len(names)
    assert [our_name(name, 2) for name in theirs] == names


def test_a_text_gets_the_ids_of_their_tokenizer(whole_folder: Path, config: VitsConfig) -> None:
    text = config.text
    assert text.blank == "k"  # a letter that also stands in texts
    theirs = transformers.VitsTokenizer.from_pretrained(whole_folder)
    for sentence in ("I hid a Fig-bag", "a fig"):
        ids = SymbolTable(text).encode(build_front_end(text)(sentence))
        assert ids == theirs(sentence).input_ids


def test_their_tokenizer_gives_the_ids_of_ours(tmp_path: Path, config: VitsConfig) -> None:
    for name, values in hugging_face_tokenizer(config).items():
        (tmp_path / name).write_text(json.dumps(values))
    tokenizer = transformers.VitsTokenizer.from_pretrained(tmp_path)
    ids = SymbolTable(config.text).encode(build_front_end(config.text)("A Bad fig hid"))
    assert tokenizer("A Bad fig hid").input_ids == ids


def test_the_discriminators_of_a_fine_tuned_folder_come_along(
    tmp_path: Path, whole_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vits.exchange.defaults.DISCRIMINATOR", SMALL_JUDGE)
    folder = shutil.copytree(whole_folder, tmp_path, dirs_exist_ok=True)
    judge = vits_discriminators(config_from_dict(DiscriminatorConfig, SMALL_JUDGE, "here"))
    file = folder / "model.safetensors"
    weights = safetensors_torch.load_file(file)
    for name, weight in judge.state_dict().items():
        name = name.replace("members.", "discriminators.").replace(".layers.", ".convs.")
        weights["discriminator." + name.replace(".output.", ".final_conv.")] = weight
    safetensors_torch.save_file(weights, file)
    found = open_hugging_face(folder).discriminator
    assert found is not None and list(found) == list(judge.state_dict())
    assert all(torch.equal(found[name], weight) for name, weight in judge.state_dict().items())


def test_a_voice_that_wants_uroman_says_so(
    tmp_path: Path, whole_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(whole_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(TOKENIZER | {"is_uroman": True}))
    with caplog.at_level(logging.WARNING):
        open_hugging_face(tmp_path)
    assert "uroman" in caplog.text


@pytest.mark.parametrize(
    "file, change, told",
    [
        ("config.json", {"model_type": "bert"}, "model_type is 'bert'"),
        ("config.json", {"use_bias": False}, "use_bias is False"),
        ("config.json", {"vocab_size": "many"}, "vocab_size is 'many'"),
        ("config.json", {"upsample_rates": None}, "upsample_rates is None"),
        ("config.json", {"ffn_dim": 48}, "misfits"),
        ("vocab.json", {"z": 900}, "'z' the id 900"),
        ("vocab.json", None, "has no vocab.json"),
        ("model.safetensors", None, "neither model.safetensors nor pytorch_model.bin"),
        ("model.safetensors", "cut", "damaged"),
    ],
)
def test_a_wrong_folder_is_refused_in_one_line(
    tmp_path: Path,
    whole_folder: Path,
    file: str,
    change: dict[str, Any] | str | None,
    told: str,
) -> None:
    path = shutil.copytree(whole_folder, tmp_path, dirs_exist_ok=True) / file
    if change is None:
        path.unlink()
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError) as error:
        open_hugging_face(tmp_path)
    assert told in str(error.value) and "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    "section, change, told",
    [
        ("decoder", {"resblock": "2"}, 'resblock "2"'),
        ("text", {"start": "a"}, "start and end"),
        ("text", {"blank": "a"}, "not the symbol of id 0"),
        ("text", {"front_end": "phonemes", "language": "bg"}, "phonemes are of bg"),
        ("posterior_encoder", {"hidden_channels": 32}, "other widths"),
    ],
)
def test_what_their_model_cannot_hold_is_named(
    config: VitsConfig, section: str, change: dict[str, Any], told: str
) -> None:
    require_hugging_face(config)
    values = config_to_dict(config)
    (values["model"].get(section) or values[section]).update(change)
    with pytest.raises(UserError, match=told):
        require_hugging_face(config_from_dict(VitsConfig, values, "changed"))
