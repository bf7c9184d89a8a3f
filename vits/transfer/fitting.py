"""Which values of the config each part's weights were made for.

Equal shapes are no proof: other dilations, another number of heads or another hop leave every shape
as it is and make noise of the weights.
"""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from hifigan.json_config import config_to_dict, differences
from vits.config import VitsConfig
from vits.transfer.born import is_born

logger = logging.getLogger(__name__)

# How the names of values begin, and the parts whose weights only work with these values. Those of
# mels are missing: mels are a loss and no input.
MADE_FOR = (
    ("audio.sample_rate", ("posterior_encoder", "decoder")),
    ("audio.hop_length", ("posterior_encoder", "decoder", "duration_predictor")),
    ("audio.n_fft", ("posterior_encoder",)),
    ("audio.win_length", ("posterior_encoder",)),
    ("text.add_blank", ("text_encoder", "duration_predictor")),
    ("model.latent_channels", ("text_encoder", "posterior_encoder", "flow", "decoder")),
    ("model.text_encoder.hidden_channels", ("duration_predictor",)),
    ("model.text_encoder.", ("text_encoder",)),
    ("model.posterior_encoder.", ("posterior_encoder",)),
    ("model.flow.", ("flow",)),
    ("model.duration_predictor.", ("duration_predictor",)),
    ("model.decoder.", ("decoder",)),
    ("discriminator.", ("discriminator",)),
)
SPEAKER_LAYERS = ("speaker_embedding", "'*.condition.*'")
LOGGED = ("audio.", "text.", "model.")
IN_THE_REPORT = ("text.symbols",)


def require_same_meaning(
    path: Path, saved: VitsConfig, target: VitsConfig, kept: Collection[str], speakers_kept: bool
) -> None:
    """A UserError where weights would be loaded that the target's values give another meaning.

    kept: the parts of which weights are to be loaded. speakers_kept: whether the layers that depend
    on the width of the speaker embedding are. Other differences are logged.
    """
    for name, (before, now) in differences(config_to_dict(saved), config_to_dict(target)).items():
        needed = {
            part for begin, parts in MADE_FOR if name.startswith(begin) for part in parts
        } & set(kept)
        if name == "model.speaker_channels" and speakers_kept:
            needed = set(SPEAKER_LAYERS)
        if needed and not _without_effect(name, saved, target):
            order = [p for _, parts in MADE_FOR for p in parts if p in needed] or SPEAKER_LAYERS
            parts = list(dict.fromkeys(order))
            raise UserError(
                f"{path}: its {name} is {_short(before)}, but the config says {_short(now)}; the "
                f"weights were made for the former: set it back, or begin these parts anew with "
                f"finetune.py's --ignore_layers {' '.join(parts)}"
            )
        if name.startswith(LOGGED) and not name.startswith(IN_THE_REPORT):
            logger.info(
                "changed since %s: %s was %s, is %s", path.name, name, _short(before), _short(now)
            )


def _without_effect(name: str, saved: VitsConfig, target: VitsConfig) -> bool:
    kinds = {config.model.duration_predictor.kind for config in (saved, target)}
    unused = name == "model.duration_predictor.n_flows" and kinds == {"deterministic"}
    if name == "model.text_encoder.speaker_layer" and target.data.speakers is None:
        return True  # what the speaker added is put into the biases
    if name == "discriminator.durations" and target.discriminator.durations is None:
        return True  # left out, the others judge as before
    return unused or is_born(name, saved) or name.endswith(".dropout")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
