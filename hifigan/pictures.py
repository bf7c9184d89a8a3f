"""Pictures of mel spectrograms and alignments, one pixel wide per frame, for TensorBoard and disk.

Not in the papers. Every picture is a uint8 array [H, W, 3] (rows from the top, RGB), which is
TensorBoard's "HWC". A value range that does not depend on the picture makes two pictures compare.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

# From the floor of the log-mel (ln 1e-5, HiFi-GAN's code) to a little above the loudest speech.
LOG_MEL_RANGE = (-11.5, 2.5)

# Dark blue to pale yellow in nine steps of equal CIE lightness (6 to 96), hue turning through red:
# equal steps in the value look equally large, also in grey print.
COLOUR_ANCHORS = (
    (0, 20, 43),
    (0, 40, 97),
    (53, 54, 152),
    (152, 51, 145),
    (213, 65, 124),
    (246, 105, 99),
    (255, 157, 83),
    (255, 204, 106),
    (250, 246, 187),
)
NOT_A_NUMBER = (128, 128, 128)
# Alignments: height of a symbol's row, and the colours above, on and below the path. The two sides
# differ because a line alone is lost where a long sentence is shown small.
SYMBOL_PIXELS = 2
NOT_YET_SPOKEN, SPEAKING, SPOKEN = COLOUR_ANCHORS[0], COLOUR_ANCHORS[-1], COLOUR_ANCHORS[2]


def colour_map(n_colours: int = 255) -> np.ndarray:
    """uint8 [n_colours, 3], from the darkest to the lightest colour."""
    anchors = np.array(COLOUR_ANCHORS, dtype=np.float64)
    places = np.linspace(0, len(anchors) - 1, n_colours)
    channels = [np.interp(places, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def mel_picture(mel: Tensor, value_range: tuple[float, float] = LOG_MEL_RANGE) -> np.ndarray:
    """Draw a mel spectrogram, low frequencies at the bottom.

    mel: [n_mels, T_spec]; value_range: the values drawn darkest and lightest, in mel's unit (by
    default natural log of magnitude); what lies outside is drawn as the nearer end, NaN grey.
    Returns uint8 [n_mels, T_spec, 3].
    """
    low, high = value_range
    colours = colour_map()
    values = mel.detach().float().cpu().flip(0)
    places = ((values - low) / (high - low)).clamp(0, 1).nan_to_num()
    picture = colours[(places * (len(colours) - 1)).round().to(torch.int64).numpy()]
    picture[values.isnan().numpy()] = NOT_A_NUMBER
    return picture


def alignment_picture(durations: Tensor) -> np.ndarray:
    """Draw the 0/1 path from symbols to frames: a staircase from bottom left to top right.

    durations: [T_text], whole frames, without padding. Symbols run upwards, SYMBOL_PIXELS rows
    each; below the path, in another colour, are the symbols that are over.
    Returns uint8 [T_text * SYMBOL_PIXELS, T_spec, 3] with T_spec = sum of durations.
    """
    durations = durations.detach().cpu().to(torch.int64)
    symbol_of_frame = torch.repeat_interleave(torch.arange(len(durations)), durations)  # [T_spec]
    ahead = torch.arange(len(durations)).flip(0)[:, None] - symbol_of_frame  # [T_text, T_spec]
    colours = np.array([SPOKEN, SPEAKING, NOT_YET_SPOKEN], dtype=np.uint8)
    return colours[(ahead.sign() + 1).numpy().repeat(SYMBOL_PIXELS, axis=0)]


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a uint8 picture [H, W, 3]; with a palette, for size, where 256 colours are enough."""
    colours, places = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > 256:
        image = Image.fromarray(picture)
    else:
        image = Image.fromarray(places.reshape(picture.shape[:2]).astype(np.uint8))
        image.putpalette(colours.tobytes())
    image.save(path, format="PNG", optimize=True)
