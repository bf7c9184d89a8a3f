"""Marks that a person writes into a text: phonemes as they are, and pauses.

    The [[ɡˈɪmp]] opens.<pause=300ms>Then it <pause> closes.

`[[` always begins phonemes. Ordinary text has no two brackets in a row; where it does, as wiki
links do, a voice reads them as phonemes or refuses them, and single brackets are the way out.

A pause without a length is of PAUSE_SECONDS. When speaking, pauses become silence of their length
(`split_pauses`). In training, where the recording has its own, a front end reads a pause as "…",
which a table without "…" treats as any symbol that it lacks.
"""

import re

from hifigan.errors import UserError

PAUSE_SECONDS = 0.5
LONGEST_PAUSE = 60.0
PAUSE_AS_SYMBOL = "…"

_PAUSE = re.compile(r"<pause\b([^<>]*)(>?)", re.IGNORECASE)
_LENGTH = re.compile(r"\s*=\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*")
_PHONEMES = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


class MarkError(UserError):
    """A mark that cannot be read."""


def split_pauses(text: str) -> list[str | float]:
    """The texts between pauses, and the pauses' lengths in seconds, in order.

    Texts of spaces alone are left out. MarkError: a pause that cannot be read, with its place.
    """
    pieces: list[str | float] = []
    end = 0
    for found in _PAUSE.finditer(text):
        pieces += [text[end : found.start()], _seconds(text, found)]
        end = found.end()
    pieces.append(text[end:])
    return [piece for piece in pieces if isinstance(piece, float) or piece.strip()]


def without_pauses(text: str) -> str:
    """The text with PAUSE_AS_SYMBOL for every pause."""
    if "<" not in text:
        return text
    pieces = split_pauses(text)
    return " ".join(PAUSE_AS_SYMBOL if isinstance(piece, float) else piece for piece in pieces)


def split_phonemes(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text, and of each whether it stood in `[[` `]]`, which are left out.

    MarkError: brackets without their other half.
    """
    if "[[" not in text and "]]" not in text:
        return [(text, False)]
    pieces = []
    end = 0
    for found in _PHONEMES.finditer(text):
        _require_no_bracket(text, end, found.start())
        _require_no_bracket(text, found.start(1), found.end(1))
        pieces += [(text[end : found.start()], False), (found[1], True)]
        end = found.end()
    _require_no_bracket(text, end, len(text))
    pieces.append((text[end:], False))
    return [piece for piece in pieces if piece[0]]


def _require_no_bracket(text: str, start: int, end: int) -> None:
    """That text[start:end] has no brackets of phonemes, which would lack their other half."""
    found = re.compile(r"\[\[|\]\]").search(text, start, end)
    if found:
        other = "]]" if found[0] == "[[" else "[["
        raise MarkError(
            f"{text[:60]!r}: character {found.start() + 1}: {found[0]!r} without {other!r}; write "
            f"phonemes as in [[həlˈoʊ]], and single brackets for anything else"
        )


def _seconds(text: str, found: re.Match[str]) -> float:
    said = _LENGTH.fullmatch(found[1])
    if found[2] and not found[1].strip():
        return PAUSE_SECONDS
    if found[2] and said:
        seconds = float(said[1]) / (1000 if said[2] == "ms" else 1)
        if seconds <= LONGEST_PAUSE:
            return seconds
    raise MarkError(
        f"{text[:60]!r}: character {found.start() + 1}: cannot read {found[0][:30]!r}; expected "
        f"<pause>, <pause=300ms> or <pause=0.3s>, {LONGEST_PAUSE:g}s at most"
    )
