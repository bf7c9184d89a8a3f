"""A training run from its start: checks first, then the run folder, then the loop.

Nothing is written into a run folder before config, checkpoint and data have been found good; what
is known of recordings is kept beside it, for all runs.
"""

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from hifigan.diagnosis.start_log import log_start
from hifigan.diagnosis.watching import Watching, watched
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from hifigan.loop import Limits, train
from hifigan.optimization import check_optimization
from hifigan.start import (
    RANDOM,
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
from vits.corpus.check import CheckedData, check_data
from vits.diagnosis.trial import Judge, Trial
from vits.loader import make_loader
from vits.text import describe_front_end
from vits.training import VitsTraining

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
) -> bool:
    """Train in the folder `run`: a new run from `beginning`, else from its own newest checkpoint.

    after_look: what to call with the run folder after each validation. Returns False where a trial
    was to be made and has not been passed.
    """
    config = trial.adapt(config) if trial else config
    torch.manual_seed(config.train.seed + ranks.rank)
    set_float32_precision(config.train)
    at_hand: list[dict[str, Any]] = []  # a checkpoint is large, so rank 0 reads it once
    start, data = ranks.first(lambda: prepare(config, run, beginning, at_hand))
    config = data.config
    if trial:
        data = ranks.each(lambda: trial.cut(data, ranks))
    experiment = VitsTraining(config, ranks, data.valid, (data.valid or data.train)[:N_SHOWN])
    if start.path:
        ranks.each(lambda: load(experiment, start, at_hand, ranks, run))
    loader = ranks.each(lambda: make_loader(data.train, config, ranks, run.parent))

    if ranks.is_first:
        write_config(run, config)
        data.report.write(run)
    with log_file(run / "log.txt") if ranks.is_first else nullcontext():
        text = f"text: {describe_front_end(config.text)}"
        log_start(experiment, loader, ranks, run, start.path, start.resumes, text)
        judge = Judge(trial, experiment, limits) if trial else None
        with watched(experiment, watching, ranks, run) as seen:
            limits = judge.limits if judge else limits
            train(seen, loader, config.train, ranks, run, limits, after_look)
        return judge.passes() if judge else True


def prepare(
    config: VitsConfig, run: Path, beginning: Start, at_hand: list[dict[str, Any]]
) -> tuple[Start, CheckedData]:
    """Checkpoint, config and data, looked through before anything is written or built.

    The checkpoint's contents are left in `at_hand`.
    """
    alignment.choose_backend()  # now: it may be forced to one that is not there
    check_optimization(config.train)
    start, contents = find_start(run, beginning, config.train)
    if contents:
        at_hand.append(contents)
        config = with_tables_of(config, start, contents)
    data = check_data(config, cache=run.parent / "data_check")
    return start, data


def with_tables_of(config: VitsConfig, start: Start, contents: dict[str, Any]) -> VitsConfig:
    """The config with the checkpoint's symbols and speakers wherever it says "from_data".

    A config that the weights do not fit is an error; every other difference is logged.
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
    compare_with_saved(config, saved, start, contents, FIXED)
    return config
