"""The listening page in a real browser, of a voice and of a vocoder.

Debian's packages chromium and chromium-driver; without them these tests skip.
"""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hifigan.listening import write_page
from tests.browser import Browser, started
from tests.listening_run import (
    FRAMES,
    HOP_LENGTH,
    RECORDINGS,
    SAMPLE_RATE,
    SENTENCES,
    step_folder,
    write_run,
    write_vocoder_run,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium-driver"),
]


@dataclass(frozen=True)
class Kind:
    """What a run is of, and what its page shows and says."""

    write: Callable[[Path, tuple[int, ...]], Path]
    names: tuple[str, ...]  # of its sentences or recordings
    noun: str
    made: tuple[str, ...]  # sounds of each step
    picture: str  # of each step, besides the mels
    says: tuple[str, ...]


KINDS = {
    "voice": Kind(
        write_run,
        tuple(SENTENCES),
        "sentence",
        ("reconstruction", "synthesis"),
        "alignment",
        (
            "Reconstruction is the recording through posterior encoder",
            "Alignment: frames to the right",
            "for as long as the voice gets better",
            "KL falls steeply",
            "the longest symbol lasts some tenths of a second",
            "Reconstruction mel distance says",
        ),
    ),
    "vocoder": Kind(
        write_vocoder_run,
        RECORDINGS,
        "recording",
        ("reconstruction",),
        "difference",
        (
            "Reconstruction is copy synthesis",
            "Difference: how far apart",
            "for as long as the vocoder gets better",
            "about 500,000 steps give fairly good sound",
            "fresh ones warm up first",
            "from 2 to 5 kHz",
        ),
    ),
}
SAID_OF_ALL = (
    "All mels share one colour scale",
    "Trust your ears first",
    "feature matching do not fall",
    "Clipped samples are those at full scale",
)
STEPS = (10, 20, 30, 40, 50)
PLAY_ALL = """
const found = [];
for (const audio of document.querySelectorAll("audio")) {
  const before = audio.readyState;
  await audio.play();
  while (!audio.currentTime) await new Promise(requestAnimationFrame);
  audio.pause();
  found.push([audio.getAttribute("aria-label"), before, audio.duration]);
}
return found;
"""
LOAD_ALL = """
const found = [];
for (const image of document.querySelectorAll("img")) {
  const loading = image.loading;
  image.loading = "eager";
  await image.decode();
  found.push([image.alt, loading, image.naturalWidth]);
}
return found;
"""
PLAY_FROM_THE_MIDDLE = """
const column = document.querySelectorAll(".column")[1]; // of the newest step
const mel = column.querySelector("TRACK"), box = mel.getBoundingClientRect();
const audio = column.querySelector("audio");
const playing = new Promise(started => audio.addEventListener("playing", started));
mel.dispatchEvent(new MouseEvent("click", {clientX: box.left + box.width / 2, bubbles: true}));
await playing;
const found = [audio.currentTime, mel.querySelector(".head").hidden, audio.ariaLabel];
audio.pause();
return found;
"""
CARDS = """
return [...document.querySelectorAll(".card")].map(card =>
  [card.getAttribute("aria-label"), ...[...card.querySelectorAll("h4")].map(h4 => h4.textContent)]);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as session:
        yield session


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def run(kind, tmp_path_factory) -> Path:
    return kind.write(tmp_path_factory.mktemp("runs") / "tiny #1", STEPS)


@pytest.fixture(scope="module")
def server(run) -> Iterator[str]:
    """Address of the run folder on a plain web server, one that cannot serve parts of a file."""
    handler = functools.partial(QuietHandler, directory=run)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(params=("linked", "served", "self-contained"))
def page(request, run, server, tmp_path) -> str:
    """Address of the run's page in each of its forms."""
    if request.param == "self-contained":  # far from the run's files
        return write_page(run, tmp_path / "self_contained.html", self_contained=True).as_uri()
    linked = write_page(run)
    return linked.as_uri() if request.param == "linked" else f"{server}/{linked.name}"


def test_every_sound_plays_and_every_picture_loads_without_a_complaint(browser, kind, page):
    browser.open(page)
    sounds, pictures = browser.run(PLAY_ALL), browser.run(LOAD_ALL)
    assert len(sounds) == len(kind.names) * (1 + 3 * len(kind.made)), sounds
    for label, ready_before, seconds in sounds:
        assert ready_before == 0 or "self_contained" in page, f"{label} loads before it is played"
        frames = FRAMES["synthesis" if label.startswith("Synthesis") else "target"]
        assert seconds == pytest.approx(frames * HOP_LENGTH / SAMPLE_RATE, abs=0.001), label
    assert len(pictures) == len(kind.names) * (1 + 3 * (len(kind.made) + 1)), pictures
    for alt, loading, width in pictures:
        assert (loading, width) == ("lazy", FRAMES["synthesis" if "Synthesis" in alt else "target"])
    assert browser.complaints() == []


def test_a_click_on_a_mel_or_difference_plays_from_there(browser, kind, page):
    # The axis of a card is as long as its longest sound.
    middle = FRAMES[kind.made[-1]] * HOP_LENGTH / SAMPLE_RATE / 2
    for track in (".mel", ".difference") if kind.picture == "difference" else (".mel",):
        browser.open(page)
        time, hidden, label = browser.run(PLAY_FROM_THE_MIDDLE.replace("TRACK", track))
        assert middle - 0.001 < time < middle + 0.3 and not hidden
        assert label.startswith(f"Reconstruction of {kind.names[0]}, step 50")
        assert browser.complaints() == []


def test_page_says_what_fits_the_run_and_no_more(browser, run, kind):
    browser.open(write_page(run).as_uri())
    text = browser.run(
        "for (const closed of document.querySelectorAll('details')) closed.open = true;"
        "return document.body.innerText.replaceAll(/\\s+/g, ' ');"
    )
    assert [said for said in (*SAID_OF_ALL, *kind.says) if said not in text] == []
    [other] = [other for other in KINDS.values() if other is not kind]
    assert [said for said in other.says if said in text] == []
    assert f"{kind.noun} all" in text and f"Scores of the {kind.noun}s above" in text
    assert f"{other.noun}s above" not in text and "undefined" not in text and "null" not in text
    assert text.count(kind.picture.capitalize()) >= len(kind.names) * 3
    for name in kind.names:
        assert name in text
    assert browser.complaints() == []


def test_a_sound_that_was_not_finite_is_said_to_be_missing(browser, run, kind, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    path = step_folder(copy, 50) / "samples.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    del records[0]["n_samples"]["reconstruction"]
    if kind.picture == "difference":  # there is none then
        records[0]["pictures"] = []
    path.write_text(json.dumps(records), encoding="utf-8")
    browser.open(write_page(copy).as_uri())
    found = browser.run("return [...document.querySelectorAll('.absent')].map(p => p.textContent);")
    assert found == ["none: it was not finite"]
    assert browser.complaints() == []


def test_steps_are_chosen_to_compare_newest_first(browser, kind, page):
    browser.open(page)

    def shown(script: str) -> list[list[str]]:
        return browser.run(script + CARDS)

    def cards(*steps: str) -> list[list[str]]:
        return [[sentence, "recording", *steps] for sentence in kind.names]

    newest = cards("step 50newest", "step 40", "step 30")
    press = "document.getElementById('{}').click();"
    assert shown("") == newest
    assert shown(press.format("spread")) == cards("step 50newest", "step 40", "step 20", "step 10")
    assert shown("document.querySelector('#chosen button').click();") == cards(
        "step 40", "step 20", "step 10"
    )
    assert shown(press.format("newest")) == newest
    choose = "const s = document.getElementById('{}'); s.value = '{}';"
    choose += "s.dispatchEvent(new Event('change'));"
    assert shown(choose.format("add", 10))[0][-1] == "step 10"
    assert shown(choose.format("sentence", 1)) == [
        [kind.names[1], "recording", "step 50newest", "step 40", "step 30", "step 10"]
    ]
    rows = "return [...document.querySelectorAll('tbody th')].map(cell => cell.textContent);"
    assert browser.run(rows) == ["50", "40", "30", "10"]
    assert browser.complaints() == []


def test_a_file_that_is_gone_is_named_on_the_page(browser, run, kind, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    (step_folder(copy, 50) / f"000/{kind.picture}.png").unlink()
    browser.open(write_page(copy).as_uri())
    browser.run(
        "while (!document.querySelector('.absent')) await new Promise(requestAnimationFrame);"
    )
    text = browser.run("return document.querySelector('.absent').textContent;")
    assert text == f"not found: samples/step_00000050/000/{kind.picture}.png"
    browser.complaints()  # that the file is not there
