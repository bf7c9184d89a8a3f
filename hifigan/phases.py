"""What a training step spends its time on: data, alignment, generator, discriminator, optimizer.

    with phase("optimizer"):
        ...

names the work for torch.profiler, and times it if a Phases is at work (as autocast is: for the
code below it, wherever that stands). A phase inside another one is taken off the outer one's time; a
Phases inside another one counts for both.
On CUDA the phases are timed on the device, by events that nobody waits for before they are read.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_at_work: ContextVar["Phases | None"] = ContextVar("phases", default=None)


class Phases:
    """Times of phases since the last reading. On leaving, it is at work no more."""

    def __init__(self, device: torch.device) -> None:
        self.on_cuda = device.type == "cuda"
        self.spans: list[Span] = []
        self.open: list[str] = []

    def __enter__(self) -> "Phases":
        self.outer = _at_work.get()
        self.token = _at_work.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _at_work.reset(self.token)

    def mark(self) -> "Mark":
        if not self.on_cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def add(self, span: "Span") -> None:
        self.spans.append(span)
        if self.outer is not None:
            self.outer.add(span)

    def seconds(self) -> dict[str, float]:
        """Seconds by phase since the last reading, in order of first appearance."""
        if self.on_cuda and self.spans:
            self.spans[-1][3].synchronize()
        totals: dict[str, float] = {}
        for name, around, start, end in self.spans:
            lasted = start.elapsed_time(end) / 1000 if self.on_cuda else end - start
            totals[name] = totals.get(name, 0.0) + lasted
            if around is not None:
                totals[around] = totals.get(around, 0.0) - lasted
        self.spans.clear()
        return totals


Mark = float | torch.cuda.Event
Span = tuple[str, str | None, Mark, Mark]  # name, phase around it, start, end


@contextmanager
def unmeasured() -> Iterator[None]:
    """The work inside is not timed: its events could not be read."""
    token = _at_work.set(None)
    try:
        yield
    finally:
        _at_work.reset(token)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """The work inside belongs to the phase `name`."""
    phases = _at_work.get()
    with torch.profiler.record_function(name):
        if phases is None:
            yield
            return
        around = phases.open[-1] if phases.open else None
        phases.open.append(name)
        start = phases.mark()
        try:
            yield
        finally:
            phases.open.pop()
            phases.add((name, around, start, phases.mark()))
