"""An examination as one HTML page, which needs no other file and no network.

Findings with their worst cases, players for some of the recordings, histograms, curves and tables.
All that comes from data is escaped, and the page's policy (CSP) lets nothing be loaded. Without
JavaScript everything can be read; players, filter and copying need it.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

from hifigan.atomic_file import appearing_whole
from vits.doctor.charts import (
    PARTS,
    curves_svg,
    describe_limits,
    histogram_svg,
    number,
    part_of,
    together,
    waveform_svg,
)
from vits.doctor.findings import Case, Curve, Examination, Finding, Histogram, Table
from vits.doctor.players import Clip, make_clips
from vits.doctor.severity import count_severities, counted, worst_first
from vits.doctor.terminal import KINDS, printable, sentence

N_OPEN = 8  # cases of a finding that are seen at once
N_CASES = 100  # of each finding on the page
N_ROWS = 300  # of each table
MOST_TEXT = 400  # characters of a text
NUMBER = re.compile(r"[+-]?[\d,]+(\.\d+)?( ?%)?")

Clips = Mapping[tuple[str, Case], Clip]


def write_page(examination: Examination, path: Path, n_players: int) -> None:
    """Write the page; it appears whole or not at all. n_players: clips in it, at most.

    Raises UserError where the file cannot be written.
    """
    clips = make_clips(examination.findings, n_players)
    page = render_page(examination, clips)
    with appearing_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def render_page(examination: Examination, clips: Clips) -> str:
    """The page as one string of HTML. clips: by the kind of their finding and the case."""
    media = list(dict.fromkeys(clip.media for clip in clips.values()))
    numbers = {data: i for i, data in enumerate(media)}
    findings = worst_first(examination.findings)
    cards = [_card(finding, clips, numbers) for finding in findings]
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    parts = {
        "title": f"{_text(_name(examination))}: {counted(findings)}",
        "style": _template("page.css"),
        "script": _template("page.js"),
        "kind": _text(KINDS[examination.kind]),
        "subject": _text(examination.subject),
        "made": _text(f"Examined {made}."),
        "facts": "".join(
            f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
            for name, value in examination.facts
        ),
        "choices": "".join(_choices(findings)),
        "bar": "" if findings else " hidden",
        "cards": "".join(cards) or '<p class="well">Nothing was found. All is well.</p>',
        "sections": "".join(_sections(examination)),
        "media": "".join(
            f'<script type="text/plain" id="clip-{i}">{data}</script>'
            for i, data in enumerate(media)
        ),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: parts[marker[1]], _template("page.html"))


def _name(examination: Examination) -> str:
    if examination.kind in ("data", "config", "run"):
        return Path(examination.subject).resolve().name
    return KINDS[examination.kind]


def _choices(findings: Sequence[Finding]) -> Iterator[str]:
    """A box for each severity that there is, to show its findings or not."""
    for severity, n in count_severities(findings).items():
        if n:
            yield (
                f'<label class="choice {severity}"><input type="checkbox" name="{severity}" '
                f"checked> {n:,} {severity}{'s' * (n != 1)}</label>"
            )


def _card(finding: Finding, clips: Clips, numbers: Mapping[str, int]) -> str:
    cases = finding.cases[:N_CASES]
    items = [_case(finding, case, clips, numbers) for case in cases]
    n_all = max(finding.n_cases, len(finding.cases))
    left = n_all - len(cases)
    shown = f'<ol class="cases">{"".join(items[:N_OPEN])}</ol>' if items else ""
    if more := items[N_OPEN:]:
        shown += (
            f'<details class="more"><summary>{len(more):,} more</summary>'
            f'<ol class="cases" start="{N_OPEN + 1}">{"".join(more)}</ol></details>'
        )
    if left > 0 and items:
        shown += (
            f'<p class="hint">These are the {len(cases):,} worst of {n_all:,}. The option '
            "--json FILE writes all that were kept.</p>"
        )
    title = f"{finding.kind}-title"
    return (
        f'<article class="card finding {finding.severity}" data-severity="{finding.severity}" '
        f'data-kind="{_text(finding.kind)}" aria-labelledby="{_text(title)}">'
        f'<h3 id="{_text(title)}"><span class="badge">{finding.severity}</span> '
        f"{_text(finding.title)}</h3>"
        f'<p class="why">{_text(sentence(finding.why))}</p>'
        f'<div class="fix"><span class="name">Fix</span> <span class="what">{_text(finding.fix)}'
        '</span> <button type="button" class="copy">copy</button></div>'
        f"{shown}</article>"
    )


def _case(finding: Finding, case: Case, clips: Clips, numbers: Mapping[str, int]) -> str:
    name = case.id or case.place or (Path(case.path).name if case.path else "")
    place = f'<span class="place">{_text(case.place)}</span>' if case.place != name else ""
    parts = [
        f'<div class="who"><strong>{_text(name)}</strong> {place}</div>',
        f'<div class="found">{_text(case.detail)}</div>',
    ]
    if case.text is not None:
        text = case.text if len(case.text) <= MOST_TEXT else case.text[:MOST_TEXT] + "..."
        parts.append(f'<div class="said" dir="auto">{_text(text) or "<i>(no text)</i>"}</div>')
    clip = clips.get((finding.kind, case))
    if clip is not None:
        parts.append(_player(clip, numbers[clip.media], name))
    elif case.path and case.path not in (name, case.place):
        parts.append(f'<div class="path">{_text(case.path)}</div>')
    return f"<li>{''.join(parts)}</li>"


def _player(clip: Clip, i: int, name: str) -> str:
    label = f"{name}, {clip.seconds:.1f} seconds"
    whole = clip.seconds_of_all - clip.seconds < 0.05
    part = "" if whole else f" of {clip.seconds_of_all:.1f} s"
    marked = " The marked part is where the fault lies." if clip.spans else ""
    return (
        f'<div class="player"><div class="picture" title="Click to play from there.{marked}">'
        f"{waveform_svg(clip.lows, clip.highs, clip.spans)}"
        '<span class="head" hidden></span></div>'
        f'<div class="ends" aria-hidden="true"><span>{clip.start:.1f} s</span>'
        f"<span>{clip.start + clip.seconds:.1f} s{part}</span></div>"
        f'<audio controls preload="metadata" data-clip="{i}" data-rate="{clip.rate}" '
        f'aria-label="{_text(label)}"></audio></div>'
    )


def _sections(examination: Examination) -> Iterator[str]:
    if examination.histograms:
        charts = "".join(map(_histogram, examination.histograms))
        yield _section(
            "measures", "How the measures are spread", f'<div class="charts">{charts}</div>'
        )
    if examination.curves:
        charts = "".join(_curves(*chart) for chart in together(examination.curves).items())
        parts = {part_of(curve) for curve in examination.curves}
        keys = [f'<span class="key {part}">{PARTS[part]}</span>' for part in sorted(parts)]
        legend = f'<p class="legend">{" ".join(keys)}</p>'
        yield _section("curves", "Curves over steps", f'{legend}<div class="charts">{charts}</div>')
    if examination.tables:
        yield _section("tables", "Tables", "".join(map(_table, examination.tables)))


def _section(name: str, title: str, inside: str) -> str:
    return (
        f'<section id="{name}" aria-labelledby="{name}-title"><div class="bar">'
        f'<h2 id="{name}-title">{title}</h2></div>{inside}</section>'
    )


def _histogram(histogram: Histogram) -> str:
    told = describe_limits(histogram)
    limits = f'<p class="hint">{_text(told)}</p>' if told else ""
    return (
        f'<figure class="chart histogram"><figcaption><strong>{_text(histogram.name)}</strong> '
        f"<small>{_text(histogram.unit)}</small></figcaption>{histogram_svg(histogram)}"
        f"{limits}</figure>"
    )


def _curves(name: str, curves: Sequence[Curve]) -> str:
    parts = sorted({part_of(curve) for curve in curves})
    newest = ", ".join(f"{number(c.values[-1])} at step {c.steps[-1]:,}" for c in curves if c.steps)
    return (
        f'<figure class="chart {" ".join(parts)}"><figcaption><strong>'
        f"{_text(name.replace('_', ' '))}</strong> <small>{_text(newest)}</small></figcaption>"
        f"{curves_svg(name, curves)}</figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.head)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows[:N_ROWS])
    left = len(table.rows) - N_ROWS
    more = f'<p class="hint">{left:,} more rows are in the report of --json FILE.</p>'
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(table.title)}"><table>'
        f"<caption>{_text(table.title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{more if left > 0 else ''}"
    )


def _cell(text: str) -> str:
    kind = ' class="number"' if NUMBER.fullmatch(text) else ""
    return f"<td{kind}>{_text(text)}</td>"


def _text(text: str) -> str:
    """Text from outside, for an element or a quoted attribute."""
    return html.escape(printable(text))


def _template(name: str) -> str:
    return resources.files("vits.doctor").joinpath(name).read_text(encoding="utf-8")
