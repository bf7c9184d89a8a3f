"""What the training loop asks of a model: the one seam between the two."""

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from hifigan.monitor import Monitor
from hifigan.training_state import TrainingState


class Experiment(Protocol):
    """What is trained. `config` goes into the checkpoints; values are unweighted losses by name.

    train_step and rehearse get the batch as the loader made it, on the CPU; rehearse takes a step's
    memory and changes nothing. validate gives the losses of every utterance of this rank's share.
    """

    state: TrainingState
    config: Any  # a config dataclass with the section `audio`
    best_by: str  # the validation loss that says which checkpoint is best

    def train_step(self, batch: Any) -> dict[str, Tensor]: ...

    def rehearse(self, batch: Any) -> None: ...

    def validate(self) -> list[dict[str, float]]: ...

    def show(self, monitor: Monitor, folder: Path) -> None: ...
