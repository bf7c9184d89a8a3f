"""A Hugging Face VitsModel folder: config.json, its weights and the files of its tokenizer.

The decoder's weight norm is folded there; the WaveNets keep theirs, in either of torch's spellings.
Folders of finetune-hf-vits have discriminators, too.
"""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from hifigan.errors import UserError, legible
from hifigan.exchange.formats import is_weights
from hifigan.exchange.torch_file import read_torch_file
from hifigan.json_config import read_json
from hifigan.weight_norm import DIRECTION, NORM, normed_weight
from vits.config import VitsConfig
from vits.exchange.found import (
    FoundVoice,
    Weights,
    fitted_discriminator,
    fitted_generator,
    generator_layout,
)
from vits.exchange.hugging_face_config import our_config, require_hugging_face
from vits.exchange.hugging_face_names import hugging_face_name, our_name

FORMAT = "Hugging Face"
CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.json", "tokenizer_config.json"
SAFETENSORS, PICKLED = "model.safetensors", "pytorch_model.bin"
JUDGE = "discriminator."


def open_hugging_face(folder: Path) -> FoundVoice:
    """The voice in a folder."""
    path = folder / CONFIG
    values = _object(path)
    if values.get("model_type") != "vits":
        raise UserError(
            f'{path}: model_type is {values.get("model_type")!r}, expected "vits"; use the folder '
            f"of a VitsModel"
        )
    for name in (VOCABULARY, TOKENIZER):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}: has no {name}, so its symbols are unknown; put the tokenizer files "
                f"that came with the voice there"
            )
    config = our_config(path, values, _object(folder / VOCABULARY), _object(folder / TOKENIZER))
    file = folder / SAFETENSORS
    if not file.is_file():
        file = folder / PICKLED
    if not file.is_file():
        raise UserError(
            f"{folder}: has neither {SAFETENSORS} nor {PICKLED}; download the weights, too"
        )
    weights = _weights(file)
    judge = {
        name.removeprefix(JUDGE).replace(".final_conv.", ".conv_post."): weight
        for name, weight in weights.items()
        if name.startswith(JUDGE)
    }
    found = {name: weight for name, weight in weights.items() if not name.startswith(JUDGE)}
    names = {name: our_name(name, len(config.model.decoder.resblock_dilations)) for name in found}
    shapes = generator_layout(config).shapes
    for name, weight in found.items():
        # Its attention has matrices where ours has convolutions of kernel 1.
        if weight.dim() == 2 and len(shapes.get(names[name], ())) == 3:
            found[name] = weight.unsqueeze(-1)
    return FoundVoice(
        FORMAT,
        config,
        fitted_generator(file, found, names, config, ()),
        fitted_discriminator(file, judge, config) if judge else None,
        (),
        step=0,
    )


def hugging_face_weights(config: VitsConfig, generator: Weights) -> Weights:
    """A VitsModel's state_dict of ours, with weight norm in each layer that has it in training.

    A voice that does not fit in there is a UserError.
    """
    require_hugging_face(config)
    made = {}
    for name, weight in generator.items():
        if name.startswith("decoder.") and name.endswith((NORM, DIRECTION)):
            if name.endswith(NORM):
                continue
            layer = name.removesuffix(DIRECTION)
            name, weight = f"{layer}.weight", normed_weight(generator[layer + NORM], weight)
        their = hugging_face_name(name, config.model)
        if their.endswith("_proj.weight") and ".attention." in their:
            weight = weight.squeeze(-1)
        made[their] = weight.contiguous()
    return made


def _object(path: Path) -> dict[str, Any]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: holds a {type(values).__name__}, expected an object {{...}}; download it "
            f"again"
        )
    return values


def _weights(path: Path) -> Weights:
    if path.name == PICKLED:
        weights = read_torch_file(path)
        if not is_weights(weights):
            raise UserError(f"{path}: holds more than weights; download it again")
        return weights
    try:
        return load_file(path)
    except PermissionError:  # says nothing of the file
        raise
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: damaged, or no safetensors file ({legible(error)[:120]}); download or copy "
            f"it again"
        ) from None
