"""The scores of a voice and of its speaker's recordings, side by side."""

import json
from pathlib import Path
from typing import Any

from hifigan.errors import UserError

SIDES = ("natural", "synthesised")
ROWS = {  # key: what it is, how it is written
    "wer": ("word errors (Whisper)", "{:.1%}"),
    "cer": ("character errors (Whisper)", "{:.1%}"),
    "distillmos": ("DistillMOS, 1 to 5", "{:.2f}"),
    "dnsmos_ovrl": ("DNSMOS overall, 1 to 5", "{:.2f}"),
    "dnsmos_p808": ("DNSMOS P.808, 1 to 5", "{:.2f}"),
    "nisqa_tts": ("NISQA-TTS, 1 to 5", "{:.2f}"),
    "speaker": ("speaker similarity (Resemblyzer, cosine)", "{:.3f}"),
    "words_per_second": ("words a second of speech", "{:.2f}"),
    "symbols_per_second": ("phonemes a second of speech", "{:.1f}"),
}


def read_summary(path: Path) -> dict[str, float]:
    """Of another judge's file, {"summary": {"wer": 0.03, ...}}: what has a row here."""
    summary = _read(path).get("summary")
    if not isinstance(summary, dict):
        raise UserError(f'{path}: has no "summary"; expected {{"summary": {{"wer": 0.03, ...}}}}')
    given = {key: summary[key] for key in ROWS if key in summary}
    for key, value in given.items():
        if type(value) not in (int, float):
            raise UserError(f"{path}: {key} is {value!r}, expected a number; leave out what is not")
    found = {key: float(value) for key, value in given.items()}
    if not found:
        raise UserError(f"{path}: none of these in its summary: {', '.join(ROWS)}")
    return found


def read_scores(path: Path) -> dict[str, Any]:
    """Of a file that evaluate.py wrote."""
    scores = _read(path)
    if not all(isinstance(scores.get(side), dict) for side in SIDES):
        raise UserError(f"{path}: expected {' and '.join(SIDES)} in it, as evaluate.py writes them")
    for key in ("step", "sentences"):
        if type(scores.get(key)) is not int:
            raise UserError(
                f"{path}: {key} is {scores.get(key)!r}, expected a whole number, as evaluate.py "
                f"writes it"
            )
    return scores


def score_table(scores: dict[str, Any]) -> str:
    """A table in Markdown, of the rows that either side has."""
    lines = [f"| | {' | '.join(SIDES)} |", "|---|---|---|"]
    for key, (what, form) in ROWS.items():
        values = [scores[side].get(key) for side in SIDES]
        if values != [None, None]:
            told = ("" if value is None else form.format(value) for value in values)
            lines.append(f"| {what} | {' | '.join(told)} |")
    return "\n".join(lines)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the path") from None
    except ValueError as error:
        raise UserError(f"{path}: no JSON ({error}); write it anew") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: holds a {type(found).__name__}, expected an object {{...}}")
    return found
