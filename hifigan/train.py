"""Train or fine-tune a vocoder: mels in, sound out (HiFi-GAN).

    python -m hifigan.train --config configs/hifigan_v1.json --input_wavs_dir wavs/
    torchrun --nproc_per_node=2 -m hifigan.train -c configs/hifigan_v1.json --input_wavs_dir wavs/
    python -m hifigan.train -m tuned --checkpoint_path g_02500000 --fine_tuning \\
        --input_wavs_dir wavs/ --input_mels_dir mels/

Everything goes to runs/NAME; the same command again goes on from its newest checkpoint. Checkpoints
and configs of the original HiFi-GAN will do in all places.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

from hifigan.command_line import (
    add_origin_arguments,
    add_run_arguments,
    find_run,
    log_to_terminal,
    read_limits,
)
from hifigan.diagnosis.watching import Watching
from hifigan.distributed import joined_ranks
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.exchange.configs import read_vocoder_config
from hifigan.exchange.recogniser import open_vocoder
from hifigan.exchange.resuming import as_checkpoint
from hifigan.json_config import config_from_dict, config_to_dict, override
from hifigan.listening import update_page
from hifigan.listening.page import PAGE_NAME
from hifigan.start import Opener, Start
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoder_run import prepare, run_training

logger = logging.getLogger(__name__)

TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


def main() -> None:
    parser = Parser(
        prog="python -m hifigan.train",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        metavar="FILE",
        help="JSON config, such as configs/hifigan_v1.json, or one of the original HiFi-GAN\n"
        "(default: that of the checkpoint which the run begins with)",
    )
    parser.add_argument(
        "--input_wavs_dir",
        metavar="DIR",
        help="folder of recordings, searched with its subfolders (default: the config's data.wavs)",
    )
    parser.add_argument(
        "--input_mels_dir",
        metavar="DIR",
        help="folder of these recordings' mels as an acoustic model makes them, teacher-forced\n"
        "(default: mels are made of the recordings, or taken from the config's data.mels)",
    )
    for name, what in (("training", "train on"), ("validation", "validate on")):
        parser.add_argument(
            f"--input_{name}_file",
            metavar="FILE",
            help=f"list of the recordings to {what}, a name a line; what follows a | is not read\n"
            f"(default: the config's data.{'train' if name == 'training' else 'valid'}_list)",
        )
    parser.add_argument(
        "--fine_tuning",
        nargs="?",
        const=True,
        default=False,
        type=truth,
        metavar="true|false",
        help="begin with the weights of --checkpoint_path, and take recordings at their own level\n"
        "instead of scaling each to data.peak (default: false)",
    )
    add_origin_arguments(parser, ("--checkpoint_path", "--restore_path"))
    add_run_arguments(parser)
    args = parser.parse_args()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        log_to_terminal(ranks, args.log_level)
        limits = ranks.first(lambda: read_limits(args))
        run, config, beginning = ranks.first(lambda: read_settings(args))
        opener = opener_for(config, beginning)
        if args.check_data:
            ranks.first(lambda: prepare(config, run, beginning, opener, [], report_follows=False))
            return
        watching = Watching(args.profile, args.detect_anomaly)
        run_training(config, run, ranks, limits, beginning, opener, update_page, watching)
        if ranks.is_first and (run / PAGE_NAME).exists():
            logger.info("to listen and look: %s", run / PAGE_NAME)


def truth(word: str) -> bool:
    """What a word says; the original takes every word, "False" too, for true."""
    if word.lower() not in TRUE + FALSE:
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return word.lower() in TRUE


def read_settings(args: argparse.Namespace) -> tuple[Path, VocoderConfig, Start]:
    """The run's folder, its config, and what a run without checkpoints begins with."""
    if args.fine_tuning and not (args.weights_path or args.restore_from or args.continue_path):
        raise UserError(
            "--fine_tuning: --checkpoint_path is missing: name the weights to fine-tune, such as "
            "g_02500000 or a run folder; leave --fine_tuning out to train from random weights"
        )
    run, config_path, beginning = find_run(args, "configs/hifigan_v1.json")
    if config_path is None:
        opened = open_vocoder(beginning.path, for_synthesis=True)  # a do_* tells no config
        config, source = opened.config, opened.path
    else:
        config, source = read_vocoder_config(config_path), config_path
    values = config_to_dict(config)
    settings = data_settings(args)
    for key in ("mels", "train_list", "valid_list"):
        if values["data"][key] is not None and settings.get(key, "") is None:
            logger.warning(
                "--input_wavs_dir names other recordings, so data.%s of %s, %s, is not used",
                key,
                source,
                values["data"][key],
            )
    values["data"] |= settings
    source = " ".join([str(source), *(f"--set {setting}" for setting in args.set)])
    return run, config_from_dict(VocoderConfig, override(values, args.set), source), beginning


def data_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The data section's values that the arguments give. Other recordings leave lists and mels
    of the config's behind.
    """
    settings: dict[str, Any] = {}
    if args.input_wavs_dir is not None:
        settings |= {"wavs": args.input_wavs_dir}
        settings |= {"mels": None, "train_list": None, "valid_list": None}
    given = {
        "mels": args.input_mels_dir,
        "train_list": args.input_training_file,
        "valid_list": args.input_validation_file,
    }
    settings |= {key: value for key, value in given.items() if value is not None}
    if args.fine_tuning:
        settings["peak"] = None
    return settings


def opener_for(config: VocoderConfig, beginning: Start) -> Opener:
    """Opens checkpoints of every kind that is known, as contents of our own kind."""

    def open_as_ours(path: Path) -> tuple[Path, dict[str, Any]]:
        opened = open_vocoder(path, config)
        reopened = opened.path if opened.contents else path
        return reopened, as_checkpoint(opened, config, beginning.resumes)

    return open_as_ours


if __name__ == "__main__":
    main()
