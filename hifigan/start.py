"""How a run begins: from random weights, from weights, or from everything of a checkpoint.

A run goes on from its own newest checkpoint; a new one starts from random weights or from another
checkpoint, which is all that tells training from fine-tuning.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hifigan.atomic_file import appearing_whole, sync
from hifigan.checkpoint import CheckpointFolder, open_checkpoint
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.experiment import Experiment
from hifigan.freezing import same_groups
from hifigan.json_config import config_to_dict, config_to_json, differences
from hifigan.optimization import state_names
from hifigan.training_config import TrainConfig

logger = logging.getLogger(__name__)

# Config values by which weights have their places in an optimizer's moments.
GROUPING = ("train.freeze_layers", "train.unfreeze_at", "train.layer_lr")

# Opens a path: the path to open in its place from now on, and a checkpoint's contents.
Opener = Callable[[Path], tuple[Path, dict[str, Any]]]


@dataclass(frozen=True)
class Start:
    """Where the weights come from."""

    path: Path | None  # None: random weights
    resumes: bool  # take everything, or only the weights


RANDOM = Start(None, resumes=False)


def find_start(
    run: Path, beginning: Start, config: TrainConfig, opener: Opener = open_checkpoint
) -> tuple[Start, dict[str, Any] | None]:
    """The run's own newest readable checkpoint, else where it is to begin; and the contents."""
    if run.exists() and not run.is_dir():
        raise UserError(
            f"{run}: is a file, expected the run's folder; move it away or choose another -m"
        )
    own = CheckpointFolder(run / "checkpoints", config.keep_last).read_newest()
    if own:
        if beginning.path:
            logger.info(
                "%s was the beginning of this run, which goes on from there", beginning.path
            )
        return Start(own[0], resumes=True), own[1]
    if beginning.path is None:
        return RANDOM, None
    path, contents = opener(beginning.path)
    if beginning.resumes and contents["epoch"] >= config.epochs:
        raise UserError(
            f"{path}: has had {contents['epoch']} epochs, and train.epochs is {config.epochs}, so "
            f"nothing is left to do; raise train.epochs, or begin with its weights alone"
        )
    return Start(path, beginning.resumes), contents


def compare_with_saved(
    config: Any, saved: Any, start: Start, contents: dict[str, Any], fixed: tuple[str, ...]
) -> None:
    """A UserError where the config does not fit a checkpoint; every other difference is logged.

    saved: the checkpoint's config. fixed: how the names of values begin for which the weights were
    made: others would give them other shapes or another meaning.
    """
    for name, (before, now) in differences(config_to_dict(saved), config_to_dict(config)).items():
        if name.startswith(fixed) and not name.endswith(".dropout"):
            raise UserError(
                f"{start.path}: its {name} is {_short(before)}, but the config says {_short(now)}; "
                f"the weights were made for the former: set it back, or "
                + (
                    "start a new run with another -m"
                    if start.resumes
                    else "train from random weights"
                )
            )
        if name == "train.optimizer" and start.resumes:
            raise UserError(
                f"{start.path}: was trained with {before}, but train.optimizer is {now}, which "
                f"cannot go on from its moments: set it back, or begin a new run with the weights "
                f"alone"
            )
        if name.startswith("train.optimizer_options") and start.resumes:
            require_same_moments(config.train, start, contents)
        if name in GROUPING and start.resumes:
            if not same_groups(config.train, saved.train, contents["step"]):
                raise UserError(
                    f"{start.path}: {name} was {_short(before)}, but is {_short(now)}, so that the "
                    f"optimizer's moments of step {contents['step']} fit no more: set it back, or "
                    f"begin a new run with the weights alone"
                )
        logger.info(
            "changed since %s: %s was %s, is %s", start.path.name, name, _short(before), _short(now)
        )


def require_same_moments(config: TrainConfig, start: Start, contents: dict[str, Any]) -> None:
    """A UserError if the optimizer, under its present options, keeps more than was saved of it."""
    saved = contents["generator_optimizer"]["state"]
    missing = state_names(config) - set(next(iter(saved.values()), state_names(config)))
    if missing:
        raise UserError(
            f"{start.path}: was trained without the optimizer's {', '.join(sorted(missing))}, "
            f"which the present train.optimizer_options need: set them back, or begin a new run "
            f"with the weights alone"
        )


def load(
    experiment: Experiment,
    start: Start,
    at_hand: list[dict[str, Any]],
    ranks: Ranks,
    run: Path,
    opener: Opener = open_checkpoint,
) -> None:
    """Take everything of a checkpoint, or the weights alone. at_hand: its contents, if read.

    A checkpoint may lack the discriminators; they then stay as they are.
    """
    contents = at_hand.pop() if at_hand else opener(start.path)[1]
    state = experiment.state
    if start.resumes:
        state.load_state_dict(contents, ranks)
        if start.path.parent.parent != run:  # another run's best is no file of this one
            state.best = state.best_step = None
        return
    for name in ("generator", "discriminator"):
        network: nn.Module = getattr(state, name)
        if name not in contents:
            continue
        try:
            network.load_state_dict(contents[name])
        except RuntimeError as error:
            raise UserError(
                f"{start.path}: its {name} does not fit the config: "
                f"{str(error).splitlines()[1].strip()}; use the checkpoint's own config"
            ) from None
    if state.ema:
        state.ema.load_state_dict(state.generator.state_dict())


def set_float32_precision(config: TrainConfig) -> None:
    """Products in full float32 on GPUs, or in TF32 if the config lets them."""
    torch.backends.cuda.matmul.allow_tf32 = config.tf32
    torch.backends.cudnn.allow_tf32 = config.tf32


def write_config(run: Path, config: Any) -> None:
    """config.json of a run folder, which is made; whole or not at all."""
    run.mkdir(parents=True, exist_ok=True)
    with appearing_whole(run / "config.json") as temporary:
        temporary.write_text(config_to_json(config), encoding="utf-8")
        sync(temporary)


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
