"""Serve a voice over HTTP, with the usual speech endpoint and a page to type and listen.

    python -m vits.serving --model_path runs/my_voice
    curl http://127.0.0.1:8000/v1/audio/speech -H "Content-Type: application/json" \\
        -d '{"input": "Hello there.", "response_format": "wav"}' -o hello.wav

Needs pip install starlette uvicorn. Without --host it can be reached from this computer alone.
"""

import argparse
import asyncio
import errno
import importlib.util
import logging
import socket
import sys
from pathlib import Path

from hifigan.errors import Parser, UserError, user_errors_exit
from vits.speaking.anything import BACKENDS, load
from vits.speaking.loading import WEIGHTS
from vits.speaking.torch_engine import PRECISIONS

logger = logging.getLogger(__name__)

PACKAGES = ("starlette", "uvicorn")
HOST, PORT = "127.0.0.1", 8000
BACKLOG = 128  # clients that may wait before the server runs
STOP_SECONDS = 3  # after Ctrl-C, for what is being said
THIS_COMPUTER = "name an address of this computer, such as 127.0.0.1, or 0.0.0.0 for all"


def main() -> None:
    args = make_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        require_sense(args)
        sock = bound(args.host, args.port)  # before the voice is loaded
        voice = load(args.model_path, args.backend, args.device, args.weights, args.precision)
        import uvicorn

        from vits.serving.app import Limits, make_app

        limits = Limits(args.max_characters, args.max_concurrent, args.max_waiting)
        app = make_app(voice, args.model_path.resolve().stem, limits)
        host, port = sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        logger.info("type and listen: http://%s:%d/", shown, port)
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", timeout_graceful_shutdown=STOP_SECONDS
        )
        logging.getLogger("uvicorn.error").addFilter(is_no_stop)  # after Config, which sets it up
        uvicorn.Server(config).run(sockets=[sock])


def make_parser() -> Parser:
    parser = Parser(
        prog="python -m vits.serving",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--model_path",
        type=Path,
        required=True,
        metavar="PATH",
        help="as for infer.py: run, checkpoint, or another program's voice",
    )
    parser.add_argument(
        "--host", default=HOST, help="address to answer at; 0.0.0.0 for all (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help="0: any (default: %(default)s)"
    )
    for name, default, told in (
        ("max_characters", 5000, "of a text"),
        ("max_concurrent", 2, "requests that speak at a time"),
        ("max_waiting", 16, "requests that wait; more get the status 503"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=default,
            metavar="N",
            help=f"{told} (default: {default})",
        )
    parser.add_argument("--backend", choices=BACKENDS, help="what computes, as for infer.py")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--weights", choices=WEIGHTS, help="as for infer.py")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    return parser


def require_sense(args: argparse.Namespace) -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(missing)
        raise UserError(f"serving needs {names}, not installed here; run: pip install {names}")
    for name, least in (("max_characters", 1), ("max_concurrent", 1), ("max_waiting", 0)):
        if getattr(args, name) < least:
            raise UserError(f"--{name} {getattr(args, name)}: expected {least} or more")
    if not 0 <= args.port < 65536:
        raise UserError(f"--port {args.port}: expected 0 to 65535")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens at an address. UserError: it is taken, or none of this computer's."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)  # from now on clients wait instead of being refused
        return sock
    except UnicodeError:
        raise UserError(f"--host {host}: no name of a computer; {THIS_COMPUTER}") from None
    except OSError as error:
        is_of_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
        fix = "choose another port, or 0 for any" if is_of_port else THIS_COMPUTER
        told = error.strerror or error
        raise UserError(f"--host {host} --port {port}: {told}; {fix}") from None


def is_no_stop(record: logging.LogRecord) -> bool:
    """False of uvicorn's traceback for an answer that it has cut short itself, to stop."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


if __name__ == "__main__":
    main()
