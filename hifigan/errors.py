"""The one exception for mistakes that the user can mend: files, configs, arguments.

Scripts turn it into one line and exit code 2; everything else keeps its traceback, because it is
our own mistake.
"""
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """A mistake outside the code. The message says where, what was found, expected, and the fix."""


@contextmanager
def user_errors_exit() -> Iterator[None]:
    """Ends the program with one line on stderr and exit code 2 when a UserError is raised inside.

    Ctrl-C ends it without a traceback, too.
    """
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None  # what a shell expects after Ctrl-C
