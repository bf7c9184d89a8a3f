"""Make a data set that trains of recordings and texts as they are.

    python -m vits.prepare --input my_recordings --output data/my_voice
    python -m vits.prepare --input VCTK --output data/vctk --trim --loudness -23
    python train.py -c configs/base.json -m my_voice --data data/my_voice

Stages, in this order: read, check, audio, split, symbols, report. The same command again does what
is new or has changed. Several machines share the recordings of one --output on a common disk:

    python -m vits.prepare --input ... --output DATA --shard 1/4     # on the first of four
    python -m vits.prepare --input ... --output DATA --shards 4 --stage split   # when all are done
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from hifigan.errors import Parser, UserError, user_errors_exit
from vits.prepare.audio_stage import make_audio, n_cores
from vits.prepare.manifest_stage import count_symbols, write_lists, write_text
from vits.prepare.read_stage import check_entries, read_entries
from vits.prepare.report import report
from vits.prepare.settings import Settings, agree
from vits.prepare.work import Shard, locked
from vits.sources.reader import LAYOUTS

logger = logging.getLogger(__name__)

STAGES = ("read", "check", "audio", "split", "symbols", "report")
FORMATS = ("flac", "wav")


def main() -> None:
    args = make_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        run(args)


def run(args: argparse.Namespace) -> None:
    """The stages asked for."""
    settings, shard = settings_of(args), shard_of(args)
    first, last = stages_of(args, shard)
    folder = args.output
    if folder.resolve() == Path(settings.source).resolve():
        raise UserError(f"{folder}: is the --input, too; choose another folder for --output")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "settings"):
        agree(settings, folder, args.redo)
        if first <= 0 <= last:
            logger.info("read      %s entries", f"{read_entries(folder, settings):,}")
        if first <= 1 <= last:
            n, n_refused = check_entries(folder, settings)
            logger.info("checked   %s to make, %s refused", f"{n:,}", f"{n_refused:,}")
    if first <= 2 <= last:
        counts = make_audio(folder, settings, shard, args.jobs or n_cores())
        logger.info(
            "audio     %s made, %s as before, %s refused, %s removed",
            *(f"{counts[key]:,}" for key in ("made", "kept", "refused", "removed")),
        )
    with locked(folder, "lists"):
        if first <= 3 <= last:
            lists = write_lists(folder, settings, shard.total)
            write_text(folder / "work/split.json", json.dumps({"n_torn": lists.n_torn}))
            told = ", ".join(f"{name} {n:,}" for name, n in lists.n.items())
            logger.info("split     %s", told)
        if first <= 4 <= last:
            symbols = count_symbols(folder, settings)
            write_text(folder / "symbols.json", json.dumps(symbols, ensure_ascii=False, indent=1))
        if first <= 5 <= last:
            path = folder / "work/split.json"
            n_torn = json.loads(path.read_text("utf-8"))["n_torn"] if path.exists() else None
            found = report(folder, settings, n_torn)
            n_refused = sum(map(len, found["refused"].values()))
            logger.info(
                "report    %s: %s utterances, %.2f h; %s refused",
                folder / "report.txt",
                f"{found['utterances']:,}",
                found["hours"],
                f"{n_refused:,}",
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
    parser.add_argument("--sample_rate", type=int, default=22050, metavar="HZ")
    parser.add_argument("--format", choices=FORMATS, default="flac", help="16 bits, mono")
    parser.add_argument("--speaker", metavar="NAME", help="of entries that name none")
    parser.add_argument("--language", metavar="NAME", help="espeak's name, of entries without one")
    parser.add_argument("--trim", action="store_true", help="cut silent ends")
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
    parser.add_argument("--min_seconds", type=float, default=0.3, metavar="S")
    parser.add_argument("--max_seconds", type=float, default=30.0, metavar="S")
    for side in ("valid", "test"):
        parser.add_argument(
            f"--{side}",
            type=float,
            default=0.03,
            metavar="N",
            help=f"utterances to hold out in {side}.jsonl, or their share below 1 "
            "(default: %(default)s, 200 at most)",
        )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawn sentences")
    parser.add_argument(
        "--resplit", action="store_true", help="draw anew, whatever lists the input has"
    )
    parser.add_argument(
        "--front_end",
        choices=("characters", "phonemes"),
        default="characters",
        help="symbols to count",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--shard", metavar="I/N", help="make the I-th of N parts alone")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="parts there were")
    parser.add_argument("--stage", metavar="NAME", help=f"begin with: {', '.join(STAGES)}, or 1-6")
    parser.add_argument("--stop_stage", metavar="NAME", help="end with this one")
    parser.add_argument("--redo", action="store_true", help="take other settings than before")
    return parser


def settings_of(args: argparse.Namespace) -> Settings:
    if args.sample_rate < 1000:
        raise UserError(f"--sample_rate {args.sample_rate}: expected Hz, such as 22050")
    if not 0 <= args.min_seconds < args.max_seconds:
        raise UserError(
            f"--min_seconds {args.min_seconds:g} is not below --max_seconds {args.max_seconds:g}"
        )
    if args.loudness is not None and not -70 < args.loudness <= 0:
        raise UserError(f"--loudness {args.loudness:g}: expected LUFS below 0, such as -23")
    for name in ("valid", "test", "trim_margin"):
        if getattr(args, name) < 0:
            raise UserError(f"--{name} {getattr(args, name):g}: expected 0 or more")
    if args.jobs is not None and args.jobs < 1:
        raise UserError(f"--jobs {args.jobs}: expected 1 or more")
    if args.loudness is not None:
        try:
            import pyloudnorm  # noqa: F401 (now, before any recording)
        except ImportError:
            raise UserError(
                "--loudness needs the package pyloudnorm, which is not installed; run: pip "
                "install pyloudnorm"
            ) from None
    return Settings(
        str(args.input.absolute()),
        args.layout,
        args.sample_rate,
        args.format,
        args.trim,
        args.trim_margin,
        args.loudness,
        args.min_seconds,
        args.max_seconds,
        args.speaker,
        args.language,
        args.valid,
        args.test,
        not args.resplit,
        args.seed,
        args.front_end,
    )


def shard_of(args: argparse.Namespace) -> Shard:
    if args.shard is None:
        return Shard(1, max(1, args.shards))
    number, _, total = args.shard.partition("/")
    if not (number.isdigit() and total.isdigit() and 1 <= int(number) <= int(total)):
        raise UserError(f"--shard {args.shard}: expected a number and how many, such as 1/4")
    return Shard(int(number), int(total))


def stages_of(args: argparse.Namespace, shard: Shard) -> tuple[int, int]:
    """The first and the last stage, from 0."""
    first = _stage("--stage", args.stage, 0)
    last = _stage("--stop_stage", args.stop_stage, 2 if args.shard else len(STAGES) - 1)
    if first > last:
        raise UserError(f"--stage {STAGES[first]} comes behind --stop_stage {STAGES[last]}")
    if args.shards > 1 and first <= 2:
        raise UserError(
            f"--shards {args.shards}: make each part with --shard I/{args.shards} first, "
            f"then run --stage split"
        )
    return first, last


def _stage(option: str, asked: str | None, default: int) -> int:
    if asked is None:
        return default
    if asked in STAGES:
        return STAGES.index(asked)
    if asked.isdigit() and 1 <= int(asked) <= len(STAGES):
        return int(asked) - 1
    raise UserError(f"{option} {asked}: expected one of {', '.join(STAGES)}, or 1 to 6")


if __name__ == "__main__":
    main()
