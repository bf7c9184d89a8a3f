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

from hifigan.checkpoint import NAME, open_checkpoint
from hifigan.errors import UserError
from hifigan.exchange.formats import count, is_weights
from hifigan.json_config import config_from_dict, config_to_dict
from hifigan.start import Opener
from vits.config import VitsConfig
from vits.exchange.coqui import open_coqui
from vits.exchange.formats import kind_of, read_voice_file, weights_of
from vits.exchange.found import (
    FoundVoice,
    Weights,
    fitted_discriminator,
    fitted_generator,
    only_for_training,
)
from vits.exchange.hugging_face import PICKLED, SAFETENSORS, open_hugging_face
from vits.exchange.original import open_original
from vits.exchange.piper import open_piper
from vits.exchange.piper_onnx import open_piper_onnx
from vits.exchange.tensor_file import SUFFIX
from vits.exchange.vocoder_decoder import open_decoder
from vits.exchange.voice_folder import VOICE, read_to_train

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

POSTERIOR = "posterior_encoder."  # which every voice has that training can go on with


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
        return _opened(*open_decoder(path, config))
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
    state, judge = contents["generator"], contents.get("discriminator")
    if "speak_only" in contents and not any(name.startswith(POSTERIOR) for name in state):
        absent = only_for_training(config)
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


def _contents(path: Path) -> Any:
    if path.suffix == SUFFIX:
        return read_to_train(path)
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
    if (path / VOICE) in files:
        return path / VOICE, None
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
