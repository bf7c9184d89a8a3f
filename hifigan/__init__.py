"""HiFi-GAN (arXiv 2010.05646): audio, mel, generator, discriminators, losses and the training
loop; and vocoders ready for use, by `hifigan.load`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from hifigan.vocoder_config import VocoderConfig
    from hifigan.vocoding.vocoder import Vocoder


def load(
    path: str | Path,
    device: str | torch.device = "cpu",
    config: str | Path | VocoderConfig | None = None,
) -> Vocoder:
    """A vocoder ready for use, from a file or the newest one in a folder.

    path: a run folder or checkpoint of this project (of its moving average where it has one), an
    official g_* or its folder, a generator of Coqui or bshall, or an .onnx file exported here.
    device: "cpu", "cuda", "auto" or torch's own. config: for a file of other programs that has no
    config inside nor beside it.

    >>> from pathlib import Path
    >>> import hifigan
    >>> from hifigan.audio import read_audio, write_audio
    >>> vocoder = hifigan.load("runs/my_vocoder")
    >>> wav = read_audio(Path("speech.wav"), vocoder.recipe.sample_rate)
    >>> mel = vocoder.mel(wav)  # [n_mels, T_spec]; or an acoustic model's, Tensor or numpy array
    >>> wav_hat = vocoder.vocode(mel)  # [T_wav]
    >>> len(wav_hat) == mel.shape[1] * vocoder.recipe.hop_length
    True
    >>> write_audio(Path("speech_hat.wav"), wav_hat, vocoder.recipe.sample_rate)
    """
    # Here, because the parts that training uses must not bring along all that stands around it.
    from hifigan.vocoding.vocoder import load as load_vocoder

    return load_vocoder(path, device, config)
