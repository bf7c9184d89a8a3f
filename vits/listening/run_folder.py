"""Read a run folder: its config, its curves and the samples of its checkpoints.

Not in the papers. What cannot be read (a line cut off by a crash, samples still being written) is
left out and named in `Run.notes`; what makes a page senseless is a UserError.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from hifigan.errors import UserError

# The files of one sentence, in the order of the page: name of the file without its ending.
SOURCES = ("target", "reconstruction", "synthesis")
RUN_HOLDS = "a run folder holds config.json, scalars.jsonl and samples/"


@dataclass(frozen=True)
class Sample:
    """One fixed sentence as one checkpoint speaks it. The paths are those that exist."""

    identifier: str
    text: str
    speaker: str | int | None
    numbers: dict[str, str | int | float]  # frames, symbols and those of the alignment
    audio: dict[str, Path]  # by source
    mels: dict[str, Path]  # by source
    alignment: Path | None


@dataclass(frozen=True)
class Run:
    name: str
    config: dict[str, dict]
    curves: dict[str, list[tuple[int, float]]]  # (step, value) by scalar name, steps increasing
    samples: dict[int, list[Sample]]  # by step, increasing
    notes: list[str]  # what was left out, for the reader

    @property
    def newest_step(self) -> int:
        last_steps = [points[-1][0] for points in self.curves.values()]
        return max(last_steps + list(self.samples))


def read_run(folder: Path) -> Run:
    if not folder.exists():
        raise UserError(f"{folder}: no such run folder; {RUN_HOLDS}")
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; {RUN_HOLDS}")
    notes: list[str] = []
    return Run(
        name=folder.resolve().name,
        config=read_config(folder / "config.json"),
        curves=read_curves(folder / "scalars.jsonl", notes),
        samples=read_samples(folder / "samples", notes),
        notes=notes,
    )


def read_config(path: Path) -> dict[str, dict]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; {RUN_HOLDS}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); copy the run's config there") from error
    if not isinstance(config, dict) or not all(isinstance(part, dict) for part in config.values()):
        raise UserError(f"{path}: not sections of keys; copy the run's config there")
    return config


def read_curves(path: Path, notes: list[str]) -> dict[str, list[tuple[int, float]]]:
    """The values of every scalar by step; (step, value) pairs with increasing steps.

    A step at or before an earlier one means that training was resumed there: what came after it in
    the broken run is dropped.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; {RUN_HOLDS}")
    curves: dict[str, list[tuple[int, float]]] = {}
    unreadable = []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        try:
            record = json.loads(line)
            step = int(record["step"])
            # Names without a slash (step, epoch, time) are no scalars.
            values = {name: float(value) for name, value in record.items() if "/" in name}
        except (ValueError, KeyError, TypeError):
            unreadable.append(number)
            continue
        for name, value in values.items():
            points = curves.setdefault(name, [])
            while points and points[-1][0] >= step:
                points.pop()
            points.append((step, value))
    if not curves:
        raise UserError(f"{path}: no scalars in it; train at least until the first log line")
    if unreadable:
        lines = ", ".join(str(number) for number in unreadable)
        notes.append(f"scalars.jsonl: skipped, not a whole record: line {lines}")
    return curves


def read_samples(folder: Path, notes: list[str]) -> dict[int, list[Sample]]:
    """The sentences of every checkpoint that has some, by step."""
    samples = {}
    skipped = []
    for step_folder in sorted(folder.glob("step_*")):
        index = step_folder / "samples.json"
        try:
            records = json.loads(index.read_text(encoding="utf-8"))
            found = [read_sample(step_folder, record) for record in records]
            step = int(step_folder.name.removeprefix("step_"))
        except FileNotFoundError:
            skipped.append(f"samples/{step_folder.name}: skipped, it has no samples.json")
            continue
        except (ValueError, KeyError, TypeError) as error:
            skipped.append(
                f"samples/{step_folder.name}: skipped, samples.json is not as training "
                f"writes it ({type(error).__name__}: {error})"
            )
            continue
        if not found:
            skipped.append(f"samples/{step_folder.name}: skipped, its samples.json is empty")
            continue
        samples[step] = found
    if not samples:
        reasons = f" ({'; '.join(skipped)})" if skipped else ""
        raise UserError(
            f"{folder}: no samples to listen to{reasons}; train until the first validation"
        )
    notes += skipped
    return dict(sorted(samples.items()))


def read_sample(step_folder: Path, record: dict) -> Sample:
    folder = step_folder / record["folder"]
    numbers = {name: record[name] for name in ("frames", "symbols") if name in record}
    alignment = folder / "alignment.png"
    return Sample(
        identifier=str(record["id"]),
        text=record["text"],
        speaker=record.get("speaker"),
        numbers=numbers | (record.get("alignment") or {}),
        audio=existing({source: folder / f"{source}.flac" for source in SOURCES}),
        mels=existing({source: folder / f"{source}_mel.png" for source in SOURCES}),
        alignment=alignment if alignment.is_file() else None,
    )


def existing(paths: dict[str, Path]) -> dict[str, Path]:
    return {source: path for source, path in paths.items() if path.is_file()}
