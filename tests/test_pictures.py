"""Known pixels of the mel and alignment pictures, and PNG files that hold the same pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from hifigan.pictures import (
    COLOUR_ANCHORS,
    LOG_MEL_RANGE,
    NOT_A_NUMBER,
    NOT_YET_SPOKEN,
    SPEAKING,
    SPOKEN,
    SYMBOL_PIXELS,
    alignment_picture,
    colour_map,
    mel_picture,
    write_png,
)

DARKEST, LIGHTEST = COLOUR_ANCHORS[0], COLOUR_ANCHORS[-1]


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* (0 to 100) of sRGB colours, uint8 [..., 3]."""
    encoded = colours / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * 24389 / 27)


def test_colour_map_grows_lighter_evenly():
    levels = lightness(colour_map())
    straight_line = np.linspace(levels[0], levels[-1], len(levels))
    assert levels[0] < 8 and levels[-1] > 94
    assert np.abs(levels - straight_line).max() < 3
    assert (np.diff(lightness(colour_map(60))) > 0).all()


def test_mel_has_low_frequencies_at_the_bottom_and_a_fixed_range():
    mel = torch.zeros(4, 6)
    mel[0, 2] = 10.0  # lowest band, third frame, above the range
    mel[3, 5] = -10.0  # highest band, last frame, below the range
    picture = mel_picture(mel, value_range=(-1.0, 1.0))
    assert picture.shape == (4, 6, 3) and picture.dtype == np.uint8
    assert tuple(picture[3, 2]) == LIGHTEST
    assert tuple(picture[0, 5]) == DARKEST
    assert tuple(picture[1, 1]) == COLOUR_ANCHORS[4]  # the middle of the range


def test_the_same_value_has_the_same_colour_in_every_mel_picture():
    quiet, loud = torch.full((2, 3), -5.0), torch.full((2, 3), -5.0)
    loud[1] = 2.0
    assert np.array_equal(mel_picture(quiet)[1], mel_picture(loud)[1])
    assert tuple(mel_picture(torch.full((1, 1), LOG_MEL_RANGE[0]))[0, 0]) == DARKEST


def test_not_a_number_is_drawn_grey():
    picture = mel_picture(torch.tensor([[0.0, float("nan")]]))
    assert tuple(picture[0, 1]) == NOT_A_NUMBER
    assert tuple(picture[0, 0]) != NOT_A_NUMBER


def test_mel_picture_takes_what_training_has_at_hand():
    mel = torch.randn(3, 5)
    half_with_graph = mel.half().requires_grad_()
    assert np.array_equal(mel_picture(half_with_graph), mel_picture(mel.half().float()))


def test_alignment_is_a_staircase_from_bottom_left_to_top_right():
    picture = alignment_picture(torch.tensor([2, 0, 3]))
    assert picture.shape == (3 * SYMBOL_PIXELS, 5, 3) and picture.dtype == np.uint8
    rows = picture[::SYMBOL_PIXELS]
    assert np.array_equal(rows, picture[SYMBOL_PIXELS - 1 :: SYMBOL_PIXELS])
    letters = {NOT_YET_SPOKEN: ".", SPEAKING: "#", SPOKEN: "-"}
    drawn = ["".join(letters[tuple(map(int, pixel))] for pixel in row) for row in rows]
    assert drawn == ["..###", "..---", "##---"]


def test_alignment_picture_takes_durations_of_any_number_type():
    whole = torch.tensor([1, 4, 2])
    assert np.array_equal(alignment_picture(whole), alignment_picture(whole.float()))


@pytest.mark.parametrize("n_colours", [2, 256, 257])
def test_png_holds_the_same_pixels(tmp_path, n_colours):
    generator = np.random.default_rng(0)
    colours = generator.permutation(2**24)[:n_colours]
    drawn = generator.integers(0, n_colours, 643 - n_colours)
    places = np.concatenate([np.arange(n_colours), drawn])
    picture = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)
    picture = np.concatenate([picture[places], picture[:1]]).reshape(14, 46, 3)
    write_png(tmp_path / "picture.png", picture)
    with Image.open(tmp_path / "picture.png") as image:
        assert image.size == (46, 14)
        assert np.array_equal(np.asarray(image.convert("RGB")), picture)
