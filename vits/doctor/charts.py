"""Histograms, curves and waveforms as SVG, which need no script and can be printed.

Sizes are those of the drawing, which the page scales to its columns' width: text stays legible
from 320 to 480 pixels.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from vits.doctor.findings import Curve, Histogram

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 24  # around the plot
MOST_POINTS = 500  # of a curve; more are not seen
FAR = 0.5  # of a histogram's width: a limit farther off its bars is told, not drawn
LOW_BAR = 2.0  # height of what would be too low to see
WAVE_WIDTH, WAVE_HEIGHT = 300, 48
FULL_HEIGHT_FROM = 0.25  # of full scale: what is softer is drawn small, for that is its fault
PARTS = {"train": "training", "valid": "validation"}


def number(value: float) -> str:
    """Four digits at most, without needless zeros."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) < 1e7 and value == round(value) else f"{value:.1e}"


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, at most `most` of them and at least one."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10, 20) if size * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)][: most + 1]


def histogram_svg(histogram: Histogram) -> str:
    """Bars of counts over the measure, and a dashed line at each limit that is near them."""
    edges, counts = list(histogram.edges), list(histogram.counts)
    room = (edges[-1] - edges[0]) * FAR
    drawn = [x for x in histogram.limits if edges[0] - room <= x <= edges[-1] + room]
    low, high = min([edges[0], *drawn]), max([edges[-1], *drawn])
    most = max([*counts, 1])
    x, y = _scale(low, high, LEFT, WIDTH - RIGHT), _scale(0, most, HEIGHT - BOTTOM, TOP)
    parts = [*_horizontal_lines([t for t in ticks(0, most, 4) if t == int(t)], y)]
    for start, end, count in zip(edges, edges[1:], counts):
        if count == 0:
            continue
        height = max(HEIGHT - BOTTOM - y(count), LOW_BAR)
        gap = min(1.0, (x(end) - x(start)) / 4)
        told = f"{number(start)} to {number(end)} {histogram.unit}: {count:,}"
        parts.append(
            f'<rect class="column" x="{x(start):.1f}" y="{HEIGHT - BOTTOM - height:.1f}" '
            f'width="{max(x(end) - x(start) - gap, 0.5):.1f}" height="{height:.1f}">'
            f"<title>{html.escape(told)}</title></rect>"
        )
    parts += _bottom_line(ticks(low, high, 6), x, number)
    for limit in drawn:
        at = f"{x(limit):.1f}"
        parts.append(f'<line class="limit" x1="{at}" x2="{at}" y1="4" y2="{HEIGHT - BOTTOM}"/>')
    return _svg(parts, describe_histogram(histogram))


def describe_histogram(histogram: Histogram) -> str:
    """The histogram in words, for those who cannot see it."""
    edges, counts = histogram.edges, histogram.counts
    n = sum(counts)
    if n == 0:
        return f"{histogram.name}: nothing was measured"
    fullest = max(range(len(counts)), key=counts.__getitem__)
    return (
        f"{histogram.name}: {n:,} from {number(edges[0])} to {number(edges[-1])} "
        f"{histogram.unit}, most of them ({counts[fullest]:,}) between {number(edges[fullest])} "
        f"and {number(edges[fullest + 1])}"
    )


def describe_limits(histogram: Histogram) -> str:
    """Where findings begin; "" where there are no limits. How many lie beyond is theirs to tell,
    for a limit can stand within a bin.
    """
    told = " and ".join(map(number, sorted(histogram.limits)))
    return f"findings begin at {told}" if told else ""


def together(curves: Iterable[Curve]) -> dict[str, list[Curve]]:
    """The curves by chart: train/mel and valid/mel share the chart "mel"."""
    charts: dict[str, list[Curve]] = {}
    for curve in curves:
        part, slash, name = curve.name.partition("/")
        charts.setdefault(name if slash and part in PARTS else curve.name, []).append(curve)
    return charts


def part_of(curve: Curve) -> str:
    """ "valid" for a curve of validation, else "train": the class of its line."""
    return "valid" if curve.name.startswith("valid/") else "train"


def curves_svg(name: str, curves: Sequence[Curve]) -> str:
    """Values over steps; what is not finite makes a gap."""
    points = [(curve, thinned(curve.steps, curve.values)) for curve in curves]
    finite = [(s, v) for _, found in points for s, v in found if math.isfinite(v)]
    if not finite:
        return _svg([], f"{name}: no finite values")
    first, last = min(s for s, _ in finite), max(s for s, _ in finite)
    low, high = min(v for _, v in finite), max(v for _, v in finite)
    margin = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    low, high = low - margin, high + margin
    x, y = _scale(first, last, LEFT, WIDTH - RIGHT), _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [*_horizontal_lines(ticks(low, high, 5), y)]
    steps = [step for step in ticks(first, last, 5) if step == int(step)]
    parts += _bottom_line(steps, x, _short_step)
    for curve, found in points:
        line, is_down = [], False
        for step, value in found:
            if math.isfinite(value):
                line.append(f"{'L' if is_down else 'M'}{x(step):.1f} {y(value):.1f}")
            is_down = math.isfinite(value)
        parts.append(f'<path class="curve {part_of(curve)}" d="{"".join(line)}"/>')
    told = "; ".join(_describe_curve(curve, found) for curve, found in points)
    return _svg(parts, f"{name}: {told}")


def thinned(steps: Sequence[int], values: Sequence[float]) -> list[tuple[int, float]]:
    """MOST_POINTS at most: of more, means of neighbours, the first and the last step kept."""
    points = list(zip(steps, values))
    if len(points) <= MOST_POINTS:
        return points
    made = [points[0]]
    for portion in np.array_split(np.arange(1, len(points) - 1), MOST_POINTS - 2):
        values_there = [points[i][1] for i in portion]
        made.append((points[portion[len(portion) // 2]][0], sum(values_there) / len(portion)))
    return [*made, points[-1]]


def waveform_svg(
    lows: Sequence[float], highs: Sequence[float], spans: Sequence[tuple[float, float]]
) -> str:
    """The envelope of a clip. lows, highs: of full scale; spans: marked shares of its length."""
    middle = WAVE_HEIGHT / 2
    peak = max([FULL_HEIGHT_FROM, *highs, *(-low for low in lows)])
    step = WAVE_WIDTH / max(len(lows), 1)

    def point(i: int, value: float) -> str:
        return f"{i * step + step / 2:.1f} {middle - value / peak * (middle - 1):.1f}"

    there = [point(i, value) for i, value in enumerate(highs)]
    back = [point(i, value - 0.02 * peak) for i, value in reversed(list(enumerate(lows)))]
    marks = [
        f'<rect class="span" x="{start * WAVE_WIDTH:.1f}" y="0" '
        f'width="{max((end - start) * WAVE_WIDTH, 2):.1f}" height="{WAVE_HEIGHT}"/>'
        for start, end in spans
    ]
    return (
        f'<svg class="wave" viewBox="0 0 {WAVE_WIDTH} {WAVE_HEIGHT}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(marks)}<path d="M{"L".join([*there, *back])}Z"/></svg>'
    )


def _describe_curve(curve: Curve, points: Sequence[tuple[int, float]]) -> str:
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    if not finite:
        return f"{curve.name}: no finite values"
    (first, before), (last, after) = finite[0], finite[-1]
    return f"{curve.name} from {number(before)} at step {first} to {number(after)} at step {last}"


def _short_step(step: float) -> str:
    if step >= 1e6:
        return f"{step / 1e6:.4g}M"
    return f"{step / 1e3:.4g}k" if step >= 1e4 else f"{step:.0f}"


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    size = (high - low) or 1.0
    return lambda value: start + (value - low) / size * (end - start)


def _horizontal_lines(values: Sequence[float], y: Callable[[float], float]) -> Iterable[str]:
    for value in values:
        at, end = y(value), WIDTH - RIGHT
        yield f'<line class="grid" x1="{LEFT}" x2="{end}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{number(value)}</text>'


def _bottom_line(
    values: Sequence[float], x: Callable[[float], float], told: Callable[[float], str]
) -> Iterable[str]:
    for value in values:
        at = x(value)
        anchor = "end" if at > WIDTH - 22 else "middle"
        at = min(at, WIDTH - 2) if anchor == "end" else at
        yield f'<text x="{at:.1f}" y="{HEIGHT - 7}" text-anchor="{anchor}">{told(value)}</text>'


def _svg(parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
