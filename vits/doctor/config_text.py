"""What is odd in a config's text section: packages, files and symbols that do not fit."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vits.config import PUBLISHED_TABLES, TextConfig, VitsConfig
from vits.doctor.findings import ERROR, NOTE, WARNING, Finding
from vits.doctor.packages import is_there

OWN_NUMBERS = ("en", "bg")  # languages whose numbers need no package
PHONETIC = "əˈɪʃɛɔ"  # of which every table of phonemes has most
LEAST_PHONETIC = 3
CASES = ("Lu", "Ll", "Lo")
SCRIPTS = {  # of languages, by espeak's names without region; all others are written in Latin
    "CYRILLIC": ("ba", "be", "bg", "cv", "kk", "ky", "mk", "ru", "sr", "tt", "uk"),
    "GREEK": ("el", "grc"),
    "ARABIC": ("ar", "fa", "sd", "ug", "ur"),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi", "kok", "mr", "ne"),
    "BENGALI": ("as", "bn", "bpy"),
    "GEORGIAN": ("ka",),
    "ARMENIAN": ("hy", "hyw"),
    "HANGUL": ("ko",),
    "THAI": ("th",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
}


def text_config_findings(config: VitsConfig) -> Iterator[Finding]:
    """What is odd in text.*, and in data.languages beside it."""
    text = config.text
    yield from _package_findings(text)
    if isinstance(text.lexicon, str) and not Path(text.lexicon).is_file():
        yield Finding(
            "lexicon_missing",
            ERROR,
            f"text.lexicon {text.lexicon}: there is no such file here",
            "Training stops at its start.",
            "correct the path, or set text.lexicon to null",
        )
    yield from _symbol_findings(text)
    if text.unknown_symbols == "leave_out":
        yield Finding(
            "unknown_symbols_left_out",
            NOTE,
            'text.unknown_symbols is "leave_out"',
            "What the symbols lack is not learnt, though it is heard in the recordings.",
            "--set text.unknown_symbols=refuse names it, so that you can add it",
        )
    if config.data.languages is not None and not config.model.language_embedding:
        yield Finding(
            "languages_without_embedding",
            NOTE,
            "data.languages is set, but model.language_embedding is false",
            "Languages that share symbols are read alike, with one accent.",
            "--set model.language_embedding=true, if speakers do not tell the languages apart",
        )


def script_of(symbols: str) -> str | None:
    """The script of most letters, by Unicode's names ("CYRILLIC"); None: there are no letters."""
    letters = [c for c in symbols if unicodedata.category(c) in CASES]
    names = Counter(unicodedata.name(c, "?").split()[0] for c in letters)
    return names.most_common(1)[0][0] if names else None


def language_script(language: str) -> str:
    """The script that a language is mostly written in."""
    stem = language.split("-")[0]
    return next((script for script, stems in SCRIPTS.items() if stem in stems), "LATIN")


def _package_findings(text: TextConfig) -> Iterator[Finding]:
    if text.front_end == "phonemes" and not is_there("espeakng_loader"):
        yield Finding(
            "front_end_missing",
            ERROR,
            'text.front_end "phonemes" needs espeakng-loader, which is not installed',
            "Training stops at its start.",
            "pip install espeakng-loader; or train on letters: --set text.front_end=characters "
            "--set text.symbols=from_data",
        )
    stem = text.language.split("-")[0]
    if text.expand and stem not in OWN_NUMBERS and not is_there("num2words"):
        yield Finding(
            "numbers_missing",
            WARNING,
            f"text.expand is true, and numbers in {text.language} need num2words, which is not "
            "installed",
            "Numbers in the texts stay digits.",
            "pip install num2words",
        )


def _symbol_findings(text: TextConfig) -> Iterator[Finding]:
    if text.front_end == "characters" and text.symbols in PUBLISHED_TABLES:
        yield Finding(
            "table_of_phonemes",
            WARNING,
            f'text.symbols "{text.symbols}" is a table of phonemes, but text.front_end is '
            '"characters"',
            "Letters beyond English are missing there.",
            "--set text.symbols=from_data, or --set text.front_end=phonemes",
        )
    if isinstance(text.symbols, str):
        return
    joined = "".join(symbol for symbol in text.symbols if len(symbol) == 1)
    if text.front_end == "phonemes":
        if sum(sign in joined for sign in PHONETIC) < LEAST_PHONETIC:
            yield Finding(
                "symbols_not_phonetic",
                ERROR,
                'text.front_end is "phonemes", but text.symbols holds letters',
                "Nearly every phoneme would be unknown.",
                "--set text.symbols=original, or --set text.symbols=from_data",
            )
    elif text.front_end == "characters":
        yield from _letter_findings(text, joined)


def _letter_findings(text: TextConfig, joined: str) -> Iterator[Finding]:
    script, expected = script_of(joined), language_script(text.language)
    if script is not None and script != expected and expected not in _scripts(joined):
        yield Finding(
            "other_script",
            ERROR,
            f"text.symbols holds {script.capitalize()} letters, but text.language "
            f'"{text.language}" is written in {expected.capitalize()} ones',
            "The letters of the texts would be unknown.",
            "--set text.symbols=from_data",
        )
    capitals = [c for c in joined if c != c.lower()]
    if capitals and not any(c.lower() in joined for c in capitals):
        yield Finding(
            "capitals_only",
            ERROR,
            "text.symbols holds capitals without their small letters",
            'The front end "characters" makes all letters small.',
            "--set text.symbols=from_data",
        )


def _scripts(symbols: str) -> set[str]:
    return {unicodedata.name(c, "?").split()[0] for c in symbols}
