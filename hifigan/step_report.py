"""What a step says of itself, read without holding up the device, and the steps that went wrong."""

import logging
import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hifigan.distributed import Ranks

logger = logging.getLogger(__name__)

N_NAMED = 32  # utterances that a warning lists


@dataclass(frozen=True)
class StepReport:
    """One step's named values on their way from the device to the host."""

    step: int
    ids: list[str]  # of the utterances
    names: list[str]
    values: Tensor  # on the host
    arrived: torch.cuda.Event | None

    def read(self) -> dict[str, float]:
        """The values by name. Waits until the step is done on the device."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return dict(zip(self.names, self.values.tolist()))


def send(step: int, ids: list[str], losses: dict[str, Tensor]) -> StepReport:
    """Begin to copy a step's values to the host, without waiting for them."""
    values = torch.stack([value.detach().float() for value in losses.values()])
    if values.device.type != "cuda":
        return StepReport(step, ids, list(losses), values, None)
    host = torch.empty(len(values), pin_memory=True)
    host.copy_(values, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return StepReport(step, ids, list(losses), host, arrived)


class StepReports:
    """Reads every step's report; on CUDA one step late, so that the device never runs dry.

    Counts in `n_bad` how many steps in a row were skipped for values that are no finite number. All
    ranks count alike: the gradient norms are the same on all of them.
    """

    def __init__(self, ranks: Ranks, fp16: bool) -> None:
        self.ranks = ranks
        self.fp16 = fp16
        self.lag = 1 if ranks.device.type == "cuda" else 0
        self.sent: deque[StepReport] = deque()
        self.n_bad = 0
        self.newest: dict[str, float] = {}  # the values read last
        self.fault = ""  # what was wrong with the last bad step

    def add(self, report: StepReport, wait: bool) -> None:
        """Take a step's report and judge those that have arrived; with `wait` this one, too."""
        self.sent.append(report)
        while len(self.sent) > (0 if wait else self.lag):
            self._judge(self.sent.popleft())

    def forget(self) -> None:
        """Start anew, after a return to a checkpoint."""
        self.sent.clear()
        self.n_bad = 0

    def averages(self) -> dict[str, float]:
        """The values read last as "train/...", averaged over the ranks."""
        means = [total / self.ranks.n_ranks for total in self.ranks.sums([*self.newest.values()])]
        return {f"train/{name}": value for name, value in zip(self.newest, means)}

    def _judge(self, report: StepReport) -> None:
        self.newest = report.read()
        norms = [value for name, value in self.newest.items() if name.endswith("gradient_norm")]
        if all(map(math.isfinite, norms)):
            self.n_bad = 0
            return
        self.n_bad += 1
        bad = [name for name, value in self.newest.items() if not math.isfinite(value)]
        told: list[Any] = self.ranks.gather((bad, report.ids))
        names = list(dict.fromkeys(name for names, _ in told for name in names))
        losses = [name for name in names if not name.endswith("gradient_norm")]
        # A bad loss is its own rank's; the gradients are averaged, and so every rank's.
        ids = [i for names, ids in told if not losses or set(names) & set(losses) for i in ids]
        more = f" and {len(ids) - N_NAMED} more" if len(ids) > N_NAMED else ""
        self.fault = f"{', '.join(names)} NaN or infinite, with {', '.join(ids[:N_NAMED])}{more}"
        if self.fp16 and not losses:
            logger.debug("step %d: fp16 overflowed; the loss scale is halved", report.step)
        else:
            logger.warning("step %d is skipped: %s", report.step, self.fault)
