"""A folder that speaks and can be learnt from: a speak-only file, and what only training uses.

See vits/exchange/voice_folder.py, which reads it. Optimizers are not in it: fine-tuning begins with
fresh ones.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from hifigan.layers import plain_name
from vits.exchange.voice_folder import BOUND_TO, DISCRIMINATOR, GENERATOR, TRAINING, VOICE, digest
from vits.export.new_files import folder_to_fill, require_new
from vits.export.speak_only import write_speak_only
from vits.export.tensor_file import write_tensor_file
from vits.speak_only import in_half
from vits.speaking.loading import choose_weights
from vits.speaking.voice import Voice


def write_voice_folder(folder: Path, voice: Voice, contents: dict[str, Any], half: bool) -> None:
    """Write the two files into `folder`, which may have others.

    contents: of the checkpoint that the voice was loaded from. Takes from the voice's model the
    parts that only train.
    """
    paths = folder / VOICE, folder / TRAINING
    require_new(*paths)
    _, generator = choose_weights(folder, contents, voice.weights)
    with folder_to_fill(folder):
        write_speak_only(paths[0], voice, half)
        try:
            # After that, the voice's model has what speaks and no more.
            spoken = {plain_name(name) for name in voice.model.state_dict()}
            weights = _rest(generator, spoken) | _prefixed(contents.get("discriminator") or {})
            if half:
                weights = in_half(weights, paths[1])
            write_tensor_file(paths[1], weights, {BOUND_TO: digest(paths[0])})
        except BaseException:
            paths[0].unlink()
            raise


def _rest(generator: dict[str, Tensor], spoken: set[str]) -> dict[str, Tensor]:
    rest = {name: w for name, w in generator.items() if plain_name(name) not in spoken}
    return {GENERATOR + name: weight for name, weight in rest.items()}


def _prefixed(judges: dict[str, Tensor]) -> dict[str, Tensor]:
    return {DISCRIMINATOR + name: weight for name, weight in judges.items()}
