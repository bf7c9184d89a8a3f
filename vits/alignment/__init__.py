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
- float16 and bfloat16 scores count as the float32 numbers that they are.
- Lengths that allow no path (none, more than the scores hold, more symbols than frames) are an
  error that names the item. Only where scores and lengths are on a GPU, where reading them would
  wait for it, the item's durations are -1 instead, which no alignment has.

Backends: `cuda` (search.cu, tile.cu) is compiled at first use and takes scores on a GPU where they
are; `cpu` (search.cpp) is compiled on installing; `reference` is torch and runs anywhere. The first
one that works for the scores' device is taken, and the log says which and why; the environment
variable VITS_ALIGNMENT or an argument can force one.
"""

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hifigan.errors import UserError
from vits.alignment import cpu, cuda, reference
from vits.alignment.cubin import SCORE_TYPES

logger = logging.getLogger(__name__)

VARIABLE = "VITS_ALIGNMENT"
BACKENDS = {"cuda": cuda.search, "cpu": cpu.search, "reference": reference.search}  # fastest first


@dataclass(frozen=True)
class Backend:
    """A way to search, and why it was chosen."""

    name: str
    search: Callable[[Tensor, Tensor, Tensor], Tensor]
    reason: str  # to go after "because"


def available_backends(device: torch.device) -> list[str]:
    """Names of the backends that work for scores on a device, the fastest first."""
    return [name for name in BACKENDS if _look(name, device)[0]]


def choose_backend(name: str | None = None, device: torch.device | None = None) -> Backend:
    """The backend called `name`, else the one that VITS_ALIGNMENT names, else the fastest.

    device: where the scores will be; if None, on a GPU if there is one.
    """
    if device is None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    asked_by = "the caller asked for it"
    if name is None and os.environ.get(VARIABLE):
        name, asked_by = os.environ[VARIABLE], f"{VARIABLE} asks for it"
    if name is None:
        return _fastest(device)
    if name not in BACKENDS:
        raise UserError(
            f'alignment backend: unknown name "{name}" ({asked_by}); '
            f"known names: {', '.join(BACKENDS)}"
        )
    works, reason = _look(name, device)
    if not works:
        raise UserError(
            f'alignment backend: "{name}" is not available ({asked_by}), because {reason}'
        )
    return Backend(name, BACKENDS[name], asked_by)


def _fastest(device: torch.device) -> Backend:
    reasons = []  # why faster ones do not work, then why this one does
    for name, search_with in BACKENDS.items():
        if name == "cuda" and device.type != "cuda":
            continue
        works, reason = _look(name, device)
        reasons += [reason] if reason else []
        if works:
            return Backend(name, search_with, ", and ".join(reasons))
    raise AssertionError("the reference works everywhere")


def _look(name: str, device: torch.device) -> tuple[bool, str]:
    """Whether a backend works for scores on a device, and why or why not."""
    if name == "cpu":
        library = cpu.load()
        return library.functions is not None, library.reason
    if name == "cuda":
        if device.type != "cuda":
            return False, f"the scores are on the device {device.type}"
        kernel = cuda.load(torch.cuda.current_device() if device.index is None else device.index)
        return kernel.function is not None, kernel.reason
    return True, ""


@functools.cache
def _announce(name: str, reason: str) -> None:
    """Cached, so that a choice is logged once however often it is made."""
    logger.info("alignment backend: %s, because %s", name, reason)


@torch.no_grad()
def search(
    scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor, backend: str | None = None
) -> Tensor:
    """The most likely monotonic alignment of each item (VITS Eq. 5), without gradient.

    scores: [B, T_spec, T_text], float32, float16 or bfloat16, any strides, log-likelihood of each
    frame under each symbol (nats); text_lengths, spec_lengths: [B], int64. The inputs are left as
    they are. Returns durations [B, T_text], int64, whole frames, 0 on padding, on the scores'
    device.
    """
    if torch.compiler.is_compiling():  # else without the operator: calling one takes some 15 us
        return _operator(scores, text_lengths, spec_lengths, backend)
    return _search(scores, text_lengths, spec_lengths, backend)


def _search(
    scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor, backend: str | None
) -> Tensor:
    _check(scores, text_lengths, spec_lengths)
    chosen = choose_backend(backend, scores.device)
    _announce(chosen.name, chosen.reason)
    on_gpu = text_lengths.is_cuda and spec_lengths.is_cuda
    if not (chosen.name == "cuda" and on_gpu):
        _check_lengths(scores, text_lengths, spec_lengths)
    return chosen.search(scores, text_lengths, spec_lengths)


# What torch.compile sees of the search: one step that it leaves alone.
_operator = torch.library.custom_op("vits::alignment_search", _search, mutates_args=())


@_operator.register_fake
def _durations_like(
    scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor, backend: str | None
) -> Tensor:
    return scores.new_empty((scores.shape[0], scores.shape[2]), dtype=torch.int64)


def path_from_durations(durations: Tensor, n_frames: int) -> Tensor:
    """The dense path, for pictures and tests; training goes through the durations.

    durations: [B, T_text]. Returns [B, n_frames, T_text], float32, 1 where a frame belongs to a
    symbol.
    """
    ends = durations.cumsum(1)[:, None]  # [B, 1, T_text], the frame after each symbol's last
    frames = torch.arange(n_frames, device=durations.device)[:, None]
    return ((frames < ends) & (frames >= ends - durations[:, None])).float()


def _check(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> None:
    if scores.ndim != 3 or scores.dtype not in SCORE_TYPES:
        raise ValueError(
            "alignment: scores: expected [B, T_spec, T_text] in float32, float16 or bfloat16, "
            f"found {list(scores.shape)} in {scores.dtype}"
        )
    n_items = len(scores)
    for name, lengths in (("text_lengths", text_lengths), ("spec_lengths", spec_lengths)):
        if lengths.shape != (n_items,) or lengths.dtype != torch.int64:
            raise ValueError(
                f"alignment: {name}: expected [{n_items}] in int64 (scores hold "
                f"{n_items} items), found {list(lengths.shape)} in {lengths.dtype}"
            )


def _check_lengths(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> None:
    n_frames, n_symbols = scores.shape[1:]
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
