"""What a data set is made with: kept in prepare.json, so that the next command makes the same."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import soundfile

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError

NAME = "prepare.json"
PACKAGES = ("vits-trainer", "numpy", "soundfile", "soxr", "pyloudnorm")
AUDIO_SETTINGS = (
    "sample_rate",
    "format",
    "trim",
    "trim_margin",
    "loudness",
    "min_seconds",
    "max_seconds",
)


@dataclass(frozen=True)
class Settings:
    source: str  # folder or list, absolute, without ..
    layout: str | None  # of vits/sources; None: recognised
    sample_rate: int  # Hz
    format: str  # "flac" or "wav", 16 bits
    trim: bool  # cut silent ends
    trim_margin: float  # seconds of silence that are left before and behind speech
    loudness: float | None  # LUFS (ITU-R BS.1770); None: as recorded
    min_seconds: float
    max_seconds: float
    speaker: str | None  # of entries that name none
    language: str | None
    valid: float  # utterances from 1 on, a share below
    test: float
    keep_splits: bool  # where the source's lists say them
    seed: int
    front_end: str  # whose symbols are counted: "characters" or "phonemes"

    def audio_digest(self) -> str:
        """Of the settings that change what is in a recording."""
        values = {key: getattr(self, key) for key in AUDIO_SETTINGS}
        return hashlib.blake2b(json.dumps(values).encode(), digest_size=8).hexdigest()


def agree(settings: Settings, folder: Path, redo: bool) -> bool:
    """Whether the data was made with these settings, if any. UserError if not, unless `redo`."""
    path = folder / NAME
    if not path.exists():
        return True
    try:
        before = json.loads(path.read_text("utf-8"))
    except ValueError:
        before = {}
    values = asdict(settings)
    other = [key for key in values if before.get(key) != values[key]]
    if other and not redo:
        key = other[0]
        raise UserError(
            f"{path}: {folder} was made with {key} {before.get(key)!r}, now it is "
            f"{values[key]!r}; use the same, another --output, or --redo to make it anew where "
            f"that changes it"
        )
    return not other


def record(settings: Settings, folder: Path) -> None:
    """Write the settings beside the data, and the versions of what makes it."""
    values = asdict(settings) | {"versions": versions()}
    with appearing_whole(folder / NAME) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", "utf-8")


def versions() -> dict[str, str | None]:
    """Of Python and the packages that change what is made; None: not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found | {"libsndfile": soundfile.__libsndfile_version__}
