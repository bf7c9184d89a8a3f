"""A voice's ONNX graph speaks as the model does, or no file is left."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from tests.small_voice import small_voice
from vits.config import VitsConfig
from vits.speaking.loading import drop_training_parts

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from vits.exchange.own_onnx import graph_weights  # noqa: E402
from vits.export import onnx_check, onnx_durations, onnx_transformer  # noqa: E402
from vits.export.onnx_graph import voice_graph  # noqa: E402
from vits.export.piper import own_metadata, write_piper  # noqa: E402

SYMBOLS = 'text.symbols=["_", " ", "a", "b", "c", "d", "."]'
KINDS = {
    "stochastic": ("model.duration_predictor.n_flows=4", "model.text_encoder.n_layers=2"),
    "deterministic": ("model.duration_predictor.kind=deterministic",),
    "one coupling": ("model.duration_predictor.n_flows=1",),
    "several speakers": ('data.speakers=["a", "b", "c"]', "model.flow.wavenet.n_layers=2"),
    "several speakers, deterministic": (
        'data.speakers=["a", "b"]',
        "model.duration_predictor.kind=deterministic",
    ),
    "one named speaker": ('data.speakers=["a"]',),
    "resblock 1": ('model.decoder.resblock="1"', "model.text_encoder.attention_window=0"),
    "odd kernels": (
        "model.decoder.upsample_kernel_sizes=[11, 13]",
        "model.text_encoder.kernel_size=4",
        "model.duration_predictor.kernel_size=5",
    ),
}


@pytest.fixture(params=KINDS)
def config(smallest: Callable[..., VitsConfig], request: pytest.FixtureRequest) -> VitsConfig:
    return smallest(SYMBOLS, *KINDS[request.param])


def opened(path: Path) -> "onnxruntime.InferenceSession":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even")
def test_an_exported_voice_speaks_as_the_model_at_any_length_and_batch(
    config: VitsConfig, tmp_path: Path
) -> None:
    voice, draw = small_voice(config), torch.Generator().manual_seed(5)
    write_piper(voice, tmp_path / "out" / "v.onnx")
    session = opened(tmp_path / "out" / "v.onnx")
    for lengths in ((1,), (2,), (3,), (40,), (9, 4, 17)):
        tokens = torch.randint(1, config.n_symbols, (len(lengths), max(lengths)), generator=draw)
        token_lengths = torch.tensor(lengths)
        speakers = torch.arange(len(lengths)) % max(1, config.n_speakers)
        expected = voice.model.synthesize(tokens, token_lengths, speakers, 0.0, 0.0, 1.3).wav_hat
        inputs = {
            "input": tokens.numpy(),
            "input_lengths": token_lengths.numpy(),
            "scales": np.array([0, 1.3, 0], np.float32),
        }
        if config.n_speakers > 1:
            inputs["sid"] = speakers.numpy()
        (found,) = session.run(["output"], inputs)
        assert expected.abs().max() > 0.05
        torch.testing.assert_close(
            torch.from_numpy(found), expected.unsqueeze(1), rtol=0, atol=1e-4
        )


def test_noise_varies_the_voice_and_the_rhythm(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    write_piper(small_voice(smallest(SYMBOLS)), tmp_path / "out" / "v.onnx")
    session = opened(tmp_path / "out" / "v.onnx")
    inputs = {"input": np.arange(40).reshape(1, 40) % 7, "input_lengths": np.array([40])}

    def drawn(*scales: float) -> np.ndarray:
        return session.run(["output"], inputs | {"scales": np.array(scales, np.float32)})[0]

    quiet, voiced = drawn(0, 1, 0), drawn(1, 1, 0)
    assert np.array_equal(quiet, drawn(0, 1, 0))
    assert quiet.shape == voiced.shape and np.abs(quiet - voiced).max() > 0.01
    assert len({drawn(0, 1, scale).shape for scale in (0.0, 0.7, 1.0, 1.5)}) > 1


def test_a_voice_without_its_training_parts_is_exported(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    voice = small_voice(smallest(SYMBOLS))
    whole = voice_graph(voice.model, {})
    drop_training_parts(voice.model)
    assert voice_graph(voice.model, {}).SerializeToString() == whole.SerializeToString()


def test_the_voice_can_be_read_out_of_the_graph_again(config: VitsConfig) -> None:
    voice = small_voice(config)
    proto = voice_graph(voice.model, own_metadata(voice))
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert config_from_dict(VitsConfig, json.loads(metadata["config"]), "x") == config
    drop_training_parts(voice.model)
    state, found = voice.model.state_dict(), graph_weights(proto)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


FAULTS = {  # where a node is wrong, and what it is said to differ in
    "text": (onnx_transformer, "layer_norm", lambda graph, norm, x: x),
    "rhythm": (onnx_durations, "BOUND", 4.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_differs_from_pytorch_is_not_kept(
    smallest: Callable[..., VitsConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    with pytest.raises(UserError, match=r"v\.onnx: not kept: onnxruntime"):
        write_piper(small_voice(smallest(SYMBOLS)), tmp_path / "out" / "v.onnx")
    assert not any((tmp_path / "out").iterdir())


def test_a_noise_that_is_scaled_wrongly_is_found(
    smallest: Callable[..., VitsConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = onnx_check._fed_noise

    def louder(*arguments: object) -> dict[str, np.ndarray]:
        return {name: 1.01 * values for name, values in real(*arguments).items()}

    monkeypatch.setattr(onnx_check, "_fed_noise", louder)
    with pytest.raises(UserError, match="differs from PyTorch's by"):
        write_piper(
            small_voice(smallest(SYMBOLS, "model.duration_predictor.kind=deterministic")),
            tmp_path / "out" / "v.onnx",
        )
    assert not any((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["text_encoder.embedding.weight", "decoder.input.bias"])
def test_a_voice_with_values_that_are_not_numbers_is_not_kept(
    smallest: Callable[..., VitsConfig], tmp_path: Path, name: str
) -> None:
    voice = small_voice(smallest(SYMBOLS))
    with torch.no_grad():
        voice.model.get_parameter(name)[0] = float("nan")
    with pytest.raises(UserError, match=f"not kept: the voice's {name} has values that are not"):
        write_piper(voice, tmp_path / "out" / "v.onnx")
    assert not any((tmp_path / "out").iterdir())


def test_a_voice_that_can_say_nothing_is_not_kept(
    smallest: Callable[..., VitsConfig], tmp_path: Path
) -> None:
    voice = small_voice(smallest('text.symbols=["_", "<unused 1>"]'))
    with pytest.raises(UserError, match="no symbol that a text could have, only _, <unused 1>"):
        write_piper(voice, tmp_path / "out" / "v.onnx")
    assert not any((tmp_path / "out").iterdir())
