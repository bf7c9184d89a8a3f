"""Voices of Piper's, deployed and in training, come over whole: weights, symbols, speakers."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, read_json
from hifigan.weight_norm import fold_weight_norm
from tests.piper_voice import (
    BASE,
    SETTINGS,
    SMALL_JUDGE,
    checkpoint,
    config_of,
    graph_of,
    onnx,
    original,
    write_checkpoint,
    write_voice,
)
from vits.config import VitsConfig
from vits.exchange import defaults
from vits.exchange.found import FoundVoice
from vits.exchange.names import voice_table
from vits.exchange.piper import open_piper
from vits.exchange.piper_onnx import open_piper_onnx
from vits.model import VitsModel, make_model
from vits.text import SymbolTable

IDS = SETTINGS["phoneme_id_map"]


@pytest.fixture(scope="module")
def graph() -> Any:
    model = original(3)
    return graph_of(model, config_of(3, "stochastic", "1"))


@pytest.mark.parametrize(
    "n_speakers, kind, resblock",
    [(0, "stochastic", "2"), (3, "stochastic", "1"), (3, "deterministic", "1")],
)
def test_a_deployed_voice_has_the_weights_that_were_exported(
    tmp_path: Path, n_speakers: int, kind: str, resblock: str
) -> None:
    model, config = original(n_speakers, kind, resblock), config_of(n_speakers, kind, resblock)
    settings = {} if n_speakers else {"speaker_id_map": {}, "num_speakers": 1}
    path = write_voice(tmp_path / "voice.onnx", graph_of(model, config), **settings)
    voice = open_piper_onnx(path)
    unseen = replace(voice.config.model.posterior_encoder, n_layers=3)
    same = replace(voice.config.model, posterior_encoder=unseen)
    assert replace(voice.config, model=same) == config
    assert_same_speech(voice, model)


def assert_same_speech(voice: FoundVoice, model: VitsModel) -> None:
    found = make_model(voice.config).eval()
    lacking, unknown = found.load_state_dict(voice.generator, strict=False)
    assert unknown == []
    assert all(name.startswith(("posterior_encoder.", "duration_predictor.")) for name in lacking)
    for network in (found, model):
        fold_weight_norm(network)
    expected, state = model.state_dict(), found.state_dict()
    names = [name for name in state if not name.startswith("posterior_encoder.")]
    names = [name for name in names if name not in lacking and "posterior_" not in name]
    for name in names:
        if not name.startswith("duration_predictor.flows.couplings.0."):
            torch.testing.assert_close(state[name], expected[name], msg=name)


def test_a_text_is_written_as_piper_writes_it(tmp_path: Path, graph: Any) -> None:
    text = open_piper_onnx(write_voice(tmp_path / "voice.onnx", graph)).config.text
    table = SymbolTable(text)
    assert table.encode(list("ba a")) == [1, 0, 5, 0, 4, 0, 3, 0, 4, 0, 2]
    assert not {"_", "^", "$"} & {symbol for symbol in text.symbols if symbol in table}


def test_letters_of_a_text_voice_are_characters(tmp_path: Path, graph: Any) -> None:
    text = open_piper_onnx(write_voice(tmp_path / "v.onnx", graph, phoneme_type="text")).config.text
    assert text.front_end == "characters" and text.decomposed


def test_a_blank_of_another_row_is_named(tmp_path: Path, graph: Any) -> None:
    ids = IDS | {"_": [9], "d": [0]}
    voice = open_piper_onnx(write_voice(tmp_path / "voice.onnx", graph, phoneme_id_map=ids))
    assert voice.config.text.blank == "_"
    assert SymbolTable(voice.config.text).encode(["d"]) == [1, 9, 0, 9, 2]


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"phoneme_type": "pinyin"}, "phoneme_type is 'pinyin'"),
        ({"vowel_clusters": [["a", "ɪ"]]}, "vowel_clusters"),
        ({"phoneme_id_map": None}, "no phoneme_id_map"),
        ({"phoneme_id_map": IDS | {"d": [8, 9]}}, r"'d' the ids \[8, 9\]"),
        ({"phoneme_id_map": IDS | {"d": [4]}}, "'a' and 'd' the same id 4"),
        ({"phoneme_id_map": IDS | {"d": [10]}}, "'d' the id 10, but the voice has 10"),
        ({"phoneme_id_map": {"a": [4]}}, "has no '_'"),
        ({"speaker_id_map": {"Mara": 3}}, "'Mara' the id 3"),
        ({"audio": {}}, "no audio.sample_rate"),
        ({"audio": {"sample_rate": "fast"}}, "sample_rate"),
        ({"espeak": {}}, "no espeak.voice"),
        ({"hop_length": 256}, "hop_length is 256"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, graph: Any, settings: dict[str, Any], told: str
) -> None:
    path = write_voice(tmp_path / "voice.onnx", graph, **settings)
    with pytest.raises(UserError, match=told) as error:
        open_piper_onnx(path)
    assert str(path) + ".json" in str(error.value) and "\n" not in str(error.value)


def damaged(kind: str, graph: Any) -> bytes:
    graph = copy.deepcopy(graph)
    inside, weights = graph.graph, {w.name: w for w in graph.graph.initializer}
    if kind == "no initialisers":
        del inside.initializer[:]
    elif kind == "other names":
        for node in inside.node:
            node.name = ""
        for weight in inside.initializer:
            weight.name += "_"
    elif kind == "one weight less":
        (node,) = [node for node in inside.node if node.name == "/flow/flows.2/pre/Conv"]
        inside.initializer.remove(weights["flow.flows.2.pre.weight"])
        node.input[1] = "elsewhere"
    elif kind == "other dilation":
        (node,) = [node for node in inside.node if node.name == "/flow/flows.2/pre/Conv"]
        node.attribute[0].ints[0] = 2
    elif kind == "in another file":
        weight = weights["flow.flows.2.pre.weight"]
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="/etc/passwd")
    elif kind == "cut numbers":
        weights["flow.flows.2.pre.weight"].raw_data = b"\0" * 8
    return {"noise": np.arange(999).tobytes(), "empty": b""}.get(kind, graph.SerializeToString())


@pytest.mark.parametrize(
    "kind, told",
    [
        ("noise", "no ONNX file|without initialisers"),
        ("empty", "without initialisers"),
        ("no initialisers", "without initialisers"),
        ("other names", "do not bear the names"),
        ("one weight less", "lacks"),
        ("other dilation", "dilation of 2"),
        ("in another file", "in another file"),
        ("cut numbers", "damaged"),
    ],
)
def test_a_wrong_graph_is_refused_in_one_line(
    tmp_path: Path, graph: Any, kind: str, told: str
) -> None:
    path = write_voice(tmp_path / "voice.onnx", graph)
    path.write_bytes(damaged(kind, graph))
    with pytest.raises(UserError, match=told) as error:
        open_piper_onnx(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_an_onnx_file_without_settings_or_package_is_refused(
    tmp_path: Path, graph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_voice(tmp_path / "voice.onnx", graph)
    path.with_name("voice.onnx.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        open_piper_onnx(path)
    path.with_name("voice.onnx.json").unlink()
    with pytest.raises(UserError, match="voice.onnx.json are not beside it"):
        open_piper_onnx(path)
    with pytest.raises(UserError, match="no such file"):
        open_piper_onnx(tmp_path / "other.onnx")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install onnx"):
        open_piper_onnx(path)


@pytest.fixture(scope="module")
def whole_contents() -> dict[str, Any]:
    return checkpoint(original(3), config_of(3, "stochastic", "1"))


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch, whole_contents: dict[str, Any]) -> dict[str, Any]:
    """Of a checkpoint, for a test to change."""
    monkeypatch.setattr("vits.exchange.defaults.DISCRIMINATOR", SMALL_JUDGE)
    return {k: dict(v) if isinstance(v, dict) else v for k, v in whole_contents.items()}


@pytest.mark.parametrize(
    "file, settings",
    [
        ("voice.ckpt", "config.json"),
        ("voice.ckpt", "bg_BG-voice-x_low.onnx.json"),
        ("lightning_logs/version_0/checkpoints/epoch=3.ckpt", "config.json"),
    ],
)
def test_a_voice_in_training_has_every_tensor(
    tmp_path: Path, contents: dict[str, Any], file: str, settings: str
) -> None:
    voice = open_piper(write_checkpoint(tmp_path / file, contents, tmp_path / settings))
    state = contents["state_dict"]
    again = {f"model_g.{t}": voice.generator[o] for t, o in voice_table(voice.config).items()}
    assert again.keys() == {name for name in state if name.startswith("model_g.")}
    assert [name for name, weight in again.items() if not torch.equal(weight, state[name])] == []
    assert voice.discriminator is not None and voice.absent == ()
    judge = [weight for name, weight in state.items() if name.startswith("model_d.")]
    assert all(torch.equal(a, b) for a, b in zip(voice.discriminator.values(), judge, strict=True))
    assert voice.step == 123  # Lightning counts both optimizers' steps
    assert voice.config.data.speakers == ("Boris", "<speaker 1>", "Mara")
    assert voice.config.model.text_encoder.dropout == 0.2
    assert voice.config.model.posterior_encoder.n_layers == 3


def test_a_voice_in_training_may_lack_discriminators(
    tmp_path: Path, contents: dict[str, Any]
) -> None:
    state = contents["state_dict"]
    contents["state_dict"] = {n: w for n, w in state.items() if n.startswith("model_g.")}
    path = write_checkpoint(tmp_path / "voice.ckpt", contents, tmp_path / "config.json")
    assert open_piper(path).discriminator is None


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("state_dict", {}, "no state_dict"),
        ("hyper_parameters", None, "no hyper_parameters"),
        ("upsample_rates", "8, 8(", "upsample_rates is"),
        ("sample_rate", 22050, "trained at 22050"),
        ("model_g.dec.conv_pre.bias", torch.zeros(3), "misfits"),
        ("model_g.enc_p.emb.weight", "text", "is a str"),
        ("model_g.unheard.of", torch.zeros(3), "unknown unheard.of"),
    ],
)
def test_a_wrong_checkpoint_is_refused_in_one_line(
    tmp_path: Path, contents: dict[str, Any], key: str, value: Any, told: str
) -> None:
    place = contents
    if key not in contents:
        place = contents["state_dict" if key.startswith("model_") else "hyper_parameters"]
    place[key] = value
    path = write_checkpoint(tmp_path / "voice.ckpt", contents, tmp_path / "config.json")
    with pytest.raises(UserError, match=told) as error:
        open_piper(path)
    assert path.name in str(error.value) and "\n" not in str(error.value)


def test_a_checkpoint_without_its_settings_is_refused(
    tmp_path: Path, contents: dict[str, Any]
) -> None:
    path = write_checkpoint(tmp_path / "voice.ckpt", contents, tmp_path / "config.json")
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match="no config.json lies beside it"):
        open_piper(path)


def test_what_foreign_configs_leave_out_is_as_in_the_base_config() -> None:
    base = read_json(BASE)
    made = defaults.completed(base["audio"], base["text"], base["model"], None)
    made["data"]["folder"] = base["data"]["folder"]  # which is nobody else's
    assert config_from_dict(VitsConfig, made, "made") == config_from_dict(VitsConfig, base, "base")
    posterior, predictor = base["model"]["posterior_encoder"], base["model"]["duration_predictor"]
    assert defaults.POSTERIOR_LAYERS == posterior["n_layers"]
    assert defaults.WAVENET_KERNEL_SIZE == posterior["kernel_size"]
    assert defaults.DURATION_DROPOUT == predictor["dropout"]
    assert defaults.TEXT_DROPOUT == base["model"]["text_encoder"]["dropout"]
