"""An examination as JSON, for other programs.

    {"version": 1, "subject": "data/ljspeech", "kind": "data",
     "facts": [{"name": "utterances", "value": "1,620"}],
     "counts": {"error": 1, "warning": 0, "note": 2},
     "findings": [{"kind": "clipped", "severity": "error", "title": ..., "why": ..., "fix": ...,
                   "n_cases": 12, "cases": [{"place": "train.csv:12", "id": ..., "detail": ...,
                   "badness": 1.5, "path": ..., "text": ...}]}],
     "histograms": [{"name": ..., "unit": ..., "edges": [...], "counts": [...], "limits": [...]}],
     "curves": [{"name": ..., "steps": [...], "values": [...]}],
     "tables": [{"title": ..., "head": [...], "rows": [[...]]}]}

Findings stand worst first. A number that is not finite is null. `version` changes when a key goes
or changes its meaning, not when one comes.
"""

import dataclasses
import json
import math
from typing import Any

from vits.doctor.findings import Examination
from vits.doctor.severity import count_severities, worst_first

VERSION = 1


def as_dict(examination: Examination) -> dict[str, Any]:
    """The examination as plain values, by the keys above."""
    facts = [{"name": name, "value": value} for name, value in examination.facts]
    found = {
        "version": VERSION,
        "subject": examination.subject,
        "kind": examination.kind,
        "facts": facts,
        "counts": count_severities(examination.findings),
        "findings": worst_first(examination.findings),
        "histograms": examination.histograms,
        "curves": examination.curves,
        "tables": examination.tables,
    }
    return _plain(found)


def as_json(examination: Examination) -> str:
    """The examination as JSON text, with a line break at its end."""
    text = json.dumps(as_dict(examination), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # The name of a file need not be UTF-8: its odd bytes become JSON's own escapes.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {key: _plain(item) for key, item in vars(value).items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (bool, int)):
        return value
    if hasattr(value, "tolist"):  # of numpy
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [_plain(item) for item in value]
