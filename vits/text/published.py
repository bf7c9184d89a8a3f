"""Symbol tables that others have published, by name: "original" and "piper".

Row i of a voice's embedding is symbol i. Where a table lists a symbol twice, its code gives it the
last row; the earlier row is one that no text reaches, and gets a name of its own here.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from vits.config import TextConfig, is_name
from vits.text.lexicon import read_lexicon

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLISHED = (  # in the original's code, of both published voices; the apostrophe is in it twice
    '_;:,.!?¡¿—…"«»“” ' + LETTERS + "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀ"
    "ʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\N{COMBINING VERTICAL LINE BELOW}'ᵻ"
)
PIPER_ROWS = 256  # of every Piper voice's embedding, whatever its phonemes
PIPER = (  # one a row: padding and blank, start, end, marks, then espeak's phonemes
    "_^$ !'(),-.:;?abcdefhijklmnopqrstuvwxyzæçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸ"
    "ɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʜʝʟʡʢʲˈˌːˑ˞βθχᵻⱱ0123456789"
    "\N{COMBINING CEDILLA}\N{COMBINING TILDE}\N{COMBINING BRIDGE BELOW}"
    "\N{COMBINING INVERTED BREVE BELOW}\N{COMBINING VERTICAL LINE BELOW}"
    'ʰˤε↓#"↑\N{COMBINING INVERTED BRIDGE BELOW}\N{COMBINING SQUARE BELOW}gʦX'
    "\N{COMBINING UP TACK BELOW}\N{COMBINING RING ABOVE}ɝʷ"
)
PIPER_DIPHTHONGS = ("aɪ", "aʊ", "ɔɪ", "eɪ", "oʊ")  # rows that espeak's single phonemes never reach


def complete_text(config: TextConfig) -> TextConfig:
    """The config with the symbols of a published table, and the words of its lexicon's file.

    A named table brings what belongs to it: Piper's its start, end, blank and decomposed letters,
    the original's none of them. UserError: the lexicon cannot be read.
    """
    if isinstance(config.lexicon, str):
        config = dataclasses.replace(config, lexicon=read_lexicon(Path(config.lexicon)))
    if config.symbols == "original":
        return dataclasses.replace(
            config,
            symbols=tuple(rows(PUBLISHED)),
            blank=None,
            start=None,
            end=None,
            decomposed=False,
        )
    if config.symbols == "piper":
        symbols = rows([*PIPER, *PIPER_DIPHTHONGS])
        symbols += [f"<unused {i}>" for i in range(len(symbols), PIPER_ROWS)]
        return dataclasses.replace(
            config,
            symbols=tuple(symbols),
            add_blank=True,
            blank=None,
            start="^",
            end="$",
            decomposed=True,
        )
    return config


def rows(symbols: Iterable[str]) -> list[str]:
    """The symbols of a table of ours, one a row and each once, of a list of anyone's.

    What is more than one code point, which no text is split into here, stands in angle brackets.
    """
    listed = list(symbols)
    last = {symbol: i for i, symbol in enumerate(listed)}
    made: list[str] = []
    for i, symbol in enumerate(listed):
        if last[symbol] != i or not symbol:
            made.append(f"<unused {i}>")
        elif len(symbol) == 1 or is_name(symbol):
            made.append(symbol)
        else:
            made.append(f"<{symbol}>")
    return made
