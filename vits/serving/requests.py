"""What a client may ask of the speech endpoint, and what is wrong with what it asks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hifigan.errors import UserError
from vits.serving.encodings import ENCODINGS
from vits.speaking.manner import Manner
from vits.speaking.voice import Voice

IGNORED = ("model", "instructions", "user", "stream")  # that clients of other servers send
NUMBERS = {  # name: the least and the most
    "speed": (0.25, 4.0),
    "noise_scale": (0.0, 10.0),
    "noise_scale_w": (0.0, 2.0),  # above, a sentence may last minutes
    "sentence_silence": (0.0, 10.0),
}
TEXTS = ("input", "voice", "language", "response_format", "stream_format")
KNOWN = (*TEXTS, *NUMBERS, "seed", *IGNORED)


class BadRequest(Exception):
    """parameter: which field is at fault; status: of the answer."""

    def __init__(self, message: str, parameter: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.status = status


@dataclass(frozen=True)
class SpeechRequest:
    """A checked request of POST /v1/audio/speech."""

    text: str
    how: Manner
    encoding: str  # one of ENCODINGS


def read_request(body: bytes, voice: Voice, max_characters: int) -> SpeechRequest:
    """Of the JSON that a client sent. BadRequest: it asks for what cannot be."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON ({error}); send an object with input") from None
    if not isinstance(asked, dict):
        raise BadRequest("the body is no JSON object; send one with input")
    unknown = [name for name in asked if name not in KNOWN]
    if unknown:
        raise BadRequest(f"{unknown[0]!r} is unknown; known are {', '.join(KNOWN)}", unknown[0])
    texts = {name: _text(asked, name) for name in TEXTS}
    numbers = {name: _number(asked, name, *limits) for name, limits in NUMBERS.items()}
    text = texts["input"]
    if text is None or not text.strip():
        raise BadRequest("there is no text; send it as input", "input")
    if len(text) > max_characters:
        told = f"the text has {len(text):,} characters, expected {max_characters:,} at most"
        raise BadRequest(f"{told}; send it in parts", "input")
    encoding = texts["response_format"] or "mp3"
    if encoding not in ENCODINGS:
        told = f"response_format {encoding!r} cannot be made; choose {', '.join(ENCODINGS)}"
        raise BadRequest(told, "response_format")
    if texts["stream_format"] not in (None, "audio"):
        raise BadRequest("stream_format: audio is streamed here, nothing else", "stream_format")
    return SpeechRequest(text, _manner(asked, texts, numbers, voice), encoding)


def _manner(
    asked: Mapping[str, Any],
    texts: Mapping[str, str | None],
    numbers: Mapping[str, float | None],
    voice: Voice,
) -> Manner:
    seed = asked.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise BadRequest(f"seed is {seed!r}, expected a whole number", "seed")
    chosen = {name: value for name, value in numbers.items() if value is not None}
    speed = chosen.pop("speed", 1.0)
    if seed is not None:
        chosen["seed"] = seed
    try:
        how = Manner(
            speaker_of(voice, texts["voice"]),
            texts["language"],
            length_scale=1 / speed,
            **chosen,
        )
        voice.language(how.language)
    except UserError as error:
        raise BadRequest(str(error).replace("--language", "language")) from None
    return how


def speaker_of(voice: Voice, name: str | None) -> str | None:
    """The speaker that `voice` of a request means. A voice of one speaker answers to any name."""
    if not voice.speakers:
        return None
    if name in voice.speakers:
        return name
    if name in (None, "", "default"):
        return voice.speakers[0]
    told = f"voice {name!r} is not there; choose {', '.join(voice.speakers)}"
    raise BadRequest(told, "voice")


def _text(asked: Mapping[str, Any], name: str) -> str | None:
    value = asked.get(name)
    if name == "voice" and isinstance(value, dict):  # newer clients send {"id": "..."}
        value = value.get("id")
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} is {_short(value)}, expected a text", name)
    if value is not None and any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise BadRequest(f"{name} has half a character (a lone surrogate); send whole ones", name)
    return value


def _number(asked: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    value = asked.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:  # so written, it refuses NaN
        raise BadRequest(f"{name} is {_short(value)}, expected {least:g} to {most:g}", name)
    return float(value)


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]
