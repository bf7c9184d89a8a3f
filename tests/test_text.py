"""Texts of any script become symbols by stated rules, and symbols ids."""

import json
import sys
from pathlib import Path

import pytest

from hifigan.errors import UserError
from vits.config import TextConfig
from vits.text import SymbolTable, build_front_end, espeak, near_symbol, spelt_words
from vits.text.punctuation import PUNCTUATION, WIDE, normalise

REPOSITORY = Path(__file__).parent.parent
BASE_SYMBOLS = json.loads((REPOSITORY / "configs/base.json").read_text("utf-8"))["text"]["symbols"]
SENTENCES = [
    line.split("|")[-1]
    for line in (REPOSITORY / "data/ljspeech-mini/metadata.csv").read_text("utf-8").splitlines()
]
BULGARIAN = (
    "Това е тестово изречение. Всички хора се раждат свободни и равни по достойнство и "
    "права. Щъркелът кацна на жълтата къща; ключ, чаша, джоб, хижа, шофьор, кьорав, гьол, "
    "бульон! „Да“ – каза той (уж) през 1995 година за 12,5 лв. и 40%… Къде отиваш?"
)


def characters(text):
    return "".join(build_front_end(TextConfig("characters", "en-us", "from_data", True))(text))


def table(symbols, add_blank=True, **settings):
    return SymbolTable(TextConfig("characters", "bg", tuple(symbols), add_blank, **settings))


def phonemes(text, language):
    pytest.importorskip("espeakng_loader")
    return "".join(build_front_end(TextConfig("phonemes", language, "from_data", True))(text))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Това е тестово изречение.", "това е тестово изречение."),
        (
            "Че\u0301 и\u0306",
            "че\u0301 й",
        ),  # й is composed, é with a Cyrillic е has no composed form
        ("  tabs\tand\u00a0lines\n here ", "tabs and lines here"),
        ("“Don’t”, ‘he’ said „така“ «ici»", '"don\'t", \'he\' said "така" "ici"'),
        ("a – b — c -- d - e―f", "a — b — c — d — e—f"),
        ("deep-seated, non‑breaking", "deep-seated, non-breaking"),
        ("wait... what.... 3.5", "wait… what… 3.5"),
        ("(so) [it] {is}", "—so— —it— —is—"),
        ("so\u00adft zero\u200bwidth \ufeffmark snake_case", "soft zerowidth mark snake case"),
        ("日本語 ΑΒΓ हिन्दी", "日本語 αβγ हिन्दी"),
        ("STRASSE Straße", "strasse straße"),
        ("你好。“再见”，「好」！……（完）", '你好."再见","好"!…—完—'),
        ("ＡＢＣ　１２ ﬁne ﹖", "abc 12 fine ?"),
        ("ハリー・ポッター、『本』。", 'ハリー ポッター,"本".'),
        ("مرحبا، كيف؟ نعم؛ لا۔ مـــد", "مرحبا, كيف? نعم; لا. مد"),
        ("यह घर है। वह॥", "यह घर है. वह."),
        ("Ինչո՞ւ, այո՜։ Վա՛յ", "ինչու?, այո!. վայ"),
        ("ሰላም፡ለዓለም። አዎ፣", "ሰላም ለዓለም. አዎ,"),
        ("so 😀 good👍🏽! 👩\u200d🚀 ☕️ 1️⃣", "so good ! 1"),
        ("a\x00b\x07c\x1b d\ud83d \x85e", "abc d e"),
        ("\u202bab\u202c \u2066c\u2069", "ab c"),
        ("می\u200cخواهم क्\u200dष a\u200cb", "می\u200cخواهم क्\u200dष ab"),
        ("what⁉ damaged \ufffd", "what! damaged \ufffd"),
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_characters_follow_the_stated_rules(text, expected):
    assert characters(text) == expected


def test_normalising_twice_changes_nothing():
    odd = (
        "- -- ... . . .",
        ".…",
        "﹣ － -",
        "a\u200c\u200d\u200cb",
        "ا\u200d\u200c",
        "՞՞ա",
        "．．．",
    )
    for text in (BULGARIAN, *SENTENCES, "".join(PUNCTUATION), "".join(WIDE), *WIDE, *odd):
        assert normalise(normalise(text)) == normalise(text)


def test_every_mark_is_mapped_to_one_that_the_published_table_has():
    for mark in "".join(PUNCTUATION.values()):
        assert mark in [*BASE_SYMBOLS, "-"]  # espeak reads over the hyphen


def test_blanks_stand_before_between_and_behind():
    assert table(["_", "a", "b"]).encode("abb") == [0, 1, 0, 2, 0, 2, 0]
    assert table(["_", "a", "b"], add_blank=False).encode("abb") == [1, 2, 2]
    assert table(["_", "a", "b"]).encode("") == [0]


def test_another_symbol_may_be_the_blank_and_stand_for_text_besides():
    assert table(["_", "a", "<BLNK>"], blank="<BLNK>").encode("aa") == [2, 1, 2, 1, 2]
    mms = table(["k", "a"], blank="k")  # facebook/mms-tts-eng: its blank is the letter k
    assert mms.encode("ka") == [0, 0, 0, 1, 0] and "k" in mms


def test_start_and_end_stand_outside_the_blanks_and_never_in_a_text():
    piper = table(["_", "^", "$", "a"], start="^", end="$")
    assert piper.encode("aa") == [1, 0, 3, 0, 3, 0, 2]
    assert piper.unknown("^a$_") == ["^", "$", "_"]
    bare = table(["_", "^", "$", "a"], add_blank=False, start="^")
    assert bare.encode("a") == [1, 3]


def test_decomposed_symbols_are_letters_apart_from_their_marks():
    config = TextConfig("characters", "de", ("_", "a"), add_blank=True, decomposed=True)
    assert build_front_end(config)("Façä") == ["f", "a", "c", "\u0327", "a", "\u0308"]


def test_a_name_in_the_table_is_an_id_that_no_text_has():
    with pytest.raises(UserError, match=r"symbols lists \['ab'\]; every symbol is one character"):
        table(["_", "ab"])
    with pytest.raises(UserError, match="blank is 'x', which symbols does not list"):
        table(["_", "a"], blank="x")
    assert table(["_", "a", "<unused 2>"]).unknown("a<") == ["<"]


def test_unknown_symbols_are_all_named_with_their_code_points():
    small = table(["_", "a"])
    assert small.unknown("aцb_ц") == ["ц", "b", "_"]  # the blank never stands for text
    assert "a" in small and "_" not in small and len(small) == 2
    named = r"'ц' \(U\+0446 CYRILLIC SMALL LETTER TSE\), '\u0303' \(U\+0303"
    with pytest.raises(UserError, match=named):
        small.encode("ц\u0303")


@pytest.mark.parametrize(
    "symbol, near",
    [
        ("г", None),
        ("а", "a"),  # Cyrillic, typed for Latin
        ("B", "b"),
        ("é", "e"),
        ("É", "e"),
        ("g", "ɡ"),
        ("ˑ", "ː"),
        ("ɛ", "e"),
    ],
)
def test_an_unknown_symbol_has_a_near_one_where_there_is_one(symbol: str, near: str | None) -> None:
    assert near_symbol(symbol, "abeɡː") == near


def test_another_case_is_nearer_than_another_letter() -> None:
    assert near_symbol("É", "eé") == "é" and near_symbol("b", "BаA") == "B"
    assert near_symbol("é", "Ee") == "e"


def test_bulgarian_and_english_are_phonemized_with_stress_and_punctuation():
    assert phonemes("Това е тестово изречение.", "bg") == "tˈovɐ e testˈovo ˌizretʃˈeniˌe."
    assert phonemes("Hello, “world”!", "en-us") == 'həlˈoʊ, "wˈɜːld"!'


def test_phonemes_of_bulgarian_and_english_are_all_in_the_published_table():
    published = table(BASE_SYMBOLS)
    assert len(published) == 178
    for text, language in [(BULGARIAN, "bg"), *((text, "en-us") for text in SENTENCES)]:
        assert published.unknown(phonemes(text, language)) == []


@pytest.mark.parametrize("text", ["", " ", "…", '"', '"."', "—", ".", "a\nb"])
def test_texts_with_little_or_nothing_to_speak_do_not_break_the_phonemes(text):
    assert phonemes(text, "en-us").isspace() is False


@pytest.mark.parametrize(
    "language, near",
    [
        ("en", r"en-us \("),
        ("bulgarian", r"bg \(Bulgarian\)"),
        ("EN_US", "en-us"),
        ("xx-nothing", "af, am, .*bg"),
    ],
)
def test_an_unknown_language_lists_near_codes(language, near):
    with pytest.raises(UserError, match=f'text.language "{language}".*{near}'):
        phonemes("a", language)


def test_a_voice_that_spells_a_foreign_script_is_noticed():
    pytest.importorskip("espeakng_loader")
    english, bulgarian = (
        build_front_end(TextConfig("phonemes", language, "from_data", True))
        for language in ("en-us", "bg")
    )
    words, spelt = spelt_words([BULGARIAN], english)
    assert len(words) > 20 and spelt == words
    assert spelt_words([BULGARIAN], bulgarian)[1] == []
    assert spelt_words([*SENTENCES, "FBI and NASA"], english)[1] == []


def test_without_espeak_the_error_names_pip_and_the_way_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak._espeak.cache_clear()
    fixes = (
        "pip install espeakng-loader.*--set text.front_end=characters --set text.symbols=from_data"
    )
    with pytest.raises(UserError, match=fixes):
        build_front_end(TextConfig("phonemes", "nl", "from_data", True))
    assert characters("a") == "a"
