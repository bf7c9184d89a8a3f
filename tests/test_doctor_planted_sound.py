"""Every fault that is planted into good recordings is found, and good ones are left in peace."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.planted_sound import GOOD_IDS, PLANTS, Planted, write
from vits.doctor.data_set import DataSet
from vits.doctor.findings import NOTE, Finding
from vits.doctor.sound import Sound, measure
from vits.doctor.sound_checks import sound_findings
from vits.sources.entry import Entry, Source

RECORDINGS = Path(__file__).parent.parent / "data" / "ljspeech-mini" / "flac"
N_TRIED = 3  # recordings that each fault is planted into
RATE = 22050


@pytest.fixture(scope="module")
def good() -> dict[str, Sound]:
    """The good recordings by their path."""
    return {str(path): measure(str(path)) for path in map(_path_of, GOOD_IDS)}


def test_good_recordings_have_no_faults(good: dict[str, Sound]) -> None:
    found = _findings(good)
    assert [f.title for f in found if f.severity != NOTE] == []
    assert [f.title for f in found] == []


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found_in_its_recording(
    name: str, good: dict[str, Sound], tmp_path: Path
) -> None:
    plant, n = PLANTS[name], list(PLANTS).index(name)
    for i in range(N_TRIED):
        id_ = GOOD_IDS[(n + i * 5) % len(GOOD_IDS)]
        wav, rate = soundfile.read(_path_of(id_))
        path = tmp_path / f"{id_}.wav"
        write(plant.make(wav, rate, np.random.default_rng(n)), path)
        found = _findings(_with(good, id_, path))
        kinds = {finding.kind: finding for finding in found}
        assert plant.kind in kinds, (id_, sorted(kinds))
        assert [case.id for case in kinds[plant.kind].cases] == [id_]
        assert kinds[plant.kind].n_cases == 1
        assert {case.id for finding in found for case in finding.cases} == {id_}


@pytest.mark.parametrize(
    "kind, spoil",
    [
        ("missing", lambda path: path.unlink()),
        ("unreadable", lambda path: path.write_bytes(b"RIFF" + bytes(range(200)))),
        ("unreadable", lambda path: path.write_text("<html>404 Not Found</html>")),
        ("truncated", lambda path: _cut(path, 0.6)),
        ("truncated", lambda path: _cut_flac(path, 0.6)),
        ("empty", lambda path: write(Planted(np.zeros(0), RATE), path)),
    ],
)
def test_a_file_that_is_damaged_is_an_error(
    kind: str, spoil: Callable[[Path], None], good: dict[str, Sound], tmp_path: Path
) -> None:
    id_ = GOOD_IDS[3]
    path = tmp_path / f"{id_}.wav"
    wav, rate = soundfile.read(_path_of(id_))
    write(Planted(wav, rate), path)
    spoil(path)
    found = _findings(_with(good, id_, path))
    assert [(f.kind, f.severity, f.cases[0].id) for f in found] == [(kind, "error", id_)]


@pytest.mark.parametrize("gain, format_", [(1.0, "WAV"), (0.5, "WAV"), (0.7, "MP3"), (0.7, "OGG")])
def test_a_copy_is_found_whatever_its_loudness_and_format(
    gain: float, format_: str, good: dict[str, Sound], tmp_path: Path
) -> None:
    original, replaced = GOOD_IDS[1], GOOD_IDS[8]
    wav, rate = soundfile.read(_path_of(original))
    path = tmp_path / f"{replaced}.{format_.lower()}"
    soundfile.write(path, gain * wav, rate, format=format_)
    found = {f.kind: f for f in _findings(_with(good, replaced, path))}
    case = found["duplicate_audio"].cases[0]
    assert (case.id, found["duplicate_audio"].n_cases) == (replaced, 1)
    assert case.detail.endswith(original)


def test_a_fault_of_the_whole_set_is_one_finding(tmp_path: Path) -> None:
    sounds = {}
    for id_ in GOOD_IDS:
        wav, rate = soundfile.read(_path_of(id_))
        path = tmp_path / f"{id_}.wav"
        write(PLANTS["hiss"].make(wav, rate, np.random.default_rng(0)), path)
        sounds[str(path)] = measure(str(path))
    (noisy,) = (f for f in _findings(sounds) if f.kind == "noisy")
    assert noisy.n_cases == len(GOOD_IDS)
    assert "nearly all" in noisy.fix
    badness = [case.badness for case in noisy.cases]
    assert badness == sorted(badness, reverse=True)


def _path_of(id_: str) -> Path:
    return RECORDINGS / f"{id_}.flac"


def _with(good: dict[str, Sound], id_: str, path: Path) -> dict[str, Sound]:
    """The good recordings, one of them replaced."""
    rest = {name: sound for name, sound in good.items() if name != str(_path_of(id_))}
    return rest | {str(path): measure(str(path))}


def _findings(sounds: dict[str, Sound]) -> list[Finding]:
    entries = [
        Entry(Path(path).stem, Path(path), None, "some text", None, None, f"metadata.csv:{i}")
        for i, path in enumerate(sounds, 1)
    ]
    source = Source(RECORDINGS, "ljspeech", entries, (), ())
    return sound_findings(DataSet(source, RATE, None, sounds))[0]


def _cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def _cut_flac(path: Path, share: float) -> None:
    shutil.copy(_path_of(path.stem), path)
    _cut(path, share)
