"""A voice that onnxruntime computes speaks as PyTorch does: from memory, one file, or two."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

import vits
from hifigan.errors import UserError
from tests.small_voice import small_voice
from vits.config import VitsConfig
from vits.speaking.engine import Noise, Scales
from vits.speaking.info import can_convert
from vits.speaking.voice import Voice

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from vits.export import onnx_files  # noqa: E402
from vits.export.onnx_files import write_onnx  # noqa: E402
from vits.export.onnx_parts import decoder_graph, decoder_path, whole_graph  # noqa: E402
from vits.export.piper import write_piper  # noqa: E402
from vits.speaking.anything import load  # noqa: E402
from vits.speaking.onnx_engine import is_onnx_voice, with_onnxruntime  # noqa: E402

LETTERS = 'text.symbols=["_", " ", ".", ",", "a", "b", "c", "d"]'
KINDS = {
    "one speaker": ("model.duration_predictor.n_flows=4",),
    "deterministic": ("model.duration_predictor.kind=deterministic",),
    "several speakers": ('data.speakers=["anna", "boris"]',),
    "one named speaker": ('data.speakers=["anna"]',),
    "languages": (
        'data.languages=["en-us", "bg"]',
        "model.language_embedding=true",
        'data.speakers=["anna", "boris", "clara"]',
    ),
}
STORY = "Abba bad. Cab dab, a bad cab<pause=100ms>dada. " + "Add a bad dad cab, " * 20 + "add."


@pytest.fixture(params=KINDS)
def voice(smallest: Callable[..., VitsConfig], request: pytest.FixtureRequest) -> Voice:
    return small_voice(smallest(LETTERS, *KINDS[request.param]))


@pytest.fixture
def plain(smallest: Callable[..., VitsConfig]) -> Voice:
    return small_voice(smallest(LETTERS))


def manner(voice: Voice) -> dict:
    language = voice.config.data.languages and voice.config.data.languages[-1]
    return {"speaker": (voice.speakers or [None])[-1], "language": language, "seed": 3}


def assert_same(found: Voice, expected: Voice) -> None:
    how = manner(expected)
    assert found.timings(STORY, **how) == expected.timings(STORY, **how)
    wav = expected.speak(STORY, **how)
    torch.testing.assert_close(found.speak(STORY, **how), wav, atol=2e-4, rtol=0)
    pieces = torch.cat([*found.stream(STORY, **how)])
    torch.testing.assert_close(pieces, wav, atol=2e-4, rtol=0)
    assert wav.abs().max() > 0.1


def test_a_voice_in_memory_speaks_the_same(voice: Voice) -> None:
    assert_same(with_onnxruntime(voice), voice)


@pytest.mark.parametrize("two_files", [False, True])
def test_a_file_speaks_the_same(voice: Voice, tmp_path: Path, two_files: bool) -> None:
    path = tmp_path / "voice.onnx"
    write_onnx(voice, path, two_files)
    assert decoder_path(path).exists() == two_files and is_onnx_voice(path)
    found = vits.load(path)
    assert found.config == voice.config and (found.step, found.weights) == (12, "trained")
    assert found.engine.name == "onnxruntime"
    assert_same(found, voice)


def test_a_graph_that_says_otherwise_is_not_kept(plain: Voice, tmp_path: Path, monkeypatch) -> None:
    other = small_voice(plain.config, seed=1).model
    monkeypatch.setattr(onnx_files, "decoder_graph", lambda _, told: decoder_graph(other, told))
    with pytest.raises(UserError, match="differs from PyTorch's by .*expected at most 0.0005"):
        write_onnx(plain, tmp_path / "v.onnx", two_files=True)
    monkeypatch.setattr(onnx_files, "whole_graph", lambda _, told: whole_graph(other, told))
    with pytest.raises(UserError, match="not kept: onnxruntime"):
        write_onnx(plain, tmp_path / "v.onnx", two_files=False)
    assert not list(tmp_path.glob("*v*"))


def test_damaged_weights_are_not_exported(plain: Voice, tmp_path: Path) -> None:
    with torch.no_grad():
        plain.model.decoder.output.weight[0] = float("nan")
    with pytest.raises(UserError, match="decoder.output.weight has values that are not numbers"):
        write_onnx(plain, tmp_path / "v.onnx", two_files=False)


def test_files_that_are_there_are_not_replaced(plain: Voice, tmp_path: Path) -> None:
    for name in ("v.onnx", "v.decoder.onnx"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UserError, match=f"{name}: is there already"):
            write_onnx(plain, tmp_path / "v.onnx", two_files=True)
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="expected a name that ends in .onnx"):
        write_onnx(plain, tmp_path / "v.pt", two_files=True)


def test_half_of_two_files_is_told(plain: Voice, tmp_path: Path) -> None:
    write_onnx(plain, tmp_path / "v.onnx", two_files=True)
    decoder = decoder_path(tmp_path / "v.onnx")
    with pytest.raises(UserError, match="holds decoder's graph alone; give the file"):
        load(decoder)
    for wrong in (b"nothing", (tmp_path / "v.onnx").read_bytes()):
        decoder.write_bytes(wrong)
        with pytest.raises(UserError, match="v.decoder.onnx: no decoder of a voice, which v.onnx"):
            load(tmp_path / "v.onnx")
    decoder.unlink()
    with pytest.raises(UserError, match="its decoder, v.decoder.onnx, is not beside it"):
        load(tmp_path / "v.onnx")


def test_pipers_files_are_read_by_either_backend(plain: Voice, tmp_path: Path) -> None:
    config = dataclasses.replace(
        plain.config, text=dataclasses.replace(plain.config.text, front_end="characters")
    )
    voice = dataclasses.replace(plain, config=config)
    write_piper(voice, tmp_path / "v.onnx")
    assert not is_onnx_voice(tmp_path / "v.onnx")
    torch_voice = load(tmp_path / "v.onnx", device="cpu")
    assert torch_voice.engine.name == "PyTorch"
    assert_same(load(tmp_path / "v.onnx", backend="onnx"), torch_voice)


def test_what_onnxruntime_cannot_do_here_is_told(plain: Voice, tmp_path: Path) -> None:
    write_onnx(plain, tmp_path / "v.onnx", two_files=False)
    for wrong in ({"device": "cuda"}, {"precision": "bfloat16"}):
        with pytest.raises(UserError, match="onnxruntime computes on the CPU in float32"):
            load(tmp_path / "v.onnx", **wrong)
    with pytest.raises(UserError, match="has no ema weights, only trained ones; leave --weights"):
        load(tmp_path / "v.onnx", weights="ema")
    assert load(tmp_path / "v.onnx", weights="trained").weights == "trained"
    with pytest.raises(UserError, match="precision 'fp16': expected one of: float32, bfloat16"):
        load(tmp_path / "v.onnx", precision="fp16")
    with pytest.raises(UserError, match="backend 'jax': expected one of: torch, onnx"):
        load(tmp_path / "v.onnx", backend="jax")
    with pytest.raises(UserError, match="computed by onnxruntime; load its checkpoint"):
        load(tmp_path / "v.onnx").model
    assert not can_convert(load(tmp_path / "v.onnx"))


@pytest.mark.parametrize("two_files", [False, True])
def test_the_files_speak_by_themselves_as_their_inputs_say(
    voice: Voice, tmp_path: Path, two_files: bool
) -> None:
    """As another program would use them: in a batch, noise longer than needed or too short."""
    write_onnx(voice, tmp_path / "v.onnx", two_files)
    session = opened(tmp_path / "v.onnx")
    scales = Scales(length=1.2)
    draws = [voice.engine.draw([ids], scales, 5, *first(voice))[0] for ids in IDS]
    longest = max(int(drawn.durations.sum()) for drawn in draws)
    inputs = {
        "input": pad_sequence([torch.tensor(ids) for ids in IDS], batch_first=True).numpy(),
        "input_lengths": np.array([len(ids) for ids in IDS]),
        "scales": np.array([0.667, 1.2, 0.8], np.float32),
        "symbol_noise": np.stack([symbol_noise(len(ids)) for ids in IDS]),
        "frame_noise": np.stack([frame_noise(voice, len(ids), longest + 9) for ids in IDS]),
        "sid": np.zeros(len(IDS), np.int64),
        "lid": np.zeros(len(IDS), np.int64),
    }
    fed = {value.name: inputs[value.name] for value in session.get_inputs()}
    made, durations = session.run(None, fed)
    if two_files:
        decoder = opened(tmp_path / "v.decoder.onnx")
        made = decoder.run(
            None, {"z": made} | {k: v for k, v in fed.items() if k in names(decoder)}
        )[0]
    for i, drawn in enumerate(draws):
        n = len(IDS[i])
        assert durations[i, :n].tolist() == drawn.durations.tolist() and not durations[i, n:].any()
        who = first(voice)[0]
        (wav,) = voice.engine.decode(voice.engine.flow([drawn.z_p], who), who)
        # Behind a shorter text the padding reaches back, which is why ours are decoded alone.
        is_longest = int(drawn.durations.sum()) == longest
        reached = 0 if is_longest else voice.engine.context_frames * voice.engine.hop_length
        heard = len(wav) - reached
        np.testing.assert_allclose(made[i, 0, :heard], wav[:heard].numpy(), atol=2e-4)
        assert heard > 1000 and (two_files or not made[i, 0, len(wav) :].any())
    short = fed | {"frame_noise": inputs["frame_noise"][:, :, :3]}
    assert session.run(None, short)[0].shape[-1] == session.run(None, fed)[0].shape[-1]


IDS = ([4, 5, 1, 6, 7, 2] * 6, [5, 4, 6] * 9)


def opened(path: Path) -> "onnxruntime.InferenceSession":
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def names(session: "onnxruntime.InferenceSession") -> list[str]:
    return [value.name for value in session.get_inputs()]


def first(voice: Voice) -> tuple[int | None, int | None]:
    """The first speaker and the first language, where there are several."""
    return 0 if voice.speakers else None, 0 if voice.config.model.language_embedding else None


def symbol_noise(n_symbols: int) -> np.ndarray:
    noise = np.zeros((2, max(map(len, IDS))), np.float32)
    noise[:, :n_symbols] = Noise(5).of_symbols(n_symbols).numpy()
    return noise


def frame_noise(voice: Voice, n_symbols: int, n_frames: int) -> np.ndarray:
    noise = Noise(5)
    noise.of_symbols(n_symbols)
    return noise.of_frames(voice.config.model.latent_channels, n_frames).numpy()


def test_a_file_of_ours_has_what_others_need_to_know(voice: Voice, tmp_path: Path) -> None:
    write_onnx(voice, tmp_path / "v.onnx", two_files=False)
    proto = onnx.load(tmp_path / "v.onnx")
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(metadata["config"])["text"]["symbols"] == list(voice.config.text.symbols)
    assert metadata["sample_rate"] == "8000"
    inputs = {value.name: value for value in proto.graph.input}
    assert ("sid" in inputs) == (len(voice.speakers) > 1)
    assert ("lid" in inputs) == bool(voice.config.model.language_embedding)
    for name in ("input", "frame_noise"):  # any batch, any length
        shape = inputs[name].type.tensor_type.shape.dim
        assert shape[0].dim_param and shape[-1].dim_param
    assert [value.name for value in proto.graph.output] == ["output", "durations_of_symbols"]
