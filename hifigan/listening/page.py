"""Write a run's listening page: what is in it, and where its sounds and pictures come from.

Not in the papers. The page of a run folder links to the files below samples/, so that it stays
small however long the run is, and works from the disk and from any web server. A self-contained
page holds the files of some steps itself, as base64; the scripts look for a file there first.
"""

import base64
import html
import json
import logging
import math
import os
import re
from datetime import datetime
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import numpy as np

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError
from hifigan.listening.curves import curve_data, score_data, significant
from hifigan.listening.run_folder import Run, Sample, read_run

PAGE_NAME = "listen.html"
SELF_CONTAINED_NAME = "listen_self_contained.html"
N_STEPS = 8  # checkpoints in a self-contained page: bounds its size
MEDIA_TYPES = {".wav": "audio/wav", ".png": "image/png"}
SENTENCE_KEYS = ("id", "text", "speaker", "recording", "frames", "symbols")
SUMMARY_KEYS = ("sample_rate", "n_fft", "hop_length", "n_mels", "batch_size", "lr", "seed")

logger = logging.getLogger(__name__)


def update_page(run: Path) -> None:
    """Write the page of a run folder in the midst of training: a failure costs a line in the log,
    never the run.
    """
    try:
        write_page(run)
    except Exception as error:  # of whatever kind: the page can be written again, the run cannot
        logger.warning("the listening page is not updated: %s: %s", type(error).__name__, error)


def write_page(run: Path, out: Path | None = None, self_contained: bool = False) -> Path:
    """Write the page of a run folder and return its path (default: PAGE_NAME or
    SELF_CONTAINED_NAME in the run folder). It appears whole or not at all.

    Raises UserError for what is no run folder with samples, or cannot be written.
    """
    out = out or run / (SELF_CONTAINED_NAME if self_contained else PAGE_NAME)
    contents = read_run(run)
    for note in contents.notes:
        logger.warning("%s: %s", run, note)
    samples = run / "samples"
    if self_contained:
        steps = thinned(list(contents.samples), N_STEPS)
        media = embedded(samples, [sample for step in steps for sample in contents.samples[step]])
        page = render_page(contents, steps, "", media)
    else:
        root = Path(os.path.relpath(samples.resolve(), out.parent.resolve())).as_posix()
        page = render_page(contents, list(contents.samples), quote(root) + "/", "")
    with appearing_whole(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out


def render_page(run: Run, steps: list[int], root: str, media: str) -> str:
    """The page as one string of HTML.

    `steps`: those to hear; `root`: address of the run's folder of samples, with a slash at its end;
    `media`: the files that the page holds itself (see `embedded`).
    """
    sentences: dict[tuple, int] = {}
    valid_losses = losses_by_step(run.curves)
    data = {
        "run": run.name,
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "newest_step": run.newest_step,
        "sample_rate": audio_setting(run, "sample_rate"),
        "hop_length": audio_setting(run, "hop_length"),
        "root": root,
        "summary": [
            [key, value]
            for section in run.config.values()
            for key, value in section.items()
            if key in SUMMARY_KEYS
        ],
        "config": run.config,
        "notes": run.notes,
        "n_steps_in_run": len(run.samples),
        "curves": curve_data(run.curves) + score_data(run.samples),
        "steps": [
            {
                "step": step,
                "losses": valid_losses.get(step, {}),
                "samples": [sample_data(sample, sentences) for sample in run.samples[step]],
            }
            for step in reversed(steps)
        ],
        "sentences": [dict(zip(SENTENCE_KEYS, sentence, strict=True)) for sentence in sentences],
    }
    parts = {
        "title": html.escape(f"{run.name}, step {run.newest_step}: listening page"),
        "style": template("page.css"),
        "curves": template("curves.js"),
        "samples": template("samples.js"),
        # "<" must not stand inside a script element: "</script>" would end it.
        "data": json.dumps(
            data, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).replace("<", "\\u003c"),
        "media": media,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: parts[marker[1]], template("page.html"))


def template(name: str) -> str:
    return resources.files("hifigan.listening").joinpath(name).read_text(encoding="utf-8")


def audio_setting(run: Run, key: str) -> int:
    value = run.config.get("audio", {}).get(key)
    if not isinstance(value, int):
        raise UserError(
            f"{run.name}/config.json: audio.{key}: found {value!r}, "
            "expected a whole number; copy the run's config there"
        )
    return value


def thinned(steps: list[int], n_steps: int) -> list[int]:
    """First, last and evenly chosen between, `n_steps` at most."""
    if len(steps) <= n_steps:
        return steps
    return [steps[round(place)] for place in np.linspace(0, len(steps) - 1, n_steps)]


def losses_by_step(curves: dict[str, list[tuple[int, float]]]) -> dict[int, dict[str, float]]:
    """What validation measured at each step, by name."""
    losses: dict[int, dict[str, float]] = {}
    for scalar, points in curves.items():
        part, name = scalar.split("/", maxsplit=1)
        for step, value in points:
            if part == "valid" and math.isfinite(value):
                losses.setdefault(step, {})[name] = significant(value)
    return losses


def sample_data(sample: Sample, sentences: dict[tuple, int]) -> dict:
    """What changes from step to step of a sentence; adds it to `sentences`, which are numbered."""
    sentence = (
        sample.identifier,
        sample.text,
        sample.speaker,
        sample.recording,
        sample.frames,
        sample.symbols,
    )
    return {
        "sentence": sentences.setdefault(sentence, len(sentences)),
        "folder": sample.folder,
        "longest_symbol": sample.longest_symbol,
        "sounds": sample.sounds,
        "n_samples": sample.n_samples,
        "pictures": sample.pictures,
        "scores": {name: significant(value) for name, value in sample.scores.items()},
    }


def embedded(folder: Path, samples: list[Sample]) -> str:
    """The files of the samples as script elements that do not run, each named by its path below
    `folder`, the run's folder of samples. The page names those that are missing.
    """
    paths = {path for sample in samples for path in (folder / sample.folder).glob("*")}
    for sample in samples:
        paths |= {folder / "recordings" / (sample.recording + ending) for ending in MEDIA_TYPES}
    return "\n".join(
        f'<script type="text/plain" id="{path.relative_to(folder).as_posix()}" '
        f'data-type="{MEDIA_TYPES[path.suffix]}">'
        f"{base64.b64encode(path.read_bytes()).decode('ascii')}</script>"
        for path in sorted(paths)
        if path.suffix in MEDIA_TYPES and path.is_file()
    )
