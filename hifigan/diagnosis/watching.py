"""What to look at while a run trains: --profile, --detect_anomaly and --log_level DEBUG."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hifigan.captured import captured
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
    """The experiment, looked at inside as asked. run: the run's folder."""
    seen: Experiment = experiment
    if watching.detect_anomaly:
        experiment.accumulation = AnomalyDetection(
            experiment.accumulation, experiment.state, lambda part: part.batch.ids
        )
    else:
        seen = captured(experiment, experiment.config.train, ranks)
    if ranks.is_first and logger.isEnabledFor(logging.DEBUG):
        seen = Debugged(seen, experiment.config.train.log_every)
    if ranks.is_first and watching.profile:
        with Profiled(seen, ranks.device, run) as profiled:
            yield profiled
    else:
        yield seen
