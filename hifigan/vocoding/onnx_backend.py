"""A generator that onnxruntime computes, from a file that onnx_export.py wrote. On the CPU.

It is the fastest there (benchmarks/vocoder.py). Threads share the frames, not the layers: each
makes a piece of the waveform with the context that it needs. For onnxruntime itself divides a
convolution by its channels, and those that take longest have too few.
"""

import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from hifigan.mel_recipe import input_recipe
from hifigan.streaming import make_piece, needed_context
from hifigan.vocoder_config import VocoderConfig

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WRITER = "python -m hifigan.export_onnx"


class OnnxGenerator:
    """Is called like a Generator. `config` is the one that it was trained with; `foreign_mel` says
    how its mels differ from all that our recipe can say, if they do.
    """

    def __init__(
        self,
        session: "InferenceSession",
        config: VocoderConfig,
        foreign_mel: str | None = None,
        n_threads: int = 1,
    ) -> None:
        self.session = session
        self.config = config
        self.foreign_mel = foreign_mel
        self.in_threads = InThreads(self._run, n_threads, needed_context(config.generator))

    def __call__(self, mel: Tensor) -> Tensor:
        """mel: [B, n_mels, T], float32 on the CPU. Returns [B, 1, T_wav]."""
        n_mels = self.config.audio.n_mels
        if mel.dim() != 3 or mel.shape[1] != n_mels or 0 in mel.shape:
            raise UserError(
                f"mel: found the shape {list(mel.shape)}, expected [B, {n_mels}, T] with at least "
                f"one frame; bring it into that order"
            )
        return self.in_threads(mel)

    def _run(self, mel: Tensor) -> Tensor:
        (wav_hat,) = self.session.run(None, {"mel": mel.detach().numpy()})
        return torch.from_numpy(wav_hat)


class InThreads:
    """A generator whose frames threads share: each makes a piece, with the context it needs.

    run: [B, C, T] to [B, 1, T_wav], on one thread. pool: of n_threads; None: one is made.
    """

    def __init__(
        self,
        run: Callable[[Tensor], Tensor],
        n_threads: int,
        context_frames: int,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        self.run = run
        self.n_threads = n_threads
        self.context_frames = context_frames
        self._pool = pool or ThreadPoolExecutor(n_threads)

    def __call__(self, frames: Tensor) -> Tensor:
        """[B, C, T] to [B, 1, T_wav]."""
        if len(frames) >= self.n_threads:
            return torch.cat([*self._pool.map(self.run, frames.tensor_split(self.n_threads))])
        n_frames = frames.shape[2]
        # A piece that is shorter than its context would take longer than it saves.
        n_pieces = max(1, min(self.n_threads, n_frames // max(1, self.context_frames)))
        edges = [n_frames * i // n_pieces for i in range(n_pieces + 1)]

        def make(start: int, stop: int) -> Tensor:
            return make_piece(self.run, frames, start, stop, self.context_frames)

        return torch.cat([*self._pool.map(make, edges[:-1], edges[1:])], dim=2)


def load_onnx(path: Path) -> OnnxGenerator:
    """Open a file of export_onnx; it computes with as many threads as torch does now."""
    require_onnx(path, "onnxruntime")
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: {found}, expected an ONNX file; write one with {WRITER}")
    session = open_session(path, path)
    metadata = session.get_modelmeta().custom_metadata_map
    return OnnxGenerator(
        session, _config(metadata, path), metadata.get("foreign_mel"), torch.get_num_threads()
    )


def open_session(file: Path | bytes, name: Path, n_threads: int = 1) -> "InferenceSession":
    """A file, or what would be in it, in onnxruntime, on the CPU, a run on n_threads threads.

    UserError, which calls it `name`: onnxruntime cannot read it.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as refusals

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except (
        refusals.Fail,
        refusals.InvalidArgument,
        refusals.InvalidGraph,
        refusals.InvalidProtobuf,
        refusals.NotImplemented,
    ) as refusal:
        raise UserError(
            f"{name}: not a whole ONNX file, onnxruntime {onnxruntime.__version__} says: "
            f"{' '.join(str(refusal).split())[:200]}; write it anew with {WRITER}"
        ) from None


def require_onnx(path: Path, *packages: str) -> None:
    """A UserError unless the packages are installed; `path` is the file they are needed for."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{path}: ONNX files need {' and '.join(missing)}, not installed here; "
            f"run: pip install {' '.join(missing)}"
        )


def _config(metadata: dict[str, str], path: Path) -> VocoderConfig:
    told = "foreign_mel" if "foreign_mel" in metadata else "mel_fingerprint"
    missing = [key for key in ("config", told) if key not in metadata]
    if missing:
        raise UserError(
            f"{path}: an ONNX file without the metadata {' and '.join(missing)}, expected a "
            f"vocoder's that {WRITER} wrote; export its checkpoint with that"
        )
    try:
        values = json.loads(metadata["config"])
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}: its metadata config is not JSON ({error}); write it anew with {WRITER}"
        ) from None
    config = config_from_dict(VocoderConfig, values, f"{path}: metadata config")
    expected = input_recipe(config).fingerprint
    if told == "mel_fingerprint" and metadata[told] != expected:
        raise UserError(
            f"{path}: {told} is {metadata[told]}, but its config makes {expected}, so one was "
            f"changed afterwards; write it anew with {WRITER}"
        )
    return config
