"""Pack a run into one HTML file that needs nothing else: no network, no second file.

Not in the papers. Audio and pictures stand in the page as base64, each once however often it is
shown (a sentence's target is the same for every checkpoint); the scripts make players of them.
"""

import base64
import hashlib
import html
import json
import logging
import math
import re
from datetime import datetime
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from hifigan.errors import UserError
from vits.listening.run_folder import Run, Sample, read_run

PAGE_NAME = "listen.html"
N_STEPS = 8  # checkpoints on a page: bounds its size
N_POINTS = 400  # points of a curve: more than a chart has room for is averaged
MEDIA_TYPES = {".flac": "audio/flac", ".png": "image/png"}
SUMMARY_KEYS = ("sample_rate", "n_fft", "hop_length", "n_mels", "batch_size", "lr", "seed")
SPEED_WORDS = ("per_second", "seconds", "share", "memory")

logger = logging.getLogger(__name__)


def write_page(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run folder to `out` (default: RUN/listen.html) and return its path."""
    out = out or run / PAGE_NAME
    contents = read_run(run)
    for note in contents.notes:
        logger.warning("%s: %s", run, note)
    page = render_page(contents)
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{out}: cannot be written ({error.strerror}); choose another --out"
        ) from error
    return out


def render_page(run: Run) -> str:
    """The page as one string of HTML."""
    media: dict[str, str] = {}
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    steps = thinned(list(run.samples), N_STEPS)
    data = {
        "run": run.name,
        "made": made,
        "newest_step": run.newest_step,
        "frame_rate": frame_rate(run),
        "summary": [
            [key, value]
            for section in run.config.values()
            for key, value in section.items()
            if key in SUMMARY_KEYS
        ],
        "config": run.config,
        "notes": run.notes,
        "n_steps_in_run": len(run.samples),
        "curves": curve_data(run.curves),
        "steps": [
            {"step": step, "samples": [sample_data(s, media) for s in run.samples[step]]}
            for step in reversed(steps)
        ],
    }
    parts = {
        "title": html.escape(f"{run.name}, step {run.newest_step}: listening page"),
        "style": template("page.css"),
        "curves": template("curves.js"),
        "samples": template("samples.js"),
        # "<" must not stand inside a script element: "</script>" would end it.
        "data": json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
        "media": "\n".join(media.values()),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: parts[marker[1]], template("page.html"))


def template(name: str) -> str:
    return resources.files("vits.listening").joinpath(name).read_text(encoding="utf-8")


def frame_rate(run: Run) -> float:
    """Frames per second of the run's spectrograms."""
    audio = run.config.get("audio", {})
    for key in ("sample_rate", "hop_length"):
        if not isinstance(audio.get(key), int):
            raise UserError(
                f"{run.name}/config.json: audio.{key}: found {audio.get(key)!r}, "
                "expected a whole number; copy the run's config there"
            )
    return audio["sample_rate"] / audio["hop_length"]


def thinned(steps: list[int], n_steps: int) -> list[int]:
    """First, last and evenly chosen between, `n_steps` at most."""
    if len(steps) <= n_steps:
        return steps
    return [steps[round(place)] for place in np.linspace(0, len(steps) - 1, n_steps)]


def curve_data(curves: dict[str, list[tuple[int, float]]]) -> list[dict]:
    """One chart per loss or measure, training and validation together, in order of appearance."""
    charts: dict[str, dict] = {}
    for scalar, points in curves.items():
        part, name = scalar.split("/", maxsplit=1)
        chart = charts.setdefault(name, {"name": name, "group": curve_group(name), "series": {}})
        finite = [(step, value) for step, value in points if math.isfinite(value)]
        chart["series"][part] = {
            "points": averaged(finite, N_POINTS),
            "values": len(finite),
            "not_finite": len(points) - len(finite),
        }
    return list(charts.values())


def curve_group(name: str) -> str:
    if name == "learning_rate" or "gradient_norm" in name:
        return "optimizer"
    return "speed" if any(word in name for word in SPEED_WORDS) else "losses"


def averaged(points: list[tuple[int, float]], n_points: int) -> list[list[float]]:
    """[last step, mean, least, greatest] of each of `n_points` runs of neighbours at most."""
    if not points:
        return []
    groups = np.array_split(np.array(points), min(n_points, len(points)))
    return [
        [
            int(group[-1, 0]),
            *(
                significant(value)
                for value in (group[:, 1].mean(), group[:, 1].min(), group[:, 1].max())
            ),
        ]
        for group in groups
    ]


def significant(value: float) -> float:
    return float(f"{value:.5g}")


def sample_data(sample: Sample, media: dict[str, str]) -> dict:
    """What the page's script needs of a sentence; adds its audio and pictures to `media`."""
    audio = {}
    for source, path in sample.audio.items():
        try:
            seconds = soundfile.info(path).duration
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"{path}: no audio in it ({error.error_string.strip()}); "
                "remove the folder of this step"
            ) from error
        audio[source] = {"media": embedded(path, media), "seconds": round(seconds, 3)}
    return {
        "id": sample.identifier,
        "text": sample.text,
        "speaker": sample.speaker,
        "numbers": sample.numbers,
        "audio": audio,
        "mels": {source: picture_data(path, media) for source, path in sample.mels.items()},
        "alignment": sample.alignment and picture_data(sample.alignment, media),
    }


def picture_data(path: Path, media: dict[str, str]) -> dict:
    """A picture that is one pixel wide per frame (hifigan/pictures.py)."""
    try:
        with Image.open(path) as image:
            frames = image.width
    except OSError as error:
        raise UserError(f"{path}: no picture in it; remove the folder of this step") from error
    return {"media": embedded(path, media), "frames": frames}


def embedded(path: Path, media: dict[str, str]) -> str:
    """Put a file's bytes into `media` as a script element that does not run; its id is returned."""
    contents = path.read_bytes()
    identifier = "media-" + hashlib.sha256(contents).hexdigest()[:16]
    encoded = base64.b64encode(contents).decode("ascii")
    media[identifier] = (
        f'<script type="text/plain" id="{identifier}" '
        f'data-type="{MEDIA_TYPES[path.suffix]}">{encoded}</script>'
    )
    return identifier
