"""A training run from its start: checks first, then the run folder, then the loop.

Nothing is written into a run folder before config, checkpoint and data have been found good; what
is known of recordings is kept beside it, for all runs.
"""

import dataclasses
import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hifigan.checkpoint import open_checkpoint
from hifigan.corpus.packed import Picked
from hifigan.diagnosis.start_log import log_start
from hifigan.diagnosis.watching import Watching, watched
from hifigan.discriminators import vits_discriminators
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.freezing import frozen_names
from hifigan.json_config import config_from_dict
from hifigan.layers import matching
from hifigan.loop import Limits, train
from hifigan.optimization import check_optimization
from hifigan.start import (
    RANDOM,
    Opener,
    Start,
    compare_with_saved,
    find_start,
    load,
    log_file,
    set_float32_precision,
    write_config,
)
from vits import alignment
from vits.config import FROM_DATA, VitsConfig
from vits.corpus.advice import advice
from vits.corpus.check import CheckedData, check_data
from vits.corpus.shown import shown
from vits.corpus.utterance_table import mixed_in
from vits.data import Utterance
from vits.diagnosis.trial import Judge, Trial
from vits.loader import make_loader
from vits.model import VitsModel, make_model
from vits.text import describe_front_end
from vits.training import VitsTraining, check_freezing
from vits.transfer.report import LoadReport
from vits.transfer.taking import Taking
from vits.transfer.transfer import transfer

logger = logging.getLogger(__name__)

N_SHOWN = 4  # sentences that every validation renders
# The weights were made for these, and another value would give them other shapes or another
# meaning.
FIXED = (
    "audio.",
    *(f"text.{key}" for key in ("symbols", "add_blank", "blank", "start", "end", "decomposed")),
    "data.speakers",
    "model.",
    "discriminator.",
)


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
        data.report.write(run, None if start.resumes else advised(data, report))
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
    require_layers(config, taking)
    return start, check_data(config, cache=run.parent / "data_check", growing=growing)


def require_layers(config: VitsConfig, taking: Taking) -> None:
    """A UserError if layers to freeze or to begin anew are not there, or if nothing would learn."""
    with torch.device("meta"):  # for the names alone
        model, discriminators = networks(config)
    names = [*model.state_dict(), *(f"discriminator.{n}" for n in discriminators.state_dict())]
    matching(taking.reinitialise, names, "--ignore_layers")
    check_freezing(config)


def with_tables_of(config: VitsConfig, start: Start, contents: dict[str, Any]) -> VitsConfig:
    """The config with the checkpoint's symbols and speakers wherever it says "from_data".

    A run that goes on with everything is an error if the weights do not fit the config; every other
    difference is logged.
    """
    if "text" not in contents["config"]:
        raise UserError(f"{start.path}: is of a vocoder, no VITS voice; choose another -m")
    saved: VitsConfig = config_from_dict(VitsConfig, contents["config"], str(start.path))
    if config.text.symbols == FROM_DATA:
        config = dataclasses.replace(
            config, text=dataclasses.replace(config.text, symbols=saved.text.symbols)
        )
    if config.data.speakers == FROM_DATA and saved.data.speakers is not None:
        config = dataclasses.replace(
            config, data=dataclasses.replace(config.data, speakers=saved.data.speakers)
        )
    if start.resumes:
        compare_with_saved(config, saved, start, contents, FIXED)
    return config


def take(
    experiment: VitsTraining,
    start: Start,
    at_hand: list[dict[str, Any]],
    opener: Opener,
    taking: Taking,
) -> LoadReport:
    """Take a checkpoint's weights alone, as far as they fit. at_hand: its contents, if read."""
    contents = at_hand.pop() if at_hand else opener(start.path)[1]
    state, config = experiment.state, experiment.config
    report = transfer(
        contents,
        config,
        state.generator,
        state.discriminator,
        taking.reinitialise,
        taking.speaker,
        path=start.path,
    )
    if state.ema:
        state.ema.load_state_dict(state.generator.state_dict())
    if report.fresh_discriminators:
        state.warmup_until = config.train.discriminator_warmup_steps
    return report.with_frozen(frozen_names(config.train, state.generator, state.discriminator))


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
    if state.step == 0:
        logger.info("%s", advised(data, report))


def advised(data: CheckedData, report: LoadReport | None) -> str:
    """What to expect of so much speech. report: None where a run begins with random weights."""
    return advice(data.report.new_seconds, fine_tuning=report is not None)


def sentences_shown(data: CheckedData) -> list[Utterance]:
    """What every validation renders: of as many speakers as may be, and one of what is mixed in."""
    old = Picked(data.train, np.flatnonzero(mixed_in(data.train)))
    return shown(data.valid or data.train, N_SHOWN - bool(len(old))) + shown(old, 1)


def dry_run(
    config: VitsConfig, beginning: Start, opener: Opener, taking: Taking, has_data: bool
) -> None:
    """Print what a run would load. has_data: with what the data adds to symbols and speakers."""
    path, contents = opener(beginning.path)
    growing = tables_from_data(config)
    config = with_tables_of(config, Start(path, resumes=False), contents)
    if has_data or FROM_DATA in (config.text.symbols, config.data.speakers):
        config = check_data(config, growing=growing).config
    require_layers(config, taking)
    model, discriminators = networks(config)
    report = transfer(
        contents,
        config,
        model,
        discriminators,
        taking.reinitialise,
        taking.speaker,
        path=path,
    )
    print(report.with_frozen(frozen_names(config.train, model, discriminators)).text())


def networks(config: VitsConfig) -> tuple[VitsModel, nn.Module]:
    """The model and the discriminators of a config, with random weights."""
    return make_model(config), vits_discriminators(config.discriminator)


def tables_from_data(config: VitsConfig) -> tuple[str, ...]:
    """Which of "symbols" and "speakers" the config takes from the data."""
    tables = {"symbols": config.text.symbols, "speakers": config.data.speakers}
    return tuple(name for name, table in tables.items() if table == FROM_DATA)
