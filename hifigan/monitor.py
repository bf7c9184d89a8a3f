"""What a run shows: scalars for TensorBoard and as JSON lines, pictures and sound for
TensorBoard."""

import json
import os
import time
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter


class Monitor:
    """Writes under a run folder: scalars.jsonl and tensorboard/.

    A run that starts again at `step` drops what an earlier one wrote behind it.
    """

    def __init__(self, run: Path, step: int) -> None:
        self.scalars_path = run / "scalars.jsonl"
        if self.scalars_path.exists():
            _keep_until(self.scalars_path, step)
        self.tensorboard = SummaryWriter(run / "tensorboard", purge_step=step + 1)

    def scalars(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """Named values such as "train/mel", the same in both places."""
        line = json.dumps({"step": step, "epoch": epoch, "time": round(time.time(), 3), **values})
        with self.scalars_path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        for name, value in values.items():
            self.tensorboard.add_scalar(name, value, step)

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """picture: uint8 [height, width, 3]."""
        self.tensorboard.add_image(name, picture, step, dataformats="HWC")

    def audio(self, name: str, wav: Tensor, sample_rate: int, step: int) -> None:
        """wav: [T_wav] in [-1, 1]."""
        self.tensorboard.add_audio(name, wav.unsqueeze(0), step, sample_rate)

    def flush(self) -> None:
        self.tensorboard.flush()

    def close(self) -> None:
        self.tensorboard.close()


def summary(values: dict[str, float]) -> str:
    """The pace and the losses in one short line."""
    shown = {
        name.split("/")[1]: value
        for name, value in values.items()
        if not name.endswith(("gradient_norm", "learning_rate", "samples_per_second"))
    }
    losses = " ".join(f"{name} {value:.3f}" for name, value in shown.items())
    return f"{values['train/samples_per_second']:.1f} samples/s, {losses}"


class Pace:
    """Utterances per second since the last look, pauses for validation and saving left out."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.utterances, self.since = 0, time.monotonic()

    def count(self, utterances: int) -> None:
        self.utterances += utterances

    def per_second(self) -> float:
        rate = self.utterances / max(time.monotonic() - self.since, 1e-9)
        self.restart()
        return rate


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
