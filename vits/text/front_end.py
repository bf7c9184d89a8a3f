"""Text front ends: a text becomes a list of symbols, one Unicode code point each.

`characters` needs nothing installed and takes any script. `phonemes` is the paper's input (VITS
Sec. 3.2: IPA by phonemizer and espeak) and needs the optional extra `phonemes`.

One rule for case: `characters` lower-cases, `phonemes` does not. Letters seldom sound otherwise for
being capitals, and in an hour of speech most capitals are too rare to be learnt: a proper noun that
starts with a capital the recordings lack could not be spoken at all. Espeak does look at capitals
("US" and "us"), so it gets them.
"""

import difflib
import functools
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from hifigan.errors import UserError
from vits.config import TextConfig
from vits.text.punctuation import normalise

FrontEnd = Callable[[str], list[str]]

logger = logging.getLogger(__name__)


def build_front_end(config):
    f = build0(config)
    return lambda text, language=None: f(text)


def build0(config: TextConfig) -> FrontEnd:
    """The function from a text to its symbols that the config names."""
    if config.front_end == "characters":
        read: FrontEnd = characters
    else:  # the backend here, so that a missing package is found before the data
        read = functools.partial(phonemes, backend=_espeak(config.language))
    return functools.partial(decomposed, front_end=read) if config.decomposed else read


def characters(text: str) -> list[str]:
    """Code points of the lower-cased text. Lower-casing can decompose letters, hence NFC after."""
    return list(unicodedata.normalize("NFC", normalise(text).lower()))


def phonemes(text: str, backend: Any) -> list[str]:
    """Espeak's IPA with stress marks, punctuation kept in place.

    One text at a time: phonemizer loses count of a batch with empty texts or mere punctuation in
    it, and alone a sentence takes about 0.2 ms. Its output stays as it is: NFC would compose letter
    and tilde, and the published table has the tilde as a symbol of its own.
    """
    plain = normalise(text)
    if not plain:
        return []
    return list(" ".join(" ".join(backend.phonemize([plain], strip=True)).split()))


def decomposed(text: str, front_end: FrontEnd) -> list[str]:
    """The front end's symbols, letters apart from their marks: ç is c and a cedilla."""
    return list(unicodedata.normalize("NFD", "".join(front_end(text))))


def spelt_words(texts: Iterable[str], front_end: FrontEnd) -> tuple[list[str], list[str]]:
    """The commonest words of a text, and those of them that the front end spells letter by letter.

    Espeak does so, without a word, to a script that the language is not written in: Bulgarian read
    by the English voice is a list of letters. Only words in letters that have capitals are looked
    at, as not every other script parts its words. Returns both lists.
    """
    found = (word for text in texts for word in re.findall(r"[^\W\d_]{3,}", normalise(text)))
    cased = Counter(word.lower() for word in found if word.lower() != word.upper())
    words = [word for word, _ in cased.most_common(40)]
    return words, [word for word in words if front_end(word).count(" ") + 1 >= len(word)]


def describe_front_end(config: TextConfig) -> str:
    """What makes symbols of texts; of espeak the version, since others speak otherwise."""
    if config.front_end == "characters":
        return "characters"
    version = ".".join(map(str, _espeak(config.language).version()))
    return f"phonemes by espeak-ng {version}, {config.language}"


@functools.lru_cache(maxsize=None)
def _espeak(language: str) -> Any:
    """Phonemizer's espeak backend, built once per language and process: it loads a library."""
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
        languages = EspeakBackend.supported_languages()
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"espeak-ng of the package espeakng-loader does not load ({error}); run: "
            f"pip install --force-reinstall espeakng-loader"
        ) from None
    if language not in languages:
        raise UserError(
            f'text.language "{language}": espeak has no such voice; '
            f"expected one of: {', '.join(_near_languages(language, languages))}"
        )
    quiet = logger.getChild("espeak")  # it counts words that espeak joins, which is no fault
    quiet.setLevel(logging.ERROR)
    return EspeakBackend(
        language,
        preserve_punctuation=True,
        with_stress=True,
        language_switch="remove-flags",
        logger=quiet,
    )


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
