"""The arguments of infer.py, and what they come to."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path

from hifigan.audio import FORMATS, require_writable
from hifigan.errors import Parser, UserError
from vits.speaking.anything import BACKENDS
from vits.speaking.jobs import Output
from vits.speaking.loading import WEIGHTS
from vits.speaking.manner import Manner
from vits.speaking.texts import STANDARD
from vits.speaking.timing_files import SUFFIXES, require_timing_path
from vits.speaking.torch_engine import PRECISIONS


def read_arguments(description: str) -> argparse.Namespace:
    """Of the command line. description: of the command, with examples.

    to_folder: whether a slash at the end of --out_path says that it is a folder.
    """
    args = _parser(description).parse_args()
    args.to_folder = args.out_path.endswith(("/", os.sep))
    args.out_path = Path(args.out_path)
    return args


def _parser(description: str) -> Parser:
    parser = Parser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--text", help="what to say")
    what.add_argument(
        "--text_file",
        type=Path,
        metavar="FILE",
        help="say each line of a UTF-8 file, or of standard input (-), which is read where\n"
        "nothing else is given; of lines id|text the ids name the files in a folder",
    )
    what.add_argument(
        "--convert",
        type=Path,
        metavar="FILE",
        help="a recording of --speaker_from, to be said again in the voice of --speaker",
    )
    what.add_argument("--info", action="store_true", help="tell what the model is, and end")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--model_path",
        type=Path,
        metavar="PATH",
        help="checkpoint or speak-only file, or run folder whose newest checkpoint speaks; also\n"
        "voices of the original VITS, Coqui, Piper, Hugging Face",
    )
    who.add_argument(
        "--voice", metavar="NAME", help="a voice that comes with this software, in voices/"
    )
    parser.add_argument(
        "--out_path",
        default="speech.wav",
        metavar="PATH",
        help=f"audio file to write ({', '.join(FORMATS)}), a folder for a file of each line (new\n"
        "ones with a / at the end), or - for standard output (default: %(default)s)",
    )
    parser.add_argument(
        "--speaker", metavar="NAME", help="who speaks, for a voice with several speakers"
    )
    parser.add_argument(
        "--speaker_from", metavar="NAME", help="who speaks in the recording to --convert"
    )
    parser.add_argument(
        "--language",
        metavar="NAME",
        help="in which language to read, for a voice with several languages",
    )
    _add_sound_arguments(parser)
    _add_output_arguments(parser)
    _add_model_arguments(parser)
    return parser


def _add_sound_arguments(parser: Parser) -> None:
    defaults = Manner()
    told = {
        "noise_scale": "how varied the voice is, 0 is the same every time",
        "noise_scale_w": "how varied the rhythm is",
        "length_scale": "multiplies every duration: 2 speaks at half speed",
        "sentence_silence": "seconds of silence between sentences, and between lines",
    }
    for name, what in told.items():
        parser.add_argument(
            f"--{name}",
            type=float,
            default=getattr(defaults, name),
            metavar="X",
            help=f"{what} (default: %(default)s)",
        )
    parser.add_argument(
        "--seed",
        type=int,
        default=defaults.seed,
        metavar="N",
        help="the same seed gives the same samples (default: %(default)s)",
    )
    parser.add_argument(
        "--loudness",
        type=float,
        metavar="LUFS",
        help="bring each file to a loudness, such as -23, or as near as its peak allows: nothing\n"
        "is clipped (default: as the voice makes it)",
    )


def _add_output_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--stream",
        action="store_true",
        help="write as it is made, the first sound as soon as can be",
    )
    parser.add_argument(
        "--raw", action="store_true", help="with --out_path -: bare 16-bit samples, no WAV header"
    )
    parser.add_argument(
        "--format",
        choices=[suffix[1:] for suffix in FORMATS],
        help="of the files in a folder (default: wav)",
    )
    parser.add_argument(
        "--timings",
        type=Path,
        metavar="FILE",
        help="write when words and symbols sound: .json, .srt (subtitles) or .TextGrid (Praat);\n"
        "for a folder give the suffix alone, such as .srt",
    )


def _add_model_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--weights",
        choices=WEIGHTS,
        help="ema: the moving average over training; trained: the weights of the step itself\n"
        "(default: ema where the checkpoint has it)",
    )
    parser.add_argument(
        "-c",
        "--config_path",
        type=Path,
        metavar="FILE",
        help="not needed where the checkpoint has its config; if given, audio and model must agree",
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what computes: torch, or onnx, which is faster on CPUs and needs pip install onnx\n"
        "onnxruntime (default: torch, for .onnx files that vits.export wrote onnx)",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the large products (default: %(default)s)",
    )


def require_sense(args: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything is loaded."""
    if args.info:
        return
    is_pipe, is_folder = args.out_path == STANDARD, goes_to_folder(args)
    if not is_pipe and not is_folder:
        require_writable(args.out_path)
    kind = "a folder" if is_folder else "a file"
    if is_folder and args.out_path.exists() and not args.out_path.is_dir():
        raise UserError(
            f"{args.out_path}: is a file, expected a folder; move it away or choose another name"
        )
    if args.raw and not is_pipe:
        raise UserError(f"--raw: {args.out_path} is {kind}; leave it out, or use --out_path -")
    if args.stream and (is_folder or args.convert):
        raise UserError(
            "--stream is for texts into one file or a pipe; leave it out, or name one as --out_path"
        )
    if args.format is not None and not is_folder:
        raise UserError(
            f"--format is of the files in a folder, and --out_path is {args.out_path}; leave it out"
            f"{'' if is_pipe else ': the suffix says the format'}"
        )
    if args.loudness is not None and not -70 <= args.loudness < 0:
        raise UserError(f"--loudness {args.loudness}: expected LUFS from -70 to below 0, as -23")
    if args.loudness is not None and find_spec("pyloudnorm") is None:  # before anything is spoken
        raise UserError("--loudness needs pyloudnorm, not installed: pip install pyloudnorm")
    for name in ("loudness", "timings"):
        if args.stream and getattr(args, name) is not None:
            raise UserError(f"--{name} needs the whole sound; leave --stream out")
    if args.timings is not None:
        suffix_alone = is_folder and args.timings.name in SUFFIXES
        if not suffix_alone:
            require_timing_path(args.timings)
            if is_folder:
                raise UserError(
                    f"--timings {args.timings}: --out_path is a folder; give the suffix alone: "
                    f"{args.timings.suffix}"
                )
    if args.convert:
        if args.speaker_from is None or args.speaker is None:
            raise UserError("--convert needs --speaker_from and --speaker; name both")
        if is_folder or args.timings:
            raise UserError("--convert makes one sound; give --out_path a file, or -")
        there = args.out_path.exists() and args.convert.exists()
        if there and args.out_path.samefile(args.convert):
            raise UserError(
                f"--convert {args.convert}: would be written over; name another file as --out_path"
            )
    elif args.speaker_from is not None:
        raise UserError("--speaker_from is for --convert; leave it out, or name the speaker")


def goes_to_folder(args: argparse.Namespace) -> bool:
    """Whether --out_path is a folder: one that is there, a name that ends in a slash, or, for
    several texts, a name without suffix.
    """
    path = args.out_path
    if args.to_folder:
        return True
    if path == STANDARD or path.suffix.lower() in FORMATS:
        return False
    return path.is_dir() or (args.text is None and not path.suffix)


def output_of(args: argparse.Namespace) -> Output:
    return Output(
        args.out_path,
        goes_to_folder(args),
        f".{args.format or 'wav'}",
        args.timings,
        args.loudness,
        args.stream,
        args.raw,
    )


def manner_of(args: argparse.Namespace) -> Manner:
    names = ("noise_scale", "noise_scale_w", "length_scale", "seed", "sentence_silence")
    try:
        return Manner(args.speaker, args.language, **{name: getattr(args, name) for name in names})
    except UserError as error:
        raise UserError(f"--{error}") from None
