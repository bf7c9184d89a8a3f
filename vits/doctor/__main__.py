"""Say what is wrong with a data set, a config, a run, a log, a message, or this computer.

    python -m vits.doctor data/my_voice                     # before training
    python -m vits.doctor data/my_voice -c configs/base.json
    python -m vits.doctor configs/my_voice.json             # a config and its data
    python -m vits.doctor runs/my_voice                     # a run: losses, likely wrong texts
    python -m vits.doctor train.log                         # or: train.py ... 2>&1 | ... -
    python -m vits.doctor "CUDA out of memory"              # what a message means
    python -m vits.doctor                                   # this computer

Exit code: 0 where no errors were found, 1 where some were, 2 for a mistake in the command.
"""

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

from hifigan.atomic_file import appearing_whole
from hifigan.errors import Parser, UserError, user_errors_exit
from vits.doctor.as_json import as_json
from vits.doctor.findings import ERROR, Examination
from vits.doctor.subject import STANDARD_INPUT, Subject, kind_of
from vits.doctor.terminal import last_line, report_lines, screen_of

PAGE_NAME = "doctor.html"
WITH_PAGE = ("data", "list", "config", "run")  # what has recordings and numbers to show
N_PLAYERS = 40
OURS = ("vits", "hifigan")


def main() -> None:
    args = make_parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        require_fitting(args)
        subject = kind_of(args.subject if args.subject or not args.config else str(args.config))
        if args.json != STANDARD_INPUT and not args.quiet:
            print(subject.told(), file=sys.stderr)
        try:
            examination = examine(subject, args)
            written = write(examination, subject, args)
        except ImportError as error:
            if (error.name or "").partition(".")[0] in OURS:
                raise
            raise UserError(
                f"the package {error.name} does not load ({error}); run: pip install {error.name}"
            ) from None
        tell(examination, written, args)
    raise SystemExit(any(finding.severity == ERROR for finding in examination.findings))


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "subject",
        nargs="?",
        metavar="SUBJECT",
        help="data set folder, list, JSON config, run folder, log, or a message in quotes;\n"
        '"-" reads a log from standard input; left out: this computer',
    )
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        metavar="FILE",
        help="JSON config that the data would be trained with (default: none)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a value of the config, as in training; may be given several times",
    )
    parser.add_argument(
        "--layout", metavar="NAME", help="layout of the data set (default: it is recognised)"
    )
    parser.add_argument(
        "--list_only",
        action="store_true",
        help="look at lists and texts alone: no recording is decoded",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes that listen to recordings (default: one for each core)",
    )
    parser.add_argument(
        "--no_cache",
        action="store_true",
        help="neither use nor keep what was measured of recordings before",
    )
    parser.add_argument(
        "--json", metavar="FILE", help='write all that was found as JSON; "-": to standard output'
    )
    page = parser.add_mutually_exclusive_group()
    page.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help=f"where to write the page (default: {PAGE_NAME} in the current folder, for data,\n"
        "configs and runs)",
    )
    page.add_argument("--no_html", action="store_true", help="write no page")
    parser.add_argument(
        "--max_players",
        type=int,
        default=N_PLAYERS,
        metavar="N",
        help="recordings to hear on the page, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--write_clean_list",
        type=Path,
        metavar="FILE",
        help="of a run: write its training list without those whose texts are likely wrong",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the last line alone")
    return parser


def require_fitting(args: argparse.Namespace) -> None:
    """Refuse arguments that contradict each other or are out of range."""
    for name, least in (("jobs", 1), ("max_players", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise UserError(f"--{name} {value}: expected {least} or more")
    if args.write_clean_list and args.write_clean_list.exists():  # before hours of work
        raise UserError(
            f"--write_clean_list {args.write_clean_list}: is there already; name another file"
        )
    if args.set and not args.config and not (args.subject or "").endswith(".json"):
        raise UserError(f"--set {args.set[0]}: there is no config to change; name one with -c")


def examine(subject: Subject, args: argparse.Namespace) -> Examination:
    """The examination that fits the subject. Each kind loads its own parts alone, so that this
    computer can be examined where a package of another part is missing.
    """
    if args.write_clean_list and subject.kind != "run":
        raise UserError(
            f"--write_clean_list {args.write_clean_list}: {subject.text or 'nothing named'} is not "
            "a run folder; name one, such as runs/my_voice"
        )
    if subject.kind == "environment":
        from vits.doctor.environment_checks import examine_environment

        return examine_environment()
    if subject.kind in ("message", "log"):
        return examine_words(subject)
    if subject.kind == "run":
        return examine_run_folder(subject, args)
    from vits.doctor.data import DataOptions, examine_data

    options = DataOptions(args.layout, args.list_only, args.jobs, not args.no_cache)
    if subject.kind != "config" and args.config is None:
        return examine_data(subject.path, None, options)
    from vits.doctor.config_file import examine_config

    if subject.kind == "config":
        return examine_config(subject.path, args.set, options)
    return examine_config(args.config, args.set, options, subject.path)


def examine_words(subject: Subject) -> Examination:
    """A message, or the end of a log: what there is to explain stands there."""
    from vits.doctor.log_file import read_log
    from vits.doctor.messages import examine_message, is_telling

    if subject.kind == "message":
        return examine_message(subject.text)
    text, how_much = read_log(subject.path)
    found = examine_message(text)
    # A log, unlike a message, can be of a run that went well.
    is_well = not any(map(is_telling, text.splitlines()))
    return dataclasses.replace(
        found,
        subject=subject.text,
        facts=[*found.facts, *([("read", how_much)] if how_much else [])],
        findings=[] if is_well else found.findings,
        tables=[] if is_well else found.tables,
    )


def examine_run_folder(subject: Subject, args: argparse.Namespace) -> Examination:
    from vits.doctor.run_checks import examine_run

    return examine_run(subject.path, args.write_clean_list)


def write(examination: Examination, subject: Subject, args: argparse.Namespace) -> dict[str, Path]:
    """Write page and JSON where they are wanted; what was written, by what it is."""
    written: dict[str, Path] = {}
    if args.write_clean_list:
        written["clean list"] = args.write_clean_list
    if args.html or (subject.kind in WITH_PAGE and not args.no_html):
        from vits.doctor.page import write_page

        written["page"] = args.html or Path(PAGE_NAME)
        write_page(examination, written["page"], args.max_players)
    if args.json and args.json != STANDARD_INPUT:
        written["JSON"] = Path(args.json)
        with appearing_whole(written["JSON"]) as temporary:
            temporary.write_text(as_json(examination), encoding="utf-8")
    return written


def tell(examination: Examination, written: dict[str, Path], args: argparse.Namespace) -> None:
    """The report on standard output; with --json - the JSON alone."""
    if args.json == STANDARD_INPUT:
        sys.stdout.buffer.write(as_json(examination).encode("utf-8"))
        return
    screen = screen_of(sys.stdout)
    more = written.get("page") or written.get("JSON")
    lines = [] if args.quiet else [*report_lines(examination, screen, str(more or "")), ""]
    print("\n".join([*lines, screen.writable(last_line(examination.findings, written))]))


if __name__ == "__main__":
    main()
