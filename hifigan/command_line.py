"""The arguments that every training command takes, and how it tells what it does."""

import argparse
import logging
import sys
from pathlib import Path

from hifigan.diagnosis.profiling import N_STEPS, WARM_UP_STEPS
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.loop import Limits
from hifigan.start import RANDOM, Start


def add_origin_arguments(parser: argparse.ArgumentParser, weights_flags: tuple[str, ...]) -> None:
    """Where a run and its weights come from; weights_flags: name a checkpoint for its weights."""
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
        *weights_flags,
        type=Path,
        dest="weights_path",
        metavar="PATH",
        help="begin a new run with the weights alone of a checkpoint file or folder, at step 0\n"
        "(the run itself is written to runs/NAME, see -m)",
    )
    origin.add_argument(
        "--from_scratch",
        action="store_true",
        help="begin with random weights, or stop if the run has checkpoints already",
    )


def find_run(args: argparse.Namespace, example: str) -> tuple[Path, Path | None, Start]:
    """The run's folder, its config file if one is named, and what a run without checkpoints
    begins with. example: a config to point to.
    """
    if args.continue_path:
        run = args.continue_path
        if args.model:
            raise UserError(f"-m {args.model}: --continue_path {run} names the run; leave -m out")
        if not list((run / "checkpoints").glob("*.pt")):
            raise UserError(
                f"{run}: has no checkpoints to go on from; name a run folder such as "
                f"runs/my_voice, or begin one with -c and -m"
            )
        return run, args.config or run / "config.json", RANDOM
    path = args.restore_from or args.weights_path
    if args.config is None and path is None:
        raise UserError(f"-c/--config is missing: name a JSON config, such as {example}")
    if args.config is None and args.model is None:
        raise UserError("-m/--model is missing: name the new run, which is written to runs/NAME")
    run = Path("runs") / (args.model or args.config.stem)
    if args.from_scratch and list((run / "checkpoints").glob("*.pt")):
        raise UserError(
            f"{run}: has checkpoints, which --from_scratch would write over; choose another -m, "
            f"move the folder away, or leave --from_scratch out to go on with it"
        )
    return run, args.config, Start(path, resumes=bool(args.restore_from))


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What every training run takes, wherever its weights come from."""
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
        help="check config, checkpoint and data, tell what would be used, and end",
    )


def read_limits(args: argparse.Namespace) -> Limits:
    for name in ("max_steps", "max_minutes"):
        require_more_than_zero(name, getattr(args, name))
    return Limits(args.max_steps, args.max_minutes)


def require_more_than_zero(flag: str, value: float | None) -> None:
    if value is not None and not value > 0:
        raise UserError(f"--{flag} {value}: expected more than 0; leave it out for no limit")


def log_to_terminal(ranks: Ranks, level: str) -> None:
    """Progress goes to stderr, from the first process only; the run's log.txt has INFO always."""
    lowest = logging.getLevelName(level) if ranks.is_first else logging.ERROR
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(  # the progress bar takes it over
        lambda record: record.levelno >= lowest and not hasattr(record, "for_file")
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    for package in ("hifigan", "vits"):  # other packages debug themselves
        logging.getLogger(package).setLevel(min(lowest, logging.INFO))
