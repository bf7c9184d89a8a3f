"""Four utterances in every layout that other programs write."""

import json
from pathlib import Path

import numpy as np
import soundfile

TEXTS = {
    "a1": "The first sentence.",
    "a2": "Второто изречение, по-дълго.",
    "b1": "A third one, longer than the rest of them.",
    "b2": "And the last.",
}
SPEAKERS = {"a1": "anna", "a2": "anna", "b1": "boris", "b2": "boris"}


def sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(80), 8000)
    return path


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def listed(
    folder: Path, name: str, row: str, sounds: str = "wavs/{id}.wav", head: str = ""
) -> Path:
    """A folder with a list; row: of each utterance."""
    folder.mkdir(exist_ok=True)
    rows = [row.format(id=i, text=t, speaker=SPEAKERS[i], raw=t.upper()) for i, t in TEXTS.items()]
    (folder / name).write_bytes(lines(*([head] if head else []), *rows))
    for i in TEXTS:
        sound(folder / sounds.format(id=i))
    return folder


def write_vctk(folder: Path) -> Path:
    for i, text in TEXTS.items():
        speaker = SPEAKERS[i]
        sound(folder / f"wav48_silence_trimmed/{speaker}/{speaker}_{i}_mic1.flac")
        sound(folder / f"wav48_silence_trimmed/{speaker}/{speaker}_{i}_mic2.flac")
        (folder / f"txt/{speaker}").mkdir(parents=True, exist_ok=True)
        (folder / f"txt/{speaker}/{speaker}_{i}.txt").write_text(text + "\n", "utf-8")
    return folder


def write_kaldi(folder: Path) -> Path:
    for i in TEXTS:
        sound(folder / f"sound/{i}.wav")
    (folder / "wav.scp").write_bytes(lines(*(f"{i} sound/{i}.wav" for i in TEXTS)))
    (folder / "text").write_bytes(lines(*(f"{i} {t}" for i, t in TEXTS.items())))
    (folder / "utt2spk").write_bytes(lines(*(f"{i} {s}" for i, s in SPEAKERS.items())))
    return folder


def write_pairs(folder: Path) -> Path:
    for i, text in TEXTS.items():
        path = sound(folder / SPEAKERS[i] / f"{i}.wav")
        path.with_suffix(".txt").write_text(f"{text}\n", "utf-8")
    return folder


def write_json(folder: Path) -> Path:
    rows = [
        json.dumps(
            {
                "audio": sound(folder / f"x/{i}.flac").name and f"x/{i}.flac",
                "text": t,
                "speaker": SPEAKERS[i],
            }
        )
        for i, t in TEXTS.items()
    ]
    (folder / "manifest.jsonl").write_bytes(lines(*rows))
    return folder


SOURCES = {  # how each is written, its layout, and whether it has speakers
    "LJ Speech": (lambda f: listed(f, "metadata.csv", "{id}|{raw}|{text}"), "ljspeech", False),
    "Piper, one speaker": (lambda f: listed(f, "metadata.csv", "{id}|{text}"), "path_text", False),
    "Piper": (
        lambda f: listed(f, "metadata.csv", "{id}|{speaker}|{text}"),
        "path_speaker_text",
        True,
    ),
    "Coqui's head": (
        lambda f: listed(
            f, "metadata.csv", "wavs/{id}.wav|{text}|{speaker}", head="audio_file|text|speaker_name"
        ),
        "table",
        True,
    ),
    "StyleTTS": (
        lambda f: listed(f, "train.txt", "{id}.wav|{text}|{speaker}"),
        "path_text_speaker",
        True,
    ),
    "tabs": (
        lambda f: listed(
            f,
            "validated.tsv",
            "{speaker}\t{id}.mp3\t{text}",
            "clips/{id}.mp3.wav",
            "client_id\tpath\tsentence",
        ),
        "table",
        True,
    ),
    "commas": (
        lambda f: listed(f, "metadata.csv", '{id}.wav,"{text}"', head="file_name,text"),
        "table",
        False,
    ),
    "VCTK": (write_vctk, "vctk", True),
    "Kaldi": (write_kaldi, "kaldi", True),
    "pairs": (write_pairs, "pairs", True),
    "JSON lines": (write_json, "json_lines", True),
}
