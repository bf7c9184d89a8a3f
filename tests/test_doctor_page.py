"""The doctor's page: what is in it, its clips and charts; and the page in a real browser.

The browser's tests need Debian's packages chromium and chromium-driver, and skip without them.
"""

import base64
import dataclasses
import html
import io
import math
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.browser import Browser, started
from vits.doctor import players
from vits.doctor.charts import (
    curves_svg,
    describe_histogram,
    describe_limits,
    histogram_svg,
    number,
    thinned,
    ticks,
)
from vits.doctor.findings import Case, Curve, Examination, Finding, Histogram, Table
from vits.doctor.page import N_CASES, N_OPEN, write_page
from vits.doctor.players import choose_cases, clipped_spans, make_clip, make_clips, told_spans

RATE = 8000
EVIL = "</script><img src=x onerror=\"document.title='stolen'\">&amp;'\""
HISTOGRAM = Histogram("length", "seconds", (0.0, 1.0, 2.0, 3.0, 4.0), (3, 0, 900, 1), (0.5, 3.0))
CURVES = [
    Curve("train/mel", tuple(range(0, 5000, 5)), tuple(30 / (1 + s / 500) for s in range(1000))),
    Curve("valid/mel", (0, 2500, 4995), (31.0, math.nan, 12.0)),
    Curve("train/kl", (0, 10), (2.0, 1.0)),
]


class Reader(HTMLParser):
    """Collects what a page's elements are and say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def those(self, tag: str, kind: str) -> list[dict[str, str | None]]:
        """Attributes of the elements of a tag with a class."""
        return [a for t, a in self.elements if t == tag and kind in (a.get("class") or "").split()]


def tone(path: Path, seconds: float = 1.0, gain: float = 0.5, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wav = gain * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.clip(wav, -0.9, 0.9), rate)
    return path


@pytest.fixture(scope="module")
def examination(tmp_path_factory) -> Examination:
    """Three findings: four clipped tones, thirty odd texts, and a note with nothing to hear."""
    folder = tmp_path_factory.mktemp("wavs")
    sounds = [tone(folder / f"c{i}.wav", 1 + i / 4, gain=2.0) for i in range(4)]
    clipped = [
        Case(f"train.csv:{i + 1}", f"c{i}", f"{90 - i} flat tops", 9.0 - i, str(path), f"Tone {i}.")
        for i, path in enumerate(sounds)
    ]
    odd = [
        Case(f"train.csv:{i + 10}", f"t{i}", "odd", 1.0, None, EVIL if i == 0 else f"Zdání {i}")
        for i in range(30)
    ]
    findings = [
        Finding("advice", "note", "one voice", "It is told for its own sake.", "nothing to do"),
        Finding("clipped", "warning", "4 are clipped", "It sounds harsh.", "less gain", clipped, 4),
        Finding("odd_text", "error", f"30 odd {EVIL}", EVIL + ".", "run: a --b", odd, 30),
    ]
    tables = [Table(EVIL, ("name", EVIL), [(EVIL, "1,200"), ("борис", "3.5 %")])]
    facts = [("utterances", "34"), (EVIL, EVIL)]
    return Examination(f"data/{EVIL}", "data", facts, findings, [HISTOGRAM], CURVES, tables)


@pytest.fixture(scope="module")
def path(examination, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "doctor.html"
    write_page(examination, path, 40)
    return path


@pytest.fixture(scope="module")
def page(path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def test_page_shows_every_finding_worst_first(page):
    shown = [card["data-kind"] for card in page.those("article", "finding")]
    assert shown == ["odd_text", "clipped", "advice"]
    for said in ("4 are clipped", "It sounds harsh.", "less gain", "90 flat tops", "Tone 0."):
        assert said in page.text


def test_what_comes_from_data_is_text_and_nothing_else(path, page):
    assert not [attributes for tag, attributes in page.elements if tag == "img"]
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on")]
    assert page.text.count("</script>") >= 6  # it can be read, wherever it stands
    assert "<img" not in path.read_text(encoding="utf-8")


def test_page_needs_no_other_file(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (tag, address)
    [policy] = [a["content"] for t, a in page.elements if a.get("http-equiv")]
    assert "default-src 'none'" in policy


def test_page_leaves_out_what_is_too_much_and_says_so(tmp_path):
    cases = [Case(f"l:{i}", f"u{i}", "odd", 1.0) for i in range(N_CASES + 50)]
    finding = Finding("odd", "note", "many", "Why.", "fix", cases, 9000)
    write_page(Examination("d", "data", [], [finding]), tmp_path / "p.html", 40)
    page = Reader((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert sum(tag == "li" for tag, _ in page.elements) == N_CASES
    assert f"{N_CASES - N_OPEN} more" in page.text
    assert f"the {N_CASES} worst of 9,000" in page.text


def test_a_page_without_findings_says_that_all_is_well(tmp_path):
    write_page(Examination("d", "data", [], []), tmp_path / "p.html", 40)
    assert "All is well" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_names_that_are_no_utf8_do_not_stop_the_page(tmp_path):
    case = Case("\udcff.wav", "\udcff", "odd", 1.0, "\udcff.wav", "text")
    examination = Examination(
        "\udcff", "data", [], [Finding("k", "note", "t", "w", "f", [case], 1)]
    )
    write_page(examination, tmp_path / "p.html", 40)
    assert r"\udcff.wav" in (tmp_path / "p.html").read_text(encoding="utf-8")


# Clips.


def decoded(clip: players.Clip) -> tuple[np.ndarray, int]:
    return soundfile.read(io.BytesIO(base64.b64decode(clip.media)))


def test_a_clip_is_the_recording_to_the_sample(tmp_path):
    clip = make_clip(str(tone(tmp_path / "a.wav")), "noisy", "")
    wav, rate = decoded(clip)
    assert rate == RATE
    np.testing.assert_array_equal(wav, soundfile.read(tmp_path / "a.wav")[0])
    assert (clip.start, clip.seconds, clip.seconds_of_all) == (0.0, 1.0, 1.0)
    assert max(clip.highs) == pytest.approx(0.5, abs=0.01) == -min(clip.lows)


def test_a_clip_of_a_long_recording_lies_around_the_fault(tmp_path):
    path = str(tone(tmp_path / "a.wav", 60.0))
    clip = make_clip(path, "inner_silence", "2.00 s of silence at 40.00 s")
    assert clip.seconds == pytest.approx(players.MOST_SECONDS)
    [(start, end)] = clip.spans
    assert clip.start + start * clip.seconds == pytest.approx(40.0)
    assert clip.start + end * clip.seconds == pytest.approx(42.0)
    assert make_clip(path, "noisy", "").start == 0.0
    last = make_clip(path, "clicks", "3 clicks, the first at 59.90 s")
    assert last.start + last.seconds == pytest.approx(60.0)


def test_a_clip_has_one_channel_and_a_moderate_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((48000, 2)) + [0.5, 0.1], 48000)
    wav, rate = decoded(make_clip(str(tmp_path / "a.wav"), "stereo", ""))
    assert (rate, wav.shape) == (players.HIGHEST_RATE, (players.HIGHEST_RATE,))
    assert wav[len(wav) // 2] == pytest.approx(0.3, abs=1e-3)


def test_what_cannot_be_decoded_has_no_clip(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    for name in ("bad.wav", "empty.wav", "gone.wav"):
        assert make_clip(str(tmp_path / name), "clipped", "") is None


def test_samples_that_are_no_numbers_do_not_stop_a_clip(tmp_path):
    wav = np.full(RATE, np.nan)
    soundfile.write(tmp_path / "a.wav", wav, RATE, subtype="FLOAT")
    assert np.isfinite(decoded(make_clip(str(tmp_path / "a.wav"), "nan", ""))[0]).all()


@pytest.mark.parametrize(
    "kind, detail, spans",
    [
        ("cut_start", "", [(0.0, 0.15)]),
        ("cut_end", "", [(4.85, 5.0)]),
        ("clicks", "3 clicks, the first at 1.50 s", [(1.48, 1.52)]),
        ("digital_silence", "0.50 s of zeros at 2.00 s", [(2.0, 2.5)]),
        (
            "long_edges",
            "1.00 s of silence before speech, 2.00 s behind it",
            [(0.0, 1.0), (3.0, 5.0)],
        ),
        ("noisy", "speech 12 dB above the noise", []),
    ],
)
def test_the_place_of_a_fault_is_marked_where_it_is_told(kind, detail, spans):
    found = told_spans(kind, detail, 5.0)
    assert [pytest.approx(span) for span in found] == spans


def test_clipped_places_are_marked_where_they_are():
    wav = 0.3 * np.sin(np.arange(8000) / 5)
    wav[4000:4020] = 0.9
    assert list(clipped_spans(wav)) == [(4000 / 8000, 4020 / 8000)]
    assert list(clipped_spans(np.zeros(100))) == []


def test_players_are_shared_among_the_findings(examination):
    first = Case("l:1", "a", "", 1.0, "a.wav")
    other = Finding("noisy", "error", "t", "w", "f", [first], 1)
    chosen = choose_cases([*examination.findings, other], 3)
    assert [(finding.kind, case.id) for finding, case in chosen] == [
        ("noisy", "a"), ("clipped", "c0"), ("clipped", "c1"),
    ]  # fmt: skip
    assert len(make_clips(examination.findings, 2)) == 2
    assert make_clips(examination.findings, 0) == {}


def test_all_clips_together_have_a_limit(examination, monkeypatch):
    sizes = [len(clip.media) for clip in make_clips(examination.findings, 9).values()]
    monkeypatch.setattr(players, "MOST_BYTES", sizes[0] + sizes[1])
    assert len(make_clips(examination.findings, 9)) == 2


# Charts.


def shapes(svg: str, kind: str) -> list[dict[str, str]]:
    found = re.findall(rf'<\w+ class="{kind}"([^>]*)>', svg)
    return [dict(re.findall(r'([\w-]+)="([^"]*)"', attributes)) for attributes in found]


def test_a_histogram_has_a_bar_for_each_count_and_a_line_for_each_limit():
    svg = histogram_svg(HISTOGRAM)
    bars, limits = shapes(svg, "column"), shapes(svg, "limit")
    assert len(bars) == 3 and len(limits) == 2
    lefts = [float(bar["x"]) for bar in bars]
    heights = [float(bar["height"]) for bar in bars]
    assert lefts == sorted(lefts) and heights[1] == max(heights)
    assert heights[0] >= 2 and heights[2] >= 2  # 1 of 900 can be seen
    # The limit 0.5 is in the middle of the first bar, and 3.0 at the end of the one to 3.
    assert float(limits[0]["x1"]) == pytest.approx(lefts[0] + float(bars[0]["width"]) / 2, abs=1)
    assert float(limits[1]["x1"]) == pytest.approx(lefts[2], abs=0.1)


def test_a_limit_far_from_the_bars_does_not_squeeze_them():
    far = dataclasses.replace(HISTOGRAM, limits=(3.0, 900.0))
    assert len(shapes(histogram_svg(far), "limit")) == 1
    assert describe_limits(far) == "findings begin at 3 and 900"


def test_a_histogram_is_told_in_words():
    assert describe_histogram(HISTOGRAM) == (
        "length: 904 from 0 to 4 seconds, most of them (900) between 2 and 3"
    )
    assert describe_limits(HISTOGRAM) == "findings begin at 0.5 and 3"
    empty = Histogram("x", "y", (0.0, 1.0), (0,), ())
    assert "nothing" in histogram_svg(empty) and describe_limits(empty) == ""


def test_a_curve_has_a_gap_where_it_is_not_finite():
    svg = curves_svg("mel", CURVES[1:2])
    [curve] = shapes(svg, "curve valid")
    assert curve["d"].count("M") == 2 and "L" not in curve["d"]
    assert "no finite" in curves_svg("x", [Curve("x", (1,), (math.nan,))])


def test_long_curves_are_thinned_and_keep_their_ends():
    points = thinned(CURVES[0].steps * 5, CURVES[0].values * 5)
    assert len(points) == 500 and points[0] == (0, 30.0) and points[-1][0] == 4995
    assert thinned((1, 2), (3.0, 4.0)) == [(1, 3.0), (2, 4.0)]


def test_ticks_are_round_and_few():
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.13, 0.88, 4) == [0.2, 0.4, 0.6, 0.8]
    assert ticks(3, 3, 4) == [3]
    assert [number(x) for x in (0, 0.5, 1234.5, 2_000_000, 1e-7)] == [
        "0", "0.5", "1234", "2,000,000", "1.0e-07",
    ]  # fmt: skip


# The page in a browser.

browses = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium-driver"),
]
PLAY_ALL = """
const found = [];
for (const audio of document.querySelectorAll("audio")) {
  audio.scrollIntoView();
  while (!audio.duration) await new Promise(requestAnimationFrame);
  await audio.play();
  while (!audio.currentTime) await new Promise(requestAnimationFrame);
  found.push([audio.getAttribute("aria-label"), audio.duration,
    [...document.querySelectorAll("audio")].filter(other => !other.paused).length]);
}
for (const audio of document.querySelectorAll("audio")) audio.pause();
return found;
"""
CLICK_IN_THE_MIDDLE = """
const player = document.querySelector(".player"), audio = player.querySelector("audio");
const picture = player.querySelector(".picture"), box = picture.getBoundingClientRect();
const playing = new Promise(started => audio.addEventListener("playing", started));
picture.dispatchEvent(new MouseEvent("click", {clientX: box.left + box.width / 2, bubbles: true}));
await playing;
await new Promise(requestAnimationFrame);
const found = [audio.currentTime, player.querySelector(".head").hidden];
audio.pause();
return found;
"""
SHOWN = """
const seen = node => node.checkVisibility();
return [[...document.querySelectorAll(".finding")].filter(seen).map(card => card.dataset.kind),
  [...document.querySelectorAll(".cases li")].filter(seen).length,
  seen(document.getElementById("none")), document.getElementById("shown").textContent];
"""
TYPE = """
const box = document.getElementById("filter");
box.value = "WORDS";
box.dispatchEvent(new Event("input"));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as session:
        yield session


def browsing(test):
    for mark in browses:
        test = mark(test)
    return test


@browsing
def test_every_clip_plays_alone_and_the_browser_does_not_complain(browser, path):
    browser.open(path.as_uri())
    assert browser.run(PLAY_ALL) == [
        [f"c{i}, {1 + i / 4:.1f} seconds", pytest.approx(1 + i / 4, abs=0.01), 1] for i in range(4)
    ]
    assert browser.complaints() == []


LINES_OF_NAMES = """
return [...document.querySelectorAll("#facts dt")].map(name => {
  const inside = document.createRange();
  inside.selectNodeContents(name);
  return inside.getClientRects().length;
});
"""


@browsing
def test_a_telephone_shows_names_of_facts_in_one_line(browser, tmp_path):
    told = "finetune.py takes the rest from the voice that it begins with, and so on " * 3
    write_page(Examination("d", "data", [("advice", told)], []), tmp_path / "page.html", 0)
    metrics = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
    browser.ask("POST", "/goog/cdp/execute", command)
    browser.open((tmp_path / "page.html").as_uri())
    lines = browser.run(LINES_OF_NAMES)
    command = {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}}
    browser.ask("POST", "/goog/cdp/execute", command)
    assert lines == [1]


@browsing
def test_a_click_on_a_waveform_plays_from_there(browser, path):
    browser.open(path.as_uri())
    at, hidden = browser.run(CLICK_IN_THE_MIDDLE)
    assert 0.45 < at < 0.75 and not hidden
    assert browser.complaints() == []


@browsing
def test_filter_shows_what_fits_and_says_how_many(browser, path):
    browser.open(path.as_uri())

    def shown(words: str) -> list:
        return browser.run(TYPE.replace("WORDS", words) + SHOWN)

    assert shown("") == [["odd_text", "clipped", "advice"], N_OPEN + 4, False, ""]
    assert shown("ZDÁNÍ 2") == [["odd_text"], 11, False, "1 of 3 shown"]  # 2, and 20 to 29
    assert shown("tone 3") == [["clipped"], 1, False, "1 of 3 shown"]
    assert shown("harsh") == [["clipped"], 4, False, "1 of 3 shown"]
    assert shown("nowhere") == [[], 0, True, "0 of 3 shown"]
    shown("")
    off = "const b = document.querySelector('.choice input[name=error]'); b.click();"
    assert browser.run(off + SHOWN)[0] == ["clipped", "advice"]
    assert browser.complaints() == []


@browsing
def test_a_fix_is_copied(browser, path):
    browser.open(path.as_uri())
    [button] = browser.ask("POST", "/element", {"using": "css selector", "value": ".copy"}).values()
    browser.ask("POST", f"/element/{button}/click", {})  # by a person, as copying asks for
    wait = "while (button.textContent !== 'copied') await new Promise(requestAnimationFrame);"
    browser.run(f"const button = document.querySelector('.copy'); {wait}")
    pasted = "const box = document.getElementById('filter'); box.focus();"
    pasted += "document.execCommand('paste'); return box.value;"
    assert browser.run(pasted) in ("run: a --b", "")  # "": it may not be read by a script
    assert browser.complaints() == []


@browsing
def test_charts_in_the_browser_have_their_bars_limits_and_curves(browser, path):
    browser.open(path.as_uri())
    count = "return document.querySelectorAll('{}').length;"
    assert browser.run(count.format(".histogram .column")) == 3
    assert browser.run(count.format(".histogram .limit")) == 2
    assert browser.run(count.format("#curves svg")) == 2
    assert browser.run(count.format("#curves .curve")) == 3
    assert browser.run(count.format(".player .span")) >= 4
    labels = "return [...document.querySelectorAll('svg[role=img]')].map(s => s.ariaLabel);"
    assert browser.run(labels)[0].startswith("length: 904")


@browsing
def test_nothing_from_the_data_runs_in_the_browser(browser, path, examination):
    browser.open(path.as_uri())
    title, subject = browser.run("return [document.title, document.querySelector('h1').innerText];")
    assert title != "stolen" and subject == examination.subject
    assert html.unescape(browser.run("return document.querySelector('.said').innerText;")) == (
        html.unescape(EVIL)
    )
    assert browser.complaints() == []


@browsing
@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_its_window(browser, path, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
    browser.ask("POST", "/goog/cdp/execute", command)
    browser.open(path.as_uri())
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth;")
    smallest = "return Math.min(...[...document.querySelectorAll('.chart text')].map("
    smallest += "text => text.getBoundingClientRect().height));"
    assert browser.run(smallest) >= 9  # pixels, so that axes can be read


@browsing
def test_everything_can_be_reached_by_keyboard(browser, path):
    browser.open(path.as_uri())
    reached = browser.run(
        "return ['#filter', '.choice input', '.copy', 'audio', 'summary'].map(which => {"
        "const node = document.querySelector(which); node.focus();"
        "return document.activeElement === node; });"
    )
    assert reached == [True] * 5
    assert browser.complaints() == []
