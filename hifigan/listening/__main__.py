"""Command line of the listening page: `python -m hifigan.listening RUN [--self_contained]`."""

import logging
from pathlib import Path

from hifigan.errors import Parser, user_errors_exit
from hifigan.listening.page import PAGE_NAME, SELF_CONTAINED_NAME, write_page


def main() -> None:
    parser = Parser(
        prog="python -m hifigan.listening",
        description="Write the HTML page with a run's losses, sounds, pictures and scores, which "
        "training also writes at each validation.",
    )
    parser.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="run folder that training wrote, for example runs/tiny",
    )
    parser.add_argument(
        "--self_contained",
        action="store_true",
        help="put the sounds and pictures of a few steps into the page, one file to send "
        "(default: the page needs the run folder, and shows all steps)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"where to write the page (default: RUN/{PAGE_NAME}, or RUN/{SELF_CONTAINED_NAME})",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with user_errors_exit():
        print(write_page(arguments.run, arguments.out, arguments.self_contained))


if __name__ == "__main__":
    main()
