"""What was read, made and refused, in numbers and in words."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from vits.corpus.sentences import sentence_number
from vits.prepare.amounts import counted, lasting
from vits.prepare.manifest_stage import write_text
from vits.prepare.results import Results
from vits.prepare.settings import Settings
from vits.prepare.work import FOLDER, MANIFEST, READ, REFUSED, read_rows, tasks

N_SHOWN = 20  # of the refused, by reason, in report.txt; report.json has all
RARE = 5  # texts; a symbol in fewer is hardly learnt
MANY = 20  # speakers or languages that report.txt lists
UNITS = {  # of how much was changed
    "channels folded": "channels before",
    "gain": "dB",
    "gain limited by the peak": "dB less than asked for",
    "peak lowered": "dB",
    "resampled": "Hz before",
    "silence cut": "s",
}


def report(folder: Path, settings: Settings, n_torn: int | None) -> dict[str, Any]:
    """Write report.json and report.txt; returns what the first holds."""
    refused: dict[str, list[dict[str, str]]] = {}
    for row in read_rows(folder / FOLDER / REFUSED):
        refused.setdefault(row["problem"], []).append(
            {key: row[key] for key in ("id", "place", "detail")}
        )
    changes: Counter[str] = Counter()
    least_most: dict[str, tuple[float, float]] = {}
    seconds_cut = 0.0
    with Results(folder) as known:
        for task in tasks(folder):
            result = known.get(task.key)
            if result is None or result.made is None:
                continue
            if result.made.fault:
                row = {"id": task.id, "place": task.place, "detail": result.made.detail}
                refused.setdefault(result.made.fault, []).append(row)
            else:
                changes.update(result.made.changes.keys())
                seconds_cut += result.made.changes.get("silence cut", 0.0)
                for change in UNITS.keys() & result.made.changes.keys():
                    amount = result.made.changes[change]
                    least, most = least_most.get(change, (amount, amount))
                    least_most[change] = min(least, amount), max(most, amount)
    seconds: dict[str, Counter[str]] = {key: Counter() for key in ("split", "speaker", "language")}
    numbers: dict[str, Counter[str]] = {key: Counter() for key in ("split", "speaker", "language")}
    sentences: Counter[int] = Counter()
    for row in read_rows(folder / MANIFEST):
        sentences[sentence_number(row["text"])] += 1
        for key in seconds:
            if row.get(key) is not None:
                seconds[key][row[key]] += row["seconds"]
                numbers[key][row[key]] += 1
    symbols_path = folder / "symbols.json"
    symbols = json.loads(symbols_path.read_text("utf-8")) if symbols_path.exists() else {}
    understood = next(read_rows(folder / FOLDER / READ))
    found = {
        "source": settings.source,
        "layout": understood["layout"],
        "notes": understood["notes"],
        "utterances": sum(numbers["split"].values()),
        "hours": sum(seconds["split"].values()) / 3600,
        "sentences": len(sentences),
        "sentences_on_two_sides": n_torn,
        "by": {
            key: {
                name: {"utterances": numbers[key][name], "hours": round(s / 3600, 4)}
                for name, s in seconds[key].most_common()
            }
            for key in seconds
        },
        "changes": dict(changes),
        "least_and_most": {
            change: {"unit": UNITS[change], "least": round(least, 3), "most": round(most, 3)}
            for change, (least, most) in sorted(least_most.items())
        },
        "seconds_of_silence_cut": round(seconds_cut, 2),
        "refused": refused,
        "rare_symbols": {
            kind: {
                language: [s for s, n in by_symbol.items() if n["texts"] < RARE]
                for language, by_symbol in by_language.items()
            }
            for kind, by_language in symbols.items()
        },
    }
    write_text(folder / "report.json", json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "report.txt", "\n".join(as_lines(found)) + "\n")
    return found


def as_lines(found: dict[str, Any]) -> list[str]:
    """The report for people."""
    n_refused = sum(map(len, found["refused"].values()))
    lines = [
        f"source      {found['source']}",
        f"layout      {found['layout']}",
        *(f"note        {note}" for note in found["notes"]),
        f"kept        {counted(found['utterances'], 'utterance')}, {lasting(found['hours'])}, "
        f"{counted(found['sentences'], 'different sentence')}",
        f"refused     {n_refused:,}",
    ]
    for key, by_name in found["by"].items():
        for name, told in list(by_name.items())[:MANY]:
            many = counted(told["utterances"], "utterance")
            lines.append(f"{key:<11} {name}: {many}, {lasting(told['hours'])}")
        if len(by_name) > MANY:
            lines.append(f"{key:<11} and {len(by_name) - MANY:,} more in report.json")
    if found["sentences_on_two_sides"]:
        many = counted(found["sentences_on_two_sides"], "sentence")
        lines.append(f"split       {many} stood in two of the source's lists; all is in one now")
    for change, n in found["changes"].items():
        lines.append(f"changed     {counted(n, 'recording')}: {change}{_how_much(found, change)}")
    if found["seconds_of_silence_cut"]:
        cut = lasting(found["seconds_of_silence_cut"] / 3600)
        lines.append(f"cut         {cut} of silence in all")
    for kind, by_language in found["rare_symbols"].items():
        for language, rare in by_language.items():
            if rare:
                told = " ".join("(space)" if symbol == " " else symbol for symbol in rare)
                lines.append(f"rare        {kind} ({language}) in fewer than {RARE} texts: {told}")
    for reason, rows in sorted(found["refused"].items(), key=lambda item: -len(item[1])):
        lines += ["", f"{reason}: {len(rows):,}"]
        for row in rows[:N_SHOWN]:
            lines.append("  " + "  ".join(filter(None, (row["place"], row["id"], row["detail"]))))
        if len(rows) > N_SHOWN:
            lines.append(f"  and {len(rows) - N_SHOWN:,} more in report.json")
    return lines


def _how_much(found: dict[str, Any], change: str) -> str:
    """From the least to the most that a recording was changed."""
    if change not in found["least_and_most"]:
        return ""
    told = found["least_and_most"][change]
    digits = 0 if told["unit"].startswith(("Hz", "channels")) else 2
    least, most = (f"{told[key]:,.{digits}f}" for key in ("least", "most"))
    return f", {least if least == most else f'{least} to {most}'} {told['unit']}"
