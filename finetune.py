"""Go on with the weights of another run, on other data or with other settings.

    python finetune.py --restore_from runs/my_voice --data data/new_voice -m new_voice
    python finetune.py --restore_from step_00100000.pt -c my_config.json -m new_voice

The same training as train.py from another starting point: weights are taken, optimizers and the
step counter start afresh. Without -c the config of the checkpoint is used.
"""
import argparse
import logging
import sys
from pathlib import Path

from hifigan.checkpoint import find_checkpoint, read_checkpoint
from hifigan.distributed import joined_ranks
from hifigan.errors import user_errors_exit
from hifigan.json_config import config_from_dict, override, read_config
from hifigan.loop import Limits
from train import add_run_arguments, with_data
from vits.config import VitsConfig
from vits.run import run_training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--restore_from", type=Path, required=True, metavar="PATH",
                        help="checkpoint file, or run folder whose newest checkpoint is taken")
    parser.add_argument("-m", "--model", required=True, metavar="NAME", help="name of the new run")
    parser.add_argument("-c", "--config", "--config_path", type=Path, metavar="FILE",
                        help="JSON config (default: the checkpoint's)")
    add_run_arguments(parser)
    args = parser.parse_args()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        logging.basicConfig(level=logging.INFO if ranks.is_first else logging.ERROR, format="%(message)s",
                            stream=sys.stderr)
        path = find_checkpoint(args.restore_from)
        if args.config:
            config = read_config(VitsConfig, args.config, args.set)
        else:
            values = override(read_checkpoint(path)["config"], args.set)
            config = config_from_dict(VitsConfig, values, str(path))
        run_training(with_data(config, args.data), Path("runs") / args.model, ranks,
                     Limits(args.max_steps, args.max_minutes), restore_from=path)


if __name__ == "__main__":
    main()
