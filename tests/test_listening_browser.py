"""The listening page in a real browser: Chromium without a window, over the WebDriver protocol.

Debian's packages chromium and chromium-driver; without them these tests skip.
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.listening_run import FRAMES, HOP_LENGTH, SAMPLE_RATE, SENTENCES, step_folder, write_run
from vits.listening import write_page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium-driver"),
]
SWITCHES = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to be root with one
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
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
const mel = document.querySelectorAll(".track.mel")[1], box = mel.getBoundingClientRect();
const audio = mel.parentNode.querySelector("audio");
const playing = new Promise(started => audio.addEventListener("playing", started));
mel.dispatchEvent(new MouseEvent("click", {clientX: box.left + box.width / 2, bubbles: true}));
await playing;
const found = [audio.currentTime, mel.querySelector(".head").hidden];
audio.pause();
return found;
"""
CARDS = """
return [...document.querySelectorAll(".card")].map(card =>
  [card.getAttribute("aria-label"), ...[...card.querySelectorAll("h4")].map(h4 => h4.textContent)]);
"""


class Browser:
    """One WebDriver session. https://www.w3.org/TR/webdriver2/"""

    def __init__(self, port: int, profile: Path) -> None:
        self.address = f"http://127.0.0.1:{port}/session"
        options = {"args": [*SWITCHES, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.address += "/" + session["sessionId"]

    def ask(self, method: str, path: str, body: dict | None = None) -> Any:
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        self.ask("POST", "/url", {"url": address})

    def run(self, script: str) -> Any:
        """What the body of an async function returns, or the text of what it throws."""
        waiting = f"const done = arguments[0]; (async () => {{{script}}})().then(done, e => done(`${{e}}`))"
        return self.ask("POST", "/execute/async", {"script": waiting, "args": []})

    def complaints(self) -> list[str]:
        """What the browser has logged since the last call."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        ports = (re.search(r"successfully on port (\d+)", line) for line in driver.stdout)
        port = next(int(found[1]) for found in ports if found)
        session = Browser(port, tmp_path_factory.mktemp("profile"))
        yield session
        session.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.wait()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "tiny #1", STEPS)


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


def test_every_sound_plays_and_every_picture_loads_without_a_complaint(browser, page):
    browser.open(page)
    sounds, pictures = browser.run(PLAY_ALL), browser.run(LOAD_ALL)
    assert len(sounds) == len(SENTENCES) * (1 + 3 * 2), sounds
    for label, ready_before, seconds in sounds:
        assert ready_before == 0 or "self_contained" in page, f"{label} loads before it is played"
        frames = FRAMES["synthesis" if label.startswith("Synthesis") else "target"]
        assert seconds == pytest.approx(frames * HOP_LENGTH / SAMPLE_RATE, abs=0.001), label
    assert len(pictures) == len(SENTENCES) * (1 + 3 * 3), pictures
    for alt, loading, width in pictures:
        assert (loading, width) == ("lazy", FRAMES["synthesis" if "Synthesis" in alt else "target"])
    assert browser.complaints() == []


def test_a_click_on_a_mel_plays_from_there(browser, page):
    browser.open(page)
    # The axis of a card is as long as its longest sound.
    middle = FRAMES["synthesis"] * HOP_LENGTH / SAMPLE_RATE / 2
    time, hidden = browser.run(PLAY_FROM_THE_MIDDLE)
    assert middle - 0.001 < time < middle + 0.3 and not hidden
    assert browser.complaints() == []


def test_steps_are_chosen_to_compare_newest_first(browser, page):
    browser.open(page)

    def shown(script: str) -> list[list[str]]:
        return browser.run(script + CARDS)

    def cards(*steps: str) -> list[list[str]]:
        return [[sentence, "recording", *steps] for sentence in SENTENCES]

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
        ["b<3", "recording", "step 50newest", "step 40", "step 30", "step 10"]
    ]
    rows = "return [...document.querySelectorAll('tbody th')].map(cell => cell.textContent);"
    assert browser.run(rows) == ["50", "40", "30", "10"]
    assert browser.complaints() == []


def test_a_file_that_is_gone_is_named_on_the_page(browser, run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    (step_folder(copy, 50) / "000/alignment.png").unlink()
    browser.open(write_page(copy).as_uri())
    browser.run(
        "while (!document.querySelector('.absent')) await new Promise(requestAnimationFrame);"
    )
    text = browser.run("return document.querySelector('.absent').textContent;")
    assert text == "not found: samples/step_00000050/000/alignment.png"
    browser.complaints()  # that the file is not there
