"""Echo is measured as it was made, and is not taken for noise, nor noise or a slow voice for it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from hifigan.corpus.activity import power_spectrum
from tests.planted_sound import GOOD_IDS, echoed, in_hiss
from vits.doctor.data_set import DataSet
from vits.doctor.findings import WARNING, Finding
from vits.doctor.reverb import fall
from vits.doctor.sound import Sound, measure
from vits.doctor.sound_checks import sound_findings
from vits.doctor.sound_rules import ECHO, NOISY
from vits.sources.entry import Entry, Source

RECORDINGS = Path(__file__).parent.parent / "data" / "ljspeech-mini" / "flac"
RATE = 22050
IDS = GOOD_IDS[:10]


def recorded(id_: str) -> np.ndarray:
    """float64 [n_samples] at RATE."""
    return soundfile.read(RECORDINGS / f"{id_}.flac")[0]


def fall_of(wav: np.ndarray, rate: int = RATE) -> float:
    return fall(power_spectrum(wav.astype(np.float32), rate))


def bursts(rate: int, decay: float) -> np.ndarray:
    """Noise that begins at once and falls by `decay` dB a second, each half second anew."""
    times = np.arange(5 * rate) / rate
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(times))
    return noise * 10 ** (-decay * (times % 0.5) / 20)


def findings_of(folder: Path, plant) -> dict[str, Finding]:
    """By kind, of all IDS after `plant`, a function of a wav and its number, has changed them."""
    sounds: dict[str, Sound] = {}
    for i, id_ in enumerate(IDS):
        path = folder / f"{id_}.wav"
        soundfile.write(path, plant(recorded(id_), i), RATE)
        sounds[str(path)] = measure(str(path))
    entries = [Entry(Path(p).stem, Path(p), None, "some text", None, None, p) for p in sounds]
    data = DataSet(Source(folder, "ljspeech", entries, (), ()), RATE, None, sounds)
    return {finding.kind: finding for finding in sound_findings(data)[0]}


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
@pytest.mark.parametrize("decay", [60.0, 120.0, 200.0])
def test_a_decay_is_measured_as_it_was_made(rate: int, decay: float) -> None:
    # The largest tenth of falls is above the mean, because levels of noise in 23 ms vary.
    assert fall_of(bursts(rate, decay), rate) == pytest.approx(0.08 * decay + 2, abs=1)


def test_loudness_padding_and_sample_rate_change_nothing() -> None:
    wav = recorded(IDS[0])
    assert fall_of(0.03 * wav) == pytest.approx(fall_of(wav), abs=0.01)
    assert fall_of(np.pad(wav, RATE)) == pytest.approx(fall_of(wav), abs=0.2)
    hissing = in_hiss(wav, RATE, np.random.default_rng(0)).samples
    assert fall_of(np.pad(hissing, RATE)) == pytest.approx(fall_of(hissing), abs=0.5)
    assert fall_of(soxr.resample(wav, RATE, 16000), 16000) == pytest.approx(fall_of(wav), abs=1.5)


@pytest.mark.parametrize(
    "wav",
    [
        np.zeros(1),
        np.zeros(RATE),
        0.1 * np.ones(RATE // 10),
        0.1 * np.random.default_rng(0).standard_normal(3 * RATE),
        0.1 * np.sin(np.arange(3 * RATE) / 5),
    ],
    ids=["a sample", "silence", "short", "noise", "tone"],
)
def test_what_does_not_fall_is_not_judged(wav: np.ndarray) -> None:
    assert np.isnan(fall_of(wav))


def test_more_echo_gives_smaller_falls() -> None:
    wav = recorded(IDS[2])
    rooms = [(0.3, 6.0), (0.4, 0.0), (0.6, 0.0), (0.9, -3.0), (1.3, -6.0)]
    falls = [fall_of(echoed(wav, RATE, *room, np.random.default_rng(0))) for room in rooms]
    assert [fall_of(wav), *falls] == sorted([fall_of(wav), *falls], reverse=True)
    assert falls[0] > ECHO[0] > ECHO[1] > falls[2]


def test_a_set_from_an_echoing_room_is_one_finding_and_not_noisy(tmp_path: Path) -> None:
    def in_a_hall(wav: np.ndarray, i: int) -> np.ndarray:
        """Cut closely, so that only the echo is left to take the noise floor from."""
        return echoed(wav, RATE, 1.2, -3.0, np.random.default_rng(i))[RATE // 2 : 3 * RATE]

    found = findings_of(tmp_path, in_a_hall)
    snrs = [measure(str(path)).snr for path in tmp_path.iterdir()]
    assert min(snrs) < NOISY[1]
    assert (found["echo"].severity, found["echo"].n_cases) == (WARNING, len(IDS))
    assert "10 of 10 recordings were made in an echoing room" == found["echo"].title
    assert "nearly all recordings" in found["echo"].fix and "noisy" not in found
    assert "dB in 80 ms, expected 13 or more" in found["echo"].cases[0].detail


@pytest.mark.parametrize("padding", [0, RATE // 2])
def test_hiss_is_noise_and_no_echo(tmp_path: Path, padding: int) -> None:
    def hissing(wav: np.ndarray, i: int) -> np.ndarray:
        return np.pad(in_hiss(wav, RATE, np.random.default_rng(i)).samples, (0, padding))

    found = findings_of(tmp_path, hissing)
    assert found["noisy"].n_cases == len(IDS) and "echo" not in found


def test_a_slow_deep_voice_has_no_echo(tmp_path: Path) -> None:
    found = findings_of(tmp_path, lambda wav, i: soxr.resample(wav, 3, 4))
    assert "echo" not in found


def test_a_short_word_is_not_judged(tmp_path: Path) -> None:
    def cut(wav: np.ndarray, i: int) -> np.ndarray:
        wet = echoed(wav, RATE, 1.2, -3.0, np.random.default_rng(i))
        return wet[RATE : 2 * RATE - RATE // 20]

    assert "echo" not in findings_of(tmp_path, cut)
