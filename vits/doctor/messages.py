"""What an error message, a traceback or a whole log says, and what to do about it."""

import re
from pathlib import Path

from hifigan.audio import read_header
from hifigan.errors import UserError
from vits.doctor.error_row import Row
from vits.doctor.error_table import row_for, symptom_for
from vits.doctor.findings import ERROR, NOTE, Case, Examination, Finding, Table
from vits.doctor.measured import measured_here

STEERING = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # colours of a terminal
RANK = re.compile(r"^(?:\[?(?:rank|default|local_rank) ?\d+\]?: ?)+")  # torchrun's, of each line
LEVELS = re.compile(
    r"\b(?:ERROR|EXCEPTION|FATAL|CRITICAL|Traceback)\b|(?i:\b(?:error|exception) ?:)|"
    r"(?i:\b(?:killed|nan)\b)"
)
RAISED = re.compile(r"(?:[\w.]*(?:Error|Exception|Interrupt|Exit)\b|(?:fatal )?error:)")
BARE = re.compile(r"[\w.]*(?:Error|Exception)")  # without a message: the line of code tells more
IN_TRACEBACK = re.compile(r"\s*File \"|\s+\w")
PROGRESS = re.compile(r"\bstep \d+\b.*\bdiscriminator\b")
NO_NUMBER = re.compile(r"\b(?:nan|inf)\b", re.IGNORECASE)
OWN = re.compile(r"error: (.+)")
QUOTED_PATHS = re.compile(r"""['"]((?:/|\.{0,2}/|\w)[^'"\n]{1,200}\.\w{1,5})['"]""")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".opus")
N_LOOKED_AT = 5  # files that a message names
N_CASES = 100  # lines that tell the same


def examine_message(text: str) -> Examination:
    """Explain the errors of a text, the first one first: the others are often its consequence.

    A text without any is taken for what a person says of a voice, such as "robotic".
    """
    lines = [line for line in map(_plain, text.splitlines()) if line]
    telling = [i for i, line in enumerate(lines) if is_telling(line)]
    explained: dict[str, tuple[Row, list[str]]] = {}
    own: dict[str, Finding] = {}
    for i in telling or range(len(lines))[-1:]:
        line, said = lines[i], OWN.fullmatch(lines[i])
        if said and "; " in said[1]:  # as all of ours have it: what was found; the fix
            own.setdefault(said[1], _own(said[1]))
            continue
        row = row_for(line)
        if row is None and BARE.fullmatch(line):
            row = row_for(next((code for code in lines[:i][::-1] if code.strip(" ~^")), ""))
        if row:
            explained.setdefault(row.kind, (row, []))[1].append(line)
    if not telling and not explained and (symptom := symptom_for(" ".join(lines))):
        explained[symptom.kind] = symptom, []
    findings = [*own.values(), *(_finding(row, said, text) for row, said in explained.values())]
    if not findings:
        last = lines[telling[-1] if telling else -1] if lines else ""
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
    rows = [
        (row.means.rstrip("."), row.bulgarian) for row, _ in explained.values() if row.bulgarian
    ]
    tables = [Table("на български", ("грешка", "какво да направите"), rows)] if rows else []
    subject = " ".join(" ".join(lines).split())
    told = [("lines read", f"{len(lines):,}"), ("lines that tell of errors", f"{len(telling):,}")]
    return Examination(
        subject if len(subject) <= 80 else subject[:77] + "...",
        "message",
        told if len(lines) > 1 else [],
        findings,
        tables=tables,
    )


def is_telling(line: str) -> bool:
    """Whether a line of a log tells of an error, rather than of progress."""
    line = _plain(line)
    if IN_TRACEBACK.match(line):
        return bool(RAISED.match(line.strip()))  # of a traceback's lines the last alone
    if PROGRESS.search(line):
        return bool(NO_NUMBER.search(line))
    return bool(LEVELS.search(line) or RAISED.match(line) or row_for(line))


def _plain(line: str) -> str:
    """The line without colours, and without the rank that torchrun sets before it."""
    return RANK.sub("", STEERING.sub("", line)).rstrip()


def _own(said: str) -> Finding:
    what, _, fix = said.partition("; ")
    why = "This is a message of this trainer: it says what was found and what to do."
    return Finding("own_message", ERROR, what[:200], why, fix)


def _finding(row: Row, lines: list[str], text: str) -> Finding:
    different = list(dict.fromkeys(line.strip()[:200] for line in lines))
    cases = [Case("", "", line) for line in different[:N_CASES]]
    if here := measured_here(row.kind, " ".join(different[:N_CASES])):
        cases.insert(0, Case("on this computer", "", here))
    cases += [Case(path, "", told) for path, told in _looked_at(text)] if lines else []
    n_cases = len(cases) + max(len(different) - N_CASES, 0)
    means = row.means.rstrip(".")
    return Finding(row.kind, row.severity, means, row.cause, row.fix, cases, n_cases)


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
