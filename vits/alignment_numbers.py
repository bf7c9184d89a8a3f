"""How an alignment spreads the frames over the symbols, in a few numbers to watch.

Not in the papers. A model that has not learnt to align gives most symbols a single frame, and a
few, often the spaces, all the others.
"""

import unicodedata
from collections.abc import Sequence

import torch
from torch import Tensor

from vits.config import is_name
from vits.text.symbols import PADDING_ID

HISTOGRAM_FRAMES = 100  # the longest duration that the histogram tells from longer ones
N_SUMS = 4  # what stands before the histogram: utterances, their longest symbols, silence, frames


class AlignmentNumbers:
    """Plain sums over utterances, so that those of several processes may be added up.

    `symbols` is text.symbols of the config, the blank first.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.is_silence = torch.tensor(
            [
                i != PADDING_ID and not is_name(symbol) and is_silence(symbol)
                for i, symbol in enumerate(symbols)
            ]
        )
        self._sums = torch.zeros(N_SUMS + HISTOGRAM_FRAMES + 1, dtype=torch.float64)

    def add(self, tokens: Tensor, durations: Tensor) -> None:
        """One utterance. tokens: [T_text] ids, blanks included; durations: [T_text] frames."""
        tokens, durations = tokens.cpu(), durations.cpu()
        self._sums[:N_SUMS] += torch.stack(
            [
                torch.tensor(1),
                durations.max(),
                durations[self.is_silence[tokens]].sum(),
                durations.sum(),
            ]
        )
        self._sums[N_SUMS:] += torch.bincount(
            durations.clamp(max=HISTOGRAM_FRAMES), minlength=HISTOGRAM_FRAMES + 1
        )

    def sums(self) -> list[float]:
        return self._sums.tolist()

    def take_sums(self, sums: list[float]) -> None:
        """Go on from these instead, such as the sums of all processes."""
        self._sums = torch.tensor(sums, dtype=torch.float64)

    def values(self) -> dict[str, float]:
        """Of all utterances added, one at least: shares of 1 of symbols (blanks count) and of
        frames (blanks are no silence), and the frames of the longest symbol, a mean over utterances.
        """
        utterances, longest, silence, frames = self._sums[:N_SUMS].tolist()
        histogram = self._sums[N_SUMS:]
        return {
            "share_of_symbols_with_at_most_one_frame": float(histogram[:2].sum() / histogram.sum()),
            "longest_symbol_frames": longest / utterances,
            "share_of_silence": silence / frames,
        }

    def histogram(self) -> list[int]:
        """How many symbols lasted 0, 1, 2, ... frames; the last number is HISTOGRAM_FRAMES or
        more.
        """
        return self._sums[N_SUMS:].long().tolist()


def is_silence(symbol: str) -> bool:
    """Spaces and punctuation; marks of stress, length and tone belong to a sound."""
    return unicodedata.category(symbol)[0] in "ZP"


def longest_symbol(tokens: Tensor, durations: Tensor, symbols: Sequence[str]) -> str:
    """The symbol with the most frames, in words where it could not be read.

    tokens: [T_text] ids; durations: [T_text] frames.
    """
    longest = int(tokens[durations.argmax()])
    return "blank" if longest == PADDING_ID else symbols[longest].replace(" ", "space")
