"""What Whisper hears in recordings, held against what was to be said: word and character errors.

Whisper is the user's own: `pip install faster-whisper` brings it.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from hifigan.errors import UserError
from vits.text.spoken import spoken

LANGUAGE = "en"


class Whisper:
    """name: of a model that faster-whisper fetches, such as base.en, or a folder with one."""

    def __init__(self, name: str) -> None:
        if find_spec("faster_whisper") is None:
            raise UserError(
                "--whisper needs faster-whisper, which is not installed; run: pip install "
                "faster-whisper"
            )
        from faster_whisper import WhisperModel

        try:
            self.model = WhisperModel(name, device="cpu", compute_type="int8")
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f"--whisper {name}: cannot be loaded ({str(error).splitlines()[0]}); name a model "
                f"such as base.en, or a folder that faster-whisper reads"
            ) from None

    def __call__(self, path: Path) -> str:
        # No temperature to fall back to, and no memory of the sentence before: the same sound is
        # heard the same, whatever is judged beside it.
        segments, _ = self.model.transcribe(
            str(path), language=LANGUAGE, temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)


def normalised(text: str) -> str:
    """What is said, however it is written: small letters, numbers in words, no marks."""
    text = unicodedata.normalize("NFKC", spoken(text, LANGUAGE)).lower().replace("’", "'")
    text = re.sub(r"[^\w']|_", " ", text)
    return " ".join(re.sub(r"(?<!\w)'|'(?!\w)", " ", text).split())


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """How many items to insert, delete or replace, at least, to make one of the other."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, found in enumerate(heard, 1):
            costs = diagonal + (wanted != found), row[j] + 1, row[j - 1] + 1
            diagonal, row[j] = row[j], min(costs)
    return row[-1]


def error_rates(said: Mapping[str, str], heard: Mapping[str, str]) -> dict[str, float]:
    """ "wer" and "cer" over all words and characters of the sentences, by their ids.

    Above 1 where more was heard than said.
    """
    pairs = [(normalised(said[id_]), normalised(heard[id_])) for id_ in said]
    n_words = sum(len(text.split()) for text, _ in pairs)
    n_characters = sum(len(text) for text, _ in pairs)
    return {
        "wer": sum(edits(a.split(), b.split()) for a, b in pairs) / n_words,
        "cer": sum(edits(a, b) for a, b in pairs) / n_characters,
    }
