"""The server's routes. `make_app` makes an ASGI application; __main__.py serves it.

    POST /v1/audio/speech   the usual speech endpoint; see requests.py
    GET  /v1/voices         speakers, languages, formats and limits
    GET  /v1/models         the one model, for clients that ask for a list
    GET  /health            whether it answers
    GET  /                  a page to type and listen

Speaking happens in threads. At most max_concurrent requests speak at a time, max_waiting wait for
their turn, and more are sent away. A client that goes away is not spoken to any further.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hifigan.errors import UserError
from vits.serving.encodings import ENCODINGS, encoded
from vits.serving.requests import NUMBERS, BadRequest, SpeechRequest, read_request
from vits.speaking.voice import Line, Voice

logger = logging.getLogger(__name__)

MAX_BODY = 1 << 20  # bytes, far above any text that is allowed
MAX_SILENCE = 600  # seconds in one answer; few characters can ask for hours of it
GONE = "the client went away"
RETRY_SECONDS = 2


@dataclass(frozen=True)
class Limits:
    max_characters: int = 5000  # of a text
    max_concurrent: int = 2  # requests that speak at a time
    max_waiting: int = 16  # that wait for them


class Turns:
    """Who may speak now, who waits, and who is sent away."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.n_waiting = 0
        self._free = asyncio.Semaphore(limits.max_concurrent)

    async def take(self) -> None:
        if self._free.locked() and self.n_waiting >= self.limits.max_waiting:
            raise BadRequest("too many requests wait already; try again soon", status=503)
        self.n_waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.n_waiting -= 1

    def give_back(self) -> None:
        self._free.release()


def make_app(voice: Voice, name: str, limits: Limits = Limits()) -> Starlette:
    """name: of the model, for lists and the page."""
    turns = Turns(limits)
    page = resources.files("vits.serving").joinpath("page.html").read_text("utf-8")

    async def speech(request: Request) -> Response:
        asked = read_request(await _body(request), voice, limits.max_characters)
        lines = await run_in_threadpool(_lines, voice, asked)
        await turns.take()
        spoken = voice.stream_lines(lines, asked.how)
        pieces = _AsThreads(encoded(spoken, voice.sample_rate, asked.encoding))
        try:
            # The first piece is made before the answer begins, so that a fault still has a status.
            while (first := await pieces.next()) == b"":
                if await request.is_disconnected():
                    raise BadRequest(GONE)
        except BaseException:
            turns.give_back()
            raise

        async def stream() -> AsyncIterator[bytes]:
            piece = first
            while piece is not None:
                yield piece
                piece = await pieces.next()

        kind = ENCODINGS[asked.encoding][0]
        headers = {"X-Sample-Rate": str(voice.sample_rate), "Cache-Control": "no-store"}
        return _Speech(stream(), turns, media_type=kind, headers=headers)

    async def voices(request: Request) -> Response:
        return JSONResponse(
            {
                "model": name,
                "voices": list(voice.speakers) or ["default"],
                "languages": list(voice.languages),
                "sample_rate": voice.sample_rate,
                "response_formats": list(ENCODINGS),
                "numbers": {key: list(value) for key, value in NUMBERS.items()},
                "max_characters": limits.max_characters,
            }
        )

    async def models(request: Request) -> Response:
        only = {"id": name, "object": "model", "created": 0, "owned_by": "vits"}
        return JSONResponse({"object": "list", "data": [only]})

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def index(request: Request) -> Response:
        return HTMLResponse(page)

    return Starlette(
        routes=[
            Route("/v1/audio/speech", speech, methods=["POST"]),
            Route("/v1/voices", voices),
            Route("/v1/models", models),
            Route("/health", health),
            Route("/", index),
        ],
        exception_handlers={BadRequest: _refuse, HTTPException: _refuse_route, 500: _fail},
    )


class _Speech(StreamingResponse):
    """An answer that gives its turn back when it ends, also when it never begins."""

    def __init__(self, content: AsyncIterator[bytes], turns: Turns, **options: Any) -> None:
        super().__init__(content, **options)
        self.turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.turns.give_back()


class _AsThreads:
    """An iterator of bytes whose steps run in a thread, one after another."""

    def __init__(self, iterator: Iterator[bytes]) -> None:
        self._iterator = iterator
        self._lock = threading.Lock()

    async def next(self) -> bytes | None:
        """None at the end."""
        return await run_in_threadpool(self._step)

    def _step(self) -> bytes | None:
        with self._lock:
            return next(self._iterator, None)


def _lines(voice: Voice, asked: SpeechRequest) -> list[Line]:
    """BadRequest: the text has nothing to say, marks that cannot be read, or too much silence."""
    try:
        lines = voice.lines(asked.text, asked.how)
    except UserError as error:
        raise BadRequest(str(error), "input") from None
    seconds = sum(line.n_silent for line in lines) / voice.sample_rate
    if seconds > MAX_SILENCE:
        told = f"silences of {seconds:,.0f} s in all, expected {MAX_SILENCE} at most"
        raise BadRequest(f"{told}; shorten the pauses, or send the text in parts", "input")
    return lines


async def _body(request: Request) -> bytes:
    """What the client sent, as far as it may be."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # a page of another site may send anything but this
        raise BadRequest(f"the body is {kind or 'untyped'}, expected application/json", status=415)
    parts, n_bytes = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            n_bytes += len(part)
            if n_bytes > MAX_BODY:
                raise BadRequest(f"the body is longer than {MAX_BODY:,} bytes", status=413)
    except ClientDisconnect:
        raise BadRequest(GONE) from None
    return b"".join(parts)


def _error(message: str, kind: str, parameter: str | None, status: int) -> Response:
    told = {"message": message, "type": kind, "param": parameter, "code": None}
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return JSONResponse({"error": told}, status_code=status, headers=headers)


async def _refuse(request: Request, error: BadRequest) -> Response:
    kind = "overloaded" if error.status == 503 else "invalid_request_error"
    return _error(str(error), kind, error.parameter, error.status)


async def _refuse_route(request: Request, error: HTTPException) -> Response:
    told = f"{request.method} {request.url.path}: {error.detail}; see GET /v1/voices"
    return _error(told, "invalid_request_error", None, error.status_code)


async def _fail(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed: %s", request.method, request.url.path, error)
    return _error("speaking failed; the server's log says why", "server_error", None, 500)
