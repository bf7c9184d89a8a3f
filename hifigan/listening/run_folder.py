"""Read a run folder: its config, its curves and the samples of its checkpoints.

Not in the papers. What cannot be read (a line cut off by a crash, samples still being written) is
left out and named in `Run.notes`; what makes a page senseless is a UserError.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from hifigan.errors import UserError

RUN_HOLDS = "a run folder holds config.json, scalars.jsonl and samples/"
# Of the samples of voices from before samples.json said what there is.
FORMER_SOUNDS, FORMER_PICTURES = ["reconstruction", "synthesis"], ["alignment"]


@dataclass(frozen=True)
class Sample:
    """One fixed recording and what one checkpoint makes of it (StepSamples writes it).

    What a vocoder's sample has not, since it speaks no text, is None.
    """

    identifier: str
    text: str | None
    speaker: str | None
    folder: str  # its own, below the run's samples/
    recording: str  # name of the recording's files in samples/recordings/
    frames: int
    symbols: int | None
    longest_symbol: str | None
    sounds: list[str]  # that the model makes: reconstruction, synthesis
    n_samples: dict[str, int]  # of the sounds that are there, and of the recording, "target"
    pictures: list[str]  # besides the mels: alignment, difference
    scores: dict[str, float]


@dataclass(frozen=True)
class Run:
    name: str
    config: dict[str, dict]
    curves: dict[str, list[tuple[int, float]]]  # (step, value) by scalar name, steps increasing
    samples: dict[int, list[Sample]]  # by step, increasing
    notes: list[str]  # what was left out, for the reader

    @property
    def newest_step(self) -> int:
        last_steps = [points[-1][0] for points in self.curves.values() if points]
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

    A step before that of the line above means that training went back there: what the lines above
    say of later steps is dropped.
    """
    if not path.is_file():
        notes.append(f"{path.name}: not there yet, so there are no curves")
        return {}
    curves: dict[str, list[tuple[int, float]]] = {}
    unreadable = []
    newest = -1
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        try:
            record = json.loads(line)
            step = int(record["step"])
            # Names without a slash (step, epoch, time) are no scalars.
            values = {name: float(value) for name, value in record.items() if "/" in name}
        except (ValueError, KeyError, TypeError):
            unreadable.append(number)
            continue
        if step < newest:
            curves = {name: [p for p in points if p[0] < step] for name, points in curves.items()}
        newest = step
        for name, value in values.items():
            curves.setdefault(name, []).append((step, value))
    if unreadable:
        lines = ", ".join(str(number) for number in unreadable)
        notes.append(f"scalars.jsonl: skipped, not a whole record: line {lines}")
    return curves


def read_samples(folder: Path, notes: list[str]) -> dict[int, list[Sample]]:
    """The samples of every checkpoint that has some, by step."""
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
    return Sample(
        identifier=record["id"],
        text=record.get("text"),
        speaker=record.get("speaker"),
        folder=f"{step_folder.name}/{record['folder']}",
        recording=record["recording"],
        frames=record["frames"],
        symbols=record.get("symbols"),
        longest_symbol=record.get("longest_symbol"),
        sounds=record.get("sounds", FORMER_SOUNDS),
        n_samples=record["n_samples"],
        pictures=record.get("pictures", FORMER_PICTURES),
        scores=record["scores"],
    )
