"""Go on with the weights of another run, on other data or with other settings.

    python finetune.py --restore_from runs/my_voice --data data/new_voice -m new_voice
    python finetune.py --restore_from step_00100000.pt -c my_config.json -m new_voice

The same training as train.py from another starting point: weights are taken, optimizers and the
step counter start afresh. Without -c the config of the checkpoint is used.
"""

import argparse
from pathlib import Path

from hifigan.checkpoint import open_checkpoint
from hifigan.command_line import log_to_terminal, read_limits
from hifigan.distributed import joined_ranks
from hifigan.errors import Parser, user_errors_exit
from hifigan.json_config import config_from_dict, override, read_config
from hifigan.start import Start
from train import add_voice_arguments, train_as_asked, with_data
from vits.config import VitsConfig


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--restore_from",
        "--restore_path",
        type=Path,
        required=True,
        metavar="PATH",
        help="checkpoint file, or run folder whose newest checkpoint is taken",
    )
    parser.add_argument("-m", "--model", required=True, metavar="NAME", help="name of the new run")
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        metavar="FILE",
        help="JSON config (default: the checkpoint's)",
    )
    add_voice_arguments(parser)
    args = parser.parse_args()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        log_to_terminal(ranks, args.log_level)
        limits = ranks.first(lambda: read_limits(args))
        path, config = ranks.first(lambda: read_settings(args))
        beginning = Start(path, resumes=False)
        train_as_asked(args, config, Path("runs") / args.model, ranks, limits, beginning)


def read_settings(args: argparse.Namespace) -> tuple[Path, VitsConfig]:
    """The checkpoint to restore from, and the config: that of -c, else the checkpoint's own."""
    path, contents = open_checkpoint(args.restore_from)
    if args.config:
        config = read_config(VitsConfig, args.config, args.set)
    else:
        config = config_from_dict(VitsConfig, override(contents["config"], args.set), str(path))
    return path, with_data(config, args.data)


if __name__ == "__main__":
    main()
