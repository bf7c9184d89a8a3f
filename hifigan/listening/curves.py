"""The charts of a listening page: losses and measures from the log, scores from the samples.

Not in the papers. A point is [step, mean, least, greatest], of neighbouring steps where a curve is
longer than a chart is wide, or of all sentences.
"""

import math
from collections.abc import Sequence

import numpy as np

from hifigan.listening.run_folder import Sample

N_POINTS = 400  # points of a curve: more than a chart has room for is averaged
ALIGNMENT_WORDS = ("symbol", "silence")
SPEED_WORDS = ("per_second", "seconds", "share", "memory")

Point = tuple[int, float, float, float]


def curve_data(curves: dict[str, list[tuple[int, float]]]) -> list[dict]:
    """One chart per loss or measure, training and validation together, in order of appearance."""
    charts: dict[str, dict] = {}
    for scalar, points in curves.items():
        part, name = scalar.split("/", maxsplit=1)
        chart = charts.setdefault(name, {"name": name, "group": curve_group(name), "series": {}})
        finite = [(step, value, value, value) for step, value in points if math.isfinite(value)]
        chart["series"][part] = series(finite, n_values=len(points))
    return list(charts.values())


def curve_group(name: str) -> str:
    if name == "learning_rate" or "gradient_norm" in name:
        return "optimizer"
    if any(word in name for word in ALIGNMENT_WORDS):
        return "alignment"
    return "speed" if any(word in name for word in SPEED_WORDS) else "losses"


def score_data(samples: dict[int, list[Sample]]) -> list[dict]:
    """One chart per score: its mean over the sentences of each step, and its range."""
    points: dict[str, list[Point]] = {}
    for step, sentences in samples.items():
        names = dict.fromkeys(name for sentence in sentences for name in sentence.scores)
        for name in names:
            values = [s.scores[name] for s in sentences if name in s.scores]
            point = (step, sum(values) / len(values), min(values), max(values))
            points.setdefault(name, []).append(point)
    return [
        {"name": name, "group": "scores", "series": {"sentences": series(found, len(found))}}
        for name, found in points.items()
    ]


def series(points: list[Point], n_values: int) -> dict:
    return {
        "points": averaged(points, N_POINTS),
        "values": len(points),
        "not_finite": n_values - len(points),
    }


def averaged(points: Sequence[Point], n_points: int) -> list[list[float]]:
    """[last step, mean, least, greatest] of each of `n_points` runs of neighbours at most."""
    if not points:
        return []
    groups = np.array_split(np.array(points), min(n_points, len(points)))
    return [
        [
            int(group[-1, 0]),
            significant(group[:, 1].mean()),
            significant(group[:, 2].min()),
            significant(group[:, 3].max()),
        ]
        for group in groups
    ]


def significant(value: float) -> float:
    return float(f"{value:.5g}")
