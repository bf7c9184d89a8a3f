"""Go on with the weights of a voice, anyone's, on other data or with other settings.

    python finetune.py --restore_from runs/my_voice --data data/new_voice -m new_voice
    python finetune.py --restore_from en_US-joe-medium.onnx --data data/new_voice -m new_voice
    python finetune.py --restore_from G_100000.pth --dry_run                     # what would load

The same training as train.py from another starting point: weights are taken (by part, by symbol
and by speaker), optimizers and the step counter start afresh. The settings are the checkpoint's
own, but for what configs/finetune.json, or the file given with -c, changes of them.
"""

import argparse
import dataclasses
import logging
from pathlib import Path
from typing import Any

from hifigan.command_line import log_to_terminal, read_limits
from hifigan.distributed import joined_ranks
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import (
    config_from_dict,
    config_to_dict,
    override,
    read_config,
    read_json,
)
from hifigan.start import Opener, Start
from train import add_voice_arguments, train_as_asked, with_data, with_tables
from vits.config import FROM_DATA, VitsConfig
from vits.exchange.recogniser import open_for_training
from vits.fine_tuning import dry_run
from vits.transfer.taking import Taking

logger = logging.getLogger(__name__)

DEFAULTS = Path(__file__).parent / "configs/finetune.json"
# Where a file lacks the posterior encoder (voices made for speaking alone), a fresh one first
# learns to lead recordings to what the trained decoder understands, and nothing else changes.
POSTERIOR_STEPS = 2000
TRAINED_PARTS = ("text_encoder", "flow", "duration_predictor", "decoder")


def main() -> None:
    args = read_arguments()
    with user_errors_exit(), joined_ranks(args.device) as ranks:
        log_to_terminal(ranks, args.log_level)
        limits = ranks.first(lambda: read_limits(args))
        opened: list[tuple[Path, dict[str, Any]]] = []  # a checkpoint is large: read it once
        run = Path("runs") / (args.model or "")
        config = ranks.first(lambda: with_tables(read_settings(args, run, opened)))
        beginning = Start(args.restore_from, resumes=False)
        taking = Taking(tuple(separate(args.reinitialize_layers)), args.speaker)
        opener = at_hand_first(opened, config)
        if args.dry_run:
            if args.model and any(run.glob("checkpoints/*.pt")):
                logger.warning("%s has checkpoints: a run of that name goes on from them", run)
            ranks.first(lambda: dry_run(config, beginning, opener, taking, args.data is not None))
            return
        train_as_asked(args, config, run, ranks, limits, beginning, opener, taking)


def read_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--restore_from",
        "--restore_path",
        type=Path,
        required=True,
        metavar="PATH",
        help="checkpoint file or folder: a run of ours (its newest checkpoint), the original's\n"
        "G_*.pth, Coqui's, Piper's .ckpt or .onnx, a folder of Hugging Face or MMS, HiFi-GAN's g_*",
    )
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="name of the new run (not needed for --dry_run)"
    )
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        default=DEFAULTS,
        metavar="FILE",
        help="JSON config, whole or in parts; what it leaves out is the checkpoint's\n"
        "(default: configs/finetune.json)",
    )
    parser.add_argument(
        "--dry_run",
        action="store_true",
        help="print what of the checkpoint would be loaded where, and end",
    )
    parser.add_argument(
        "--ignore_layers",
        "--reinitialize_layers",
        dest="reinitialize_layers",
        nargs="+",
        default=[],
        metavar="LAYERS",
        help="parts that begin with random weights: text_encoder, posterior_encoder, flow,\n"
        "duration_predictor, decoder, speaker_embedding, discriminator, layers inside them, or\n"
        'patterns such as "decoder.stages.*"',
    )
    parser.add_argument(
        "--freeze_layers",
        nargs="+",
        metavar="LAYERS",
        help="parts, layers or patterns that do not learn",
    )
    parser.add_argument(
        "--unfreeze_at",
        type=int,
        metavar="STEP",
        help="the step from which they do (default: never)",
    )
    parser.add_argument(
        "--freeze_old_speakers",
        action="store_true",
        help="the embeddings of the checkpoint's speakers do not learn",
    )
    parser.add_argument(
        "--mix_in",
        type=Path,
        metavar="LIST",
        help="a list of old data to train on besides, so that the voice forgets nothing\n"
        "(its share of an epoch: --set data.mix_in_share=0.3)",
    )
    parser.add_argument(
        "--speaker",
        metavar="NAME",
        help="which speaker's voice to keep where the new voice has one speaker and the\n"
        "checkpoint many (default: their mean)",
    )
    add_voice_arguments(parser)
    args = parser.parse_args()
    if args.model is None and not args.dry_run:
        parser.error("-m/--model is missing: name the new run, which is written to runs/NAME")
    return args


def read_settings(
    args: argparse.Namespace, run: Path, opened: list[tuple[Path, dict[str, Any]]]
) -> VitsConfig:
    """The config of the run. What was read of the checkpoint is left in `opened`, for a new one."""
    goes_on = args.model is not None and any(run.glob("checkpoints/*.pt"))
    if goes_on and not args.restore_from.exists():  # it was moved away since
        return with_data(read_config(VitsConfig, run / "config.json", args.set), args.data)
    changes = read_json(args.config)
    if not isinstance(changes, dict):
        raise UserError(f"{args.config}: expected an object {{...}} of sections")
    if "inter_channels" in changes.get("model", ()) or "model_args" in changes:
        raise UserError(
            f"{args.config}: a config of another program; put it beside {args.restore_from} as "
            f"config.json, where it is looked for"
        )
    whole = set(changes) == {field.name for field in dataclasses.fields(VitsConfig)}
    given = config_from_dict(VitsConfig, changes, str(args.config)) if whole else None
    path, contents = open_for_training(given)(args.restore_from)
    if not goes_on:
        opened.append((path, contents))
    saved = config_from_dict(VitsConfig, contents["config"], str(path))
    values = config_to_dict(saved)
    values["text"]["symbols"] = FROM_DATA  # the checkpoint's, and what the data has besides
    values["data"] |= {
        "speakers": None if saved.data.speakers is None else FROM_DATA,
        "languages": None if saved.data.languages is None else FROM_DATA,
        "train_list": None,
        "valid_list": None,
        "mix_in": None,
    }
    values["train"] |= {"freeze_layers": None, "unfreeze_at": None, "layer_lr": []}
    values["train"] |= {"frozen_speakers": 0}
    for section, keys in changes.items():
        if not isinstance(keys, dict):
            raise UserError(f"{args.config}: {section}: found {keys!r}, expected a section {{...}}")
        values[section] = values.get(section, {}) | keys
    values = override(values, args.set)
    values["train"] |= frozen(args, saved, contents, values)
    if args.mix_in:
        values["data"]["mix_in"] = str(args.mix_in)
    where = " ".join([str(path), "with", str(args.config), *(f"--set {s}" for s in args.set)])
    return with_data(config_from_dict(VitsConfig, values, where), args.data)


def frozen(
    args: argparse.Namespace, saved: VitsConfig, contents: dict[str, Any], values: dict[str, Any]
) -> dict[str, Any]:
    """What the flags, or else the checkpoint's gaps, say of freezing.

    values: of the config, in which train.freeze_layers is None unless somebody has set it.
    """
    train = values["train"]
    made: dict[str, Any] = {"freeze_layers": train["freeze_layers"] or []}
    if args.freeze_layers is not None:
        made["freeze_layers"] = separate(args.freeze_layers)
    if args.unfreeze_at is not None:
        made["unfreeze_at"] = args.unfreeze_at
    if args.freeze_old_speakers:
        if saved.data.speakers is None:
            raise UserError(
                f"--freeze_old_speakers: {args.restore_from} has one speaker, so no speaker "
                f"embedding; leave it out"
            )
        old, new = list(saved.data.speakers), values["data"]["speakers"]
        if new != FROM_DATA and (new is None or new[: len(old)] != old):
            raise UserError(
                f"--freeze_old_speakers: data.speakers has to begin with the checkpoint's "
                f"{', '.join(old[:8])}; set it to {FROM_DATA}, or leave the flag out"
            )
        made["frozen_speakers"] = len(old)
    lacks_posterior = "posterior_encoder.*" in contents.get("absent", ())
    asked = args.freeze_layers is not None or train["freeze_layers"] is not None
    if lacks_posterior and not asked:
        logger.info(
            "%s has no posterior encoder: a fresh one learns first, with a KL loss that begins "
            "large, to lead recordings to what the trained decoder knows; all else is frozen",
            args.restore_from,
        )
        both_many = None not in (saved.data.speakers, values["data"]["speakers"])
        made["freeze_layers"] = [*TRAINED_PARTS, *["speaker_embedding"] * both_many]
        if args.unfreeze_at is None and train["unfreeze_at"] is None:
            warmup = 0 if "discriminator" in contents else train["discriminator_warmup_steps"]
            # What is no number is told when the config is read.
            made["unfreeze_at"] = POSTERIOR_STEPS + (warmup if type(warmup) is int else 0)
    return made


def separate(names: list[str]) -> list[str]:
    """Names that may have come with commas between them."""
    return [name for text in names for name in text.split(",") if name]


def at_hand_first(opened: list[tuple[Path, dict[str, Any]]], config: VitsConfig) -> Opener:
    """Opens what was opened already without reading it again, once."""

    def opener(path: Path) -> tuple[Path, dict[str, Any]]:
        return opened.pop() if opened else open_for_training(config)(path)

    return opener


if __name__ == "__main__":
    main()
