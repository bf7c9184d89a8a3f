"""An examination as lines for a terminal: findings by severity, the worst first, a few cases each.

Colours only where a person looks on, and NO_COLOR is not set (https://no-color.org). Where the
terminal cannot write a character, an escape stands in its place.
"""

import os
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TextIO

from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Examination, Finding, Table
from vits.doctor.severity import SEVERITIES, counted

N_CASES = 3  # of each finding
N_ROWS = 16  # of each table
WIDEST, NARROWEST = 100, 30  # columns: longer lines are hard to read
HEADINGS = {ERROR: "Errors", WARNING: "Warnings", NOTE: "Notes"}
KINDS = {
    "data": "Data set",
    "config": "Config",
    "run": "Run",
    "message": "Message",
    "environment": "This computer",
}
MARKS = {ERROR: "✗", WARNING: "!", NOTE: "•"}
PLAIN_MARKS = {ERROR: "x", WARNING: "!", NOTE: "-"}
COLOURS = {ERROR: "31", WARNING: "33", NOTE: "36"}  # red, yellow, cyan
BOLD, FAINT = "1", "2"
NAME = re.compile(r"\S*[._/]\w|-")  # of a file or a key, or a flag


@dataclass(frozen=True)
class Screen:
    """What lines are made for."""

    width: int = 80  # columns
    has_colours: bool = False
    encoding: str = "utf-8"

    def styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.has_colours else text

    def writable(self, text: str) -> str:
        """The text without what the terminal would obey or could not write."""
        shown = printable(text)
        return shown.encode(self.encoding, "backslashreplace").decode(self.encoding)

    @property
    def marks(self) -> dict[str, str]:
        plain = self.writable("".join(MARKS.values())) != "".join(MARKS.values())
        return PLAIN_MARKS if plain else MARKS


def screen_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Screen:
    """The screen behind a stream such as sys.stdout."""
    is_seen = stream.isatty() and environment.get("TERM") != "dumb"
    return Screen(
        min(max(shutil.get_terminal_size().columns - 1, NARROWEST), WIDEST),
        is_seen and not environment.get("NO_COLOR"),
        stream.encoding or "ascii",
    )


def report_lines(examination: Examination, screen: Screen, more: str = "") -> list[str]:
    """Everything but the last line, without line breaks.

    more: where the cases and rows stand that are left out, such as "doctor.html"; "": nowhere.
    """
    lines = [*_wrapped(screen, f"{KINDS[examination.kind]}  ", examination.subject, BOLD)]
    lines += _facts(examination.facts, screen)
    for severity in SEVERITIES:
        of_it = [finding for finding in examination.findings if finding.severity == severity]
        if of_it:
            lines += ["", screen.styled(HEADINGS[severity], f"{BOLD};{COLOURS[severity]}")]
        for finding in of_it:
            lines += _finding(finding, screen, more)
    for table in examination.tables:
        lines += _table(table, screen, more)
    return [line.rstrip() for line in lines]


def last_line(findings: Sequence[Finding], written: Mapping[str, object]) -> str:
    """What it comes to. written: what files were written, by what they are, such as "page"."""
    return "; ".join([counted(findings), *(f"{what}: {path}" for what, path in written.items())])


def printable(text: str) -> str:
    """The text in one line, with escapes for what cannot be seen or would steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def sentence(text: str) -> str:
    """The text with a capital at its start and a full stop at its end."""
    end = "" if text.endswith((".", "!", "?")) else "."
    is_name = NAME.match(text)  # train.py stays as it is written
    return f"{text[:1] if is_name else text[:1].upper()}{text[1:]}{end}" if text else ""


def columns(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese, Japanese and Korean letters take two."""
    widths = {"W": 2, "F": 2}
    return sum(
        0 if unicodedata.combining(c) else widths.get(unicodedata.east_asian_width(c), 1)
        for c in text
    )


def shortened(text: str, width: int) -> str:
    """The text, or its beginning and "..." in so many columns."""
    if columns(text) <= width:
        return text
    kept = ""
    for character in text:
        if columns(kept + character) > width - 3:
            break
        kept += character
    return kept.rstrip() + "..."


def _facts(facts: Sequence[tuple[str, str]], screen: Screen) -> Iterator[str]:
    if not facts:
        return
    width = min(max(columns(screen.writable(name)) for name, _ in facts), screen.width // 2)
    for name, value in facts:
        yield from _wrapped(screen, f"  {_filled(screen.writable(name), width)}  ", value)


def _finding(finding: Finding, screen: Screen, more: str) -> Iterator[str]:
    mark = f"  {screen.marks[finding.severity]} "
    yield from _wrapped(screen, mark, finding.title, BOLD)
    yield from _wrapped(screen, "    ", sentence(finding.why))
    yield from _wrapped(screen, "    Fix: ", finding.fix)
    shown = finding.cases[:N_CASES]
    for case in shown:
        yield from _case(case, screen)
    n_left = max(finding.n_cases, len(finding.cases)) - len(shown)
    if n_left > 0:
        where = f" in {more}" if more else ""
        lead = "and " if shown else ""
        yield from _wrapped(screen, "      ", f"{lead}{n_left:,} more{where}", FAINT)


def _case(case: Case, screen: Screen) -> Iterator[str]:
    names = [case.place, case.id if case.id and case.id not in case.place else ""]
    head = "  ".join(name for name in (*names, case.detail) if name)
    yield from _wrapped(screen, "      ", head)
    if case.text:
        quoted = shortened(screen.writable(case.text), screen.width - 10)
        yield screen.styled(f'        "{quoted}"', FAINT)


def _table(table: Table, screen: Screen, more: str) -> Iterator[str]:
    rows = [[screen.writable(cell) for cell in row] for row in (table.head, *table.rows[:N_ROWS])]
    widths = [max(columns(cell) for cell in column) for column in zip(*rows)]
    while sum(widths) + 2 * len(widths) > screen.width and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    yield ""
    yield from _wrapped(screen, "", table.title, BOLD)
    for number, row in enumerate(rows):
        cells = [_cut(cell, width) for cell, width in zip(row, widths)]
        for parts in zip_longest(*cells, fillvalue=""):
            line = "  " + "  ".join(_filled(part, width) for part, width in zip(parts, widths))
            yield screen.styled(line, FAINT) if number == 0 else line
    n_left = len(table.rows) - N_ROWS
    if n_left > 0:
        where = f" in {more}" if more else ""
        yield from _wrapped(screen, "  ", f"and {n_left:,} more{where}", FAINT)


def _cut(cell: str, width: int) -> list[str]:
    """A cell's lines; a word that is longer than one is shortened."""
    lines = textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)
    return [shortened(line, width) for line in lines] or [""]


def _filled(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def _wrapped(screen: Screen, head: str, text: str, style: str = "") -> Iterator[str]:
    """Lines of the screen's width; the first one begins with the head, the others as far in."""
    indent = " " * min(columns(head), screen.width // 2)
    width = max(screen.width - len(indent), 10)
    # A path or a flag that is longer stays whole, so that it can be copied.
    lines = textwrap.wrap(
        screen.writable(text), width, break_on_hyphens=False, break_long_words=False
    )
    for number, line in enumerate(lines or [""]):
        yield (indent if number else head) + (screen.styled(line, style) if style else line)
