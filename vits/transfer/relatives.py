"""The known symbol that is most like a new one, so that its embedding need not begin at random.

To teach a pair of symbols, edit the tables here: they are all that decides.
"""

import unicodedata
from collections.abc import Collection

# Every entry is a symbol and behind it those that may stand in for it, the best one first.
SOUNDS = """
    ˈˌ ˌˈ ːˑ ˑː ˥˦ ˦˥˧ ˧˦˨ ˨˩˧ ˩˨
    iɪy ɪiᵻɨe ᵻɪəɨ ɨɪᵻi yiʏu ʏyɪ uʊɯ ʊuʉɯ ɯuʊ ʉuʊy
    eɛɪ ɛeæ æaɛ øœoe œøɛ ɘəe ɵəøo ɤoʌ
    əɐʌɜ ɐəʌa ʌɐəɑ ɜɝəɛ ɝɜɚə ɚɝəɹ ɞɜœ aɑæɐ ɑaɒɔ ɒɔɑo ɔɒoɑ oɔʊɒ ɶœa
    lɫ ɫlʟ ʟɫl ɭlɫ ɬlʃ ɮlʒ ɺlɾ ʎjl
    rɾɹʁ ɹrɾɻ ɾɹrtd ɻɹr ɽɾɹ ʀʁrɹ ʁʀrɹɣ ⱱvɾ ʙbr ɰɣɯw ɥwjy
    nŋ ŋnɡ ɲnŋ ɳn ɴŋn ɱmn mn
    tʈd ʈt dɖt ɖd ɗd bɓp ɓb pb kcqɡ ckʧ qk ɡgk gɡk ɠɡg ɢɡgʁ ʛɢɡg ʄɟɡ ɟɡʤj
    ʔʕt ʕʔ ʡʔ ʢʔʕ ʼʔ
    sʃz zʒs ʃʂɕs ʂʃs ɕʃs ʒʐʑz ʐʒz ʑʒz ɧʃx ʧʃt ʤʒd θfts ðdvz fθv vfʋb ʋvw βvb ɸfp
    xχhk χxhʁ ɣɡgxʁ hɦħx ɦhħ ħhɦ ʜħh çʝʃc ʝjɣ ji wʍvu ʍwhv
    ʰh ʱʰɦ ʲj ʷw ˠɣ ˤʕ ʴɹ ˞ɚɹ
    ǀtʘ ǁl ǂc ǃk ʘp ↓↘ ↑↗ →↗↘ ↗↑ ↘↓
"""
LETTERS = """
    аa бb вv гg ґg дd еe єe эe жʒz зz иi іi їi ыi йj кk лl мm нn оo пp рr сs тt уu фf хhx
    цcs чʧc шʃs щшʃs ъəa ьjй юuу яaа ёе
    αa βvb γgɣ δdð εe ζz ηi θt ιi κk λl μm νn ξx οo πp ρr σs ςσs τt υiy φf χxh ψp ωo
    aаα bб vвβ gгγ dдδ eеэε zзζ iиι jй kкκ lлλ mмμ nнν oоο pпπ rрρ sсσ tтτ uу fфφ hхχ cц yуы
    æa œo ßs þt ðd ıi ĸk ŋn əa
"""
MARKS = """
    —–-,; –—-, -–—, ,;،、—. ;,؛:. :;,. .!。।… …., !¡.? ?¿؟!. ¡!, ¿?, "“”„«»' “"”„« ”"“»
    „"“« «"“„ »"”“ '’"‘ ’'‘" ‘'’" `' (—,[ )—,] [(—, ]),— {(—, }),— ،, ؛; ؟? 。.
    ।. 、, ，, ．. ！! ？? ：: ；;
"""
TABLES = (("sounds alike", SOUNDS), ("sounds alike", LETTERS), ("a similar mark", MARKS))
VOWELS = frozenset("aeiouyæœøɐɑɒɔɘəɛɜɞɤɨɪɯɵʉʊʌʏɚɝаеиоуъыэюяєіїαεηιουω")


def relatives(symbol: str, known: Collection[str]) -> tuple[list[str], str]:
    """The known symbols whose mean a new one begins as, mostly a single one; and why these.

    symbol: one code point. known: symbols that stand in texts. Empty only if `known` is.
    """
    for near, why in _candidates(symbol):
        if near in known and near != symbol:
            return [near], why
    kind = _kind(symbol)
    alike = [other for other in known if _kind(other) == kind]
    if alike and kind != "letter":
        return alike, f"mean of the {kind}s"
    letters = [other for other in known if _kind(other) in ("vowel", "consonant", "letter")]
    if letters:
        return letters, "mean of the letters"
    return list(known), "mean of all"


def _candidates(symbol: str) -> list[tuple[str, str]]:
    """Single relatives, the closest first, known or not."""
    base = _base(symbol)
    found = [(case, "other case") for case in (symbol.lower(), symbol.upper())]
    found += _listed(symbol)
    found += [(letter, "base letter") for letter in (base, base.lower(), base.upper())]
    return found + _listed(symbol.lower()) + _listed(base.lower())


def _listed(symbol: str) -> list[tuple[str, str]]:
    return [
        (near, why)
        for why, table in TABLES
        for entry in table.split()
        if entry[0] == symbol
        for near in entry[1:]
    ]


def _base(symbol: str) -> str:
    """The letter without its marks: é and e, ł and l; itself where there is nothing to take off."""
    first = unicodedata.normalize("NFKD", symbol)[0]
    name, has_mark, _ = unicodedata.name(first, "").partition(" WITH ")
    try:
        return unicodedata.lookup(name) if has_mark else first
    except KeyError:
        return first


def _kind(symbol: str) -> str:
    """vowel, consonant, letter (of a script without case), digit, punctuation mark, and others."""
    category = unicodedata.category(symbol)
    if category == "Lo":
        return "letter"
    if category in ("Lu", "Ll", "Lt"):
        return "vowel" if _base(symbol).lower() in VOWELS else "consonant"
    by_category = {"N": "digit", "Z": "space", "M": "combining mark", "P": "punctuation mark"}
    return "modifier" if category in ("Lm", "Sk") else by_category.get(category[0], "other sign")
