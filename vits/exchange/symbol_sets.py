"""Coqui's symbols, which stand in its code, not in its files (others: vits/text/published.py)."""

COQUI_PUNCTUATION = "!'(),-.:;? "
COQUI_PHONEMES = (  # vowels, other consonants, pulmonic ones, stress and length, the rest
    "iyɨʉɯuɪʏʊeøɘəɵɤoɛœɜɞʌɔæɐaɶɑɒᵻ"
    + "ʘɓǀɗǃʄǂɠǁʛ"
    + "pbtdʈɖcɟkɡqɢʔɴŋɲɳnɱmʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦ"
    "ɬɮʋɹɻjɰlɭʎʟ" + "ˈˌːˑ" + "ʍwɥʜʢʡɕʑɺɧʲ" + "\N{COMBINING TILDE}ɚ˞ɫ"
)
