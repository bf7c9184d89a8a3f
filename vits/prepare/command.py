"""Make a data set that trains of recordings and texts as they are.

    python -m vits.prepare --input my_recordings --output data/my_voice
    python -m vits.prepare --input VCTK --output data/vctk --trim --loudness -23
    python train.py -c configs/base.json -m my_voice --data data/my_voice

Stages, in this order: read, check, audio, split, symbols, report. The same command again does what
is new or has changed. Several machines share the recordings of one --output on a common disk:

    python -m vits.prepare --input ... --output DATA --shard 1/4     # on the first of four
    python -m vits.prepare --input ... --output DATA --stage split   # when all are done
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from hifigan.errors import Parser, UserError, user_errors_exit
from vits.prepare.amounts import counted, lasting
from vits.prepare.arguments import (
    STAGES,
    require_apart,
    require_made,
    settings_of,
    shard_of,
    stages_of,
)
from vits.prepare.audio_stage import make_audio, n_cores
from vits.prepare.locks import locked
from vits.prepare.manifest_stage import count_symbols, write_lists, write_text
from vits.prepare.read_stage import check_entries, read_entries
from vits.prepare.report import report
from vits.prepare.settings import Settings, agree, record
from vits.prepare.work import ENTRIES, FOLDER
from vits.sources.reader import LAYOUTS

logger = logging.getLogger(__name__)

FORMATS = ("flac", "wav")


def main() -> None:
    args = make_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        run(args)


def run(args: argparse.Namespace) -> None:
    """The stages asked for."""
    settings, shard = settings_of(args), shard_of(args)
    first, last = stages_of(args)
    folder = args.output
    require_apart(args.input, folder)
    if first == 0 and not args.input.exists():
        raise UserError(f"{args.input}: no such file or folder, but --input names it")
    require_made(folder, first)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "run", is_shared=shard.total > 1):
        agrees = agree(settings, folder, args.redo)
        if first > 0 and not agrees:
            raise UserError(
                "--redo: other settings are taken up from the first stage on; leave out --stage "
                "(recordings that they do not change stay)"
            )
        with locked(folder, "lists", waits=True):  # shards that start together read in turn
            if first <= 0:
                n, layout = read_entries(folder, settings)
                logger.info("read      %s, laid out as %s", counted(n, "entry"), layout)
            record(settings, folder)
            if first <= 1 <= last:
                n, n_refused = check_entries(folder, settings)
                logger.info("checked   %s to make, %s refused", f"{n:,}", f"{n_refused:,}")
            elif not agrees:  # they are of other settings
                (folder / FOLDER / ENTRIES).unlink(missing_ok=True)
        if first <= 2 <= last:
            with locked(folder, f"shard.{shard.number}_of_{shard.total}"):
                counts = make_audio(folder, settings, shard, args.jobs or n_cores())
            told = (f"{counts[key]:,}" for key in ("made", "kept", "refused"))
            logger.info("audio     %s made, %s as before, %s refused", *told)
        if last > 2:
            run_behind_audio(folder, settings, first, last)


def run_behind_audio(folder: Path, settings: Settings, first: int, last: int) -> None:
    """The stages that are quick: split, symbols, report."""
    notes = folder / FOLDER / "split.json"
    if first <= 3 <= last:
        lists = write_lists(folder, settings)
        write_text(notes, json.dumps({"n_torn": lists.n_torn}))
        told = ", ".join(f"{name} {n:,}" for name, n in lists.n.items())
        logger.info("split     %s", told)
        if lists.n_removed:
            logger.info("removed   %s of before", counted(lists.n_removed, "recording"))
        for side, asked in (("valid", settings.valid), ("test", settings.test)):
            if lists.n[side] < asked and asked >= 1:
                told = "a third of all is the most, and each speaker keeps a sentence to train on"
                logger.info("%-9s --%s asks for %g, but %s", side, side, asked, told)
        if not any(lists.n.values()):
            refused = report(folder, settings, lists.n_torn)["refused"]
            most, rows = max(refused.items(), key=lambda item: len(item[1]))
            raise UserError(
                f"{folder}: nothing is left of {settings.source}: every utterance was refused, "
                f"most as {most!r} ({rows[0]['detail']}); see {folder / 'report.txt'}"
            )
    if first <= 4 <= last:
        symbols = count_symbols(folder, settings)
        write_text(folder / "symbols.json", json.dumps(symbols, ensure_ascii=False, indent=1))
    if first <= 5 <= last:
        n_torn = json.loads(notes.read_text("utf-8"))["n_torn"] if notes.exists() else None
        found = report(folder, settings, n_torn)
        logger.info(
            "report    %s: %s, %s; %s refused",
            folder / "report.txt",
            counted(found["utterances"], "utterance"),
            lasting(found["hours"]),
            f"{sum(map(len, found['refused'].values())):,}",
        )
        logger.info("next      python -m vits.doctor %s", folder)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m vits.prepare",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    path = {"type": Path, "metavar": "PATH"}
    parser.add_argument("--input", required=True, help="folder or list of recordings", **path)
    parser.add_argument("--output", required=True, help="data set folder to make", **path)
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        metavar="NAME",
        help="how the input is laid out (default: it is recognised):\n"
        + "\n".join(f"{name}: {what}" for name, what in LAYOUTS.items()),
    )
    parser.add_argument(
        "--sample_rate",
        type=int,
        default=22050,
        metavar="HZ",
        help="what recordings are resampled to (default: %(default)s)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="flac",
        help="of the recordings made, 16 bits and mono (default: %(default)s)",
    )
    parser.add_argument(
        "--speaker", metavar="NAME", help="who speaks where the input does not say it"
    )
    parser.add_argument(
        "--language",
        metavar="NAME",
        help="what is spoken where the input does not say it, by espeak's name, such as en-us",
    )
    parser.add_argument("--trim", action="store_true", help="cut silent ends off")
    parser.add_argument(
        "--trim_margin",
        type=float,
        default=0.1,
        metavar="S",
        help="seconds that --trim leaves before and behind speech (default: %(default)s)",
    )
    parser.add_argument(
        "--loudness",
        type=float,
        metavar="LUFS",
        help="level each recording by ITU-R BS.1770, as -23; peaks stay below -1 dBFS",
    )
    for side, what, seconds in (("min", "shorter", 0.3), ("max", "longer", 30.0)):
        parser.add_argument(
            f"--{side}_seconds",
            type=float,
            default=seconds,
            metavar="S",
            help=f"refuse what is {what} than this (default: %(default)s)",
        )
    for side in ("valid", "test"):
        parser.add_argument(
            f"--{side}",
            type=float,
            default=0.03,
            metavar="N",
            help=f"how many utterances to hold out in {side}.jsonl; below 1, which share of all, "
            "but\nat most 200 (default: %(default)s)",
        )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="another number holds out other sentences (default: %(default)s)",
    )
    parser.add_argument(
        "--resplit", action="store_true", help="draw sentences though the input has lists of splits"
    )
    parser.add_argument(
        "--front_end",
        choices=("characters", "phonemes"),
        default="characters",
        help="what symbols.json counts; phonemes besides characters (default: %(default)s)",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes (default: one for each core)"
    )
    parser.add_argument("--shard", metavar="I/N", help="make one part of the recordings, as 1/4")
    parser.add_argument(
        "--stage", metavar="NAME", help=f"begin with {', '.join(STAGES)}; or 1 to 6"
    )
    parser.add_argument("--stop_stage", metavar="NAME", help="end with this stage")
    parser.add_argument(
        "--redo", action="store_true", help="accept settings other than those before"
    )
    return parser
