"""One explanation: the messages that it is for, what they mean, and what to do."""

from dataclasses import dataclass
from typing import Literal

from vits.doctor.findings import ERROR


@dataclass(frozen=True)
class Row:
    kind: str
    pattern: str  # regular expression, of the line that tells
    means: str
    cause: str
    fix: str
    bulgarian: str = ""  # the fix in Bulgarian, for readers of the Bulgarian guide
    severity: Literal["error", "warning", "note"] = ERROR  # note: nothing stops for it
