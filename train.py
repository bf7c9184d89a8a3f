"""Train a VITS voice.

    python train.py -c configs/base.json -m my_voice
    torchrun --nproc_per_node=2 train.py -c configs/base.json -m my_voice
    python train.py -c configs/tiny.json --data data/ljspeech-mini --set train.batch_size=4

Everything goes to runs/NAME; the same command again goes on from its newest checkpoint.
"""

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

from hifigan.distributed import Ranks, joined_ranks
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import read_config
from hifigan.loop import Limits
from vits.config import VitsConfig
from vits.run import run_training


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON config, such as configs/base.json",
    )
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="name of the run (default: the config's name)"
    )
    add_run_arguments(parser)
    args = parser.parse_args()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        log_to_terminal(ranks)
        limits = ranks.first(lambda: read_limits(args))
        config = ranks.first(
            lambda: with_data(read_config(VitsConfig, args.config, args.set), args.data)
        )
        run_training(config, Path("runs") / (args.model or args.config.stem), ranks, limits)


def log_to_terminal(ranks: Ranks) -> None:
    """Progress goes to stderr, from the first process only."""
    level = logging.INFO if ranks.is_first else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)


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


def read_limits(args: argparse.Namespace) -> Limits:
    for name in ("max_steps", "max_minutes"):
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
