"""Speak a text with a trained voice.

    python infer.py --text "Това е тестово изречение." --model_path runs/my_voice --out_path test.wav
    python infer.py --text_file story.txt --model_path step_00100000.pt --speaker p225 --out_path story.flac

The checkpoint holds all that is needed: weights, config, symbols and speakers.
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path

import torch

from hifigan.audio import require_writable, write_audio
from hifigan.distributed import pick_device
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import config_to_dict, differences, read_config
from vits.config import VitsConfig
from vits.exchange.speaking import open_anything_to_speak
from vits.synthesis import WEIGHTS, Voice, load_voice

PAUSE_SECONDS = 0.3  # between the lines of a text file


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", help="what to say")
    text.add_argument(
        "--text_file",
        type=Path,
        metavar="FILE",
        help=f"say each line of a UTF-8 file, {PAUSE_SECONDS} s apart",
    )
    parser.add_argument(
        "--model_path",
        type=Path,
        required=True,
        metavar="PATH",
        help="checkpoint or speak-only file, or run folder whose newest checkpoint speaks; also\n"
        "voices of the original VITS, Coqui, Piper, Hugging Face",
    )
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
        "--out_path",
        type=Path,
        required=True,
        metavar="FILE",
        help="audio file to write: .wav, .flac, .ogg or .mp3",
    )
    parser.add_argument(
        "--speaker", metavar="NAME", help="who speaks, for a voice with several speakers"
    )
    parser.add_argument(
        "--language",
        metavar="NAME",
        help="in which language to read, for a voice with several languages",
    )
    parser.add_argument(
        "--noise_scale",
        type=float,
        default=0.667,
        metavar="X",
        help="how varied the voice is, 0 is the same every time (default: %(default)s)",
    )
    parser.add_argument(
        "--noise_scale_w",
        type=float,
        default=0.8,
        metavar="X",
        help="how varied the rhythm is (default: %(default)s)",
    )
    parser.add_argument(
        "--length_scale",
        type=float,
        default=1.0,
        metavar="X",
        help="multiplies every duration: 2 speaks at half speed (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="the same seed gives the same samples (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default: %(default)s)",
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        require_numbers(args)
        require_writable(args.out_path)  # before anything is loaded
        lines = [args.text] if args.text is not None else read_lines(args.text_file)
        device = pick_device(args.device)
        config = read_config(VitsConfig, args.config_path) if args.config_path else None
        opener = partial(open_anything_to_speak, config=config)
        voice = load_voice(args.model_path, device, args.weights, opener)
        if config:
            compare_config(args.config_path, config, voice)
        rate = voice.config.audio.sample_rate
        wavs = [
            voice.speak(
                line,
                args.speaker,
                args.noise_scale,
                args.noise_scale_w,
                args.length_scale,
                args.seed,
                args.language,
            )
            for line in sayable(lines, voice, voice.language(args.language))
        ]
        wav = join(wavs, round(PAUSE_SECONDS * rate))
        write_audio(args.out_path, wav, rate)
        logging.info(
            "%s: %.2f s at %d Hz, seed %d", args.out_path, len(wav) / rate, rate, args.seed
        )


def require_numbers(args: argparse.Namespace) -> None:
    for name in ("noise_scale", "noise_scale_w"):
        if not 0 <= getattr(args, name) < float("inf"):
            raise UserError(f"--{name} {getattr(args, name)}: expected 0 or more")
    if not 0 < args.length_scale <= 100:
        raise UserError(f"--length_scale {args.length_scale}: expected more than 0, at most 100")
    if not 0 <= args.seed < 2**63:
        raise UserError(f"--seed {args.seed}: expected 0 to 2^63 - 1")


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file that are not blank."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; --text_file takes a UTF-8 text file")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from None
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise UserError(f"{path}: no text in it")
    return lines


def sayable(lines: list[str], voice: Voice, language: str | None) -> list[str]:
    """The lines that the voice can say, the others named. If there is none, the first, to be
    refused.
    """
    kept = [line for line in lines if voice.can_say(line, language)]
    for line in lines:
        if kept and line not in kept:
            logging.warning("left out, because the voice can say nothing in it: %r", line)
    return kept or lines[:1]


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


def join(wavs: list[torch.Tensor], n_pause: int) -> torch.Tensor:
    """Waveforms one after another, with `n_pause` samples of silence between them."""
    pieces = [piece for wav in wavs for piece in (wav, torch.zeros(n_pause))]
    return torch.cat(pieces[:-1])


if __name__ == "__main__":
    main()
