"""A voice as ONNX for our own programs: one file, or two of which the second one decodes."""

from pathlib import Path

import torch

from hifigan.atomic_file import appearing_whole, sync
from hifigan.errors import UserError
from hifigan.vocoding.onnx_backend import require_onnx
from vits.export.new_files import require_new
from vits.export.onnx_parts import (
    DECODER,
    KIND,
    LATENTS,
    WHOLE,
    decoder_graph,
    decoder_path,
    latent_graph,
    whole_graph,
)
from vits.export.piper import own_metadata
from vits.speaking.engine import Scales
from vits.speaking.onnx_engine import load_onnx_voice
from vits.speaking.voice import Voice

TOLERANCE = 5e-4  # of full scale, between onnxruntime and PyTorch
N_SYMBOLS = (1, 4, 9, 16, 25, 36)  # of the texts that both speak
N_ROUNDED = 2  # of them, in which a duration may lie on a whole number and be rounded apart
SCALES = Scales(length=1.1)


def write_onnx(voice: Voice, path: Path, two_files: bool) -> None:
    """Write `path`, and with two_files the decoder beside it (decoder_path). The voice is on the
    CPU.

    They appear only after onnxruntime has agreed with PyTorch; else a UserError says by how much it
    failed. Files that are there already are refused, too.
    """
    require_onnx(path, "onnx", "onnxruntime")
    if path.suffix != ".onnx":
        raise UserError(f"{path}: expected a name that ends in .onnx; add it")
    require_new(path, decoder_path(path))
    metadata = own_metadata(voice) | {"weights": voice.weights}
    if not two_files:
        proto = whole_graph(voice.model, metadata | {KIND: WHOLE})
        with appearing_whole(path) as file:
            file.write_bytes(proto.SerializeToString())
            require_same_speech(file, file, path, voice)
            sync(file)
        return
    first = latent_graph(voice.model, metadata | {KIND: LATENTS})
    second = decoder_graph(voice.model, {KIND: DECODER})
    with appearing_whole(path) as file, appearing_whole(decoder_path(path)) as decoder_file:
        file.write_bytes(first.SerializeToString())
        decoder_file.write_bytes(second.SerializeToString())
        require_same_speech(file, decoder_file, path, voice)
        sync(file)
        sync(decoder_file)


def require_same_speech(file: Path, decoder_file: Path, path: Path, voice: Voice) -> None:
    """A UserError unless the files, to be kept as `path`, make the waveforms that PyTorch does."""
    broken = [n for n, p in voice.model.named_parameters() if not p.isfinite().all()]
    if broken:
        raise UserError(
            f"{path}: not kept: the voice's {broken[0]} has values that are not numbers; "
            f"export an earlier checkpoint"
        )
    read = load_onnx_voice(file, decoder_file).engine
    draw = torch.Generator().manual_seed(0)
    speaker = len(voice.speakers) - 1 if voice.speakers else None
    language = len(voice.languages) - 1 if voice.config.model.language_embedding else None
    n_rounded = 0
    for seed, n_symbols in enumerate(N_SYMBOLS):
        ids = torch.randint(len(voice.symbols), (n_symbols,), generator=draw).tolist()
        (expected,), (found,) = (
            engine.draw([ids], SCALES, seed, speaker, language) for engine in (voice.engine, read)
        )
        if not torch.equal(expected.durations, found.durations):
            n_rounded += 1
            if n_rounded > N_ROUNDED or (expected.durations - found.durations).abs().max() > 1:
                raise UserError(
                    f"{path}: not kept: onnxruntime and PyTorch give a text other durations; use "
                    f"the versions in constraints.txt"
                )
            continue
        (wav,), (wav_hat,) = (
            engine.decode(engine.flow([drawn.z_p], speaker), speaker)
            for engine, drawn in ((voice.engine, expected), (read, found))
        )
        difference = float((wav - wav_hat).abs().max())
        if not difference <= TOLERANCE:  # so written, it refuses NaN
            raise UserError(
                f"{path}: not kept: onnxruntime's waveform differs from PyTorch's by "
                f"{difference:.2g}, expected at most {TOLERANCE:g}; use the versions in "
                f"constraints.txt"
            )
