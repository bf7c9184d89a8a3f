"""The sentences that were held out, read by the speaker and spoken by a voice."""

import json
from dataclasses import dataclass
from pathlib import Path

from hifigan.audio import read_audio, write_audio
from hifigan.errors import UserError
from vits.speaking.voice import Voice

SEED = 0  # of what a voice says, so that steps and voices compare


@dataclass(frozen=True)
class Sentence:
    id: str
    text: str
    recording: Path


def held_out(data: Path) -> list[Sentence]:
    """Of a data set that vits.prepare has made; of several readings of a text, the first."""
    path = data / "test.jsonl"
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; name with --data the folder that python -m vits.prepare made"
        )
    found: dict[str, Sentence] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sentence = Sentence(row["id"].replace("/", "_"), row["text"], data / row["audio"])
        found.setdefault(row["text"], sentence)
    if not found:
        raise UserError(f"{path}: has no sentences; prepare the data with --test 0.05, say")
    return list(found.values())


def speak_all(voice: Voice, sentences: list[Sentence], folder: Path) -> dict[str, Path]:
    """Each sentence in a file of its own in `folder`; the files by id."""
    paths = {sentence.id: folder / f"{sentence.id}.wav" for sentence in sentences}
    for sentence in sentences:
        wav = voice.speak(sentence.text, seed=SEED)
        write_audio(paths[sentence.id], wav, voice.sample_rate)
    return paths


def copy_recordings(sentences: list[Sentence], rate: int, folder: Path) -> dict[str, Path]:
    """The recordings as WAV at `rate` Hz in `folder`; the files by id."""
    paths = {sentence.id: folder / f"{sentence.id}.wav" for sentence in sentences}
    for sentence in sentences:
        write_audio(paths[sentence.id], read_audio(sentence.recording, rate), rate)
    return paths
