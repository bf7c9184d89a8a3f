"""Symbol tables that stand in other people's code, not in their files.

Row i of a voice's embedding is symbol i. Where a table lists a symbol twice, their code gives it
its last row; the earlier row is one that no text reaches, and gets a name of its own here.
"""

from collections.abc import Iterable

from vits.config import is_name

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLISHED = (  # in the original's code, of both published voices; the apostrophe is in it twice
    '_;:,.!?¡¿—…"«»“” ' + LETTERS + "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀ"
    "ʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\N{COMBINING VERTICAL LINE BELOW}'ᵻ"
)
COQUI_PUNCTUATION = "!'(),-.:;? "
COQUI_PHONEMES = (  # vowels, other consonants, pulmonic ones, stress and length, the rest
    "iyɨʉɯuɪʏʊeøɘəɵɤoɛœɜɞʌɔæɐaɶɑɒᵻ"
    + "ʘɓǀɗǃʄǂɠǁʛ"
    + "pbtdʈɖcɟkɡqɢʔɴŋɲɳnɱmʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦ"
    "ɬɮʋɹɻjɰlɭʎʟ" + "ˈˌːˑ" + "ʍwɥʜʢʡɕʑɺɧʲ" + "\N{COMBINING TILDE}ɚ˞ɫ"
)


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
