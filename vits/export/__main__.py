"""Write a voice in the format of another program.

    python -m vits.export runs/my_voice --format onnx --out_path my_voice.onnx
    python -m vits.export runs/my_voice --format piper --out_path my_voice.onnx
    python -m vits.export runs/my_voice --format sherpa_onnx --out_path my_voice_sherpa
    python -m vits.export runs/my_voice --format hugging_face --out_path my_voice_hf
    python -m vits.export runs/my_voice --format original --out_path my_voice_vits
    python -m vits.export runs/my_voice --format speak_only --out_path my_voice.safetensors
    python -m vits.export runs/my_voice --format voice --half --out_path voices/my_voice

Each is held against PyTorch with the same noise (speak_only, voice: against the weights, to the
bit) before it is kept. Voices of other programs are
read, too, so that this also converts from one format to another.
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import config_from_dict, read_config
from hifigan.start import Opener
from vits.config import VitsConfig
from vits.exchange.recogniser import OpenedVoice, as_checkpoint, open_voice
from vits.exchange.speaking import open_anything_to_speak
from vits.exchange.voice_folder import TRAINING, VOICE
from vits.export.hugging_face import write_hugging_face
from vits.export.one_language import reading
from vits.export.onnx_files import write_onnx
from vits.export.original import write_original
from vits.export.piper import write_piper
from vits.export.sherpa import write_sherpa
from vits.export.speak_only import write_speak_only
from vits.export.texts import texts_to_prepare
from vits.export.voice_folder import write_voice_folder
from vits.speaking.loading import WEIGHTS, choose_weights, load_voice

logger = logging.getLogger(__name__)

FORMATS = {
    "original": "folder of the original VITS: G_*.pth, D_*.pth, config.json",
    "hugging_face": "folder of a VitsModel of the package transformers, with its tokenizer",
    "speak_only": ".safetensors file that infer.py speaks from",
    "voice": f"folder of {VOICE}, which infer.py speaks from, and {TRAINING},\n"
    "which finetune.py goes on from besides; infer.py --voice speaks from those in voices/",
    "onnx": ".onnx file that infer.py and vits.load speak from, twice as fast on a CPU",
    "onnx_two": "the same as two files, for other programs that stream: latents, decoder",
    "piper": ".onnx file, and .onnx.json beside it, for Piper",
    "sherpa_onnx": "folder of model.onnx and tokens.txt for sherpa-onnx",
}
MANY_LANGUAGES = ("speak_only", "voice", "onnx", "onnx_two")  # keep all that a voice reads
WHOLE = ("original", "hugging_face")  # hold what training needs, too
HALVED = ("speak_only", "voice")  # may be written in float16


def main() -> None:
    parser = Parser(
        prog="python -m vits.export",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "model_path",
        type=Path,
        metavar="PATH",
        help="checkpoint, run folder whose newest checkpoint is taken, or another program's voice",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        required=True,
        help="\n".join(f"{name}: {what}" for name, what in FORMATS.items()),
    )
    parser.add_argument(
        "--out_path", type=Path, required=True, metavar="PATH", help="file or folder to write"
    )
    parser.add_argument(
        "--weights",
        choices=WEIGHTS,
        help="ema: the moving average over training; trained: the weights of the step itself\n"
        "(default: ema where the checkpoint has it; for the original's pair, which training goes\n"
        "on from, trained)",
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="JSON config, for another program's voice that has none beside it",
    )
    parser.add_argument(
        "--language",
        metavar="NAME",
        help="which language a voice of several goes on to read (speak_only and onnx keep all)",
    )
    parser.add_argument(
        "--half", action="store_true", help="speak_only, voice: half the size, weights in float16"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        if args.half and args.format not in HALVED:
            raise UserError(f"--half: {args.format} has float32 alone; leave it out")
        if args.language and args.format in MANY_LANGUAGES:
            raise UserError(f"--language: {args.format} keeps all languages; leave it out")
        if args.format in WHOLE:
            write_whole(args)
        elif args.format == "voice":
            write_voice(args)
        else:
            write_speaking(args)
        logger.info("wrote %s", args.out_path)


def write_speaking(args: argparse.Namespace) -> None:
    """The formats that only speak."""
    device = torch.device("cpu")
    opener = partial(open_anything_to_speak, config=given_config(args))
    if args.format not in MANY_LANGUAGES:
        opener = in_one_language(opener, args.language)
    voice = load_voice(args.model_path, device, args.weights, opener)
    if args.format == "speak_only":
        write_speak_only(args.out_path, voice, args.half)
        return
    if args.format in ("onnx", "onnx_two"):
        write_onnx(voice, args.out_path, two_files=args.format == "onnx_two")
        return
    if args.format == "piper":
        write_piper(voice, args.out_path)
    else:
        write_sherpa(voice, args.out_path)
    tell_of_texts(voice.config)


def write_whole(args: argparse.Namespace) -> None:
    """The formats that hold all weights."""
    opened = open_whole(args)
    state = reading(as_checkpoint(opened), args.language, str(opened.path))
    config = config_from_dict(VitsConfig, state["config"], str(opened.path))
    wanted = args.weights or ("trained" if args.format == "original" else None)
    _, generator = choose_weights(opened.path, state, wanted)
    if args.format == "original":
        write_original(args.out_path, config, state | {"generator": generator})
    else:
        write_hugging_face(args.out_path, config, generator)
    tell_of_texts(config)


def write_voice(args: argparse.Namespace) -> None:
    """Two files, which hold all weights together."""
    opened = open_whole(args)
    contents = as_checkpoint(opened)
    if opened.contents and opened.contents.get("speak_only") == "ema":
        # Such a folder has one set of weights; what they are goes along.
        contents |= {"ema": contents["generator"], "generator": {}}
    voice = load_voice(
        opened.path, torch.device("cpu"), args.weights, lambda path: (path, contents)
    )
    write_voice_folder(args.out_path, voice, contents, args.half)


def open_whole(args: argparse.Namespace) -> OpenedVoice:
    """The voice, which has what only training uses, too."""
    opened = open_voice(args.model_path, given_config(args))
    if opened.absent:
        raise UserError(
            f"{opened.path}: lacks what only training uses ({', '.join(opened.absent)}), which "
            f"--format {args.format} holds; give a whole checkpoint, or export as piper, "
            f"sherpa_onnx or speak_only"
        )
    return opened


def tell_of_texts(config: VitsConfig) -> None:
    for line in texts_to_prepare(config.text):
        logger.warning("the other program: %s", line)


def in_one_language(opener: Opener, language: str | None) -> Opener:
    """The opener, for voices that are to read one language alone."""

    def opened(path: Path) -> tuple[Path, dict[str, Any]]:
        path, contents = opener(path)
        return path, reading(contents, language, str(path))

    return opened


def given_config(args: argparse.Namespace) -> VitsConfig | None:
    return read_config(VitsConfig, args.config) if args.config else None


if __name__ == "__main__":
    main()
