"""A voice's ONNX file against PyTorch, with the same noise in both, before the file is kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hifigan.errors import UserError
from vits.export.client_symbols import ClientSymbols
from vits.export.onnx_graph import LENGTHS, OUTPUT, SCALES, SPEAKERS, TOKENS, n_speakers
from vits.passes import Synthesis
from vits.speaking.voice import Voice

if TYPE_CHECKING:
    import onnx

TOLERANCE = 5e-4  # of full scale, between onnxruntime and PyTorch
BATCHES = ((3,), (12,), (1, 6, 4))  # symbols of each text; batches and lengths change between runs
NOISE_SCALE, LENGTH_SCALE, NOISE_SCALE_W = 0.667, 1.1, 0.8
CLEAR, N_TRIES = 1e-3, 20  # frames that a duration is away from a whole number, to be rounded alike


@dataclass(frozen=True)
class Spoken:
    """A batch of texts, and what PyTorch makes of it."""

    inputs: dict[str, np.ndarray]  # for the file
    noise: list[Tensor]  # in the order drawn
    synthesis: Synthesis


def require_same(file: Path, path: Path, voice: Voice, client: ClientSymbols) -> None:
    """A UserError unless `file`, to be kept as `path`, makes the waveforms that PyTorch does.

    It is read back from the disk, and fed what a program would feed it; and PyTorch's noise, where
    it would draw its own.
    """
    import onnx
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as refusals

    broken = [n for n, p in voice.model.named_parameters() if not p.isfinite().all()]
    if broken:
        raise UserError(
            f"{path}: not kept: the voice's {broken[0]} has values that are not numbers; "
            f"export an earlier checkpoint"
        )
    known = _sayable(voice, client)
    if not known:
        raise UserError(
            f"{path}: not kept: the voice has no symbol that a text could have, only "
            f"{', '.join(voice.symbols.symbols)}; export another checkpoint"
        )
    proto = onnx.load(file)
    names = _noise_as_inputs(proto.graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is raised, and reported in one line
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    draw = torch.Generator().manual_seed(0)
    for n_symbols in BATCHES:
        spoken = _speak(voice, client, known, n_symbols, draw)
        wav_hat = spoken.synthesis.wav_hat.unsqueeze(1).numpy()  # [B, 1, 1, T_wav]
        try:
            (found,) = session.run([OUTPUT], spoken.inputs | _fed_noise(spoken, names))
        except (refusals.Fail, refusals.InvalidArgument, refusals.RuntimeException) as refusal:
            raise UserError(
                f"{path}: not kept: onnxruntime {onnxruntime.__version__} stops: "
                f"{' '.join(str(refusal).split())[:200]}; use the versions in constraints.txt"
            ) from None
        if found.shape != wav_hat.shape:
            raise UserError(
                f"{path}: not kept: onnxruntime makes a waveform {list(found.shape)}, PyTorch "
                f"{list(wav_hat.shape)}; use the versions in constraints.txt"
            )
        difference = float(np.abs(found - wav_hat).max())
        if not difference <= TOLERANCE:  # so written, it refuses NaN
            raise UserError(
                f"{path}: not kept: onnxruntime's waveform differs from PyTorch's by "
                f"{difference:.2g}, expected at most {TOLERANCE:g}; use the versions in "
                f"constraints.txt"
            )


def _noise_as_inputs(graph: "onnx.GraphProto") -> list[str]:
    """Turn the nodes that draw noise into inputs; their names, in the order of the drawing."""
    from onnx import TensorProto, helper

    drawing = [node for node in graph.node if node.op_type == "RandomNormalLike"]
    for node in drawing:
        graph.node.remove(node)
        graph.input.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None))
    return [node.output[0] for node in drawing]


def _speak(
    voice: Voice,
    client: ClientSymbols,
    known: list[str],
    n_symbols: tuple[int, ...],
    draw: torch.Generator,
) -> Spoken:
    """Random texts of known symbols by PyTorch, with durations that are rounded without doubt.

    Where all leave doubt, as a model that learnt nothing may, the last ones.
    """
    for _ in range(N_TRIES):
        chosen = [torch.randint(len(known), (n,), generator=draw).tolist() for n in n_symbols]
        texts = [[known[i] for i in text] for text in chosen]
        tokens, lengths = _padded([voice.symbols.encode(text) for text in texts])
        fed, fed_lengths = _padded([client.feed(text) for text in texts])
        speakers = torch.randint(n_speakers(voice.model), (len(texts),), generator=draw)
        noise = [torch.randn(len(texts), 2, tokens.shape[1], generator=draw)]
        if _clear(voice, tokens, lengths, speakers, noise[0]):
            break

    def drawn(*shape: int, device: torch.device) -> Tensor:
        if shape != noise[0].shape:
            noise.append(torch.randn(*shape, generator=draw))
        return noise[-1]

    synthesis = voice.model.synthesize(
        tokens, lengths, speakers, NOISE_SCALE, NOISE_SCALE_W, LENGTH_SCALE, drawn
    )
    scales = np.array([NOISE_SCALE, LENGTH_SCALE, NOISE_SCALE_W], np.float32)
    inputs = {TOKENS: fed.numpy(), LENGTHS: fed_lengths.numpy(), SCALES: scales}
    if n_speakers(voice.model) > 1:
        inputs[SPEAKERS] = speakers.numpy()
    return Spoken(inputs, noise, synthesis)


def _sayable(voice: Voice, client: ClientSymbols) -> list[str]:
    """Symbols that a program can feed. No marks: the letters before them would take them."""
    marks = set() if client.spelling is None else {m for _, m in client.spelling.composed}
    return [
        symbol
        for i, symbol in enumerate(voice.symbols.symbols)
        if symbol in voice.symbols
        and len(symbol) == 1
        and symbol not in client.lost
        and i not in marks
    ]


def _padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Lists of ids to [B, T], padded by 0, and their lengths [B]."""
    tensors = [torch.tensor(row) for row in rows]
    padded = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    return padded, torch.tensor([len(row) for row in rows])


@torch.no_grad()
def _clear(voice: Voice, tokens: Tensor, lengths: Tensor, speakers: Tensor, noise: Tensor) -> bool:
    """Whether every duration is rounded up from a value that is not nearly whole."""
    model = voice.model
    speaker = model.embedded(speakers)
    text = model.text_encoder(tokens, lengths, speaker=speaker)
    log_durations = model.duration_predictor.sample(
        text.hidden, text.x_mask, noise * NOISE_SCALE_W, speaker
    )
    exact = log_durations.exp()[text.x_mask.bool()] * LENGTH_SCALE
    return bool(((exact - exact.round()).abs() > CLEAR).all())


def _fed_noise(spoken: Spoken, names: list[str]) -> dict[str, np.ndarray]:
    """PyTorch's noise under the names of the file's inputs, as images of height 1.

    The rhythm's covers the symbols that the voice reads, which may be fewer than those fed.
    """
    n_fed = spoken.inputs[TOKENS].shape[1]
    of_frames = spoken.noise[-1]
    of_symbols = torch.zeros(*spoken.noise[0].shape[:2], n_fed)
    of_symbols[:, :, : spoken.noise[0].shape[2]] = spoken.noise[0]
    values = [of_symbols, of_frames][-len(names) :]  # without rhythm, of the frames alone
    return {name: value.unsqueeze(2).numpy() for name, value in zip(names, values)}
