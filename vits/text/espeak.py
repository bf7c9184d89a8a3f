"""Espeak-ng's phonemes, by the packages phonemizer and espeakng-loader: no system package."""

import difflib
import functools
import logging
from typing import Any

from hifigan.errors import UserError

logger = logging.getLogger(__name__)


def espeak_phonemes(text: str, language: str) -> str:
    """Espeak's IPA of a normalised text, with stress marks and the punctuation kept in place.

    One text at a time: phonemizer loses count of a batch with empty texts or mere punctuation in
    it, and alone a sentence takes about 0.2 ms. Its output stays as it is: NFC would compose letter
    and tilde, and the published table has the tilde as a symbol of its own.
    """
    backend = espeak_backend(language)
    return " ".join(" ".join(backend.phonemize([text], strip=True)).split())


def espeak_version(language: str) -> str:
    return ".".join(map(str, espeak_backend(language).version()))


def espeak_languages() -> dict[str, str]:
    """Name of every language by espeak's code."""
    backend = _backend_class()
    return backend.supported_languages()


@functools.lru_cache(maxsize=None)
def espeak_backend(language: str) -> Any:
    """Phonemizer's backend, built once per language and process: it loads a library."""
    backend, languages = _backend_class(), espeak_languages()
    if language not in languages:
        raise UserError(
            f'text.language "{language}": espeak has no such voice; '
            f"expected one of: {', '.join(_near_languages(language, languages))}"
        )
    quiet = logger.getChild("espeak")  # it counts words that espeak joins, which is no fault
    quiet.setLevel(logging.ERROR)
    return backend(
        language,
        preserve_punctuation=True,
        with_stress=True,
        language_switch="remove-flags",
        logger=quiet,
    )


def _backend_class() -> Any:
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
    except ImportError as error:
        raise UserError(
            f'text.front_end "phonemes" needs the package {error.name}, which is not installed; '
            f"run: pip install phonemizer espeakng-loader; or train on letters: "
            f"--set text.front_end=characters --set text.symbols=from_data"
        ) from None
    try:
        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        EspeakBackend.supported_languages()
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"espeak-ng of the package espeakng-loader does not load ({error}); run: "
            f"pip install --force-reinstall espeakng-loader"
        ) from None
    return EspeakBackend


def _near_languages(language: str, languages: dict[str, str]) -> list[str]:
    """Codes that start alike, whose language is called so, or that look alike; else all."""
    asked = language.lower().replace("_", "-")
    stem = asked.split("-")[0]
    near = [
        code
        for code, name in languages.items()
        if code == asked or code.split("-")[0] == stem or stem in name.lower().split()
    ]
    near += difflib.get_close_matches(asked, languages, 3, 0.6)
    return [f"{code} ({languages[code]})" for code in dict.fromkeys(near)] or sorted(languages)
