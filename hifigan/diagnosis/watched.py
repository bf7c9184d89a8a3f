"""An experiment that is looked at while it trains: what --profile and --log_level DEBUG build on."""

from typing import Any

from torch import Tensor

from hifigan.experiment import Experiment


class Watched:
    """Everything that the experiment inside is; a subclass says what happens around its steps."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def __getattr__(self, name: str) -> Any:
        return getattr(self.experiment, name)

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        return self.experiment.train_step(batch)
