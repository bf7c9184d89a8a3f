"""Phonemes and pauses written into a text do what they say, and a broken one is told."""

import pytest

from hifigan.errors import UserError
from tests.small_voice import small_voice
from vits.config import TextConfig
from vits.text import MarkError, build_front_end, split_pauses

LETTERS = 'text.symbols=["_", " ", "a", "b"]'


def read(text, front_end="phonemes"):
    return "".join(build_front_end(TextConfig(front_end, "en-us", "from_data", True))(text))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("no pause", ["no pause"]),
        ("a<pause>b", ["a", 0.5, "b"]),
        ("a <pause=300ms> b", ["a ", 0.3, " b"]),
        ("<PAUSE = 0.25s>a<pause=2s>", [0.25, "a", 2.0]),
        ("<pause=1s><pause=1s>", [1.0, 1.0]),
        ("a < b, <b>pause</b>", ["a < b, <b>pause</b>"]),
        ("", []),
    ],
)
def test_pauses_part_a_text(text, expected):
    assert split_pauses(text) == expected


@pytest.mark.parametrize(
    "mark",
    ["<pause=abc>", "<pause=300>", "<pause=300ms", "<pause=90s>", "<pause 3>", "<pause=-1s>"],
)
def test_a_broken_pause_is_told_with_its_place(mark):
    with pytest.raises(MarkError, match=r"character 3: cannot read .*expected <pause>"):
        split_pauses(f"a {mark} b")


def test_phonemes_in_brackets_stay_as_they_are():
    pytest.importorskip("espeakng_loader")
    assert read("Say [[ɡˈɪmp]], please.") == read("Say") + " ɡˈɪmp" + read(", please.")
    assert read("[[a  b]]") == "a b"
    assert read("[[ˈa]]  [[b]]") == "ˈa b"
    assert read("[single] brackets") == read("(single) brackets")
    assert read("[[ç o\u0303 õ ɔ\u0303]]") == "ç o\u0303 o\u0303 ɔ\u0303"  # as espeak writes them


def test_numbers_are_written_out_around_phonemes_alone():
    pytest.importorskip("espeakng_loader")
    config = TextConfig("phonemes", "en-us", "from_data", True, expand=True)
    assert "".join(build_front_end(config)("5 [[5 x]]")) == read("five") + " 5 x"


def test_symbols_as_written_are_only_put_in_order():
    assert read("  ˈaɪ   [[x y]]z <pause=1s> Ö(b) ", "as_written") == "ˈaɪ x yz … Ö(b)"


def test_a_pause_in_a_training_text_is_three_dots():
    assert read("one<pause>two", "characters") == "one … two"


@pytest.mark.parametrize(
    "text, place, found",
    [
        ("a [[b", 3, r"'\[\[' without '\]\]'"),
        ("a]] b", 2, r"'\]\]' without '\[\['"),
        ("[[a [[b]]", 5, r"'\[\[' without"),
        ("[[a]] b]]", 8, r"'\]\]' without"),
    ],
)
def test_brackets_without_their_other_half_are_told_with_their_place(text, place, found):
    for front_end in ("phonemes", "as_written"):
        with pytest.raises(MarkError, match=rf"character {place}: {found}.*write phonemes as in"):
            read(text, front_end)


def test_a_voice_of_letters_says_that_it_reads_no_phonemes():
    with pytest.raises(
        MarkError, match=r"character 3: \[\[x\]\] are phonemes, which a voice of characters"
    ):
        read("a [[x]]", "characters")


def test_a_voice_is_silent_for_exactly_the_pause_between_what_it_says(smallest):
    voice = small_voice(smallest(LETTERS))
    first, second, both = (
        voice.speak(text, seed=3) for text in ("ab ab", "ba ba", "ab ab<pause=250ms>ba ba")
    )
    silence = both[len(first) : -len(second)]
    assert len(silence) == round(0.25 * voice.config.audio.sample_rate) and not silence.any()
    assert both[: len(first)].equal(first) and both[-len(second) :].equal(second)


def test_a_text_of_pauses_alone_has_nothing_to_say(smallest):
    with pytest.raises(UserError, match="nothing in it that the voice can say"):
        small_voice(smallest(LETTERS)).speak("<pause>")
