"""What the log of a run begins with: what runs where, and what it goes on from."""

import logging
from pathlib import Path

from torch.utils.data import DataLoader

from hifigan.diagnosis.environment import log_environment
from hifigan.distributed import Ranks
from hifigan.experiment import Experiment

logger = logging.getLogger(__name__)


def log_start(
    experiment: Experiment,
    loader: DataLoader,
    ranks: Ranks,
    run: Path,
    origin: Path | None,
    resumes: bool,
    more: str,
) -> None:
    """Told on rank 0, by all ranks together.

    origin: the checkpoint whose weights were taken, None for random ones; resumes: with all else;
    more: a line of the experiment's own.
    """
    config, state = experiment.config, experiment.state
    log_environment(ranks, config.train, loader, run)
    if not ranks.is_first:
        return
    logger.info("%s", more)
    logger.info(
        "generator %s parameters, discriminators %s",
        *(
            f"{sum(p.numel() for p in network.parameters()):,}"
            for network in (state.generator, state.discriminator)
        ),
    )
    size = (config.train.batch_size, ranks.n_ranks, config.train.accumulate)
    logger.info(
        "run folder %s: %d utterances in batches of %d x %d process(es) x %d micro-batch(es), "
        "%d a step",
        run,
        len(loader.dataset),
        *size,
        size[0] * size[1] * size[2],
    )
    if resumes:
        logger.info(
            "resuming from %s: step %d, epoch %d, batch %d of it, learning rate %.3g",
            origin,
            state.step,
            state.epoch,
            state.batch,
            state.generator_optimizer.param_groups[0]["lr"],
        )
    elif origin:
        logger.info("new run at step 0 with the weights of %s; fresh optimizers", origin)
    else:
        logger.info("new run at step 0 with random weights")
