"""A lexicon's words are read its way, whole and in any case; a wrong file is told by its line."""

import time

import pytest

from hifigan.errors import UserError
from vits.config import TextConfig
from vits.text import build_front_end, complete_text, read_lexicon
from vits.text.lexicon import Lexicon


def config(front_end, pairs, language="en-us", **settings):
    return TextConfig(front_end, language, "from_data", True, lexicon=pairs, **settings)


def letters(text, *pairs):
    return "".join(build_front_end(config("characters", pairs))(text))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A cat sat.", "a kitty sat."),
        ("CAT, Cat; cat!", "kitty, kitty; kitty!"),
        ("cats concat cat's tom-cat", "cats concat cat's tom-cat"),  # other words
        ("(cat)", "—kitty—"),
        ("New York, new  york and New Yorkers", "big apple, big apple and fresh yorkers"),
        ("New Jersey", "fresh jersey"),
        ("don’t", "do not"),
        ("B2B", "business to business"),
        ("AT&T", "phone firm"),
        ("AT T", "at t"),
        ("кафе\u0301 Кафе\u0301", "бар бар"),
        ("हिन्दी हि हिन्द", "भाषा हि हिन्द"),  # vowel signs are of the word
        ("शहर।", "नगर."),
        ("我去北京了。", "我去首都了."),  # no spaces between words
        ("می\u200cخواهم", "x"),
    ],
)
def test_whole_words_in_any_case_and_the_longest_entry_win(text, expected):
    assert (
        letters(
            text,
            ("cat", "kitty"),
            ("new", "fresh"),
            ("New York", "Big Apple"),
            ("don't", "do not"),
            ("b2b", "business to business"),
            ("AT&T", "phone firm"),
            ("кафе\u0301", "бар"),
            ("हिन्दी", "भाषा"),
            ("शहर", "नगर"),
            ("北京", "首都"),
            ("می\u200cخواهم", "x"),
        )
        == expected
    )


def test_espeak_does_not_touch_a_lexicons_phonemes_and_reads_the_rest():
    pytest.importorskip("espeakng_loader")
    plain = build_front_end(config("phonemes", ()))
    own = build_front_end(config("phonemes", (("Yahoo", "XyX"), ("the web", "ðə wˈɛb"))))
    assert "".join(own("I like Yahoo!")) == "".join(plain("I like")) + " XyX!"
    assert "".join(own("“Yahoo”, he said.")) == '"XyX"' + "".join(plain(", he said."))
    assert "".join(own("On the web.")) == "".join(plain("On")) + " ðə wˈɛb."
    assert own("No such word here.") == plain("No such word here.")


def test_a_lexicon_comes_after_numbers_are_written_out():
    read = build_front_end(config("characters", (("пет", "петица"),), "bg", expand=True))
    assert "".join(read("5 лева")) == "петица лева"


def test_a_file_becomes_pairs_and_its_path_is_a_config_value(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(
        "\ufeff# names\r\n\r\nYahoo|jˈɑːhuː\nNew York\tnˈuː jˈɔːɹk\nyahoo|jˈɑːhuː\n".encode()
    )
    pairs = (("Yahoo", "jˈɑːhuː"), ("New York", "nˈuː jˈɔːɹk"))
    assert read_lexicon(path) == pairs
    named = config("phonemes", str(path))
    assert complete_text(named).lexicon == pairs
    with pytest.raises(UserError, match="names.txt, whose words have not been read"):
        build_front_end(named)


@pytest.mark.parametrize(
    "content, told",
    [
        ("a|b\nword\n", "line 2: 'word' has no | or tab; write word|symbols"),
        ("|b", "line 1: '|b' has no word"),
        ("a|", "line 1: 'a|' has no symbols"),
        ("a|b\nA|c", "line 2: 'A' is read otherwise in line 1"),
        ("(a)|b", r"'(a)' does not begin and end with a letter or digit"),
        ("...|b", "does not begin and end with a letter"),
        (b"caf\xe9|b", "line 1: not UTF-8: b'caf\\xe9|b'; save the file as UTF-8"),
    ],
)
def test_a_wrong_line_is_told(tmp_path, content, told):
    path = tmp_path / "names.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        read_lexicon(path)
    assert told in str(error.value) and str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="none.txt: lexicon not readable .No such file"):
        read_lexicon(tmp_path / "none.txt")


def test_a_hundred_thousand_words_cost_a_text_no_more_than_ten():
    few = Lexicon([(f"word{i}", "x") for i in range(10)])
    many = Lexicon([(f"{start}word{i}", "x") for i in range(50_000) for start in ("", "and ")])
    text = "some words and word5 in a sentence " * 20

    def seconds(lexicon: Lexicon) -> float:
        best = 1.0
        for _ in range(5):
            start = time.perf_counter()
            assert sum(found for _, found in lexicon.split(text)) == 20
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(many) < 3 * seconds(few) + 1e-3
