"""Anyone's vocoder as the contents of a checkpoint of ours, for a run to begin with."""

import dataclasses
import logging
from typing import Any

from hifigan.errors import UserError
from hifigan.exchange.recogniser import OpenedVocoder
from hifigan.json_config import config_to_dict
from hifigan.optimization import Schedule
from hifigan.vocoder_config import VocoderConfig

logger = logging.getLogger(__name__)


def as_checkpoint(opened: OpenedVocoder, config: VocoderConfig, resumes: bool) -> dict[str, Any]:
    """Weights, and discriminators where there are any; if `resumes` all that training goes on from.

    config: the run's, which says what a checkpoint of others does not.
    """
    if opened.contents is not None:
        return opened.contents
    saved = dataclasses.replace(
        opened.config, data=config.data, loss=config.loss, train=config.train
    )
    if opened.foreign_mel is not None:
        logger.warning(
            "%s: %s; training teaches it this project's mels instead, which takes a while",
            opened.path,
            opened.foreign_mel,
        )
        saved = dataclasses.replace(saved, mel=config.mel)
    contents: dict[str, Any] = {"config": config_to_dict(saved), "generator": opened.generator}
    if opened.discriminator is not None:
        contents["discriminator"] = opened.discriminator
    if not resumes:
        return contents
    if opened.discriminator is None or opened.optimizers is None:
        raise UserError(
            f"{opened.path}: has no discriminators and optimizers (the original's do_* file beside "
            f"g_*) to go on from; begin with its weights: --checkpoint_path {opened.path}"
        )
    schedule = Schedule(config.train)
    per_step = config.train.lr_schedule_per == "step"
    for _ in range(opened.step if per_step else opened.epoch):
        schedule.advance(epoch_ended=not per_step)
    schedule.n_steps, schedule.n_epochs = opened.step, opened.epoch
    return contents | {
        "generator_optimizer": opened.optimizers[0],
        "discriminator_optimizer": opened.optimizers[1],
        "schedule": schedule.state_dict(),
        "step": opened.step,
        "epoch": opened.epoch,
        "batch": 0,
        "n_batches": 0,
        "order": 0,
        "best": None,
        "best_step": None,
        "warmup_until": 0,
        "random": [],
    }
