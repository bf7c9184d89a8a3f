"""Turn a folder of mels, or of recordings, into waveforms with a trained vocoder.

    python -m hifigan.infer --checkpoint runs/my_vocoder --input_mels_dir mels --output_dir out
    python -m hifigan.infer --checkpoint g_02500000 --input_wavs_dir wavs --output_dir copies

What is in the output folder already is left as it is, so that a job that was killed goes on.
"""

import argparse
import logging
import sys
from pathlib import Path

from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.vocoding.folder import Mels, Recordings, vocode_folder
from hifigan.vocoding.vocoder import load


def main() -> None:
    args = make_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        input_dir = args.input_mels_dir or args.input_wavs_dir
        if args.chunk_frames is not None and args.chunk_frames < 1:
            raise UserError(f"--chunk_frames {args.chunk_frames}: expected 1 or more")
        require_apart(input_dir, args.output_dir)
        vocoder = load(args.checkpoint, args.device, args.config)
        source = (Mels if args.input_mels_dir else Recordings)(input_dir, vocoder)
        tally = vocode_folder(
            source, args.output_dir, f".{args.format}", args.chunk_frames, args.overwrite
        )
        logging.info("%s: %s", args.output_dir, tally.told(vocoder.recipe.sample_rate))
    if tally.n_refused:
        raise SystemExit(1)


def make_parser() -> Parser:
    parser = Parser(
        prog="python -m hifigan.infer",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="PATH",
        help="run folder or checkpoint of ours, an official g_* or its folder, a generator of\n"
        "Coqui or bshall, or an .onnx file of ours",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--input_mels_dir",
        type=Path,
        metavar="DIR",
        help="folder of .npy mels [n_mels, frames] with their mel_recipe.json, and its subfolders",
    )
    source.add_argument(
        "--input_wavs_dir",
        type=Path,
        metavar="DIR",
        help="folder of recordings of any format and rate, and its subfolders; their mels are\n"
        "made first",
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="where to write the waveforms, under the names of the inputs",
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="for a checkpoint of other programs without a config inside or beside it",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default: %(default)s, CUDA where there is any)",
    )
    parser.add_argument(
        "--chunk_frames",
        type=int,
        metavar="N",
        help="make each waveform in pieces of N frames, in little memory however long it is\n"
        "(default: whole)",
    )
    parser.add_argument(
        "--format",
        choices=("wav", "flac"),
        default="wav",
        help="of the files written, 16 bits (default: %(default)s)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="make anew what is in the output folder (default: leave it)",
    )
    return parser


def require_apart(input_dir: Path, output_dir: Path) -> None:
    """Refuse an output folder that is the input folder or inside it: the next run would take its
    waveforms for recordings, or write them over the recordings.
    """
    inside, outer = output_dir.resolve(), input_dir.resolve()
    if inside == outer or outer in inside.parents:
        raise UserError(
            f"--output_dir {output_dir}: is or lies in the input folder {input_dir}; choose a "
            f"folder outside it"
        )


if __name__ == "__main__":
    main()
