"""Writes a generator as an ONNX file that has proved itself equal to PyTorch."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from hifigan.atomic_file import appearing_whole, sync
from hifigan.errors import UserError
from hifigan.generator import Generator
from hifigan.json_config import config_to_dict
from hifigan.mel_recipe import input_recipe
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoding.onnx_backend import OnnxGenerator, open_session, require_onnx
from hifigan.vocoding.onnx_graph import generator_graph

TOLERANCE = 1e-4  # of full scale, between onnxruntime and PyTorch
COMPARED = ((1, 1), (3, 2), (1, 9), (2, 40))  # (B, T): batches and lengths change between runs
MEL_MEAN, MEL_STD = -5.0, 2.5  # about those of log-mels of speech


def export_onnx(
    generator: Generator, config: VocoderConfig, path: Path, foreign_mel: str | None = None
) -> None:
    """Write `path`: `mel` [B, n_mels, T] to `wav` [B, 1, T_wav], float32, B and T of any size.

    The file holds plain weights (weight norm folded) and, as metadata, all that a vocoder needs:
    `config` (JSON), `sample_rate` (Hz), and of its mels `mel_recipe` (JSON) and `mel_fingerprint`,
    or `foreign_mel` in their place: how they differ from all that our recipe can say.

    It takes its name only after onnxruntime, reading it, has agreed with PyTorch within TOLERANCE;
    otherwise a UserError says by how much it failed and no file is left. `generator` is on the CPU,
    weight norm folded or not, and stays as it was.
    """
    require_onnx(path, "onnx", "onnxruntime")
    model = generator_graph(generator, _metadata(config, foreign_mel))
    with appearing_whole(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
        _require_same(OnnxGenerator(open_session(temporary, path), config), generator, path)
        sync(temporary)


def _metadata(config: VocoderConfig, foreign_mel: str | None) -> dict[str, str]:
    recipe = input_recipe(config)
    metadata = {
        "config": json.dumps(config_to_dict(config)),
        "sample_rate": str(config.audio.sample_rate),
    }
    if foreign_mel is not None:
        return metadata | {"foreign_mel": foreign_mel}
    return metadata | {
        "mel_recipe": json.dumps(asdict(recipe)),
        "mel_fingerprint": recipe.fingerprint,
    }


def _require_same(exported: OnnxGenerator, generator: Generator, path: Path) -> None:
    """A UserError unless both make the same waveforms of random mels."""
    draw = torch.Generator().manual_seed(0)
    n_mels = exported.config.audio.n_mels
    for n_items, n_frames in COMPARED:
        mel = MEL_MEAN + MEL_STD * torch.randn(n_items, n_mels, n_frames, generator=draw)
        with torch.inference_mode():
            wav_hat = generator(mel)
        if not wav_hat.isfinite().all():
            raise UserError(
                f"{path}: not kept: the generator makes values that are not numbers; "
                f"export an earlier checkpoint"
            )
        found = exported(mel)
        if found.shape != wav_hat.shape:
            raise UserError(
                f"{path}: not kept: onnxruntime makes a waveform {list(found.shape)}, PyTorch "
                f"{list(wav_hat.shape)}; use the versions in constraints.txt"
            )
        difference = float(np.abs(found.numpy() - wav_hat.numpy()).max())
        if not difference <= TOLERANCE:  # so written, it refuses NaN
            raise UserError(
                f"{path}: not kept: of a mel {list(mel.shape)} onnxruntime makes a waveform that "
                f"differs from PyTorch's by {difference:.2g}, expected at most {TOLERANCE:g}; use "
                f"the versions in constraints.txt"
            )
