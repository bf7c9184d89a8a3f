"""Numbers of an alignment: what they count, and that those of several processes add up."""

import pytest
import torch

from tests.listening_run import DURATIONS, SYMBOLS, TOKENS
from vits.alignment_numbers import HISTOGRAM_FRAMES, AlignmentNumbers, is_silence, longest_symbol


def numbers(*utterances: tuple[tuple[int, ...], tuple[int, ...]]) -> AlignmentNumbers:
    made = AlignmentNumbers(SYMBOLS)
    for tokens, durations in utterances:
        made.add(torch.tensor(tokens), torch.tensor(durations))
    return made


def test_an_utterance_by_hand():
    assert numbers((TOKENS, DURATIONS)).values() == {
        "share_of_symbols_with_at_most_one_frame": 4 / 9,
        "longest_symbol_frames": 60,
        "share_of_silence": 114 / 240,  # the space and the full stop; the blanks' frames are not
    }


def test_utterances_count_by_their_symbols_and_frames():
    values = numbers(((1, 3), (3, 1)), ((2, 2, 2, 4), (1, 1, 1, 13))).values()
    assert values["share_of_symbols_with_at_most_one_frame"] == 4 / 6
    assert values["longest_symbol_frames"] == (3 + 13) / 2
    assert values["share_of_silence"] == 14 / 20


def test_the_histogram_counts_symbols_by_their_frames_and_the_longest_together():
    long = HISTOGRAM_FRAMES + 50
    histogram = numbers(((1, 2, 1, 2), (0, 2, long, 2)), ((1,), (HISTOGRAM_FRAMES,))).histogram()
    assert len(histogram) == HISTOGRAM_FRAMES + 1 and sum(histogram) == 5
    assert (histogram[0], histogram[2], histogram[-1]) == (1, 2, 2)
    assert numbers(((1,), (long,))).values()["longest_symbol_frames"] == long


def test_sums_of_two_processes_are_those_of_one():
    first, second = (TOKENS, DURATIONS), ((1, 3), (3, 150))
    together = numbers(first, second)
    apart = numbers(first)
    apart.take_sums([a + b for a, b in zip(apart.sums(), numbers(second).sums())])
    assert apart.values() == together.values() and apart.histogram() == together.histogram()


@pytest.mark.parametrize("symbol", (" ", ".", ",", "—", "…", "¿", '"', "'"))
def test_spaces_and_punctuation_are_silence(symbol):
    assert is_silence(symbol)


@pytest.mark.parametrize("symbol", ("a", "щ", "ə", "ˈ", "ː", "\u0303", "ʲ", "˥", "7", "漢"))
def test_letters_stress_length_and_tone_are_none(symbol):
    assert not is_silence(symbol)


def test_the_longest_symbol_is_told_legibly():
    def longest(durations):
        return longest_symbol(torch.tensor([0, 1, 3]), torch.tensor(durations), SYMBOLS)

    assert [longest(d) for d in ([5, 1, 1], [1, 5, 1], [1, 1, 5])] == ["blank", "a", "space"]
