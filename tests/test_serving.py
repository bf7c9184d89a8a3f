"""The server with real clients over real sockets: what it says, refuses, streams and survives."""

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from hifigan.checkpoint import write_checkpoint
from tests.browser import Browser, started
from tests.small_voice import small_voice
from vits.serving import __main__ as serving
from vits.speak_only import speak_only
from vits.speaking.voice import Voice

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

LETTERS = 'text.symbols=["_", " ", ".", ",", "a", "b", "c", "d"]'
STORY = "Abba bad. Cab dab, a bad cab."
RATE = 8000


@pytest.fixture
def voice(smallest) -> Voice:
    return small_voice(smallest(LETTERS, 'data.speakers=["anna", "boris"]'))


class Server:
    """A server in a process of its own."""

    def __init__(self, model: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "vits.serving", "--model_path", str(model), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores
        )
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                break
        else:
            raise AssertionError("".join(lines))
        self.address = found[0].rstrip("/")
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.log.append(line)

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict, bytes]:
        """Status, headers and contents of the answer."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        told = {"Content-Type": "application/json"} | headers if data is not None else headers
        request = urllib.request.Request(self.address + path, data, told)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def say(self, **asked: Any) -> tuple[int, dict, bytes]:
        return self.ask("/v1/audio/speech", {"input": STORY, "voice": "anna"} | asked)

    def refusal(self, body: Any, **headers: str) -> tuple[int, str, str | None]:
        status, _, contents = self.ask("/v1/audio/speech", body, **headers)
        error = json.loads(contents)["error"]
        return status, error["message"], error["param"]

    def resident_mib(self) -> float:
        text = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._reader.join(30)  # the log is whole


def write_voice(voice: Voice, folder: Path) -> Path:
    path = folder / "tiny.pt"
    write_checkpoint(path, speak_only(voice, False, path))
    return path


@pytest.fixture
def server(voice: Voice, tmp_path: Path) -> Iterator[Server]:
    running = Server(write_voice(voice, tmp_path), "--max_characters", "2000")
    yield running
    running.stop()


def test_the_speech_endpoint_says_what_the_voice_says(voice: Voice, server: Server) -> None:
    expected = voice.speak(STORY, speaker="anna", seed=3, length_scale=0.5).numpy()
    status, headers, contents = server.say(response_format="wav", seed=3, speed=2)
    assert status == 200 and headers["content-type"] == "audio/wav"
    assert headers["x-sample-rate"] == "8000"
    wav, rate = soundfile.read(io.BytesIO(contents))
    assert rate == RATE
    np.testing.assert_allclose(wav, expected, atol=1e-4)
    _, _, bare = server.say(response_format="pcm", seed=3, speed=2)
    assert bare == contents[44:]
    for encoding, container in (("flac", "FLAC"), ("mp3", "MP3"), ("opus", "OGG")):
        status, headers, contents = server.say(response_format=encoding, seed=3, speed=2)
        with soundfile.SoundFile(io.BytesIO(contents)) as file:
            assert (status, file.format, file.samplerate) == (200, container, RATE)
            assert len(file) == pytest.approx(len(expected), rel=0.2, abs=1200)
    other = server.say(response_format="pcm", seed=3, speed=2, voice="boris")[2]
    assert other != bare


def test_lists_tell_what_there_is(server: Server) -> None:
    told = json.loads(server.ask("/v1/voices")[2])
    assert told["voices"] == ["anna", "boris"] and told["max_characters"] == 2000
    assert told["sample_rate"] == RATE and "opus" in told["response_formats"]
    assert json.loads(server.ask("/v1/models")[2])["data"][0]["id"] == "tiny"
    assert server.ask("/health")[0] == 200
    status, headers, page = server.ask("/")
    assert (
        status == 200 and headers["content-type"].startswith("text/html") and b"/v1/audio" in page
    )


def test_bad_requests_get_a_status_and_a_reason(server: Server) -> None:
    for body, told, parameter in (
        (b"{", "is not JSON", None),
        (b"[" * 9999, "is not JSON", None),
        (b"\xff\xfe{", "is not JSON", None),
        ([], "no JSON object", None),
        ({}, "there is no text", "input"),
        ({"input": "  "}, "there is no text", "input"),
        ({"input": 3}, "input is 3, expected a text", "input"),
        ({"input": "a" * 2001}, "2,001 characters, expected 2,000 at most", "input"),
        ({"input": "xyz"}, "nothing in it that the voice can say", "input"),
        ({"input": "a <pause=9h>"}, "cannot read", "input"),
        ({"input": "\ud800"}, "half a character", "input"),
        ({"input": "a", "voice": "clara"}, "'clara' is not there; choose anna, boris", "voice"),
        ({"input": "a", "language": "bg"}, "language bg: this voice reads", None),
        ({"input": "<pause=60s>" * 11 + "a"}, "silences of 660 s in all, expected 600", "input"),
        ({"input": "Bad cab. " * 99, "sentence_silence": 10}, "silences of 980 s", "input"),
        (
            {"input": "a", "noise_scale_w": 3},
            "noise_scale_w is 3, expected 0 to 2",
            "noise_scale_w",
        ),
        ({"input": "a", "speed": 9}, "speed is 9, expected 0.25 to 4", "speed"),
        ({"input": "a", "speed": "fast"}, 'speed is "fast", expected', "speed"),
        ({"input": "a", "noise_scale": float("nan")}, "noise_scale is NaN", "noise_scale"),
        ({"input": "a", "seed": -1}, "seed -1: expected 0", None),
        ({"input": "a", "seed": 1.5}, "seed is 1.5, expected a whole number", "seed"),
        ({"input": "a", "response_format": "aac"}, "'aac' cannot be made", "response_format"),
        ({"input": "a", "stream_format": "sse"}, "stream_format", "stream_format"),
        ({"input": "a", "volume": 2}, "'volume' is unknown", "volume"),
    ):
        status, message, named = server.refusal(body)
        assert (status, named) == (400, parameter) and told in message, (body, message)
    assert server.refusal(b"{}", **{"Content-Type": "text/plain"})[0] == 415
    assert server.refusal(b" " * (1 << 20 | 1))[0] == 413
    status, _, contents = server.ask("/v1/audio/speech")
    assert status == 405 and b"GET /v1/audio/speech" in contents
    assert server.ask("/nowhere")[0] == 404
    assert server.say(response_format="pcm")[0] == 200  # it goes on


def test_what_is_odd_about_a_text_is_logged_once(server: Server) -> None:
    assert server.say(input="Abba ₿ bad. Cab ₿.")[0] == 200
    server.stop()
    assert sum("U+20BF" in line for line in server.log) == 1


@pytest.mark.parametrize("encoding", ["wav", "pcm", "mp3"])
def test_a_fault_of_the_first_sound_has_a_status(
    voice: Voice, tmp_path: Path, encoding: str
) -> None:
    with torch.no_grad():
        voice.model.decoder.output.weight[0] = float("nan")
    server = Server(write_voice(voice, tmp_path))
    status, _, contents = server.say(response_format=encoding)
    assert status == 500 and b"the server's log says why" in contents
    server.stop()
    assert any("samples that are NaN or infinite" in line for line in server.log)


def test_sound_comes_before_the_text_is_done(server: Server) -> None:
    text = (STORY + " ") * 60
    body = json.dumps({"input": text, "voice": "anna", "response_format": "pcm"}).encode()
    request = urllib.request.Request(
        server.address + "/v1/audio/speech", body, {"Content-Type": "application/json"}
    )
    begun = time.monotonic()
    with urllib.request.urlopen(request, timeout=120) as answer:
        answer.read(1000)
        first = time.monotonic() - begun
        answer.read()
    assert first < 0.5 * (time.monotonic() - begun)


def test_openais_client_speaks_with_it(voice: Voice, server: Server, tmp_path: Path) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0)
    answer = client.audio.speech.create(
        model="tts-1", voice="anna", input=STORY, response_format="wav"
    )
    answer.write_to_file(tmp_path / "a.wav")
    wav, _ = soundfile.read(tmp_path / "a.wav")
    np.testing.assert_allclose(wav, voice.speak(STORY, speaker="anna").numpy(), atol=1e-4)
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="boris", input=STORY, response_format="pcm"
    ) as streamed:
        pieces = [*streamed.iter_bytes(512)]
    assert len(pieces) > 4
    with pytest.raises(openai.BadRequestError, match="choose anna, boris"):
        client.audio.speech.create(model="tts-1", voice="alloy", input=STORY)
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_more_than_may_wait_are_sent_away_and_the_rest_served(voice: Voice, tmp_path: Path) -> None:
    limits = ("--max_concurrent", "1", "--max_waiting", "1")
    server = Server(write_voice(voice, tmp_path), *limits)
    text = (STORY + " ") * 100
    with ThreadPoolExecutor(6) as pool:
        answers = [*pool.map(lambda _: server.say(input=text, response_format="pcm"), range(6))]
    statuses = sorted(status for status, _, _ in answers)
    assert set(statuses) == {200, 503} and 2 <= statuses.count(200) < 6
    away = next(answer for answer in answers if answer[0] == 503)
    assert away[1]["retry-after"] == "2" and b"too many requests wait" in away[2]
    assert len({contents for status, _, contents in answers if status == 200}) == 1
    assert server.say(response_format="pcm")[0] == 200
    server.stop()


def test_a_client_that_goes_away_frees_its_place(voice: Voice, tmp_path: Path) -> None:
    server = Server(write_voice(voice, tmp_path), "--max_concurrent", "1", "--max_waiting", "0")
    text = (STORY + " ") * 150
    body = json.dumps({"input": text, "voice": "anna", "response_format": "pcm"}).encode()
    host, port = server.address.removeprefix("http://").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(
                b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        ends = time.monotonic() + 20
        while server.say(response_format="pcm")[0] == 503:
            assert time.monotonic() < ends
            time.sleep(0.05)
    server.stop()


def test_a_client_that_goes_away_before_the_answer_begins_frees_its_place(
    voice: Voice, tmp_path: Path
) -> None:
    """As formats that come at the end have it."""
    server = Server(write_voice(voice, tmp_path), "--max_concurrent", "1")
    asked = {"input": (STORY + " ") * 60, "voice": "anna", "response_format": "mp3", "speed": 0.25}
    body = json.dumps(asked).encode()
    begun = time.monotonic()
    assert server.ask("/v1/audio/speech", body)[0] == 200
    whole = time.monotonic() - begun
    host, port = server.address.removeprefix("http://").split(":")
    begun = time.monotonic()
    for _ in range(4):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(
                b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            time.sleep(0.2)  # it begins to speak
    assert server.say(response_format="pcm")[0] == 200  # behind the four
    assert time.monotonic() - begun < 0.8 + 2 * whole
    server.stop()


@pytest.mark.parametrize("n_interrupts", [1, 2])
def test_an_interrupt_while_it_streams_leaves_no_traceback(
    voice: Voice, tmp_path: Path, n_interrupts: int
) -> None:
    """The second one does not wait for the client."""
    server = Server(write_voice(voice, tmp_path))
    asked = {"input": (STORY + " ") * 160, "voice": "anna", "response_format": "pcm", "speed": 0.25}
    body = json.dumps(asked).encode()
    host, port = server.address.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # it is slow to take the sound
        client.connect((host, int(port)))
        client.sendall(
            b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        for _ in range(n_interrupts):
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        assert server.process.wait(30) == 130
    server.stop()
    log = "".join(server.log)
    assert "interrupted" in log and "Traceback" not in log, log


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_hundreds_of_requests_in_a_row_leave_memory_flat(server: Server) -> None:
    for i in range(100):
        assert server.say(response_format="wav", seed=i)[0] == 200
    before = server.resident_mib()
    for i in range(400):
        encoding = ("wav", "mp3", "flac", "opus")[i % 4]
        assert server.say(response_format=encoding, seed=i)[0] == 200
    assert server.resident_mib() - before < 8


def test_mistakes_in_the_command_end_in_one_line(
    voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    model = write_voice(voice, tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, told in (
            (("--port", port), "Address already in use; choose another port, or 0 for any"),
            (("--port", "70000"), "--port 70000: expected 0 to 65535"),
            (("--max_concurrent", "0"), "--max_concurrent 0: expected 1 or more"),
            (("--port", "0", "--backend", "onnx", "--device", "cuda"), "onnxruntime computes on"),
            (("--port", "0", "--host", "nowhere.invalid"), "; name an address of this computer"),
            (("--port", "0", "--host", "a" * 64), "no name of a computer; name an address"),
        ):
            argv = ["vits.serving", "--model_path", str(model), *arguments]
            monkeypatch.setattr(sys, "argv", argv)
            with pytest.raises(SystemExit) as stopped:
                serving.main()
            assert stopped.value.code == 2 and told in capsys.readouterr().err.splitlines()[-1]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    (tmp_path / "profile").mkdir()
    with started(tmp_path / "profile") as session:
        yield session


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium-driver")
def test_the_page_speaks_in_a_browser(server: Server, browser: Browser) -> None:
    browser.open(server.address + "/")
    wait = "for (let i = 0; i < 300 && !(%s); i++) await new Promise(r => setTimeout(r, 50));"
    said = "document.querySelectorAll('#said audio').length"
    names = browser.run(
        wait % "document.title === 'tiny'"
        + "return [...document.querySelectorAll('#voice option')].map(o => o.value);"
    )
    assert names == ["anna", "boris"]
    shown = "return ['voices', 'languages'].map(i => document.getElementById(i).offsetWidth > 0);"
    assert browser.run(shown) == [True, False]  # there is one language to choose
    told = browser.run(
        f"document.getElementById('input').value = {json.dumps(STORY)};"
        "document.getElementById('input').oninput();"
        "document.getElementById('voice').value = 'boris';"
        "document.getElementById('speak').click();"
        + wait % f"{said} === 1"
        + "return document.getElementById('told').textContent;"
    )
    assert re.fullmatch(r"First sound after \d+ ms; \d+\.\d s of speech in \d+\.\d s\.", told)
    seconds = browser.run(
        "const sound = document.querySelector('#said audio');"
        + wait % "sound.readyState > 0"
        + "return sound.duration;"
    )
    expected = len(server.say(voice="boris", response_format="pcm")[2]) / 2 / RATE
    assert seconds == pytest.approx(expected, abs=0.01)
    stopped = browser.run(  # while it sounds, or at its end
        "let n = 0; const close = AudioContext.prototype.close;"
        "AudioContext.prototype.close = function () { n++; return close.call(this); };"
        f"document.getElementById('input').value = {json.dumps(STORY * 20)};"
        "document.getElementById('input').oninput();"
        "document.getElementById('speak').click();"
        + wait % f"{said} === 2"
        + "document.getElementById('stop').click();"
        + "return [n, document.getElementById('stop').disabled];"
    )
    assert stopped[0] >= 1 and stopped[1]
    fault = browser.run(
        "document.getElementById('input').value = 'xyz';"
        "document.getElementById('input').oninput();"
        "document.getElementById('speak').click();"
        + wait % "document.getElementById('told').className === 'fault'"
        + "return document.getElementById('told').textContent;"
    )
    assert "nothing in it that the voice can say" in fault
    complaints = [line for line in browser.complaints() if "400" not in line]
    assert complaints == []
