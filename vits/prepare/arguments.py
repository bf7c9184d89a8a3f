"""What the arguments of `python -m vits.prepare` mean, and which of them go together."""

import argparse
from importlib.util import find_spec
from math import inf
from os.path import abspath
from pathlib import Path

from hifigan.errors import UserError
from vits.prepare.settings import NAME, Settings
from vits.prepare.work import ENTRIES, FOLDER, MANIFEST, READ, REFUSED, Shard

STAGES = ("read", "check", "audio", "split", "symbols", "report")
MADE = (  # what stages leave for those behind them
    ("read", f"{FOLDER}/{READ}"),
    ("check", f"{FOLDER}/{ENTRIES}"),
    ("check", f"{FOLDER}/{REFUSED}"),
    ("split", MANIFEST),
)
HIGHEST_RATE = 192_000  # Hz


def require_apart(source: Path, folder: Path) -> None:
    """UserError where the data set would be mixed with its source, or with files of others."""
    inside, outside = folder.resolve(), source.resolve()
    if inside == outside:
        raise UserError(f"{folder}: is the --input, too; choose another folder for --output")
    if inside in outside.parents or (source.is_dir() and outside in inside.parents):
        raise UserError(
            f"{folder}: lies in the --input, or the --input in it; choose a folder apart from it "
            f"for --output"
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, expected a folder; choose another --output")
    if folder.is_dir() and not (folder / NAME).exists():
        others = sorted(p.name for p in folder.iterdir() if p.name[0] != "." and p.name != FOLDER)
        if others:
            raise UserError(
                f"{folder}: holds files that prepare has not made ({', '.join(others[:3])}), "
                f"expected a new or an empty folder; choose another --output"
            )


def require_made(folder: Path, first: int) -> None:
    """UserError if the stages before the first one have not left what it begins with."""
    for stage, name in MADE:
        if STAGES.index(stage) < first and not (folder / name).exists():
            raise UserError(
                f"{folder}: stage {stage} has not been run there, and --stage {STAGES[first]} "
                f"comes behind it; begin with --stage {stage}"
            )


def settings_of(args: argparse.Namespace) -> Settings:
    if not 1000 <= args.sample_rate <= HIGHEST_RATE:
        raise UserError(
            f"--sample_rate {args.sample_rate}: expected 1000 to {HIGHEST_RATE} Hz, such as 22050"
        )
    if not 0 <= args.min_seconds < args.max_seconds:
        raise UserError(
            f"--min_seconds {args.min_seconds:g} is not below --max_seconds {args.max_seconds:g}"
        )
    if args.loudness is not None and not -70 < args.loudness <= 0:
        raise UserError(f"--loudness {args.loudness:g}: expected LUFS below 0, such as -23")
    for name in ("valid", "test", "trim_margin"):
        if not 0 <= getattr(args, name) < inf:
            raise UserError(f"--{name} {getattr(args, name):g}: expected 0 or more")
    if args.jobs is not None and args.jobs < 1:
        raise UserError(f"--jobs {args.jobs}: expected 1 or more")
    if args.loudness is not None and find_spec("pyloudnorm") is None:  # before any recording
        raise UserError(
            "--loudness needs the package pyloudnorm, which is not installed; run: pip install "
            "pyloudnorm"
        )
    return Settings(
        abspath(args.input),  # one name, whichever folder it is named from
        args.layout,
        args.sample_rate,
        args.format,
        args.trim,
        args.trim_margin,
        args.loudness,
        args.min_seconds,
        args.max_seconds,
        args.speaker or None,
        args.language or None,
        args.valid,
        args.test,
        not args.resplit,
        args.seed,
        args.front_end,
    )


def shard_of(args: argparse.Namespace) -> Shard:
    if args.shard is None:
        return Shard(1, 1)
    number, _, total = args.shard.partition("/")
    if not (number.isdigit() and total.isdigit() and 1 <= int(number) <= int(total)):
        raise UserError(f"--shard {args.shard}: expected a number and how many, such as 1/4")
    return Shard(int(number), int(total))


def stages_of(args: argparse.Namespace) -> tuple[int, int]:
    """The first and the last stage, from 0."""
    first = _stage("--stage", args.stage, 0)
    last = _stage("--stop_stage", args.stop_stage, 2 if args.shard else len(STAGES) - 1)
    if args.shard and max(first, last) > 2:
        raise UserError(
            f"--shard {args.shard}: ends with the stage audio; when all shards are made, run "
            f"--stage split without --shard"
        )
    if first > last:
        raise UserError(f"--stage {STAGES[first]} comes behind --stop_stage {STAGES[last]}")
    return first, last


def _stage(option: str, asked: str | None, default: int) -> int:
    if asked is None:
        return default
    if asked in STAGES:
        return STAGES.index(asked)
    if asked.isdigit() and 1 <= int(asked) <= len(STAGES):
        return int(asked) - 1
    raise UserError(f"{option} {asked}: expected one of {', '.join(STAGES)}, or 1 to 6")
