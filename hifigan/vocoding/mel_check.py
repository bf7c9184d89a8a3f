"""Whether a mel that comes without its recording and its recipe can be a natural logarithm.

The mels of 120 recordings of speech (40 each of ljspeech-mini, kathleen-en and asterisk-ru, V1's
recipe) lie between -11.5 and 2.1, and any 50 frames in a row have a value below -7.5. The same as
log10 never go below -5.
"""

import logging
import math

from torch import Tensor

from hifigan.errors import UserError
from hifigan.mel import LOG_FLOOR

logger = logging.getLogger(__name__)

LOWEST = math.log(LOG_FLOOR) - 3.0  # a predicted mel may go below the floor
HIGHEST = 10.0  # full scale is about 3, whatever the recipe; decibels go far beyond
MOST_MAGNITUDE = 100.0  # full scale is about 25
ENOUGH_FRAMES = 50  # of speech, which have a silence, or bands of vowels that nothing is in
NEVER_ABOVE = -5.2  # the smallest value of so many frames
LOUDEST_LOG10 = 1.5  # full scale is 1.4
QUIETEST_POWER = -30.0  # log(1e-5) twice is -23, and a predicted mel goes a little below
HIGHEST_MEAN = -0.5  # white noise at full scale reaches it
ROUNDING = 0.01


def require_natural_log(mel: Tensor, has_recipe: bool) -> None:
    """A UserError that says what the mel looks like unless it can be a natural logarithm.

    mel: [..., n_mels, T_spec], finite. With has_recipe nothing but the range is looked at: the mel
    is known then to be of the vocoder's own recipe, however odd its sound.
    """
    smallest, largest = mel.min().item(), mel.max().item()
    is_outside = smallest < LOWEST or largest > HIGHEST
    if has_recipe and not is_outside:
        return
    look = _look(smallest, largest, mel.shape[-1])
    if look is not None:
        sure = "" if is_outside else "; if it is right, pass it with recipe=vocoder.recipe"
        raise UserError(
            f"mel: values from {smallest:.2f} to {largest:.2f}, expected natural logarithms "
            f"between {LOWEST:.1f} and {HIGHEST:.1f}; {look}{sure}"
        )
    mean = mel.mean().item()
    if mean > HIGHEST_MEAN:
        logger.warning(
            "mel: its mean is %.2f, where a natural logarithm of speech has -6 to -4; if it was "
            "normalised to a mean of 0, undo that",
            mean,
        )


def _look(smallest: float, largest: float, n_frames: int) -> str | None:
    """What values are that cannot be natural logarithms, and the fix; None if they can be."""
    if smallest >= 0:  # every band would be louder than white noise at full scale
        if largest <= 1 + ROUNDING:
            return "it looks normalised to 0..1; undo that"
        if largest <= MOST_MAGNITUDE:
            return "it looks like magnitudes; take the logarithm of max(mel, 1e-5)"
        return "it looks like decibels or grey levels; turn it into natural logarithms"
    if smallest < QUIETEST_POWER:
        return (
            f"it looks like decibels; multiply by {math.log(10) / 20:.5f} if they are 20 times the "
            f"log10 of magnitude"
        )
    if smallest < LOWEST:
        return "it looks like the logarithm of power; halve it, or make it of magnitudes"
    if largest > HIGHEST:
        return "it looks like another scale, such as decibels; turn it into natural logarithms"
    if smallest >= -1 - ROUNDING and largest <= 1 + ROUNDING:
        return "it looks normalised to -1..1; undo that"
    if n_frames >= ENOUGH_FRAMES and smallest > NEVER_ABOVE and largest < LOUDEST_LOG10:
        return f"it looks like log10; multiply by {math.log(10):.4f}"
    return None
