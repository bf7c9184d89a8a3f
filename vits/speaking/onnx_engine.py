"""A voice that onnxruntime computes, on the CPU: the fastest there (benchmarks/synthesis.py).

Of a file that python -m vits.export wrote, or of a model that PyTorch has loaded.
"""

import importlib.util
import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from hifigan.streaming import needed_context
from hifigan.vocoding.onnx_backend import InThreads, open_session, require_onnx
from vits.config import VitsConfig
from vits.export.onnx_graph import LENGTHS, SCALES, SPEAKERS, TOKENS
from vits.export.onnx_parts import (
    DECODER,
    KIND,
    LANGUAGES,
    LATENT,
    LATENTS,
    SEAMS,
    SYMBOL_NOISE,
    WHOLE,
    cut,
    decoder_path,
    whole_graph,
)
from vits.speaking.engine import Drawn, Noise, Scales
from vits.speaking.voice import Voice
from vits.text import SymbolTable, build_front_end
from vits.text_on_frames import require_speech

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession


class OnnxEngine:
    """texts, flow, decoder: sessions of the parts that vits/export/onnx_parts.py cuts; the first on
    n_threads threads, and a flow that depends on all frames; else on one, as threads share frames.
    """

    def __init__(
        self,
        texts: "InferenceSession",
        flow: "InferenceSession",
        decoder: "InferenceSession",
        config: VitsConfig,
        n_threads: int,
    ) -> None:
        model = config.model
        self.name, self.batch = "onnxruntime", 1
        self.texts = texts
        self.hop_length = model.decoder.hop_length
        self.flow_context = model.flow.reach
        self.context_frames = needed_context(model.decoder)
        whole = self.flow_context is None  # then threads cannot share the frames
        self._flow = _Part(flow, 1, 0) if whole else _Part(flow, n_threads, self.flow_context)
        self._decoder = _Part(decoder, n_threads, self.context_frames)

    def draw(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None = None,
        language: int | None = None,
    ) -> list[Drawn]:
        """See Engine."""
        return [self._draw(text, scales, seed, speaker, language) for text in texts]

    def flow(self, z_p: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """See Engine."""
        return [self._flow(item, speaker) for item in z_p]

    def decode(self, z: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """See Engine."""
        return [self._decoder(item, speaker)[0] for item in z]

    def _draw(
        self,
        text: Sequence[int],
        scales: Scales,
        seed: int,
        speaker: int | None,
        language: int | None,
    ) -> Drawn:
        noise = Noise(seed)
        inputs = {
            TOKENS: np.array([text]),
            LENGTHS: np.array([len(text)]),
            SCALES: np.array([scales.noise, scales.length, scales.rhythm], np.float32),
            SYMBOL_NOISE: noise.of_symbols(len(text))[None].numpy(),
            SPEAKERS: np.array([speaker or 0]),
            LANGUAGES: np.array([language or 0]),
        }
        fed = {value.name: inputs[value.name] for value in self.texts.get_inputs()}
        prior, durations = map(torch.from_numpy, self.texts.run(None, fed))
        durations = durations[0]
        # Each is 1 or more; what is less was no number that fits an int64.
        is_whole = bool(durations.min() >= 1)
        require_speech(float(durations.double().sum()) if is_whole else math.inf, len(text))
        of_frames = prior[0, :, 0].repeat_interleave(durations, dim=1)
        m_p, logs_p = of_frames.chunk(2)
        z_p = m_p + noise.of_frames(*m_p.shape) * logs_p.exp() * scales.noise
        return Drawn(z_p, durations)


class _Part:
    """What a session makes of frames [C, T], by threads that share them: [C', T * n]."""

    def __init__(self, session: "InferenceSession", n_threads: int, context_frames: int) -> None:
        self.session = session
        self.n_threads = n_threads
        self.context_frames = context_frames
        self.inputs = {value.name: value for value in session.get_inputs()}
        self._pool = ThreadPoolExecutor(n_threads)

    def __call__(self, frames: Tensor, speaker: int | None) -> Tensor:
        who = {SPEAKERS: np.array([speaker or 0])} if SPEAKERS in self.inputs else {}

        def run(stretch: Tensor) -> Tensor:
            if SEAMS.z_p in self.inputs:  # a flow's frames are images of height 1
                mask = np.ones((1, 1, 1, stretch.shape[2]), np.float32)
                fed = {SEAMS.z_p: stretch.unsqueeze(2).numpy(), SEAMS.frame_mask: mask}
            else:
                fed = {LATENT: stretch.numpy()}
            return torch.from_numpy(self.session.run(None, fed | who)[0])

        made = InThreads(run, self.n_threads, self.context_frames, self._pool)
        return made(frames.unsqueeze(0))[0]


def with_onnxruntime(voice: Voice) -> Voice:
    """The same voice, computed by onnxruntime from now on; it was loaded on the CPU."""
    name = Path("--backend onnx")
    require_onnx(name, "onnx", "onnxruntime")
    protos = cut(whole_graph(voice.model, {}))
    return replace(voice, engine=_engine(protos, voice.config, name))


def is_onnx_voice(path: Path) -> bool:
    """Whether the file is a graph that python -m vits.export --format onnx wrote."""
    has_onnx = importlib.util.find_spec("onnx") is not None
    return (
        has_onnx and path.suffix == ".onnx" and path.is_file() and KIND in _metadata(_proto(path))
    )


def load_onnx_voice(path: Path, decoder: Path | None = None) -> Voice:
    """The voice in such a file. decoder: the file of the decoder; None: it stands beside."""
    require_onnx(path, "onnx", "onnxruntime")
    proto = _proto(path)
    metadata = _metadata(proto)
    kind = metadata.get(KIND)
    if kind == WHOLE:
        protos = cut(proto)
    elif kind == LATENTS:
        beside = decoder or decoder_path(path)
        if not beside.is_file():
            raise UserError(f"{path}: its decoder, {beside.name}, is not beside it; copy it there")
        second = _proto(beside)
        if _metadata(second).get(KIND) != DECODER:
            raise UserError(
                f"{beside}: no decoder of a voice, which {path.name} needs beside it; copy it again"
            )
        protos = [*cut(proto), second]
    else:
        raise UserError(
            f"{path}: holds {kind or 'another program'}'s graph alone; give the file that python "
            f"-m vits.export --format onnx wrote as --out_path"
        )
    config = config_from_dict(
        VitsConfig, json.loads(metadata["config"]), f"{path}: metadata config"
    )
    engine = _engine(protos, config, path)
    front_end, symbols = build_front_end(config.text), SymbolTable(config.text)
    return Voice(config, engine, front_end, symbols, int(metadata["step"]), metadata["weights"])


def _engine(protos: Sequence["ModelProto"], config: VitsConfig, name: Path) -> OnnxEngine:
    n_threads = torch.get_num_threads()
    threads = (n_threads, n_threads if config.model.flow.reach is None else 1, 1)
    sessions = [
        open_session(proto.SerializeToString(), name, n) for proto, n in zip(protos, threads)
    ]
    return OnnxEngine(*sessions, config, n_threads)


def _proto(path: Path) -> "ModelProto":
    """A file's graph; an empty one if it holds none, which others say better."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path)
    except DecodeError:
        return onnx.ModelProto()


def _metadata(proto: "ModelProto") -> dict[str, str]:
    return {entry.key: entry.value for entry in proto.metadata_props}
