"""Speak a text with a trained voice.

    python infer.py --voice kathleen --text "This is a sentence."
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

from hifigan.audio import read_audio
from hifigan.errors import UserError, user_errors_exit
from hifigan.json_config import config_to_dict, differences, read_config
from vits.config import VitsConfig
from vits.exchange.voice_folder import VOICE, shipped_voices
from vits.speaking.anything import load
from vits.speaking.arguments import (
    goes_to_folder,
    manner_of,
    output_of,
    read_arguments,
    require_sense,
)
from vits.speaking.info import describe
from vits.speaking.jobs import speak, write
from vits.speaking.manner import Manner
from vits.speaking.texts import STANDARD, Item, read_items, require_file_names
from vits.speaking.voice import Voice

VOICES = Path(__file__).parent / "voices"


def main() -> None:
    args = read_arguments(__doc__)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        require_sense(args)
        how = manner_of(args)
        items = None if args.info or args.convert else items_of(args)
        config = read_config(VitsConfig, args.config_path) if args.config_path else None
        path = args.model_path or shipped_voice(args.voice)
        voice = load(path, args.backend, args.device, args.weights, args.precision, config)
        if config:
            compare_config(args.config_path, config, voice)
        if args.info:
            for name, value in describe(voice):
                print(f"{name:<16}{value}")
        elif args.convert:
            convert(args, voice)
        else:
            speak(voice, sayable(items, voice, how), how, output_of(args))


def shipped_voice(name: str) -> Path:
    names = shipped_voices(VOICES)
    if name not in names:
        there = f"there are: {', '.join(names)}" if names else f"{VOICES} has none"
        raise UserError(f"--voice {name}: unknown; {there}; or name a file with --model_path")
    return VOICES / name / VOICE


def items_of(args: argparse.Namespace) -> list[Item]:
    if args.text is not None:
        return [Item("0001", args.text)]
    if args.text_file is None and sys.stdin.isatty():
        raise UserError("no text: give --text or --text_file, or pipe one into standard input")
    path = args.text_file or STANDARD
    items = read_items(path)
    if goes_to_folder(args):
        require_file_names(items, path)
    return items


def sayable(items: list[Item], voice: Voice, how: Manner) -> list[Item]:
    """The texts that the voice can say, the others named. If there is none, the first, to be
    refused.
    """
    language = voice.language(how.language)
    kept, silent = [], []
    for item in items:
        (kept if voice.can_say(item.text, language) else silent).append(item)
    if not kept:
        return items[:1]
    for item in silent:
        told = "%s: left out, because the voice can say nothing in it: %r"
        logging.warning(told, item.id, item.text[:200])
    return kept


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
