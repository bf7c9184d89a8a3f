"""A small file that can speak and nothing else, from a checkpoint that training wrote.

    python -m vits.speak_only runs/my_voice --out_path my_voice.pt
    python -m vits.speak_only runs/my_voice --out_path my_voice.pt --half

infer.py takes it as --model_path. It holds the weights that synthesis uses, with weight norm
folded, and config, symbols and speakers. In float32 it speaks the same samples as the checkpoint.
With --half every weight is rounded to 11 bits, and speaking computes in float32 all the same: what
that adds lay 61 dB or more below a voice trained on data/ljspeech-mini. A symbol whose duration
was just about to be rounded the other way may become a frame longer or shorter.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hifigan.atomic_file import megabytes
from hifigan.checkpoint import write_checkpoint
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import config_to_dict
from vits.speaking.loading import WEIGHTS, drop_training_parts, load_voice
from vits.speaking.voice import Voice

logger = logging.getLogger(__name__)


def main() -> None:
    parser = Parser(
        prog="python -m vits.speak_only",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "model_path",
        type=Path,
        metavar="PATH",
        help="checkpoint file, or run folder whose newest checkpoint is taken",
    )
    parser.add_argument(
        "--out_path", type=Path, required=True, metavar="FILE", help="file to write"
    )
    parser.add_argument(
        "--half", action="store_true", help="half the size: weights in float16 (default: float32)"
    )
    parser.add_argument(
        "--weights",
        choices=WEIGHTS,
        help="ema: the moving average over training; trained: the weights of the step itself\n"
        "(default: ema where the checkpoint has it)",
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        if args.out_path.exists():
            raise UserError(f"{args.out_path}: is there already; choose another name or delete it")
        if args.out_path.suffix == ".safetensors":
            raise UserError(
                f"{args.out_path}: this writes torch files (.pt); for safetensors use python -m "
                f"vits.export --format speak_only"
            )
        try:
            voice = load_voice(args.model_path, torch.device("cpu"), args.weights)
        except UserError as fault:
            raise UserError(
                f"{fault}; of another program's voice python -m vits.export --format speak_only "
                f"writes one"
            ) from None
        write_checkpoint(args.out_path, speak_only(voice, args.half, args.out_path))
        logger.info("%s: %s", args.out_path, megabytes(args.out_path.stat().st_size))


def speak_only(voice: Voice, half: bool, path: Path) -> dict[str, Any]:
    """What the speak-only file `path` is to hold. Takes from the voice's model the parts that only
    train.
    """
    drop_training_parts(voice.model)
    state = voice.model.state_dict()
    return {
        "config": config_to_dict(voice.config),
        "step": voice.step,
        "speak_only": voice.weights,
        "generator": in_half(state, path) if half else state,
    }


def in_half(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights in float16. UserError if one is too large for it. path: the file to write."""
    state = {name: weight.half() for name, weight in state.items()}
    for name, weight in state.items():
        if not weight.isfinite().all():
            raise UserError(f"{path}: {name} is too large for float16; leave --half out")
    return state


if __name__ == "__main__":
    main()
