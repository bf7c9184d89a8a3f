"""A training run from its start: checks first, then the run folder, then the loop.

Nothing is written into a run folder before config, checkpoint and data have been found good; what
is known of recordings is kept beside it, for all runs. A run goes on from its own newest
checkpoint; a new one starts from random weights or from the weights of another checkpoint, which is
all that tells train.py from finetune.py.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hifigan.atomic_file import appearing_whole, sync
from hifigan.checkpoint import CheckpointFolder, open_checkpoint, read_checkpoint
from hifigan.config import TrainConfig
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, config_to_dict, config_to_json, differences
from hifigan.loop import Limits, train
from hifigan.optimization import check_optimization, state_names
from vits import alignment
from vits.config import FROM_DATA, VitsConfig
from vits.corpus.check import CheckedData, check_data
from vits.diagnosis.start_log import log_start
from vits.diagnosis.trial import Judge, Trial
from vits.diagnosis.watching import Watching, watched
from vits.loader import make_loader
from vits.training import VitsTraining

logger = logging.getLogger(__name__)

N_SHOWN = 4  # sentences that every validation renders
# The weights were made for these, and another value would give them other shapes or another
# meaning.
FIXED = ("audio.", "text.symbols", "text.add_blank", "data.speakers", "model.", "discriminator.")


@dataclass(frozen=True)
class Start:
    """Where the weights come from."""

    path: Path | None  # None: random weights
    resumes: bool  # take everything, or only the weights


RANDOM = Start(None, resumes=False)


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
        run.mkdir(parents=True, exist_ok=True)
        with appearing_whole(run / "config.json") as temporary:
            temporary.write_text(config_to_json(config), encoding="utf-8")
            sync(temporary)
        data.report.write(run)
    with log_file(run / "log.txt") if ranks.is_first else nullcontext():
        log_start(experiment, loader, ranks, run, start.path, start.resumes)
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
    if run.exists() and not run.is_dir():
        raise UserError(
            f"{run}: is a file, expected the run's folder; move it away or choose another -m"
        )
    alignment.choose_backend()  # now: it may be forced to one that is not there
    check_optimization(config.train)
    start, contents = find_start(run, beginning, config.train)
    if contents:
        at_hand.append(contents)
        config = with_tables_of(config, start, contents)
    data = check_data(config, cache=run.parent / "data_check")
    return start, data


def find_start(
    run: Path, beginning: Start, config: TrainConfig
) -> tuple[Start, dict[str, Any] | None]:
    """The run's own newest readable checkpoint, else where it is to begin; and the contents."""
    own = CheckpointFolder(run / "checkpoints", config.keep_last).read_newest()
    if own:
        if beginning.path:
            logger.info(
                "%s was the beginning of this run, which goes on from there", beginning.path
            )
        return Start(own[0], resumes=True), own[1]
    if beginning.path is None:
        return RANDOM, None
    path, contents = open_checkpoint(beginning.path)
    return Start(path, beginning.resumes), contents


def set_float32_precision(config: TrainConfig) -> None:
    """Products in full float32 on GPUs, or in TF32 if the config lets them."""
    torch.backends.cuda.matmul.allow_tf32 = config.tf32
    torch.backends.cudnn.allow_tf32 = config.tf32


def with_tables_of(config: VitsConfig, start: Start, contents: dict[str, Any]) -> VitsConfig:
    """The config with the checkpoint's symbols and speakers wherever it says "from_data".

    A config that the weights do not fit is an error; every other difference is logged.
    """
    saved: VitsConfig = config_from_dict(VitsConfig, contents["config"], str(start.path))
    if config.text.symbols == FROM_DATA:
        config = dataclasses.replace(
            config, text=dataclasses.replace(config.text, symbols=saved.text.symbols)
        )
    if config.data.speakers == FROM_DATA and saved.data.speakers is not None:
        config = dataclasses.replace(
            config, data=dataclasses.replace(config.data, speakers=saved.data.speakers)
        )
    changed = differences(config_to_dict(saved), config_to_dict(config))
    for name, (before, now) in changed.items():
        if name.startswith(FIXED) and not name.endswith(".dropout"):
            raise UserError(
                f"{start.path}: its {name} is {_short(before)}, but the config says {_short(now)}; "
                f"the weights were made for the former: set it back, or "
                + (
                    "start a new run with another -m"
                    if start.resumes
                    else "train from random weights with train.py"
                )
            )
        if name == "train.optimizer" and start.resumes:
            raise UserError(
                f"{start.path}: was trained with {before}, but train.optimizer is {now}, which "
                f"cannot go on from its moments: set it back, or take the weights with finetune.py"
            )
        if name.startswith("train.optimizer_options") and start.resumes:
            require_same_moments(config, start, contents)
        logger.info(
            "changed since %s: %s was %s, is %s", start.path.name, name, _short(before), _short(now)
        )
    return config


def require_same_moments(config: VitsConfig, start: Start, contents: dict[str, Any]) -> None:
    """A UserError if the optimizer, under its present options, keeps more than was saved of it."""
    saved = contents["generator_optimizer"]["state"]
    missing = state_names(config.train) - set(next(iter(saved.values()), state_names(config.train)))
    if missing:
        raise UserError(
            f"{start.path}: was trained without the optimizer's {', '.join(sorted(missing))}, which "
            f"the present train.optimizer_options need: set them back, or take the weights with "
            f"finetune.py"
        )


def load(
    experiment: VitsTraining,
    start: Start,
    at_hand: list[dict[str, Any]],
    ranks: Ranks,
    run: Path,
) -> None:
    """Take everything of a checkpoint, or the weights alone. at_hand: its contents, if read."""
    contents = at_hand.pop() if at_hand else read_checkpoint(start.path)
    if start.resumes:
        experiment.state.load_state_dict(contents, ranks)
        if start.path.parent.parent != run:  # another run's best is no file of this one
            experiment.state.best = experiment.state.best_step = None
        return
    for name in ("generator", "discriminator"):
        network: nn.Module = getattr(experiment.state, name)
        try:
            network.load_state_dict(contents[name])
        except RuntimeError as error:
            raise UserError(
                f"{start.path}: its {name} does not fit the config: "
                f"{str(error).splitlines()[1].strip()}; use the checkpoint's own config"
            ) from None
    if experiment.state.ema:
        experiment.state.ema.load_state_dict(experiment.state.generator.state_dict())


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Appends to the file what is logged inside."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
