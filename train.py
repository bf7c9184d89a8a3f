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
from pathlib import Path
from typing import Any

from hifigan.command_line import (
    add_origin_arguments,
    add_run_arguments,
    find_run,
    log_to_terminal,
    read_limits,
    require_more_than_zero,
)
from hifigan.diagnosis.watching import Watching
from hifigan.distributed import Ranks, joined_ranks
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import read_config
from hifigan.listening import update_page
from hifigan.loop import Limits
from hifigan.start import Opener, Start
from vits.config import VitsConfig
from vits.diagnosis.trial import N_STEPS as TRIAL_STEPS
from vits.diagnosis.trial import Trial
from vits.exchange.recogniser import open_for_training
from vits.run import prepare, run_training
from vits.text import complete_text
from vits.transfer.taking import Taking


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
    add_origin_arguments(parser, ("--restore_path",))
    add_voice_arguments(parser)
    args = parser.parse_args()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        log_to_terminal(ranks, args.log_level)
        limits = ranks.first(lambda: read_limits(args))
        run, config_path, beginning = ranks.first(lambda: find_voice_run(args))
        config = ranks.first(
            lambda: with_tables(
                with_data(read_config(VitsConfig, config_path, args.set), args.data)
            )
        )
        opener = whole_voices(open_for_training(config))
        train_as_asked(args, config, run, ranks, limits, beginning, opener)


def whole_voices(opener: Opener) -> Opener:
    """The opener, but for voices that lack what only training uses: finetune.py leads those in."""

    def opened(path: Path) -> tuple[Path, dict[str, Any]]:
        path, contents = opener(path)
        if "posterior_encoder.*" in contents.get("absent", ()):
            raise UserError(
                f"{path}: has no posterior encoder, being made to speak alone; finetune.py "
                f"--restore_from {path} lets a fresh one learn first"
            )
        return path, contents

    return opened


def find_voice_run(args: argparse.Namespace) -> tuple[Path, Path, Start]:
    """The run's folder, its config file, and what a run without checkpoints begins with."""
    is_trial = args.overfit_one_batch or args.subset
    if is_trial and args.continue_path:
        raise UserError(
            f"--continue_path {args.continue_path}: --overfit_one_batch and --subset begin runs of "
            f"their own; use --restore_from {args.continue_path} to begin with its weights"
        )
    if is_trial:  # in a new folder of its own
        args.from_scratch = False
    run, config_path, beginning = find_run(args, "configs/base.json")
    if config_path is None:
        raise UserError("-c/--config is missing: name a JSON config, such as configs/base.json")
    return run, config_path, beginning


def train_as_asked(
    args: argparse.Namespace,
    config: VitsConfig,
    run: Path,
    ranks: Ranks,
    limits: Limits,
    beginning: Start,
    opener: Opener,
    taking: Taking = Taking(),
) -> None:
    """Train, or check the data alone, or make a trial in a folder of its own: exit code 1 if that
    is not passed. opener: opens what `beginning` names; taking: what to take of weights alone.
    """
    ranks.first(lambda: require_more_than_zero("subset", args.subset))
    if args.check_data:
        ranks.first(lambda: prepare(config, run, beginning, [], opener, taking))
        return
    watching = Watching(args.profile, args.detect_anomaly)
    trial = Trial(args.subset) if args.overfit_one_batch or args.subset else None
    if trial:
        run = ranks.first(lambda: trial.folder(run))
    if not run_training(
        config, run, ranks, limits, beginning, update_page, watching, trial, opener, taking
    ):
        raise SystemExit(1)


def add_voice_arguments(parser: argparse.ArgumentParser) -> None:
    """What every run of a voice takes, wherever its weights come from."""
    parser.add_argument(
        "--data", metavar="DIR", help="data set folder, in place of the config's data.folder"
    )
    add_run_arguments(parser)
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


def with_tables(config: VitsConfig) -> VitsConfig:
    """The config with what text.symbols and text.lexicon name in place of the names."""
    return dataclasses.replace(config, text=complete_text(config.text))


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
