"""Opens anyone's voice to speak with it, ours included."""

from pathlib import Path
from typing import Any

from hifigan.checkpoint import NAME, open_checkpoint
from hifigan.json_config import config_from_dict
from vits.config import VitsConfig
from vits.exchange.formats import kind_of, read_voice_file
from vits.exchange.recogniser import as_checkpoint, open_voice, require_average
from vits.exchange.tensor_file import SUFFIX
from vits.exchange.voice_folder import VOICE, read_to_speak

UNTORCHED = (SUFFIX, ".onnx")  # files that torch did not write


def open_anything_to_speak(
    path: Path, config: VitsConfig | None = None
) -> tuple[Path, dict[str, Any]]:
    """The file itself, and contents as a checkpoint of ours has them (see load_voice).

    config: for a voice that has none beside it, see open_voice.
    """
    if (path / VOICE).is_file():  # what training uses beside it is not read
        path = path / VOICE
    if path.suffix == SUFFIX and path.is_file():
        return path, read_to_speak(path)
    files = [path] if path.is_file() else [*path.glob("checkpoints/*.pt"), *path.glob("*.pt")]
    # Ours is known by its name, so that no more of it is read than speaking needs.
    if any(NAME.fullmatch(file.name) for file in files):
        return open_checkpoint(path, for_synthesis=True)
    contents = None
    if path.is_file() and path.suffix not in UNTORCHED:
        contents = read_voice_file(path)
        if kind_of(path, contents) == "ours":
            config = config_from_dict(VitsConfig, contents["config"], str(path))
            require_average(path, contents, config)
            return path, {key: value for key, value in contents.items() if key != "absent"}
    opened = open_voice(path, config, contents)
    return opened.path, as_checkpoint(opened)
