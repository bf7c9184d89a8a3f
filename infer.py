"""Speak a text with a trained voice.

    python infer.py --text "Това е изречение." --model_path runs/my_voice --out_path test.wav
    python infer.py --text_file story.txt --model_path runs/vctk --speaker p225 --out_path out.flac
    python infer.py --text_file lines.txt --model_path runs/my_voice --out_path folder/
    echo "Hello." | python infer.py --model_path runs/my_voice --out_path - --stream | aplay
    python infer.py --model_path runs/my_voice --info
    python infer.py --convert a.wav --speaker_from p225 --speaker p226 --model_path runs/vctk \\
        --out_path b.wav

The checkpoint holds all that is needed: weights, config, symbols and speakers. Sentences are spoken
one by one, so that a text may be as long as it likes; the same sentence sounds the same everywhere.
"""

import argparse
import logging
import sys
from pathlib import Path

from hifigan.audio import FORMATS, read_audio, require_writable
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import config_to_dict, differences, read_config
from vits.config import VitsConfig
from vits.speaking.anything import BACKENDS, load
from vits.speaking.info import describe
from vits.speaking.jobs import Output, speak, write
from vits.speaking.loading import WEIGHTS
from vits.speaking.manner import Manner
from vits.speaking.texts import STANDARD, Item, read_items
from vits.speaking.timing_files import require_timing_path
from vits.speaking.torch_engine import PRECISIONS
from vits.speaking.voice import Voice


def main() -> None:
    args = make_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        require_sense(args)
        how = manner(args)
        items = None if args.info or args.convert else items_of(args)
        config = read_config(VitsConfig, args.config_path) if args.config_path else None
        voice = load(
            args.model_path, args.backend, args.device, args.weights, args.precision, config
        )
        if config:
            compare_config(args.config_path, config, voice)
        if args.info:
            for name, value in describe(voice):
                print(f"{name:<16}{value}")
        elif args.convert:
            convert(args, voice)
        else:
            speak(voice, sayable(items, voice, how), how, output_of(args))


def make_parser() -> Parser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--text", help="what to say")
    what.add_argument(
        "--text_file",
        type=Path,
        metavar="FILE",
        help="say each line of a UTF-8 file, or of standard input (-), which is read where nothing\n"
        "else is given; where all lines are id|text, the ids name the files in a folder",
    )
    what.add_argument(
        "--convert",
        type=Path,
        metavar="FILE",
        help="a recording of --speaker_from, to be said again in the voice of --speaker",
    )
    what.add_argument("--info", action="store_true", help="tell what the model is, and end")
    parser.add_argument(
        "--model_path",
        type=Path,
        required=True,
        metavar="PATH",
        help="checkpoint or speak-only file, or run folder whose newest checkpoint speaks; also\n"
        "voices of the original VITS, Coqui, Piper, Hugging Face",
    )
    parser.add_argument(
        "--out_path",
        type=Path,
        metavar="PATH",
        help=f"audio file to write ({', '.join(FORMATS)}), a folder for a file of each line, or -\n"
        "for standard output",
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
    add_sound_arguments(parser)
    add_output_arguments(parser)
    add_model_arguments(parser)
    return parser


def add_sound_arguments(parser: Parser) -> None:
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


def add_output_arguments(parser: Parser) -> None:
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
        default="wav",
        help="of the files in a folder (default: %(default)s)",
    )
    parser.add_argument(
        "--timings",
        type=Path,
        metavar="FILE",
        help="write when words and symbols sound: .json, .srt (subtitles) or .TextGrid (Praat); for\n"
        "a folder give the suffix alone, such as .srt",
    )


def add_model_arguments(parser: Parser) -> None:
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
    if args.out_path is None:
        raise UserError("--out_path is missing; name an audio file, a folder, or - for a pipe")
    is_pipe, is_folder = args.out_path == STANDARD, goes_to_folder(args)
    if not is_pipe and not is_folder:
        require_writable(args.out_path)
    if args.raw and not is_pipe:
        raise UserError(f"--raw: {args.out_path} is a file; leave it out, or use --out_path -")
    if args.loudness is not None and not -70 <= args.loudness < 0:
        raise UserError(f"--loudness {args.loudness}: expected LUFS from -70 to below 0, as -23")
    for name in ("loudness", "timings"):
        if args.stream and getattr(args, name) is not None:
            raise UserError(f"--{name} needs the whole sound; leave --stream out")
    if args.timings is not None:
        suffix_alone = is_folder and args.timings.name in (".json", ".srt", ".TextGrid")
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
        if is_folder or args.timings or args.text_file:
            raise UserError("--convert makes one sound; give --out_path a file, or -")
    elif args.speaker_from is not None:
        raise UserError("--speaker_from is for --convert; leave it out, or name the speaker")


def goes_to_folder(args: argparse.Namespace) -> bool:
    """Whether --out_path is a folder: for several texts, where its name has no suffix."""
    path = args.out_path
    return path != STANDARD and not path.suffix and (args.text is None or path.is_dir())


def output_of(args: argparse.Namespace) -> Output:
    return Output(
        args.out_path,
        goes_to_folder(args),
        f".{args.format}",
        args.timings,
        args.loudness,
        args.stream,
        args.raw,
    )


def manner(args: argparse.Namespace) -> Manner:
    names = ("noise_scale", "noise_scale_w", "length_scale", "seed", "sentence_silence")
    try:
        return Manner(args.speaker, args.language, **{name: getattr(args, name) for name in names})
    except UserError as error:
        raise UserError(f"--{error}") from None


def items_of(args: argparse.Namespace) -> list[Item]:
    if args.text is not None:
        return [Item("0001", args.text)]
    if args.text_file is None and sys.stdin.isatty():
        raise UserError("no text: give --text or --text_file, or pipe one into standard input")
    return read_items(args.text_file or STANDARD)


def sayable(items: list[Item], voice: Voice, how: Manner) -> list[Item]:
    """The texts that the voice can say, the others named. If there is none, the first, to be
    refused.
    """
    language = voice.language(how.language)
    kept = [item for item in items if voice.can_say(item.text, language)]
    for item in items:
        if kept and item not in kept:
            logging.warning(
                "left out, because the voice can say nothing in it: %r", item.text[:200]
            )
    return kept or items[:1]


def convert(args: argparse.Namespace, voice: Voice) -> None:
    wav = voice.convert(
        read_audio(args.convert, voice.sample_rate), args.speaker_from, args.speaker
    )
    write([wav], voice.sample_rate, output_of(args), args.out_path)
    logging.info(
        "%s: %.2f s, %s as %s",
        args.out_path,
        len(wav) / voice.sample_rate,
        args.speaker_from,
        args.speaker,
    )


def compare_config(path: Path, config: VitsConfig, voice: Voice) -> None:
    """Refuse a config that describes another model than the checkpoint's own."""
    given = config_to_dict(config)
    own = config_to_dict(voice.config)
    for section in ("audio", "model"):
        for name, (saved, wanted) in differences(
            own[section], given[section], f"{section}."
        ).items():
            raise UserError(
                f"{path}: {name} is {wanted}, but the checkpoint was trained with {saved}; "
                f"leave --config_path out, the checkpoint has its config"
            )


if __name__ == "__main__":
    main()
