"""A voice that onnxruntime computes, on the CPU: the fastest there (benchmarks/synthesis.py).

Of a file that python -m vits.export wrote, or of a model that PyTorch has loaded.
"""

import importlib.util
import json
from collections.abc import Sequence
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
    DURATIONS,
    FRAME_NOISE,
    KIND,
    LANGUAGES,
    LATENT,
    LATENTS,
    SYMBOL_NOISE,
    WHOLE,
    cut,
    decoder_graph,
    decoder_path,
    latent_graph,
)
from vits.speaking.engine import Noise, Scales, SpokenLatent
from vits.speaking.voice import Voice
from vits.text import SymbolTable, build_front_end

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

USUAL_FRAMES = 12  # of a symbol id, of which noise is drawn before it is known how many there are


class OnnxEngine:
    """latents, decoder: sessions of the two graphs of vits/export/onnx_parts.py, on n_threads
    threads and on one.
    """

    def __init__(
        self,
        latents: "InferenceSession",
        decoder: "InferenceSession",
        config: VitsConfig,
        n_threads: int,
    ) -> None:
        self.name = "onnxruntime"
        self.session = latents
        self.decoder = decoder
        self.hop_length = config.model.decoder.hop_length
        self.context_frames = needed_context(config.model.decoder)
        self.n_channels = config.model.latent_channels
        self.n_threads = n_threads
        self._inputs = {value.name for value in latents.get_inputs()}

    def latents(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None = None,
        language: int | None = None,
    ) -> list[SpokenLatent]:
        """See Engine."""
        return [self._latent(text, scales, seed, speaker, language) for text in texts]

    def decode(self, latents: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """See Engine."""
        has_speakers = any(value.name == SPEAKERS for value in self.decoder.get_inputs())
        who = {SPEAKERS: np.array([speaker or 0])} if has_speakers else {}

        def run(z: Tensor) -> Tensor:
            (wav_hat,) = self.decoder.run(None, {LATENT: z.numpy(), **who})
            return torch.from_numpy(wav_hat)

        generate = InThreads(run, self.n_threads, self.context_frames)
        return [generate(z.unsqueeze(0))[0, 0] for z in latents]

    def _latent(
        self,
        text: Sequence[int],
        scales: Scales,
        seed: int,
        speaker: int | None,
        language: int | None,
    ) -> SpokenLatent:
        n_frames = round(USUAL_FRAMES * len(text) * max(1.0, scales.length))
        while True:
            noise = Noise(seed)
            inputs = {
                TOKENS: np.array([text]),
                LENGTHS: np.array([len(text)]),
                SCALES: np.array([scales.noise, scales.length, scales.rhythm], np.float32),
                SYMBOL_NOISE: noise.of_symbols(len(text))[None].numpy(),
                FRAME_NOISE: noise.of_frames(self.n_channels, n_frames)[None].numpy(),
                SPEAKERS: np.array([speaker or 0]),
                LANGUAGES: np.array([language or 0]),
            }
            fed = {name: value for name, value in inputs.items() if name in self._inputs}
            z, durations = self.session.run([LATENT, DURATIONS], fed)
            if z.shape[2] <= n_frames:
                return SpokenLatent(torch.from_numpy(z[0]), torch.from_numpy(durations[0]))
            n_frames = z.shape[2]


def with_onnxruntime(voice: Voice) -> Voice:
    """The same voice, computed by onnxruntime from now on; it was loaded on the CPU."""
    name = Path("the voice")
    require_onnx(name, "onnx", "onnxruntime")
    protos = latent_graph(voice.model, {}), decoder_graph(voice.model, {})
    return replace(voice, engine=_engine(*protos, voice.config, name))


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
        protos = proto, _proto(beside)
    else:
        raise UserError(
            f"{path}: holds {kind or 'another program'}'s graph alone; give the file that python "
            f"-m vits.export --format onnx wrote as --out_path"
        )
    config = config_from_dict(
        VitsConfig, json.loads(metadata["config"]), f"{path}: metadata config"
    )
    engine = _engine(*protos, config, path)
    front_end, symbols = build_front_end(config.text), SymbolTable(config.text)
    return Voice(config, engine, front_end, symbols, int(metadata["step"]), metadata["weights"])


def _engine(
    latents: "ModelProto", decoder: "ModelProto", config: VitsConfig, name: Path
) -> OnnxEngine:
    n_threads = torch.get_num_threads()
    return OnnxEngine(
        open_session(latents.SerializeToString(), name, n_threads),
        open_session(decoder.SerializeToString(), name),
        config,
        n_threads,
    )


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
