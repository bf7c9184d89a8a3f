"""Monotonic alignment search (VITS Sec. 2.2.1, Eq. 5 and 6, Appendix A).

Finds, for each utterance, how many frames each symbol lasts so that the summed score of its path
is greatest. All backends give the same durations, to the bit, by this rule:

- A path starts at symbol 0 in frame 0, ends at the last symbol in the last frame, and from one
  frame to the next stays at its symbol or steps to the next one. So every symbol lasts at least
  one frame, and an utterance with more symbols than frames is refused.
- Forward, in float32: value[0, 0] = score[0, 0], and
  value[t, x] = score[t, x] + max(value[t-1, x], value[t-1, x-1]).
  A cell that no path reaches (x > t, or x < 0) has the value -inf. The original's -1e9 is a sum
  that real scores can reach; below it, the original's paths differ from ours.
- Back from the end: at symbol x in frame t, the path came from symbol x-1 if it had to (x = t) or
  if value[t-1, x-1] > value[t-1, x]. On a tie it stayed.
- Scores of -inf and NaN are no errors here, and the durations are still a path. -inf ties with
  -inf, and every comparison with NaN is false: max(a, b) above is b if b > a, else a.
- Scores in the padding are never looked at, whatever they are.

Backends: `cpu` is compiled (search.cpp), `reference` is torch and runs anywhere. The compiled one
is taken where it loads; the environment variable VITS_ALIGNMENT or an argument can force either.
"""

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hifigan.errors import UserError
from vits.alignment import cpu, reference

logger = logging.getLogger(__name__)

VARIABLE = "VITS_ALIGNMENT"
BACKENDS = {"cpu": cpu.search, "reference": reference.search}


@dataclass(frozen=True)
class Backend:
    """A way to search, and why it was chosen."""

    name: str
    search: Callable[[Tensor, Tensor, Tensor], Tensor]
    reason: str  # to go after "because"


def available_backends() -> list[str]:
    """Names of the backends that work here, the fastest first."""
    return [name for name in BACKENDS if name != "cpu" or cpu.load().functions is not None]


def choose_backend(name: str | None = None) -> Backend:
    """The backend called `name`, else the one that VITS_ALIGNMENT names, else the fastest."""
    asked_by = "the caller asked for it"
    if name is None and os.environ.get(VARIABLE):
        name, asked_by = os.environ[VARIABLE], f"{VARIABLE} asks for it"
    library = cpu.load()
    if name is None:
        name = available_backends()[0]
        return Backend(name, BACKENDS[name], library.reason)
    if name not in BACKENDS:
        raise UserError(
            f'alignment backend: unknown name "{name}" ({asked_by}); '
            f"known names: {', '.join(BACKENDS)}"
        )
    if name not in available_backends():
        raise UserError(
            f'alignment backend: "{name}" is not available ({asked_by}), because {library.reason}'
        )
    return Backend(name, BACKENDS[name], asked_by)


@functools.cache
def _announce(name: str, reason: str) -> None:
    """Cached, so that a choice is logged once however often it is made."""
    logger.info("alignment backend: %s, because %s", name, reason)


@torch.no_grad()
def search(
    scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor, backend: str | None = None
) -> Tensor:
    """The most likely monotonic alignment of each item (VITS Eq. 5), without gradient.

    scores: [B, T_spec, T_text], float32, log-likelihood of each frame under each symbol (nats);
    text_lengths, spec_lengths: [B], int64. The inputs are left as they are.
    Returns durations [B, T_text], int64, whole frames, 0 on padding, on the scores' device.
    """
    _check(scores, text_lengths, spec_lengths)
    chosen = choose_backend(backend)
    _announce(chosen.name, chosen.reason)
    return chosen.search(scores, text_lengths, spec_lengths)


def path_from_durations(durations: Tensor, n_frames: int) -> Tensor:
    """The dense path, for pictures and tests; training goes through the durations.

    durations: [B, T_text]. Returns [B, n_frames, T_text], float32, 1 where a frame belongs to a
    symbol.
    """
    ends = durations.cumsum(1)[:, None]  # [B, 1, T_text], the frame after each symbol's last
    frames = torch.arange(n_frames, device=durations.device)[:, None]
    return ((frames < ends) & (frames >= ends - durations[:, None])).float()


def _check(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> None:
    if scores.ndim != 3 or scores.dtype != torch.float32:
        raise ValueError(
            "alignment: scores: expected [B, T_spec, T_text] in float32, found "
            f"{list(scores.shape)} in {scores.dtype}"
        )
    n_items, n_frames, n_symbols = scores.shape
    for name, lengths in (("text_lengths", text_lengths), ("spec_lengths", spec_lengths)):
        if lengths.shape != (n_items,) or lengths.dtype != torch.int64:
            raise ValueError(
                f"alignment: {name}: expected [{n_items}] in int64 (scores hold "
                f"{n_items} items), found {list(lengths.shape)} in {lengths.dtype}"
            )
    for i, (n_text, n_spec) in enumerate(zip(text_lengths.tolist(), spec_lengths.tolist())):
        if not (1 <= n_text <= n_symbols and 1 <= n_spec <= n_frames):
            raise ValueError(
                f"alignment: item {i}: {n_text} symbols and {n_spec} frames; "
                f"expected 1 to {n_symbols} and 1 to {n_frames} (shape of scores)"
            )
        if n_text > n_spec:
            raise UserError(
                f"alignment: item {i}: {n_text} symbols but only {n_spec} frames; each "
                "symbol needs a frame: leave the utterance out or shorten its text"
            )
