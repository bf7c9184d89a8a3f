"""The tables that others have published give every symbol the id it has in their code."""

import pytest

from vits.config import TextConfig
from vits.text import SymbolTable, build_front_end, complete_text
from vits.text.published import PUBLISHED

SENTENCES = {
    "en-us": ("Hello, world! It costs twelve dollars; don't wait…", "Is this “quoted”?"),
    "bg": ("Това е тестово изречение.", "Щъркелът кацна на къщата - защо?"),
    "fr-fr": ("Un garçon français mange un croissant.",),
    "de": ("Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich.",),
}
# With the marks alone that Piper has, as it drops others; and without two vowels in a row in
# English, between which its later espeak writes ʲ.
SPOKEN = {
    "en-us": (
        "The quick brown fox jumps over the lazy dog.",
        "As for printing books, it differs from most crafts, if not from all.",
        "It costs 3.5 dollars; don't wait: is this so?",
    ),
    "bg": ("Всички хора се раждат свободни и равни по достойнство и права.", "Защо, къде и кога?"),
    "de": ("Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich!",),
    "es": ("El niño mañana va a la escuela, verdad?",),
    "ru": ("Съешь же ещё этих мягких французских булок, да выпей чаю.",),
}


def named(symbols, language="en-us"):
    return complete_text(TextConfig("phonemes", language, symbols, True))


def test_the_originals_table_is_its_own_with_one_apostrophe():
    config = named("original")
    table = SymbolTable(config)
    assert len(table) == 178 and config.add_blank and config.blank is None
    assert [i for i, s in enumerate(PUBLISHED) if config.symbols[i] != s] == [174]
    assert table.encode("a'")[1::2] == [PUBLISHED.index("a"), 176]  # the last one, as a dict has it


def test_pipers_table_is_that_of_its_package():
    ids = pytest.importorskip("piper.phoneme_ids").DEFAULT_PHONEME_ID_MAP
    config = named("piper")
    assert len(config.symbols) == 256 and (config.start, config.end) == ("^", "$")
    for symbol, (row,) in ids.items():
        assert config.symbols[row] == (symbol if len(symbol) == 1 else f"<{symbol}>")
    assert {s for s in config.symbols if len(s) == 1} == {s for s in ids if len(s) == 1}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_texts_ids_are_those_that_piper_gives_it(language):
    phoneme_ids = pytest.importorskip("piper.phoneme_ids")
    pytest.importorskip("espeakng_loader")
    config = named("piper", language)
    table, front_end = SymbolTable(config), build_front_end(config)
    for text in SENTENCES[language]:
        symbols = table.known(front_end(text))
        assert table.encode(symbols) == phoneme_ids.phonemes_to_ids(symbols)
        assert sum(map(str.isalpha, symbols)) > 5


@pytest.mark.parametrize("language", SPOKEN)
def test_piper_itself_makes_the_same_ids_of_a_text(language: str) -> None:
    piper = pytest.importorskip("piper.phonemize_espeak").EspeakPhonemizer()
    from piper.phoneme_ids import phonemes_to_ids

    pytest.importorskip("espeakng_loader")
    config = named("piper", language)
    table, front_end = SymbolTable(config), build_front_end(config)
    for text in SPOKEN[language]:
        (theirs,) = piper.phonemize(language, text)
        assert table.encode(front_end(text)) == phonemes_to_ids(theirs)


def test_other_tables_stay_as_they_are():
    for symbols in ("from_data", ("_", "a")):
        config = TextConfig("characters", "bg", symbols, False)
        assert complete_text(config) == config
