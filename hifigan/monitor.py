"""What a run shows: scalars for TensorBoard and as JSON lines, pictures and sound for
TensorBoard."""

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from hifigan.full_disk import has_room, lost_on_full_disk

NOT_LOSSES = (
    "train/generator_gradient_norm",
    "train/discriminator_gradient_norm",
    "train/learning_rate",
    "train/steps_per_second",
    "train/samples_per_second",
    "train/audio_seconds_per_second",
    "train/padding_share",
)


class Monitor:
    """Writes under a run folder: scalars.jsonl and tensorboard/. A full disk costs what is written.

    A run that starts again at `step` drops what an earlier one wrote behind it.
    """

    def __init__(self, run: Path, step: int) -> None:
        self.run = run
        self.scalars_path = run / "scalars.jsonl"
        self.tensorboard: SummaryWriter | None = None
        with lost_on_full_disk("curves", run):
            if self.scalars_path.exists():
                _keep_until(self.scalars_path, step)
            self.tensorboard = SummaryWriter(run / "tensorboard", purge_step=step + 1)

    def scalars(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """Named values such as "train/mel", the same in both places."""
        line = json.dumps({"step": step, "epoch": epoch, "time": round(time.time(), 3), **values})
        with lost_on_full_disk("curves", self.run):
            _append(self.scalars_path, f"{line}\n".encode())
        for name, value in values.items():
            self._show("add_scalar", name, value, step)

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """picture: uint8 [height, width, 3]."""
        self._show("add_image", name, picture, step, dataformats="HWC")

    def audio(self, name: str, wav: Tensor, sample_rate: int, step: int) -> None:
        """wav: [T_wav] in [-1, 1]."""
        self._show("add_audio", name, wav.unsqueeze(0), step, sample_rate)

    def histogram(self, name: str, counts: list[int], step: int) -> None:
        """counts: how often 0, 1, 2, ... came; the last one stands for itself and all above."""
        n = sum(counts)
        if n:
            values = [(i, count) for i, count in enumerate(counts) if count]
            self._show(
                "add_histogram_raw",
                name,
                min=values[0][0],
                max=values[-1][0],
                num=n,
                sum=sum(i * count for i, count in values),
                sum_squares=sum(i * i * count for i, count in values),
                bucket_limits=[i + 0.5 for i in range(len(counts))],
                bucket_counts=counts,
                global_step=step,
            )

    def flush(self) -> None:
        self._show("flush")

    def close(self) -> None:
        self._show("close")

    def _show(self, method: str, *arguments: Any, **named: Any) -> None:
        """Call a method of TensorBoard's writer.

        A writer never recovers from a full disk: another takes its place once there is room.
        """
        writer, self.tensorboard = self.tensorboard, None
        with lost_on_full_disk("TensorBoard's curves and samples", self.run):
            if writer is None and has_room(self.run):
                writer = SummaryWriter(self.run / "tensorboard")
            if writer:
                getattr(writer, method)(*arguments, **named)
            self.tensorboard = writer


class Pace:
    """What the training gets through, and how much of it is padding, since the last look.

    Pauses for validation and saving are left out. sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.restart()

    def restart(self) -> None:
        self.n_steps = self.n_utterances = self.n_samples = self.n_padded = 0
        self.since = time.monotonic()

    def count(self, wav: Tensor, wav_lengths: Tensor) -> None:
        """One step's batch, on the CPU. wav: [B, 1, T_wav]; wav_lengths: [B] samples."""
        self.n_steps += 1
        self.n_utterances += len(wav)
        self.n_samples += int(wav_lengths.sum())
        self.n_padded += wav.numel()

    def sums(self) -> list[float]:
        """Steps, utterances, seconds of audio, samples and samples with padding; and seconds."""
        audio = self.n_samples / self.sample_rate
        seconds = time.monotonic() - self.since
        return [self.n_steps, self.n_utterances, audio, self.n_samples, self.n_padded, seconds]


def pace_values(sums: list[float], n_ranks: int) -> dict[str, float]:
    """The numbers to show of Pace.sums, summed over the ranks."""
    n_steps, n_utterances, audio, n_samples, n_padded, seconds = sums
    seconds = max(seconds / n_ranks, 1e-9)
    return {
        "train/steps_per_second": n_steps / n_ranks / seconds,
        "train/samples_per_second": n_utterances / seconds,
        "train/audio_seconds_per_second": audio / seconds,
        "train/padding_share": 1 - n_samples / n_padded if n_padded else 0.0,
    }


def summary(values: dict[str, float]) -> str:
    """The pace, where the time goes, and the losses, in one line."""
    times = {name[5:]: v for name, v in values.items() if name.startswith("time/")}
    spent = " ".join(f"{name} {1000 * seconds:.0f}" for name, seconds in times.items())
    memory = values.get("gpu/peak_gib")
    parts = [
        f"{values['train/samples_per_second']:.1f} samples/s",
        f"ms a step: {spent}",
        f"{100 * values['train/padding_share']:.0f} % padding",
        *([] if memory is None else [f"GPU {memory:.1f} GiB"]),
        " ".join(
            f"{name[6:]} {value:.3f}"
            for name, value in values.items()
            if name.startswith("train/") and name not in NOT_LOSSES
        ),
    ]
    return ", ".join(parts)


def _append(path: Path, line: bytes) -> None:
    """All of the line or nothing: half of one would spoil the next, too."""
    with path.open("ab", buffering=0) as file:
        end = file.tell()
        if file.write(line) < len(line):
            file.truncate(end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _keep_until(path: Path, step: int) -> None:
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except json.JSONDecodeError:
            pass  # the line that a crash tore
    temporary = path.with_suffix(".part")  # a crash in here must not cost the curves
    temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    os.replace(temporary, path)
