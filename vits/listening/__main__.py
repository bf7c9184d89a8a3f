"""Command line of the listening page: `python -m vits.listening RUN [--out FILE]`."""

import logging
from pathlib import Path

from hifigan.errors import Parser, user_errors_exit
from vits.listening.page import PAGE_NAME, write_page


def main() -> None:
    parser = Parser(
        prog="python -m vits.listening",
        description="Write one self-contained HTML page with a run's losses, samples and pictures.",
    )
    parser.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="run folder that training wrote, for example runs/tiny",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"where to write the page (default: RUN/{PAGE_NAME})",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with user_errors_exit():
        print(write_page(arguments.run, arguments.out))


if __name__ == "__main__":
    main()
