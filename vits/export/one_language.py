"""A voice of several languages as one of a single language, for programs that know no more."""

from typing import Any

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, config_to_dict
from vits.config import VitsConfig
from vits.transfer.languages import LANGUAGES, in_one_language


def reading(contents: dict[str, Any], language: str | None, path: str) -> dict[str, Any]:
    """A checkpoint's contents, reading in one language to the same samples (to rounding).

    language: one of data.languages, None for a voice of one. path: of the file, for messages. The
    optimizers, which know another table, are left out.
    """
    config = config_from_dict(VitsConfig, contents["config"], path)
    languages = config.data.languages
    if languages is None:
        if language is not None:
            raise UserError(f"--language {language}: {path} reads one language; leave it out")
        return contents
    if language not in languages:
        found = "no --language given" if language is None else f"--language {language}: unknown"
        raise UserError(
            f"{found}; the other program reads one language, and {path} has: {', '.join(languages)}"
        )
    values = config_to_dict(config)
    values["text"]["language"] = language
    values["data"] |= {"languages": None, "balance_languages": False}
    values["model"]["language_embedding"] = False
    made = {key: value for key, value in contents.items() if not key.endswith("_optimizer")}
    for key in ("generator", "ema"):
        state = contents.get(key)
        if state and LANGUAGES in state:
            made[key] = in_one_language(state, languages, language)
    return made | {"config": values}
