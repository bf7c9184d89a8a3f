"""Train a VITS voice.

    python train.py -c configs/base.json -m my_voice
    torchrun --nproc_per_node=2 train.py -c configs/base.json -m my_voice
    python train.py -c configs/tiny.json --data data/ljspeech-mini --set train.batch_size=4

Everything goes to runs/NAME; the same command again goes on from its newest checkpoint.

    python train.py --continue_path runs/my_voice              # the same, by the run's folder
    python train.py -c my.json -m b --restore_from runs/a      # a new run that goes on from a's state
    python train.py -c my.json -m b --restore_path a.pt        # a new run with a's weights, at step 0
"""

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

from hifigan.diagnosis.profiling import N_STEPS, WARM_UP_STEPS
from hifigan.distributed import Ranks, joined_ranks
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import read_config
from hifigan.loop import Limits
from vits.config import VitsConfig
from vits.diagnosis.trial import N_STEPS as TRIAL_STEPS
from vits.diagnosis.trial import Trial
from vits.diagnosis.watching import Watching
from vits.listening import update_page
from vits.run import RANDOM, Start, prepare, run_training


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        metavar="FILE",
        help="JSON config, such as configs/base.json (needed unless --continue_path is given)",
    )
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="name of the run (default: the config's name)"
    )
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument(
        "--continue_path",
        type=Path,
        metavar="RUN",
        help="go on with this run folder, with its own config unless -c gives another",
    )
    origin.add_argument(
        "--restore_from",
        type=Path,
        metavar="PATH",
        help="begin a new run with everything of a checkpoint file, or of a run's newest one:\n"
        "weights, optimizers, schedule, step",
    )
    origin.add_argument(
        "--restore_path",
        type=Path,
        metavar="FILE",
        help="begin a new run with the weights alone of a checkpoint, as finetune.py does",
    )
    origin.add_argument(
        "--from_scratch",
        action="store_true",
        help="begin with random weights, or stop if the run has checkpoints already",
    )
    add_run_arguments(parser)
    args = parser.parse_args()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        log_to_terminal(ranks, args.log_level)
        limits = ranks.first(lambda: read_limits(args))
        run, config_path, beginning = ranks.first(lambda: find_run(args))
        config = ranks.first(
            lambda: with_data(read_config(VitsConfig, config_path, args.set), args.data)
        )
        train_as_asked(args, config, run, ranks, limits, beginning)


def find_run(args: argparse.Namespace) -> tuple[Path, Path, Start]:
    """The run's folder, its config file, and what a run without checkpoints begins with."""
    if args.continue_path:
        run = args.continue_path
        if args.overfit_one_batch or args.subset:
            raise UserError(
                f"--continue_path {run}: --overfit_one_batch and --subset begin runs of their own; "
                f"use --restore_from {run} to begin with its weights"
            )
        if args.model:
            raise UserError(f"-m {args.model}: --continue_path {run} names the run; leave -m out")
        if not list((run / "checkpoints").glob("*.pt")):
            raise UserError(
                f"{run}: has no checkpoints to go on from; name a run folder such as "
                f"runs/my_voice, or begin one with -c and -m"
            )
        return run, args.config or run / "config.json", RANDOM
    if args.config is None:
        raise UserError("-c/--config is missing: name a JSON config, such as configs/base.json")
    run = Path("runs") / (args.model or args.config.stem)
    is_trial = args.overfit_one_batch or args.subset
    if args.from_scratch and not is_trial and list((run / "checkpoints").glob("*.pt")):
        raise UserError(
            f"{run}: has checkpoints, which --from_scratch would write over; choose another -m, "
            f"move the folder away, or leave --from_scratch out to go on with it"
        )
    path = args.restore_from or args.restore_path
    return run, args.config, Start(path, resumes=bool(args.restore_from))


def train_as_asked(
    args: argparse.Namespace,
    config: VitsConfig,
    run: Path,
    ranks: Ranks,
    limits: Limits,
    beginning: Start,
) -> None:
    """Train, or check the data alone, or make a trial in a folder of its own: exit code 1 if that
    is not passed.
    """
    if args.check_data:
        ranks.first(lambda: prepare(config, run, beginning, at_hand=[]))
        return
    watching = Watching(args.profile, args.detect_anomaly)
    trial = Trial(args.subset) if args.overfit_one_batch or args.subset else None
    if trial:
        run = ranks.first(lambda: trial.folder(run))
    if not run_training(
        config, run, ranks, limits, beginning, update_page, watching=watching, trial=trial
    ):
        raise SystemExit(1)


def log_to_terminal(ranks: Ranks, level: str) -> None:
    """Progress goes to stderr, from the first process only; the run's log.txt has INFO always."""
    lowest = logging.getLevelName(level) if ranks.is_first else logging.ERROR
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: record.levelno >= lowest)  # the progress bar takes it over
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    for package in ("hifigan", "vits"):  # other packages debug themselves
        logging.getLogger(package).setLevel(min(lowest, logging.INFO))


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What every training run takes, wherever its weights come from."""
    parser.add_argument(
        "--data", metavar="DIR", help="data set folder, in place of the config's data.folder"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a value of the config, as in --set train.batch_size=16; may be repeated",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to train (default: %(default)s, CUDA where there is any)",
    )
    parser.add_argument(
        "--max_steps",
        type=int,
        metavar="N",
        help="stop and save at this step (default: after the config's epochs)",
    )
    parser.add_argument(
        "--max_minutes",
        type=float,
        metavar="X",
        help="stop and save after this many minutes (default: no limit)",
    )
    parser.add_argument(
        "--log_level",
        choices=("DEBUG", "INFO", "WARNING"),
        default="INFO",
        help="DEBUG tells shapes, types and ranges of what flows through a step, too; the slower\n"
        "for it (default: %(default)s)",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help=f"record {N_STEPS} steps after {WARM_UP_STEPS}, write a trace to profile/ in the run\n"
        "folder, log where the time goes, and train on",
    )
    parser.add_argument(
        "--detect_anomaly",
        action="store_true",
        help="end at the first NaN or infinity in forward or backward, and say what made it; slow",
    )
    parser.add_argument(
        "--check_data",
        action="store_true",
        help="check config, checkpoint, recordings and texts, tell what would be used, and end",
    )
    trial = parser.add_mutually_exclusive_group()
    trial.add_argument(
        "--overfit_one_batch",
        action="store_true",
        help="train on one batch alone, in runs/NAME_overfit, and say PASS (exit code 0) or FAIL (1)",
    )
    trial.add_argument(
        "--subset",
        type=int,
        metavar="N",
        help="the same on the first N utterances of the training list, in runs/NAME_subset_N; both\n"
        f"take {TRIAL_STEPS} steps unless --max_steps says otherwise",
    )


def read_limits(args: argparse.Namespace) -> Limits:
    for name in ("max_steps", "max_minutes", "subset"):
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise UserError(f"--{name} {value}: expected more than 0; leave it out for no limit")
    return Limits(args.max_steps, args.max_minutes)


def with_data(config: VitsConfig, folder: str | None) -> VitsConfig:
    """The config pointed at another data set folder, whose lists are looked for there."""
    if folder is None:
        return config
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, folder=folder, train_list=None, valid_list=None),
    )


if __name__ == "__main__":
    main()
