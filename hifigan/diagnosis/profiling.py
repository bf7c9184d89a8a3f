"""Where the time of a few training steps goes, for --profile.

After WARM_UP_STEPS the next N_STEPS are recorded by torch.profiler. A trace for Perfetto, Chrome's
chrome://tracing or TensorBoard goes to profile/ in the run folder; the phases (hifigan/phases.py)
and the operations that take longest go to the log. The run goes on as if nothing had been.
"""

import logging
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, schedule

from hifigan.experiment import Experiment, Watched
from hifigan.phases import Phases

logger = logging.getLogger(__name__)

WARM_UP_STEPS = 6  # in the first ones memory is allocated and kernels are chosen
N_STEPS = 3
N_ROWS = 25  # operations in the table


class Profiled(Watched):
    """Records N_STEPS steps of an experiment on `device`, once. folder: the run's."""

    def __init__(self, experiment: Experiment, device: torch.device, folder: Path) -> None:
        super().__init__(experiment)
        self.device = device
        self.folder = folder / "profile"
        self.phases = Phases(device)
        self.n_steps = 0
        activities = [ProfilerActivity.CPU]
        if device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        self.profile = profile(
            activities=activities,
            # Its last step of warming up is one of ours: starting to record is slow itself.
            schedule=schedule(wait=WARM_UP_STEPS - 1, warmup=1, active=N_STEPS, repeat=1),
        )

    def __enter__(self) -> "Profiled":
        self.profile.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.n_steps < WARM_UP_STEPS + N_STEPS:
            self.profile.stop()
            logger.warning(
                "no profile: the run took %d steps, and it needs %d",
                self.n_steps,
                WARM_UP_STEPS + N_STEPS,
            )

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        losses = self.experiment.train_step(batch)
        self.n_steps += 1
        if self.n_steps < WARM_UP_STEPS + N_STEPS:
            self.profile.step()
        if self.n_steps == WARM_UP_STEPS:
            self.wait_for_device()
            self.since = time.perf_counter()
            self.phases.__enter__()
        elif self.n_steps == WARM_UP_STEPS + N_STEPS:
            self.wait_for_device()
            self.phases.__exit__()
            self.report(time.perf_counter() - self.since)
        return losses

    def wait_for_device(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def report(self, seconds: float) -> None:
        """Write the trace and log the tables. seconds: what the recorded steps took."""
        self.profile.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        # The name by which TensorBoard's profiler plugin knows a trace.
        path = self.folder / f"step_{self.experiment.state.step + 1:08d}.pt.trace.json.gz"
        self.profile.export_chrome_trace(str(path))
        order = "self_cuda_time_total" if self.device.type == "cuda" else "self_cpu_time_total"
        operations = self.profile.key_averages().table(sort_by=order, row_limit=N_ROWS)
        logger.info(
            "profile of %d steps: %s; open it with ui.perfetto.dev or chrome://tracing\n%s\n%s",
            N_STEPS,
            path,
            operations,
            phase_table(self.phases.seconds(), seconds),
        )


def phase_table(phases: dict[str, float], seconds: float) -> str:
    """Milliseconds a step and shares of the time of N_STEPS steps, which took `seconds`."""
    rows = phases | {"everything else": seconds - sum(phases.values()), "together": seconds}
    lines = [f"{'phase':<16} {'ms a step':>10} {'share':>8}"]
    for name, spent in rows.items():
        lines.append(f"{name:<16} {1000 * spent / N_STEPS:>10.1f} {100 * spent / seconds:>6.1f} %")
    return "\n".join(lines)
