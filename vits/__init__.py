"""VITS (arXiv 2106.06103): text, data, the model's parts, alignment and the training step.

A trained voice speaks with a few lines:

    >>> import vits
    >>> voice = vits.load("my_voice.pt")
    >>> wav = voice.speak("This is a test sentence.", seed=1)  # a Tensor at voice.sample_rate
    >>> wav.ndim, wav.dtype, float(wav.abs().max()) <= 1
    (1, torch.float32, True)

The same in pieces, the first of them soon:

    >>> pieces = voice.stream("This is a test sentence.", seed=1)
    >>> sum(len(piece) for piece in pieces) == len(wav)
    True

When each word sounds, in samples:

    >>> (sentence,) = voice.timings("This is a test sentence.", seed=1)
    >>> [word.label for word in sentence.words]
    ['This', 'is', 'a', 'test', 'sentence.']
    >>> sentence.end == len(wav)
    True
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vits.speaking.voice import Voice


def load(
    path: str | Path,
    backend: str | None = None,
    device: str = "auto",
    weights: str | None = None,
    precision: str = "float32",
) -> "Voice":
    """The voice in a file or folder: a run, a checkpoint, a speak-only or ONNX file of ours, or a
    voice of the original VITS, Coqui, Piper, Hugging Face.

    backend: "torch", or "onnx", which is faster on CPUs; None: torch, but for ONNX files of ours.
    device: "cpu", "cuda", or "auto". weights: "ema" or "trained"; None: the first that is there.
    precision: "float32", "bfloat16" or "float16", of the large products. UserError: it is no voice,
    or cannot be had so.
    """
    from vits.speaking.anything import load as load_anything  # the parts of training need it not

    return load_anything(path, backend, device, weights, precision)
