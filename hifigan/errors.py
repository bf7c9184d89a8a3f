"""The one exception for mistakes that the user can mend: files, configs, arguments.

Scripts turn it into one line and exit code 2, and so a disk that is full or not to be written;
everything else keeps its traceback, because it is our own mistake.
"""

import argparse
import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

OUTSIDE = {  # what the system refuses for reasons that the user can see to, and the fix
    errno.EACCES: "choose another place or change its permissions",
    errno.EPERM: "choose another place or change its permissions",
    errno.EROFS: "choose another place",
    errno.EEXIST: "move it away or choose another name",
    errno.ENOTDIR: "move it away or choose another name",
    errno.EISDIR: "name a file",
    errno.ELOOP: "remove the link, which leads back to itself",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "make room on the disk; what was saved before is whole",
    errno.EDQUOT: "make room on the disk; what was saved before is whole",
    errno.EFBIG: "raise the limit (ulimit -f); what was saved before is whole",
}


class UserError(ValueError):
    """A mistake outside the code. The message says where, what was found, expected, and the fix."""


def legible(name: object) -> str:
    """A name out of a stranger's file, for one line of a message."""
    return text if (text := str(name)).isprintable() else repr(text)


class Parser(argparse.ArgumentParser):
    """Reports a wrong argument as user_errors_exit reports all else: in one line, without the
    usage.
    """

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; --help explains the arguments", file=sys.stderr)
        raise SystemExit(2)


@contextmanager
def user_errors_exit() -> Iterator[None]:
    """Ends the program with one line on stderr and exit code 2 when a UserError is raised inside.

    So do the system's refusals of a file (OUTSIDE). Ctrl-C ends it without a traceback, too.
    """
    try:
        yield
    except UserError as error:
        # One from a loader process comes with that process's traceback before it.
        print(f"error: {str(error).rpartition('UserError: ')[2].strip()}", file=sys.stderr)
        raise SystemExit(2) from None
    except (OSError, RuntimeError) as error:
        refusal = (
            error if isinstance(error, OSError) else error.__context__
        )  # torch.save hides it so
        if not isinstance(refusal, OSError) or refusal.errno not in OUTSIDE:
            raise
        where = "writing a file" if refusal.filename is None else refusal.filename
        print(f"error: {where}: {refusal.strerror}; {OUTSIDE[refusal.errno]}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None  # what a shell expects after Ctrl-C
