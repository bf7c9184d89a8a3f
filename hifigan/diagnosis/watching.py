"""What to look at while a run trains: --profile, --detect_anomaly and --log_level DEBUG."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hifigan.captured import CapturedSteps, records_steps
from hifigan.diagnosis.anomaly import AnomalyDetection
from hifigan.diagnosis.debug_log import Debugged
from hifigan.diagnosis.profiling import Profiled
from hifigan.distributed import Ranks
from hifigan.experiment import Experiment

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watching:
    profile: bool = False  # on rank 0
    detect_anomaly: bool = False


@contextmanager
def watched(
    experiment: Experiment, watching: Watching, ranks: Ranks, run: Path
) -> Iterator[Experiment]:
    """The experiment, looked at inside as asked. run: the run's folder.

    Into a recorded step nobody can look, so steps are recorded where nobody wants to.
    """
    seen: Experiment = experiment
    debugging = ranks.is_first and logger.isEnabledFor(logging.DEBUG)
    profiling = ranks.is_first and watching.profile
    if not (watching.detect_anomaly or debugging or profiling):
        if records_steps(experiment.config.train, ranks):
            seen = CapturedSteps(experiment, ranks.device)
    if watching.detect_anomaly:
        experiment.accumulation = AnomalyDetection(
            experiment.accumulation, experiment.state, lambda part: part.batch.ids
        )
    if debugging:
        seen = Debugged(seen, experiment.config.train.log_every)
    if profiling:
        with Profiled(seen, ranks.device, run) as profiled:
            yield profiled
    else:
        yield seen
