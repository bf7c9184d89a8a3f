"""Espeak: every language, one library a process, and nothing left behind by its calls."""

import multiprocessing
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hifigan.errors import UserError
from vits.text import espeak
from vits.text.espeak import Espeak, espeak_languages, espeak_phonemes, require_language
from vits.text.punctuation import normalise

loader = pytest.importorskip("espeakng_loader")

SENTENCES = {
    "bg": "Добър ден",
    "en-us": "good day",
    "en-gb": "good day",
    "de": "guten Tag",
    "fr-fr": "bonjour",
    "es": "buenos días",
    "ru": "добрый день",
    "pl": "dzień dobry",
    "tr": "iyi günler",
    "el": "καλημέρα",
    "hi": "नमस्ते",
    "cmn": "你好",
    "ar": "مرحبا",
    "ja": "こんにちは",
}
LONGER = (
    "Hello, “world”! It is 12 o'clock; don't wait…",
    "Това е тестово изречение – нали?",
    "नमस्ते दुनिया, आप कैसे हैं?",
    "Un garçon mange le week-end: bon appétit.",
)


@pytest.mark.parametrize("language", SENTENCES)
def test_a_language_reads_its_own_script(language: str) -> None:
    read = espeak_phonemes(SENTENCES[language], language)
    assert 3 < len(read) < 40 and read != SENTENCES[language]


@pytest.mark.parametrize("language", SENTENCES)
def test_phonemes_are_those_that_phonemizer_makes(language: str) -> None:
    backend = pytest.importorskip("phonemizer.backend").EspeakBackend
    wrapper = pytest.importorskip("phonemizer.backend.espeak.wrapper").EspeakWrapper
    wrapper.set_library(loader.get_library_path())
    wrapper.set_data_path(loader.get_data_path())
    kept = {"preserve_punctuation": True, "with_stress": True, "language_switch": "remove-flags"}
    theirs = backend(language, **kept)
    for text in map(normalise, (SENTENCES[language], *LONGER)):
        (expected,) = theirs.phonemize([text], strip=True)
        assert espeak_phonemes(text, language) == " ".join(expected.split())


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It is 3.5 m.", "ɪɾ ɪz θɹˈiː pɔɪnt fˈaɪv ˈɛm."),  # phonemizer: "three. five m"
        ("1,5, 2.5.", "wˈʌn fˈaɪv, tˈuː pɔɪnt fˈaɪv."),
        ("so,so", "sˈoʊ,sˈoʊ"),
        ("? so", "? sˈoʊ"),
        ("…", "…"),
        ("", ""),
    ],
)
def test_marks_stay_in_place_and_numbers_whole(text: str, expected: str) -> None:
    assert espeak_phonemes(text, "en-us") == expected


def test_a_language_is_read_the_same_whatever_was_read_before() -> None:
    def alone(language: str) -> list[str]:
        return [espeak_phonemes(text, language) for text in LONGER]

    expected = {language: alone(language) for language in SENTENCES}
    turns = [(language, i) for language in SENTENCES for i in range(len(LONGER))]
    random.Random(0).shuffle(turns)
    for language, i in turns:
        assert espeak_phonemes(LONGER[i], language) == expected[language][i]


def test_the_library_is_loaded_once_and_copied_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = []

    class Counted(Espeak):
        def __init__(self, *paths: str) -> None:
            built.append(paths)
            super().__init__(*paths)

    monkeypatch.setattr(espeak, "Espeak", Counted)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    espeak._espeak.cache_clear()
    for language in SENTENCES:
        espeak_phonemes("one", language)
        require_language(language)
    assert len(built) == 1 and not list(tmp_path.iterdir())


def test_threads_do_not_disturb_each_other() -> None:
    texts = [(f"This is sentence number {i}.", ("en-us", "bg", "de")[i % 3]) for i in range(60)]
    expected = [espeak_phonemes(*text) for text in texts]
    made: list[list[str]] = []

    def read() -> None:
        made.append([espeak_phonemes(*text) for text in texts])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [expected] * 4


def test_a_forked_process_reads_as_its_parent_does() -> None:
    program = (
        "import multiprocessing as m\n"
        "from vits.text.espeak import espeak_phonemes as read\n"
        "texts = [(f'number {i}', 'en-us') for i in range(40)]\n"
        "expected = [read(*text) for text in texts]\n"
        "with m.get_context('fork').Pool(2) as pool:\n"
        "    assert pool.starmap(read, texts, 5) == expected\n"
    )
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_there_are_over_a_hundred_languages_and_a_wrong_one_is_told_with_near_ones() -> None:
    assert len(espeak_languages()) > 100
    with pytest.raises(UserError, match=r'"bulgarian".*espeak has no such voice.*bg \(Bulgarian\)'):
        require_language("bulgarian")


def test_a_language_without_its_dictionary_is_not_offered() -> None:
    data = Path(loader.get_data_path())
    faroese = (data / "lang/gmq/fo").exists() and not (data / "fo_dict").exists()
    assert ("fo" in espeak_languages()) == (not faroese)
    assert {"nb", "ltg", "hyw"} <= set(espeak_languages())  # they use another's dictionary


def test_data_that_is_not_there_is_told(tmp_path: Path) -> None:
    program = (
        "import sys, espeakng_loader\n"
        "espeakng_loader.get_data_path = lambda: sys.argv[1]\n"
        "from vits.text.espeak import espeak_languages\n"
        "espeak_languages()\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "none"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = done.stderr.splitlines()[-1]
    assert "does not load (it cannot read" in told and "none; a path of 160 characters" in told


@pytest.fixture
def state() -> Callable[[], tuple[int, int, int]]:
    """Resident bytes, open files and threads of this process."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("reads /proc")

    def read() -> tuple[int, int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        n_files, n_threads = (len(os.listdir(f"/proc/self/{name}")) for name in ("fd", "task"))
        return pages * os.sysconf("SC_PAGE_SIZE"), n_files, n_threads

    return read


@pytest.mark.slow
def test_twenty_thousand_calls_leave_nothing_behind(
    state: Callable[[], tuple[int, int, int]],
) -> None:
    def call(n: int) -> None:
        for i in range(n):
            espeak_phonemes(f"This is sentence number {i}, to be read.", ("en-us", "bg")[i % 2])

    call(2000)
    memory, *rest = state()
    call(20_000)
    after, *rest_after = state()
    assert after - memory < 2**20  # 52 bytes a call would be seen
    assert rest_after == rest
