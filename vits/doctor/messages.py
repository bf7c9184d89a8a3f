"""What an error message, a traceback or a whole log says, and what to do about it."""

import re
from pathlib import Path

from hifigan.audio import read_header
from hifigan.errors import UserError
from vits.doctor.error_table import Row, row_for
from vits.doctor.findings import ERROR, NOTE, Case, Examination, Finding, Table

LEVELS = re.compile(r"\b(?:error|exception|fatal|critical|traceback|killed|nan)\b", re.IGNORECASE)
OURS = re.compile(r"^error: (.+)", re.MULTILINE)
RAISED = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b")
QUOTED_PATHS = re.compile(r"""['"]((?:/|\.{0,2}/|\w)[^'"\n]{1,200}\.\w{1,5})['"]""")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".opus")
N_LOOKED_AT = 5  # files that a message names


def examine_message(text: str) -> Examination:
    """Explain the first error of a text: what follows it is often its consequence."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if is_telling(line)]
    explained: dict[str, tuple[Row, list[str]]] = {}
    own = [match[1] for match in OURS.finditer(text)]
    for line in telling or lines[-1:]:
        if any(line.endswith(said) for said in own):
            continue
        row = row_for(line)
        if row:
            explained.setdefault(row.kind, (row, []))[1].append(line)
    findings = [
        Finding(
            "own_message",
            ERROR,
            said[:200],
            "This is a message of this trainer: it says what was found and what to do.",
            said.rpartition(";")[2].strip() or said,
        )
        for said in dict.fromkeys(own)
    ]
    findings += [_finding(row, said, text) for row, said in explained.values()]
    if not findings:
        last = (telling or lines or [""])[-1]
        findings.append(
            Finding(
                "unknown_message",
                NOTE,
                "this message is not in the table",
                f"The line that tells most is: {last.strip()[:200]!r}.",
                "search for it with the names of files and numbers left out; the lines above a "
                "traceback's last one name the place",
            )
        )
    rows = [(row.kind, row.fix, row.bulgarian) for row, _ in explained.values() if row.bulgarian]
    tables = [Table("на български", ("грешка", "fix", "какво да направите"), rows)] if rows else []
    subject = " ".join(text.split())
    facts = [("lines read", f"{len(lines):,}"), ("lines that tell of errors", f"{len(telling):,}")]
    return Examination(
        subject if len(subject) <= 80 else subject[:77] + "...",
        "message",
        facts,
        findings,
        tables=tables,
    )


def is_telling(line: str) -> bool:
    """Whether a line of a log tells of an error, rather than of progress."""
    if re.match(r"\s*File \"|\s+\w|.*(?:\bstep \d+\b.*\bdiscriminator\b)", line):
        return bool(RAISED.match(line.strip()))  # of a traceback's lines the last alone
    return bool(LEVELS.search(line) or RAISED.match(line.strip()) or row_for(line))


def _finding(row: Row, lines: list[str], text: str) -> Finding:
    cases = [Case("", "", line.strip()[:200]) for line in dict.fromkeys(lines)]
    cases += [Case(path, "", told) for path, told in _looked_at(text)]
    return Finding(row.kind, ERROR, row.means.rstrip("."), row.cause, row.fix, cases, len(cases))


def _looked_at(text: str) -> list[tuple[str, str]]:
    """What the files that a message names are really like, where they can be looked at here."""
    told = []
    for name in dict.fromkeys(QUOTED_PATHS.findall(text)):
        path = Path(name)
        if len(told) >= N_LOOKED_AT or path.suffix == ".py":
            continue
        if not path.exists():
            parent = next((p for p in path.parents if p.exists()), None)
            told.append((name, f"is not there; {parent} is" if parent else "is not there"))
        elif path.suffix.lower() in SOUNDS:
            try:
                header = read_header(path)
            except UserError as error:
                told.append((name, str(error)))
            else:
                channels = f"{header.n_channels} channel{'s' * (header.n_channels != 1)}"
                told.append(
                    (
                        name,
                        f"{header.sample_rate} Hz, {channels}, {header.seconds:.2f} s; opens well",
                    )
                )
        else:
            told.append((name, f"is there, {path.stat().st_size:,} bytes"))
    return told
