"""What the training loop asks of a model: the one seam between the two."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from hifigan.accumulation import Accumulation
from hifigan.monitor import Monitor
from hifigan.training_state import TrainingState


@dataclass(frozen=True)
class Validation:
    """What one rank found in its share of the validation list."""

    losses: list[dict[str, float]]  # of each utterance, by name
    sums: list[float]  # of whatever else: added up over the ranks, and given to `show`


class Experiment(Protocol):
    """What is trained. `config` goes into the checkpoints; values are unweighted losses by name.

    train_step and rehearse get the batch as the loader made it, on the CPU; rehearse takes a step's
    memory and changes nothing. Every rank validates its share, rank 0 alone shows.
    """

    state: TrainingState
    accumulation: Accumulation
    config: Any  # a config dataclass with the section `audio`
    best_by: str  # the validation loss that says which checkpoint is best

    def train_step(self, batch: Any) -> dict[str, Tensor]: ...

    def rehearse(self, batch: Any) -> None: ...

    def validate(self) -> Validation: ...

    def show(self, monitor: Monitor, folder: Path, sums: list[float]) -> None: ...


class Watched:
    """Everything that the experiment inside is; a subclass says what happens around its steps."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def __getattr__(self, name: str) -> Any:
        return getattr(self.experiment, name)

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        return self.experiment.train_step(batch)
