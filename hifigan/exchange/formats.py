"""What a torch file is, by what stands in it; and a sentence for each that is no HiFi-GAN vocoder.

Names that mean nothing here are refused, never guessed at.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from hifigan.errors import UserError, legible

Weights = dict[str, Tensor]

BSHALL_KERNELS = (20, 8, 4, 4)  # of its upsampling layers: by these a bare state_dict is known
BSHALL_MELS = 128

NO_VOCODER = (
    "expected a HiFi-GAN vocoder, which hears mels: step_*.pt of ours, g_*, Coqui's, bshall's"
)
OTHER_MODELS = [  # what some name of a weight begins with, what that is; the first that fits counts
    ("dec.subband_conv_post.", "an MB-iSTFT-VITS model"),
    ("dec.multistream_conv_post.", "an MS-iSTFT-VITS model"),
    ("enc_p.", "the generator of VITS (G_*.pth), whose decoder hears latents, not mels"),
    ("text_encoder.embed_tokens.", "a Hugging Face VitsModel"),
    ("waveform_decoder.", "a VITS model of Coqui TTS"),
    ("text_encoder.", "a text-to-speech model with a text encoder"),
    ("tts.generator.", "an ESPnet model"),
    ("generator.decoder.", "an icefall model"),
    ("generator.", "a text-to-speech model of icefall or ESPnet"),
    ("input_conv.", "a generator of ParallelWaveGAN"),
    ("discriminators.", "the discriminators of VITS (D_*.pth)"),
    ("decoder.", "a text-to-speech model"),
]
OTHER_DECODERS = [
    ("cond.", "is conditioned on speakers (a multi-speaker decoder)"),
    ("cond_layer.", "is conditioned on speakers (a multi-speaker decoder)"),
    ("subband_conv_post.", "makes sub-bands (MB-iSTFT)"),
    ("multistream_conv_post.", "makes streams (MS-iSTFT)"),
    ("updown_filter", "makes streams (MS-iSTFT)"),
]


@dataclass(frozen=True)
class Found:
    """A foreign vocoder as its file has it, under the file's names without their prefixes."""

    format: str  # "HiFi-GAN", "Coqui" or "bshall"
    generator: Weights
    mpd: Weights | None = None
    msd: Weights | None = None
    optimizers: tuple[Any, Any] | None = None  # the generator's, the discriminators'
    scales_first: bool = True  # the order in which the latter counts
    step: int = 0
    epoch: int = 0
    settings: dict[str, Any] | None = None  # a config inside the file, as it stands there


def is_ours(contents: Any) -> bool:
    """Whether it is a checkpoint of this project, be it of a vocoder or of VITS."""
    return (
        isinstance(contents, dict)
        and isinstance(contents.get("config"), dict)
        and (is_weights(contents.get("generator")) and "step" in contents)
    )


def is_do(contents: Any) -> bool:
    """Whether it is the original's do_*: the discriminators and the optimizers."""
    return isinstance(contents, dict) and {"mpd", "msd"} <= set(contents)


def recognise(path: Path, contents: Any) -> Found:
    """The vocoder in the contents of a file that is not ours. Anything else is a UserError."""
    if not isinstance(contents, dict):
        raise UserError(f"{path}: holds a {type(contents).__name__}; {NO_VOCODER}")
    if is_do(contents):
        raise UserError(
            f"{path}: holds discriminators and optimizers (a do_*), but no generator; name the g_* "
            f"of the same number, or their folder"
        )
    if "net" in contents and isinstance(contents["net"], dict):
        raise UserError(f"{path}: a StyleTTS2 model; {NO_VOCODER}")
    if isinstance(contents.get("state_dict"), dict):
        piper = any(str(name).startswith("model_g.") for name in contents["state_dict"])
        kind = "a Piper model" if piper else "a Lightning checkpoint"
        raise UserError(f"{path}: {kind}; {NO_VOCODER}")
    generator = contents.get("generator")
    if isinstance(generator, dict) and isinstance(generator.get("model"), dict):
        return _checked(path, _bshall(path, contents))
    if is_weights(generator):
        return _checked(path, Found("HiFi-GAN", _bare(generator)))
    model = contents.get("model")
    if isinstance(model, dict):
        if isinstance(model.get("generator"), dict):
            raise UserError(f"{path}: a ParallelWaveGAN checkpoint; {NO_VOCODER}")
        return _checked(path, _coqui(path, contents, model))
    if is_weights(contents):
        bare = _bare(contents)
        bshall = _has_bshall_shapes(bare)
        return _checked(path, Found("bshall" if bshall else "HiFi-GAN", bare))
    names = ", ".join(map(legible, list(contents)[:5])) or "nothing"
    raise UserError(f"{path}: unknown kind of checkpoint, with {names}; {NO_VOCODER}")


def with_discriminators(found: Found, path: Path, contents: dict[str, Any]) -> Found:
    """Join the contents of a do_* to its generator. `path` is the do_*'s."""
    for name in ("mpd", "msd"):
        if not is_weights(contents[name]):
            raise UserError(f"{path}: {name} is no state_dict; use another do_* file")
    both = "optim_g" in contents and "optim_d" in contents
    return replace(
        found,
        mpd=_bare(contents["mpd"]),
        msd=_bare(contents["msd"]),
        optimizers=(contents["optim_g"], contents["optim_d"]) if both else None,
        # As its name has it. It counts from 0, so that AdamW's own count is one more.
        step=count(path, contents, "steps"),
        epoch=count(path, contents, "epoch"),
    )


def count(path: Path, contents: dict[str, Any], key: str) -> int:
    """A whole number of the file."""
    value = contents.get(key)
    if type(value) is not int or value < 0:
        raise UserError(f"{path}: {key} is {value!r}, expected a whole number from 0; damaged?")
    return value


def _bshall(path: Path, contents: dict[str, Any]) -> Found:
    """{generator: {model, optimizer, scheduler}, discriminator: the same, step}."""
    generator, judge = contents["generator"], contents.get("discriminator")
    found = Found("bshall", _bare(_weights(path, "generator.model", generator["model"])))
    if not isinstance(judge, dict) or not isinstance(judge.get("model"), dict):
        return found
    weights = _bare(_weights(path, "discriminator.model", judge["model"]))
    schedule = generator.get("scheduler")
    return replace(
        found,
        mpd=_below("mpd.", weights),
        msd=_below("msd.", weights),
        optimizers=(generator.get("optimizer"), judge.get("optimizer")),
        scales_first=False,
        step=count(path, contents, "step"),
        epoch=count(path, schedule if isinstance(schedule, dict) else {}, "last_epoch"),
    )


def _coqui(path: Path, contents: dict[str, Any], model: dict[str, Any]) -> Found:
    """{model: model_g.*, model_d.*}, or of its first versions {model, model_disc}.

    Its moments are not taken: they are of losses that are weighted otherwise.
    """
    weights = _bare(_weights(path, "model", model))
    generator = _below("model_g.", weights)
    if not generator and not _named("conv_pre.", weights):
        raise _other_model(path, weights)
    judge = _below("model_d.", weights)
    if not generator:
        generator, judge = weights, contents.get("model_disc")
        judge = _bare(_weights(path, "model_disc", judge)) if judge else {}
    settings = contents.get("config")
    return Found(
        "Coqui",
        generator,
        mpd=_below("mpd.", judge) or None,
        msd=_below("msd.", judge) or None,
        step=count(path, {"step": 0} | contents, "step"),
        epoch=count(path, {"epoch": 0} | contents, "epoch"),
        settings=settings if type(settings) is dict and settings else None,
    )


def _checked(path: Path, found: Found) -> Found:
    """The vocoder, if its generator is HiFi-GAN's own."""
    if not _named("conv_pre.", found.generator):
        raise _other_model(path, found.generator)
    for start, what in OTHER_DECODERS:
        if _named(start, found.generator):
            raise UserError(f"{path}: its generator {what}; {NO_VOCODER}")
    for name, tensor in found.generator.items():
        if name.startswith("conv_post.") and tensor.dim() == 3 and tensor.shape[0] != 1:
            raise UserError(f"{path}: its generator makes spectra (iSTFTNet); {NO_VOCODER}")
    return found


def _other_model(path: Path, weights: Weights) -> UserError:
    for start, what in OTHER_MODELS:
        if _named(start, weights):
            return UserError(f"{path}: {what}; {NO_VOCODER}")
    names = ", ".join(map(legible, list(weights)[:3]))
    return UserError(f"{path}: weights of an unknown network ({names}); {NO_VOCODER}")


def _has_bshall_shapes(weights: Weights) -> bool:
    """Whether the kernels of the upsampling layers, and the mels that come in, are bshall's."""
    layers = ["conv_pre", *(f"ups.{i}" for i in range(len(BSHALL_KERNELS)))]
    matrices = [
        [w.shape for name, w in weights.items() if name.startswith(f"{layer}.") and _is_matrix(w)]
        for layer in layers
    ]
    if not all(matrices):
        return False
    shapes = [found[0] for found in matrices]
    kernels = tuple(shape[2] for shape in shapes[1:])
    return kernels == BSHALL_KERNELS and shapes[0][1] == BSHALL_MELS


def _is_matrix(weight: Tensor) -> bool:  # and no norm of one
    return weight.dim() == 3 and weight.shape[1] > 1


def is_weights(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())
    )


def _weights(path: Path, where: str, value: Any) -> Weights:
    if not is_weights(value):
        raise UserError(f"{path}: {where} holds more than weights; {NO_VOCODER}")
    return value


def _bare(weights: Weights) -> Weights:
    """Without the prefix that DistributedDataParallel puts before every name."""
    below = _below("module.", weights)
    return below if len(below) == len(weights) else dict(weights)


def _below(prefix: str, weights: Weights) -> Weights:
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def _named(start: str, weights: Weights) -> bool:
    return any(name.startswith(start) for name in weights)
