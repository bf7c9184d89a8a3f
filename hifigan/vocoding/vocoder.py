"""A trained vocoder ready for use, from whichever file it comes: mels in, waveforms out.

Axes: T_piece samples of a piece of a waveform.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hifigan.distributed import pick_device
from hifigan.errors import UserError
from hifigan.exchange.configs import read_with_mel
from hifigan.exchange.recogniser import OpenedVocoder, open_vocoder
from hifigan.generator import Generator
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import MelRecipe, input_recipe, require_same_recipe
from hifigan.streaming import in_chunks, make_together, needed_context
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoding.mel_check import require_natural_log
from hifigan.vocoding.onnx_backend import load_onnx
from hifigan.weight_norm import fold_weight_norm

logger = logging.getLogger(__name__)

CHUNK_FRAMES = 256  # 3 s at 22050 Hz; the context then costs V1 a tenth more time
MEL_BLOCK_FRAMES = 4096  # of which the spectrum is held at a time, 17 MB at 1024 samples


class Vocoder:
    """Turns mels of its own recipe into waveforms. `load` makes one of a file."""

    def __init__(
        self,
        config: VocoderConfig,
        generator: Callable[[Tensor], Tensor],
        device: str | torch.device = "cpu",
        foreign_mel: str | None = None,
        name: str = "the vocoder",
    ) -> None:
        """generator: [B, n_mels, T_spec] to [B, 1, T_wav]; foreign_mel: how its mels differ from
        all that our recipe can say, if they do; name: for errors.
        """
        self.config = config
        self.recipe: MelRecipe = input_recipe(config)
        self.generator = generator
        self.device = torch.device(device)
        self.foreign_mel = foreign_mel
        self.name = name
        self.context_frames = needed_context(config.generator)
        self._spectrogram = Spectrogram(config.audio, config.mel.magnitude_floor).to(self.device)

    def vocode(self, mel: Tensor | np.ndarray, recipe: MelRecipe | None = None) -> Tensor:
        """The waveform of a mel, float32 in [-1, 1] at recipe.sample_rate, on the CPU.

        mel: [n_mels, T_spec] gives [T_wav], [B, n_mels, T_spec] gives [B, T_wav]. recipe: of the
        mel, where it is known; another one than the vocoder's is refused. Without one the values
        are looked at.
        """
        frames = self.checked(mel, recipe)
        wav_hat = self._generate(frames)[:, 0]
        return wav_hat if mel.ndim == 3 else wav_hat[0]

    def stream(
        self,
        mel: Tensor | np.ndarray,
        chunk_frames: int = CHUNK_FRAMES,
        recipe: MelRecipe | None = None,
    ) -> Iterator[Tensor]:
        """As vocode, in pieces of chunk_frames frames that are made one by one, as they are asked
        for: [T_piece] or [B, T_piece]. Joined they are what vocode returns.
        """
        if chunk_frames < 1:
            raise UserError(f"chunk_frames is {chunk_frames}, expected 1 or more")
        frames = self.checked(mel, recipe)
        pieces = in_chunks(self._generate, frames, chunk_frames, self.context_frames)
        return (piece[:, 0] if mel.ndim == 3 else piece[0, 0] for piece in pieces)

    def vocode_together(
        self, mels: Sequence[Tensor], recipe: MelRecipe | None = None
    ) -> list[Tensor]:
        """The waveforms [T_wav] of some mels [n_mels, T_spec], in one batch.

        Each is what vocode returns.
        """
        frames = [self.checked(mel, recipe)[0] for mel in mels]
        return make_together(self._generate, frames, self.context_frames)

    @torch.inference_mode()
    def mel(self, wav: Tensor | np.ndarray) -> Tensor:
        """The mel of a waveform by the vocoder's own recipe, float32, on the CPU.

        wav: float in [-1, 1] at recipe.sample_rate, as hifigan.audio.read_audio gives it: [T_wav]
        gives [n_mels, T_spec], [B, T_wav] gives [B, n_mels, T_spec].
        """
        if self.foreign_mel is not None:
            raise UserError(f"{self.name}: {self.foreign_mel}; give it mels of its own kind")
        wavs = self._wavs(wav)
        n_samples, hop_length = wavs.shape[-1], self.recipe.hop_length
        n_frames, context = n_samples // hop_length, -(-self.config.audio.overlap // hop_length)
        blocks = []
        for start in range(0, n_frames, MEL_BLOCK_FRAMES):
            stop = min(start + MEL_BLOCK_FRAMES, n_frames)
            begin = max(0, start - context)
            end = n_samples if stop + context >= n_frames else (stop + context) * hop_length
            block = wavs[:, None, begin * hop_length : end].to(self.device)
            block = self._spectrogram.mel(self._spectrogram.magnitudes(block))
            blocks.append(block[..., start - begin : stop - begin].cpu())
        mel = torch.cat(blocks, dim=-1)
        return mel if wav.ndim == 2 else mel[0]

    def checked(self, mel: Tensor | np.ndarray, recipe: MelRecipe | None = None) -> Tensor:
        """A mel as vocode takes it, as float32 [B, n_mels, T_spec] on the CPU; a UserError unless
        the vocoder understands it.
        """
        require_array("mel", mel)
        n_mels, shape = self.recipe.n_mels, list(mel.shape)
        expected = f"expected [{n_mels}, frames] or [batch, {n_mels}, frames]"
        if mel.ndim not in (2, 3):
            raise UserError(f"mel: found shape {shape}, {expected}")
        if shape[-2] != n_mels:
            fix = (
                "it looks transposed; swap its last two axes"
                if shape[-1] == n_mels
                else "use the vocoder that was trained on such mels, or make them with its recipe"
            )
            raise UserError(f"mel: found shape {shape}, {expected}; {fix}")
        if 0 in shape:
            raise UserError(f"mel: empty, found shape {shape}, {expected}")
        frames = _floats("mel", mel)
        if recipe is not None:
            self.require_recipe(recipe, "mel")
        if self.foreign_mel is None:
            require_natural_log(frames, has_recipe=recipe is not None)
        return frames if frames.ndim == 3 else frames[None]

    def require_recipe(self, recipe: MelRecipe, where: str | Path) -> None:
        """A UserError unless the vocoder understands mels of the recipe; `where` they are."""
        if self.foreign_mel is not None:
            raise UserError(
                f"{where}: made by a recipe of this project, which {self.name} does not "
                f"understand: {self.foreign_mel}; give it mels of its own kind"
            )
        require_same_recipe(recipe, self.recipe, where, self.name)

    def _generate(self, frames: Tensor) -> Tensor:
        """[B, n_mels, T_spec] to [B, 1, T_wav] on the CPU."""
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, enabled=False),
            # TF32, which torch allows convolutions on GPUs, would round chunks and whole apart.
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            try:
                return self.generator(frames.to(self.device)).cpu()
            except torch.OutOfMemoryError:
                raise UserError(
                    f"{len(frames)} x {frames.shape[-1]} frames do not fit into the memory of "
                    f"{self.device}; vocode in chunks (stream here, --chunk_frames in the command)"
                ) from None

    def _wavs(self, wav: Tensor | np.ndarray) -> Tensor:
        """The waveform as float32 [B, T_wav]."""
        require_array("wav", wav)
        if wav.ndim not in (1, 2):
            raise UserError(
                f"wav: found shape {list(wav.shape)}, expected [samples] or [batch, samples]"
            )
        wavs = _floats("wav", wav)
        shortest = max(self.config.audio.overlap + 1, self.recipe.hop_length)
        if wavs.shape[-1] < shortest:
            raise UserError(
                f"wav: {wavs.shape[-1]} samples at {self.recipe.sample_rate} Hz, expected "
                f"{shortest} or more for a mel"
            )
        return wavs if wavs.ndim == 2 else wavs[None]


def load(
    path: str | Path,
    device: str | torch.device = "cpu",
    config: str | Path | VocoderConfig | None = None,
) -> Vocoder:
    """The vocoder in a file or folder; see hifigan.load.

    device: "cpu", "cuda", "auto" or torch's own. config: for a file of other programs that has
    none inside nor beside it, and no config.json.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        return _load_onnx(path, device, config)
    told_mel = None
    if config is not None and not isinstance(config, VocoderConfig):
        config, told_mel = read_with_mel(Path(config))
    opened = open_vocoder(path, config, for_synthesis=True)
    device = find_device(device)
    generator = Generator(opened.config.audio.n_mels, opened.config.generator)
    weights = _load_weights(generator, opened)
    fold_weight_norm(generator)
    logger.info(
        "vocoder: %s%s, step %d, %s weights",
        opened.path,
        "" if opened.format == "ours" else f", of {opened.format}",
        opened.step,
        weights,
    )
    generator = generator.float().eval().requires_grad_(False).to(device)
    foreign_mel = opened.foreign_mel
    if opened.config is config and told_mel is not None:  # the file had none of its own
        foreign_mel = told_mel
    return Vocoder(opened.config, generator, device, foreign_mel, str(opened.path))


def find_device(device: str | torch.device) -> torch.device:
    """A device by its name; a UserError if it has no meaning."""
    if device in ("auto", "cpu", "cuda"):
        return pick_device(device)
    try:
        return torch.device(device)
    except RuntimeError:
        raise UserError(f"device {device!r}: expected cpu, cuda or auto") from None


def require_array(what: str, values: Any) -> None:
    if not isinstance(values, (Tensor, np.ndarray)):
        raise UserError(
            f"{what}: found a {type(values).__name__}, expected a Tensor or a numpy array"
        )


def _load_onnx(
    path: Path, device: str | torch.device, config: str | Path | VocoderConfig | None
) -> Vocoder:
    if str(device) not in ("cpu", "auto"):
        raise UserError(
            f"{path}: runs on the CPU here, but the device is {device}; use cpu, or a checkpoint"
        )
    if config is not None:
        raise UserError(f"{path}: has its config inside; leave the config out")
    generator = load_onnx(path)
    logger.info("vocoder: %s, on the CPU", path)
    return Vocoder(generator.config, generator, foreign_mel=generator.foreign_mel, name=str(path))


def _load_weights(generator: Generator, opened: OpenedVocoder) -> str:
    """Take the moving average where there is one, the better voice. Returns which was taken."""
    average = opened.contents.get("ema") if opened.contents is not None else None
    try:
        generator.load_state_dict(opened.generator if average is None else average)
    except RuntimeError as error:
        raise UserError(
            f"{opened.path}: its weights do not fit its config: "
            f"{str(error).splitlines()[1].strip()}; use another checkpoint"
        ) from None
    return "trained" if average is None else "averaged"


def _floats(what: str, values: Tensor | np.ndarray) -> Tensor:
    """As a float32 tensor on the CPU, or a UserError if they are no finite numbers."""
    tensor = values.detach() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    if not tensor.is_floating_point():
        raise UserError(f"{what}: found {tensor.dtype} values, expected float32")
    tensor = tensor.to("cpu", torch.float32)
    n_bad = int((~tensor.isfinite()).sum())
    if n_bad:
        raise UserError(
            f"{what}: {n_bad} of {tensor.numel()} values are NaN or infinite, expected none; "
            f"make it again"
        )
    return tensor
