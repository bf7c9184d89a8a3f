"""Opens any voice: ours, the original's, MMS's, Coqui's, Piper's, Hugging Face's; or the decoder
alone, from a HiFi-GAN vocoder. A file or a folder.

Weights load whole or not at all, and nothing in a file is executed.
"""

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hifigan.checkpoint import NAME, open_checkpoint
from hifigan.errors import UserError
from hifigan.exchange.defaults import MAGNITUDE_FLOOR
from hifigan.exchange.defaults import completed as vocoder_values
from hifigan.exchange.formats import count, is_weights
from hifigan.exchange.recogniser import OpenedVocoder, open_vocoder
from hifigan.generator import DIRECTION, NORM, normed_weight
from hifigan.json_config import config_from_dict, config_to_dict, differences
from hifigan.start import Opener
from hifigan.vocoder_config import VocoderConfig
from vits.config import VitsConfig
from vits.exchange.coqui import open_coqui
from vits.exchange.formats import kind_of, read_voice_file, weights_of
from vits.exchange.found import (
    FoundVoice,
    fitted_discriminator,
    fitted_generator,
    only_for_training,
)
from vits.exchange.hugging_face import PICKLED, SAFETENSORS, open_hugging_face
from vits.exchange.original import open_original
from vits.exchange.piper import open_piper
from vits.exchange.piper_onnx import open_piper_onnx
from vits.exchange.speak_only import SUFFIX, read_speak_only

logger = logging.getLogger(__name__)

NEWEST = (  # names of files in a folder, by whose number the newest is taken; the first that fits
    re.compile(r"G_(\d+)\.pth?"),
    re.compile(r"checkpoint_(\d+)\.pth(?:\.tar)?"),
    re.compile(r"best_model(?:_(\d+))?\.pth(?:\.tar)?"),
    re.compile(r"g_(\d+)(?:\.pth?)?"),
    re.compile(r".*step=(\d+).*\.ckpt"),
)
ONLY = (
    ".pth",
    ".ckpt",
    ".onnx",
    SUFFIX,
    ".pt",
)  # of these a folder is to have one alone, where nothing fits
QUIET = 1e-3  # of full scale: what a bias of the last convolution may be and not be missed

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class OpenedVoice:
    path: Path  # of the file with the generator
    format: str  # "ours", "original VITS", "MMS", "Coqui", "Piper", "Piper ONNX", "Hugging Face",
    # or "HiFi-GAN", which holds a decoder alone
    config: VitsConfig  # symbols and speakers resolved
    generator: Weights  # under our names, in float32; of ours, not its moving average
    discriminator: Weights | None  # likewise; of HiFi-GAN, those of the periods alone
    absent: tuple[str, ...]  # patterns of the generator's names that such a file never holds
    step: int
    contents: dict[str, Any] | None  # of the file, where it is ours


def open_voice(path: Path, config: VitsConfig | None = None, contents: Any = None) -> OpenedVoice:
    """The voice in a file, or the newest in a folder. contents: of the file, where they are read.

    `config` is for files without one, such as a vocoder's, and says how texts become symbols where
    a foreign config does not say it in a way that is known here.
    """
    if contents is None:
        path, contents = _file_of(path)
    described = (path.parent / "config.json").is_file()
    if path.is_dir() or (path.name in (SAFETENSORS, PICKLED) and described):
        folder = path if path.is_dir() else path.parent
        return _opened(folder, open_hugging_face(folder))
    if path.suffix == ".onnx":
        return _opened(path, open_piper_onnx(path))
    if contents is None:
        contents = _contents(path)
    kind = kind_of(path, contents)
    if kind == "ours":
        return _ours(path, contents)
    if kind == "HiFi-GAN":
        return _decoder_of(path, config)
    if kind == "Piper":
        return _opened(path, open_piper(path, contents))
    if kind == "Coqui":
        return _opened(path, open_coqui(path, contents, config))
    if kind == "Hugging Face":
        raise UserError(
            f"{path}: weights of a Hugging Face VitsModel; call them {PICKLED}, with config.json "
            f"and the tokenizer's files beside, and name the folder"
        )
    return _opened(path, open_original(path, weights_of(path, contents), config))


def as_checkpoint(opened: OpenedVoice) -> dict[str, Any]:
    """The voice in the form of our checkpoints, for fine-tuning: of a checkpoint, its own contents.

    Of others, and of a speak-only file: config, generator, discriminator where there is one, step,
    epoch, absent (a list of patterns) and format.
    """
    if opened.contents is not None and "speak_only" not in opened.contents:
        ours = opened.contents.items()
        return {key: value for key, value in ours if key not in ("absent", "format")}
    made: dict[str, Any] = {
        "config": config_to_dict(opened.config),
        "generator": opened.generator,
        "step": opened.step,
        "epoch": 0,
        "absent": list(opened.absent),
        "format": opened.format,
    }
    if opened.discriminator is not None:
        made["discriminator"] = opened.discriminator
    return made


def open_for_training(config: VitsConfig | None) -> Opener:
    """Opens any voice as a run's beginning; see open_voice for `config`."""

    def opener(path: Path) -> tuple[Path, dict[str, Any]]:
        opened = open_voice(path, config)
        return opened.path, as_checkpoint(opened)

    return opener


def _opened(path: Path, found: FoundVoice) -> OpenedVoice:
    return OpenedVoice(
        path,
        found.format,
        found.config,
        found.generator,
        found.discriminator,
        found.absent,
        found.step,
        contents=None,
    )


def _ours(path: Path, contents: dict[str, Any]) -> OpenedVoice:
    config: VitsConfig = config_from_dict(VitsConfig, contents["config"], str(path))
    absent: tuple[str, ...] = ()
    if "speak_only" in contents:
        absent = only_for_training(config)
    state, judge = contents["generator"], contents.get("discriminator")
    if judge is not None and not is_weights(judge):
        raise UserError(f"{path}: discriminators are no weights; damaged, use another checkpoint")
    require_average(path, contents, config)
    return OpenedVoice(
        path,
        "ours",
        config,
        fitted_generator(path, state, {name: name for name in state}, config, absent),
        None if judge is None else fitted_discriminator(path, judge, config),
        absent,
        count(path, contents, "step"),
        contents,
    )


def require_average(path: Path, contents: dict[str, Any], config: VitsConfig) -> None:
    """A UserError if a checkpoint of ours has a moving average that is not one of its weights."""
    average = contents.get("ema")
    if average is None:
        return
    if not is_weights(average):
        raise UserError(
            f"{path}: its moving average is no weights; damaged, use another checkpoint"
        )
    fitted_generator(path, average, {name: name for name in average}, config, ())


def _decoder_of(path: Path, config: VitsConfig | None) -> OpenedVoice:
    """The decoder of a vocoder. Its first convolution hears mels, not latents, and stays behind."""
    if config is None:
        raise UserError(
            f"{path}: a HiFi-GAN vocoder, whose weights can begin a voice's decoder; pass the "
            f"config of that voice with -c, such as configs/base.json"
        )
    described = (path.parent / "config.json").is_file() or any(path.parent.glob("config_v*.json"))
    vocoder = open_vocoder(path, None if described else _as_vocoder(path, config))
    theirs, ours = (config_to_dict(c) for c in (vocoder.config.generator, config.model.decoder))
    for name, (there, here) in differences(theirs, ours).items():
        raise UserError(
            f"{path}: its {name} is {there}, but model.decoder.{name} is {here} in the config; "
            f"give the config of a voice whose decoder is this vocoder's"
        )
    rates = vocoder.config.audio.sample_rate, config.audio.sample_rate
    if rates[0] != rates[1]:
        logger.warning("%s: made for %d Hz, and the config's audio has %d Hz", path, *rates)
    members = _period_members(vocoder, config)
    return OpenedVoice(
        vocoder.path,
        "HiFi-GAN",
        config,
        _decoder_weights(path, vocoder.generator),
        members,
        absent=("discriminator.members.0.*",) if members else (),  # a scale's are others there
        step=vocoder.step,
        contents=None,
    )


def _decoder_weights(path: Path, generator: Weights) -> Weights:
    """VITS's decoder has neither weight norm nor a bias in its last convolution."""
    weights = {
        f"decoder.{name}": weight
        for name, weight in generator.items()
        if not name.startswith(("input.", "output."))
    }
    norm, direction = generator["output" + NORM], generator["output" + DIRECTION]
    weights["decoder.output.weight"] = normed_weight(norm, direction)
    bias = generator["output.bias"].abs().max().item()
    if bias > QUIET:
        logger.warning("%s: the last convolution's bias of %.2g is left out", path, bias)
    return weights


def _period_members(vocoder: OpenedVocoder, config: VitsConfig) -> Weights | None:
    """The vocoder's discriminators of periods, where the config's are like them."""
    theirs, ours = vocoder.config.discriminator, config.discriminator
    like = (theirs.periods, theirs.period_channels) == (ours.periods, ours.period_channels)
    if vocoder.discriminator is None or not like:
        return None
    members = r"^multi_period\.members\.(\d+)\."
    return {  # the discriminator of a scale comes before those of periods
        re.sub(members, lambda m: f"members.{int(m[1]) + 1}.", name): weight
        for name, weight in vocoder.discriminator.items()
        if re.match(members, name)
    }


def _as_vocoder(path: Path, config: VitsConfig) -> VocoderConfig:
    """A vocoder like the config's decoder, for one that has no config of its own."""
    sections = config_to_dict(config)
    values = vocoder_values(
        audio=sections["audio"],
        generator=sections["model"]["decoder"],
        mel={"magnitude_floor": MAGNITUDE_FLOOR, "loss_f_max": None},
        train={"segment_samples": config.train.segment_samples},
    )
    return config_from_dict(VocoderConfig, values, f"{path}: the given config")


def _contents(path: Path) -> Any:
    if path.suffix == SUFFIX:
        return read_speak_only(path)
    return read_voice_file(path)


def _file_of(path: Path) -> tuple[Path, Any]:
    """The file to open, or the folder of Hugging Face's; also contents where they are read."""
    if not path.is_dir():
        beside = path.with_name("G_" + path.name.removeprefix("D_"))
        if path.name.startswith("D_") and beside.is_file():
            return beside, None
        return path, None
    for place in (path / "checkpoints", path):
        if any(NAME.fullmatch(file.name) for file in place.glob("*.pt")):
            return open_checkpoint(path)
    files = sorted(file for file in path.iterdir() if file.is_file())
    if _is_hugging_face(path, files):
        return path, None
    for pattern in NEWEST:
        found = [(int(m[1] or 0), f) for f in files if (m := pattern.fullmatch(f.name))]
        if found:
            newest = max(found)[1]
            logger.debug("%s: taking %s", path, newest.name)
            return newest, None
    for suffix in ONLY:
        found = [file for file in files if file.suffix == suffix]
        others = [file for file in found if file.name != "speakers.pth" and file.name[:2] != "D_"]
        if len(others) == 1:
            return others[0], None
    there = ", ".join(file.name for file in files[:8])
    judges = any(file.name.startswith("D_") for file in files)
    lacks = "discriminators (D_*), but no generator" if judges else "no voice"
    raise UserError(
        f"{path}: has {lacks}; expected a run of ours with checkpoints/step_*.pt, G_* beside "
        f"config.json, or another tool's folder; name another file itself"
        + (f", of those there: {there}" if there else "; the folder has no files")
    )


def _is_hugging_face(folder: Path, files: list[Path]) -> bool:
    names = {file.name for file in files}
    if {SAFETENSORS, PICKLED} & names:
        return True
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # what is wrong with it, its reader tells
        return False
    return isinstance(described, dict) and described.get("model_type") == "vits"
