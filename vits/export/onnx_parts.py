"""A voice as ONNX graphs that are given their noise, so that a seed speaks the same as in PyTorch.

One graph makes latents of texts, one makes samples of latents, and one does both. Their inputs and
outputs, beside those of onnx_graph.py:

    lid           int64 [B], the languages; only where the model has several
    symbol_noise  float32 [B, 2, T_text]; only with the stochastic duration predictor
    frame_noise   float32 [B, C, N]; frames behind N get the last one's: give as many as there are
    durations_of_symbols  int64 [B, T_text], in frames
    z             float32 [B, C, T_spec], zero behind each item's end
    output        float32 [B, 1, T_wav]
"""

from pathlib import Path
from typing import TYPE_CHECKING

from hifigan.vocoding.onnx_graph import generator_nodes
from hifigan.vocoding.onnx_nodes import Nodes
from vits.export.onnx_graph import (
    IR_VERSION,
    LENGTHS,
    OPSET,
    OUTPUT,
    SCALES,
    SPEAKERS,
    TOKENS,
    LatentNodes,
    Seams,
    latent_nodes,
    n_speakers,
    speaker_nodes,
)
from vits.export.onnx_layers import FLOAT, INT64, length_mask, positions
from vits.model import VitsModel
from vits.stochastic_duration_predictor import StochasticDurationPredictor

if TYPE_CHECKING:
    import onnx

LANGUAGES, SYMBOL_NOISE, FRAME_NOISE = "lid", "symbol_noise", "frame_noise"
LATENT, DURATIONS, SAMPLES = "z", "durations_of_symbols", "samples"

KIND = "vits_graph"  # metadata: which graph a file holds
LATENTS, DECODER, WHOLE = "latents", "decoder", "whole"


def decoder_path(path: Path) -> Path:
    """Where the decoder stands that belongs to a file of latents."""
    return path.with_suffix(".decoder.onnx")


def latent_graph(model: VitsModel, metadata: dict[str, str]) -> "onnx.ModelProto":
    """Texts to LATENT and DURATIONS. The model is on the CPU."""
    graph = Nodes(model)
    _latent(graph, model, speaker_nodes(graph, model))
    outputs = {**_latent_value(model), **OF_SYMBOLS}
    inputs = _text_inputs(model)
    return _proto(graph, "VITS text to latent", inputs, outputs, metadata, _seams(model))


def decoder_graph(model: VitsModel, metadata: dict[str, str]) -> "onnx.ModelProto":
    """LATENT to OUTPUT."""
    graph = Nodes(model)
    height = graph.integers(2)
    z = graph.node("Unsqueeze", [LATENT, height])
    wav_hat = generator_nodes(graph, model.decoder, z, speaker_nodes(graph, model))
    graph.node("Squeeze", [wav_hat, height], output=OUTPUT)
    inputs = _latent_value(model)
    if n_speakers(model) > 1:
        inputs[SPEAKERS] = (INT64, ["B"])
    return _proto(graph, "VITS decoder", inputs, {OUTPUT: WAVEFORM}, metadata)


def whole_graph(model: VitsModel, metadata: dict[str, str]) -> "onnx.ModelProto":
    """Texts to OUTPUT, zero behind each item's end, and DURATIONS.

    SEAMS, LATENT and SAMPLES stand inside, where it can be cut.
    """
    graph = Nodes(model)
    speaker = speaker_nodes(graph, model)
    found = _latent(graph, model, speaker)
    height = graph.integers(2)
    z = graph.node("Unsqueeze", [LATENT, height])
    wav_hat = generator_nodes(graph, model.decoder, z, speaker)
    wav_hat = graph.node("Squeeze", [wav_hat, height], output=SAMPLES)
    hop_length = graph.integer(model.hop_length)
    sample = positions(graph, graph.node("Mul", [found.n_frames, hop_length]))
    wav_lengths = graph.node("Mul", [found.frame_lengths, hop_length])
    mask = graph.node("Squeeze", [length_mask(graph, wav_lengths, sample), height])
    graph.node("Mul", [wav_hat, mask], output=OUTPUT)
    outputs = {OUTPUT: WAVEFORM, **OF_SYMBOLS}
    inner = {**_seams(model), **_latent_value(model), SAMPLES: WAVEFORM}
    return _proto(graph, "VITS voice", _text_inputs(model), outputs, metadata, inner)


def cut(proto: "onnx.ModelProto") -> list["onnx.ModelProto"]:
    """A graph of ours as its parts: texts to SEAMS.prior and DURATIONS, SEAMS.z_p to LATENT, and of
    a whole graph also LATENT to SAMPLES.
    """
    from onnx.utils import Extractor

    names = [value.name for value in proto.graph.input if value.name != FRAME_NOISE]
    extractor = Extractor(proto)
    speakers = [name for name in names if name == SPEAKERS]
    parts = [
        (names, [SEAMS.prior, DURATIONS]),
        ([SEAMS.z_p, SEAMS.frame_mask, *speakers], [LATENT]),
        ([LATENT, *speakers], [SAMPLES]),
    ]
    has_decoder = any(SAMPLES in node.output for node in proto.graph.node)
    return [extractor.extract_model(*part) for part in parts[: 3 if has_decoder else 2]]


WAVEFORM = (FLOAT, ["B", 1, "T_wav"])
OF_SYMBOLS = {DURATIONS: (INT64, ["B", "T_text"])}
SEAMS = Seams("prior_of_symbols", "frame_mask", "z_p")


def _seams(model: VitsModel) -> dict[str, tuple[int, list]]:
    return {
        SEAMS.prior: (FLOAT, ["B", 2 * model.latent_channels, 1, "T_text"]),
        SEAMS.frame_mask: (FLOAT, ["B", 1, 1, "T_spec"]),
        SEAMS.z_p: (FLOAT, ["B", model.latent_channels, 1, "T_spec"]),
    }


def _latent_value(model: VitsModel) -> dict[str, tuple[int, list]]:
    return {LATENT: (FLOAT, ["B", model.latent_channels, "T_spec"])}


def _latent(graph: Nodes, model: VitsModel, speaker: str | None) -> LatentNodes:
    language = LANGUAGES if model.text_encoder.language_embedding is not None else None
    symbol_noise = None
    if isinstance(model.duration_predictor, StochasticDurationPredictor):
        symbol_noise = graph.node("Unsqueeze", [SYMBOL_NOISE, graph.integers(2)])
    found = latent_nodes(
        graph, model, TOKENS, LENGTHS, speaker, language, symbol_noise, FRAME_NOISE, SEAMS
    )
    graph.node("Squeeze", [found.z, graph.integers(2)], output=LATENT)
    durations = graph.node("Squeeze", [found.durations, graph.integers(1, 2)])
    graph.node("Cast", [durations], {"to": INT64}, output=DURATIONS)
    return found


def _text_inputs(model: VitsModel) -> dict[str, tuple[int, list]]:
    inputs = {
        TOKENS: (INT64, ["B", "T_text"]),
        LENGTHS: (INT64, ["B"]),
        SCALES: (FLOAT, [3]),
        FRAME_NOISE: (FLOAT, ["B", model.latent_channels, "N"]),
    }
    if isinstance(model.duration_predictor, StochasticDurationPredictor):
        inputs[SYMBOL_NOISE] = (FLOAT, ["B", 2, "T_text"])
    if n_speakers(model) > 1:
        inputs[SPEAKERS] = (INT64, ["B"])
    if model.text_encoder.language_embedding is not None:
        inputs[LANGUAGES] = (INT64, ["B"])
    return inputs


def _proto(
    graph: Nodes,
    name: str,
    inputs: dict[str, tuple[int, list]],
    outputs: dict[str, tuple[int, list]],
    metadata: dict[str, str],
    inner: dict[str, tuple[int, list]] | None = None,
) -> "onnx.ModelProto":
    from onnx import checker, helper

    described = [
        [helper.make_tensor_value_info(key, *kind) for key, kind in values.items()]
        for values in (inputs, outputs, inner or {})
    ]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes, name, *described[:2], graph.constants, value_info=described[2]
        ),
        producer_name="vits",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(proto, metadata)
    checker.check_model(proto)
    return proto
