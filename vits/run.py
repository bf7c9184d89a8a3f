"""A training run from its start: checks first, then the run folder, then the loop.

Nothing is written into a run folder before config, checkpoint and data have been found good; what
is known of recordings is kept beside it, for all runs.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hifigan.checkpoint import open_checkpoint
from hifigan.corpus.packed import Picked
from hifigan.diagnosis.start_log import log_start
from hifigan.diagnosis.watching import Watching, watched
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.loop import Limits, train
from hifigan.optimization import check_optimization
from hifigan.start import (
    RANDOM,
    Opener,
    Start,
    find_start,
    load,
    log_file,
    set_float32_precision,
    write_config,
)
from vits import alignment
from vits.config import VitsConfig
from vits.corpus.advice import advice
from vits.corpus.check import CheckedData, check_data
from vits.corpus.shown import shown
from vits.corpus.utterance_table import mixed_in
from vits.data import Utterance
from vits.diagnosis.trial import Judge, Trial
from vits.fine_tuning import (
    note_beginning,
    rehearse,
    require_same_beginning,
    tables_from_data,
    take,
    with_tables_of,
)
from vits.loader import make_loader
from vits.text import describe_front_end
from vits.training import VitsTraining
from vits.transfer.report import LoadReport
from vits.transfer.taking import Taking
from vits.what_learns import check_freezing

logger = logging.getLogger(__name__)

N_SHOWN = 4  # sentences that every validation renders


def run_training(
    config: VitsConfig,
    run: Path,
    ranks: Ranks,
    limits: Limits,
    beginning: Start = RANDOM,
    after_look: Callable[[Path], None] | None = None,
    watching: Watching = Watching(),
    trial: Trial | None = None,
    opener: Opener = open_checkpoint,
    taking: Taking = Taking(),
) -> bool:
    """Train in the folder `run`: a new run from `beginning`, else from its own newest checkpoint.

    after_look: what to call with the run folder after each validation; opener: opens what
    `beginning` names, and taking: what to take of weights alone. Returns False where a trial was to
    be made and has not been passed.
    """
    config = trial.adapt(config) if trial else config
    torch.manual_seed(config.train.seed + ranks.rank)
    set_float32_precision(config.train)
    at_hand: list[dict[str, Any]] = []  # a checkpoint is large, so rank 0 reads it once
    start, data = ranks.first(lambda: prepare(config, run, beginning, at_hand, opener, taking))
    config = data.config
    if trial:
        data = ranks.each(lambda: trial.cut(data, ranks))
    experiment = VitsTraining(config, ranks, data.valid, sentences_shown(data))
    report = None
    if start.path and start.resumes:
        ranks.each(lambda: load(experiment, start, at_hand, ranks, run, opener))
    elif start.path:
        report = ranks.each(lambda: take(experiment, start, at_hand, opener, taking))
    loader = ranks.each(lambda: make_loader(data.train, config, ranks, run.parent))

    if ranks.is_first:
        write_config(run, config)
        if not any(run.glob("checkpoints/*.pt")):
            note_beginning(run, beginning, taking)
        data.report.write(run, None if start.resumes else advised(experiment, data, report))
        if report:
            (run / "load_report.txt").write_text(report.text() + "\n", encoding="utf-8")
    with log_file(run / "log.txt") if ranks.is_first else nullcontext():
        text = f"text: {describe_front_end(config.text)}"
        log_start(experiment, loader, ranks, run, start.path, start.resumes, text)
        if ranks.is_first:
            log_beginning(experiment, data, report)
        judge = Judge(trial, experiment, limits) if trial else None
        with watched(experiment, watching, ranks, run) as seen:
            limits = judge.limits if judge else limits
            train(seen, loader, config.train, ranks, run, limits, after_look)
        if ranks.is_first:
            warn_of_rest(experiment)
        return judge.passes() if judge else True


def prepare(
    config: VitsConfig,
    run: Path,
    beginning: Start,
    at_hand: list[dict[str, Any]],
    opener: Opener = open_checkpoint,
    taking: Taking = Taking(),
) -> tuple[Start, CheckedData]:
    """Checkpoint, config and data, looked through before anything is written or built.

    The checkpoint's contents are left in `at_hand`.
    """
    alignment.choose_backend()  # now: it may be forced to one that is not there
    check_optimization(config.train)
    require_same_beginning(run, beginning, taking)
    start, contents = find_start(run, beginning, config.train, opener)
    growing: tuple[str, ...] = ()
    if contents:
        at_hand.append(contents)
        if start.resumes and "generator_optimizer" not in contents:
            raise UserError(
                f"{start.path}: has no optimizers of this project to go on from; begin a new run "
                f"with its weights alone: finetune.py --restore_from {start.path}"
            )
        growing = () if start.resumes else tables_from_data(config)
        config = with_tables_of(config, start, contents)
    check_freezing(config)
    if contents and not start.resumes:
        rehearse(contents, config, taking, start.path)
    return start, check_data(config, cache=run.parent / "data_check", growing=growing)


def log_beginning(experiment: VitsTraining, data: CheckedData, report: LoadReport | None) -> None:
    """What was loaded, what learns at first, and what may be expected of so much data."""
    state, train_config = experiment.state, experiment.config.train
    if report:
        logger.info("%s", report.text())
    if state.step < state.warmup_until:
        logger.info(
            "fresh discriminators: until step %d they learn alone, and the generator rests",
            state.warmup_until,
        )
    if train_config.freeze_layers:
        until = train_config.unfreeze_at
        logger.info(
            "frozen%s: %s",
            "" if until is None else f" until step {until}",
            ", ".join(train_config.freeze_layers),
        )
    if n_frozen := experiment.config.train.frozen_speakers:
        names = experiment.config.data.speakers[:n_frozen]
        logger.info("frozen speakers: %s", ", ".join(names))
    if state.step == 0:
        logger.info("%s", advised(experiment, data, report))


def warn_of_rest(experiment: VitsTraining) -> None:
    """Say so where a run ends before the weights that it began with have begun to learn."""
    state, train_config = experiment.state, experiment.config.train
    until = max(state.warmup_until, train_config.unfreeze_at or 0)
    if state.step < until:
        logger.warning(
            "until step %d %s, so the voice has hardly changed yet; go on for longer",
            until,
            "the generator rests"
            if state.step < state.warmup_until
            else f"{', '.join(train_config.freeze_layers)} rest",
        )


def advised(experiment: VitsTraining, data: CheckedData, report: LoadReport | None) -> str:
    """What to expect of so much speech. report: None where a run begins with random weights."""
    n_first = max(experiment.state.warmup_until, experiment.config.train.unfreeze_at or 0)
    return advice(data.report.new_seconds, report is not None, n_first)


def sentences_shown(data: CheckedData) -> list[Utterance]:
    """What every validation renders: of as many speakers as may be, and one of what is mixed in."""
    old = Picked(data.train, np.flatnonzero(mixed_in(data.train)))
    return shown(data.valid or data.train, N_SHOWN - bool(len(old))) + shown(old, 1)
