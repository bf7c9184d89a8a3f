"""Chromium without a window, over the WebDriver protocol: for the listening page."""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SWITCHES = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to be root with one
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
)

STATE = "return [location.href.split('#')[0], document.readyState];"


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
        """Returns when the page and its scripts are there.

        chromedriver says so itself, but now and then of the page before: on a busy machine,
        where an address of a file follows one of a server.
        """
        self.ask("POST", "/url", {"url": address})
        ends = time.monotonic() + 60
        while self.run(STATE) != [urllib.parse.urldefrag(address).url, "complete"]:
            assert time.monotonic() < ends, f"{address}: the browser is at {self.run(STATE)}"
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """What the body of an async function returns, or the text of what it throws."""
        waiting = "const done = arguments[0];"
        waiting += f"(async () => {{{script}}})().then(done, e => done(`${{e}}`))"
        return self.ask("POST", "/execute/async", {"script": waiting, "args": []})

    def complaints(self) -> list[str]:
        """What the browser has logged since the last call."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser until the end of the block. profile: an empty folder for what it keeps."""
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        ports = (re.search(r"successfully on port (\d+)", line) for line in driver.stdout)
        port = next(int(found[1]) for found in ports if found)
        session = Browser(port, profile)
        yield session
        session.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.wait()
