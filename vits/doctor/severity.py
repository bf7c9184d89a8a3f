"""Findings in the order and the numbers in which terminal, page and JSON tell them."""

from collections.abc import Iterable, Sequence

from vits.doctor.findings import ERROR, NOTE, WARNING, Finding

SEVERITIES = (ERROR, WARNING, NOTE)  # the worst first


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity; within one, in the order of the checks."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each severity, 0 included."""
    found = [finding.severity for finding in findings]
    return {severity: found.count(severity) for severity in SEVERITIES}


def counted(findings: Sequence[Finding]) -> str:
    """Such as "3 errors, 1 warning, 2 notes"; what there is none of is left out."""
    counts = count_severities(findings)
    told = [f"{n:,} {name}{'s' * (n != 1)}" for name, n in counts.items() if n]
    return ", ".join(told) or "nothing found"
