"""Which of a voice's weights learn: the speaker embedding's rows, and whether anything does."""

import torch

from hifigan.errors import UserError
from hifigan.freezing import require_something_to_learn
from vits.config import VitsConfig
from vits.discriminators import make_discriminators
from vits.model import make_model


def frozen_rows(config: VitsConfig) -> list[tuple[str, int]]:
    """The rows of the speaker embedding that do not learn: [name of the weight, number of rows]."""
    n_rows, n_speakers = config.train.frozen_speakers, config.n_speakers
    if n_rows > n_speakers:
        found = f"{n_speakers} speakers" if n_speakers else "one speaker and no speaker embedding"
        raise UserError(
            f"train.frozen_speakers is {n_rows}, but the voice has {found}; set it to the number "
            f"of speakers that stay as they are, or to 0"
        )
    return [("speaker_embedding.weight", n_rows)] if n_rows else []


def check_freezing(config: VitsConfig) -> None:
    """A UserError if the config freezes what is not there, or all that could learn."""
    frozen_rows(config)
    with torch.device("meta"):
        networks = make_model(config), make_discriminators(config)
    require_something_to_learn(config.train, *networks)
