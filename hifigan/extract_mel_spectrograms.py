"""Mels of all recordings in a folder, as .npy files with their recipe (hifigan/mels_on_disk.py).

    python -m hifigan.extract_mel_spectrograms --input_dir wavs/ --output_dir mels/ -c CONFIG

The same command goes on where it was interrupted, and again makes what has changed since.
"""

import argparse
import logging
import sys
from pathlib import Path

from hifigan.distributed import usable_cores
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.exchange.configs import read_with_mel
from hifigan.mel_extraction import extract
from hifigan.mel_recipe import input_recipe
from hifigan.mels_on_disk import frames_of, list_mels, write_recipe

logger = logging.getLogger(__name__)


def main() -> None:
    parser = Parser(
        prog="python -m hifigan.extract_mel_spectrograms",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--input_dir",
        type=Path,
        metavar="DIR",
        help="recordings of any rate and format, in any subfolders. They are not scaled, whatever\n"
        "data.peak says: these are the mels of the recordings as they are",
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="where the mels go, in the same subfolders",
    )
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        required=True,
        metavar="FILE",
        help="config of the vocoder, such as configs/hifigan_v1.json, or one of the original\n"
        "HiFi-GAN; it says what the mels are made of",
    )
    parser.add_argument(
        "--num_workers",
        type=int,
        default=usable_cores(),
        metavar="N",
        help="processes that make mels (default: the cores that may be used, here %(default)s)",
    )
    parser.add_argument(
        "--declare_recipe",
        action="store_true",
        help="make no mels, but write into --output_dir that the mels there were made by the\n"
        "config's recipe, as those of an acoustic model are (default: make mels)",
    )
    arguments = parser.parse_args()
    if arguments.declare_recipe == (arguments.input_dir is not None):
        parser.error("expected either --input_dir, or --declare_recipe without it")
    if arguments.num_workers < 1:
        parser.error(f"--num_workers is {arguments.num_workers}, expected 1 or more")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with user_errors_exit():
        config, foreign_mel = read_with_mel(arguments.config)
        if arguments.declare_recipe:
            if foreign_mel:
                raise UserError(
                    f"{arguments.config}: {foreign_mel}; mels made by it cannot be declared, make "
                    f"mels of the recordings with --input_dir"
                )
            first = next(iter(list_mels(arguments.output_dir).values()))
            frames_of(first, config.audio.n_mels)
            write_recipe(arguments.output_dir, input_recipe(config))
            print(f"{arguments.output_dir}: recipe {input_recipe(config).fingerprint} declared")
            return
        if foreign_mel:
            logger.warning("%s: %s", arguments.config, foreign_mel)
        outcome = extract(arguments.input_dir, arguments.output_dir, config, arguments.num_workers)
        for failed in outcome.failed:
            logger.warning("failed: %s", failed.told)
        print(outcome)
    sys.exit(1 if outcome.failed else 0)


if __name__ == "__main__":
    main()
