"""A whole VITS voice as an ONNX graph: symbol ids in, waveform out (VITS Fig. 1b), as
VitsModel.synthesize computes it.

Its inputs and output are those that Piper's programs feed, and sherpa-onnx's:

    input          int64 [B, T_text], symbol ids
    input_lengths  int64 [B]
    scales         float32 [3]: noise scale, length scale, noise scale of the rhythm
    sid            int64 [B], the speakers; only where there are several
    output         float32 [B, 1, 1, T_wav], zero behind each item's end

B and the lengths may be any. The initialisers have the names of the model's state_dict, their
convolutions a last axis but one of length 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hifigan.vocoding.onnx_graph import generator_nodes
from hifigan.vocoding.onnx_nodes import Nodes
from vits.export.onnx_durations import deterministic, stochastic
from vits.export.onnx_layers import FLOAT, INT64, length_mask, positions, size, wavenet
from vits.export.onnx_spelling import Spelling, spelling_nodes
from vits.export.onnx_text import text_encoder
from vits.export.onnx_transformer import transformer
from vits.flow import Flow
from vits.model import VitsModel
from vits.stochastic_duration_predictor import StochasticDurationPredictor

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 17, 8  # the first with layer normalisation as one node
TOKENS, LENGTHS, SCALES, SPEAKERS, OUTPUT = "input", "input_lengths", "scales", "sid", "output"
LEAST = 1e-9  # frames, far below one and above 0, which rounding up would leave 0


def voice_graph(
    model: VitsModel, metadata: dict[str, str], spelling: Spelling | None = None
) -> "onnx.ModelProto":
    """The graph of a model on the CPU, weight norm folded or not, with `metadata` beside it.

    spelling: what the ids of the input are, where they are not those of the model.
    """
    from onnx import checker, helper

    graph = Nodes(model)
    tokens, lengths = TOKENS, LENGTHS
    if spelling is not None:
        tokens, lengths = spelling_nodes(graph, spelling, tokens, lengths)
    _voice(graph, model, tokens, lengths)
    inputs = {TOKENS: (INT64, ["B", "T_text"]), LENGTHS: (INT64, ["B"]), SCALES: (FLOAT, [3])}
    if n_speakers(model) > 1:
        inputs[SPEAKERS] = (INT64, ["B"])
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "VITS voice",
            [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
            [helper.make_tensor_value_info(OUTPUT, FLOAT, ["B", 1, 1, "T_wav"])],
            graph.constants,
        ),
        producer_name="vits",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(proto, metadata)
    checker.check_model(proto)
    return proto


def n_speakers(model: VitsModel) -> int:
    """1, too, for a model without a speaker embedding."""
    return 1 if model.speaker_embedding is None else model.speaker_embedding.num_embeddings


def _voice(graph: Nodes, model: VitsModel, tokens: str, lengths: str) -> None:
    """As VitsModel.synthesize, to OUTPUT."""
    speaker = speaker_nodes(graph, model)
    found = latent_nodes(graph, model, tokens, lengths, speaker)
    wav_hat = generator_nodes(graph, model.decoder, found.z, speaker)
    sample = positions(graph, graph.node("Mul", [found.n_frames, graph.integer(model.hop_length)]))
    wav_lengths = graph.node("Mul", [found.frame_lengths, graph.integer(model.hop_length)])
    graph.node("Mul", [wav_hat, length_mask(graph, wav_lengths, sample)], output=OUTPUT)


@dataclass(frozen=True)
class Seams:
    """Names of tensors at which the graph may be cut."""

    prior: str  # means and log deviations of the symbols, [B, 2C, 1, T_text]
    frame_mask: str  # [B, 1, 1, T_spec]
    z_p: str  # [B, C, 1, T_spec]


@dataclass(frozen=True)
class LatentNodes:
    """The names of what the decoder needs."""

    z: str  # [B, C, 1, T_spec], zero behind each item's end
    durations: str  # float32 [B, 1, 1, T_text]
    frame_lengths: str  # [B]
    n_frames: str  # the most of them, without axes


def speaker_nodes(graph: Nodes, model: VitsModel) -> str | None:
    """The speakers' embedding [B, speaker_channels, 1, 1], of SPEAKERS where they are several."""
    if model.speaker_embedding is None:
        return None
    table = graph.parameter(model.speaker_embedding, "weight", model.speaker_embedding.weight)
    rows = SPEAKERS if n_speakers(model) > 1 else graph.integers(0)
    return graph.node("Unsqueeze", [graph.node("Gather", [table, rows]), graph.integers(2, 3)])


def latent_nodes(
    graph: Nodes,
    model: VitsModel,
    tokens: str,
    lengths: str,
    speaker: str | None,
    language: str | None = None,
    symbol_noise: str | None = None,
    frame_noise: str | None = None,
    seams: Seams | None = None,
) -> LatentNodes:
    """As VitsModel.synthesize, up to the decoder. language: int64 [B]. symbol_noise
    [B, 2, 1, T_text] and frame_noise [B, C, N]: the noise; None: it is drawn in the graph.
    """
    noise_scale, length_scale, noise_scale_w = graph.split(SCALES, 3, 0)
    n_tokens = graph.node("Squeeze", [size(graph, tokens, 1)])
    mask = length_mask(graph, lengths, positions(graph, n_tokens))
    hidden, prior = text_encoder(graph, model.text_encoder, tokens, mask, language, speaker)
    if seams is not None:
        prior = graph.node("Identity", [prior], output=seams.prior)
    log_durations = _log_durations(graph, model, hidden, mask, noise_scale_w, speaker, symbol_noise)
    durations = _durations(graph, log_durations, mask, length_scale)
    symbol_of_frame, frame_lengths, frame, frame_mask = _frames(graph, durations)
    if seams is not None:
        frame_mask = graph.node("Identity", [frame_mask], output=seams.frame_mask)

    prior = graph.node("Transpose", [graph.node("Squeeze", [prior, graph.integers(2)])], TURNED)
    rows = graph.node("Unsqueeze", [symbol_of_frame, graph.integers(-1)])
    prior = graph.node("GatherND", [prior, rows], {"batch_dims": 1})  # [B, T_spec, 2C]
    prior = graph.node("Transpose", [prior], TURNED)
    prior = graph.node("Mul", [graph.node("Unsqueeze", [prior, graph.integers(2)]), frame_mask])
    m_p, logs_p = graph.split(prior, 2, 1)
    noise = _frame_noise(graph, m_p, frame, frame_noise)
    noise = graph.node("Mul", [noise, graph.node("Exp", [logs_p])])
    z_p = graph.node(
        "Add", [m_p, graph.node("Mul", [noise, noise_scale])], output=seams and seams.z_p
    )
    z = graph.node("Mul", [_flow_inverse(graph, model.flow, z_p, frame_mask, speaker), frame_mask])
    return LatentNodes(z, durations, frame_lengths, frame)


def _frame_noise(graph: Nodes, m_p: str, n_frames: str, given: str | None) -> str:
    """[B, C, 1, T_spec]. Of noise that is given, the last frame goes on where it is too short."""
    if given is None:
        return graph.node("RandomNormalLike", [m_p])
    last = graph.node("Sub", [size(graph, given, 2), graph.integers(1)])
    frames = graph.node("Min", [positions(graph, n_frames), last])
    chosen = graph.node("Gather", [given, frames], {"axis": 2})
    return graph.node("Unsqueeze", [chosen, graph.integers(2)])


TURNED = {"perm": [0, 2, 1]}


def _log_durations(
    graph: Nodes,
    model: VitsModel,
    hidden: str,
    mask: str,
    noise_scale: str,
    speaker: str | None,
    noise: str | None,
) -> str:
    """[B, 1, 1, T_text]. noise: [B, 2, 1, T_text]; None: it is drawn in the graph."""
    predictor = model.duration_predictor
    if not isinstance(predictor, StochasticDurationPredictor):
        return deterministic(graph, predictor, hidden, mask, speaker)
    if noise is None:
        both = graph.node("Concat", [mask, mask], {"axis": 1})
        noise = graph.node("RandomNormalLike", [both])
    noise = graph.node("Mul", [noise, noise_scale])
    return stochastic(graph, predictor, hidden, mask, noise, speaker)


def _durations(graph: Nodes, log_durations: str, mask: str, length_scale: str) -> str:
    """Frames per symbol, float32 [B, 1, 1, T_text], at least one, 0 on padding.

    What the only Ceil of the graph makes: Piper's programs look for it to say when a symbol sounds.
    """
    exact = graph.node("Mul", [graph.node("Exp", [log_durations]), mask])
    exact = graph.node("Mul", [exact, length_scale])
    exact = graph.node("Mul", [graph.node("Max", [exact, graph.number(LEAST)]), mask])
    return graph.node("Ceil", [exact], output="durations")


def _frames(graph: Nodes, durations: str) -> tuple[str, str, str, str]:
    """As hold: the symbol of each frame, [B, T_spec]; frames of each item, [B]; the most of them,
    without axes; and their mask.
    """
    durations = graph.node("Squeeze", [durations, graph.integers(1, 2)])
    ends = graph.node("CumSum", [graph.node("Cast", [durations], {"to": INT64}), graph.integer(1)])
    lengths = graph.node("ReduceMax", [ends], {"axes": [1], "keepdims": 0})
    longest = graph.node("ReduceMax", [lengths], {"keepdims": 0})

    # A 1 where a symbol has ended, summed up, counts those before. All padding ends where the last
    # symbol does, at a frame of no item, so that it may write over it.
    n_slots = graph.node(
        "Add", [graph.node("Unsqueeze", [longest, graph.integers(0)]), graph.integer(1)]
    )
    shape = graph.node("Concat", [size(graph, ends, 0), n_slots], {"axis": 0})
    slots = graph.node("Expand", [graph.integer(0), shape])
    ones = graph.node("Expand", [graph.integer(1), graph.node("Shape", [ends])])
    marked = graph.node("ScatterElements", [slots, ends, ones], {"axis": 1})
    counted = graph.node("CumSum", [marked, graph.integer(1)])
    counted = graph.node(
        "Slice", [counted, graph.integers(0), graph.integers(-1), graph.integers(1)]
    )
    last = graph.node("Sub", [size(graph, ends, 1), graph.integer(1)])
    symbol_of_frame = graph.node("Min", [counted, last])
    return symbol_of_frame, lengths, longest, length_mask(graph, lengths, positions(graph, longest))


def _flow_inverse(graph: Nodes, flow: Flow, z_p: str, mask: str, speaker: str | None) -> str:
    """As Flow.inverse."""
    channels = 2 * flow.couplings[0].input.in_channels
    backwards = graph.integers(*reversed(range(channels)))
    for coupling in reversed(flow.couplings):
        fixed, moved = graph.split(graph.node("Gather", [z_p, backwards], {"axis": 1}), 2, 1)
        x = graph.node("Mul", [graph.convolution(coupling.input, fixed), mask])
        if coupling.transformer is not None:
            y = transformer(graph, coupling.transformer, x, mask)
            x = graph.node("Mul", [graph.node("Add", [x, y]), mask])
        x = wavenet(graph, coupling.wavenet, x, mask, speaker)
        shift = graph.node("Mul", [graph.convolution(coupling.output, x), mask])
        moved = graph.node("Mul", [graph.node("Sub", [moved, shift]), mask])
        z_p = graph.node("Concat", [fixed, moved], {"axis": 1})
    return z_p
