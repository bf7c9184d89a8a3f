"""Espeak: every language, one backend each, and no memory or files left behind by its calls."""

import os
from pathlib import Path

import pytest

from hifigan.errors import UserError
from vits.text.espeak import espeak_backend, espeak_languages, espeak_phonemes

pytest.importorskip("phonemizer")
pytest.importorskip("espeakng_loader")

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


@pytest.mark.parametrize("language", SENTENCES)
def test_a_language_reads_its_own_script(language):
    read = espeak_phonemes(SENTENCES[language], language)
    assert 3 < len(read) < 40 and read != SENTENCES[language]


def test_a_backend_is_built_once_a_language():
    before = espeak_backend.cache_info().misses
    for _ in range(3):
        assert espeak_backend("sv") is espeak_backend("sv")
    assert espeak_backend.cache_info().misses <= before + 1


def test_there_are_over_a_hundred_languages_and_a_wrong_one_is_told_with_near_ones():
    assert len(espeak_languages()) > 100
    with pytest.raises(UserError, match=r'"bulgarian".*espeak has no such voice.*bg \(Bulgarian\)'):
        espeak_backend("bulgarian")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_ten_thousand_calls_leave_neither_memory_nor_files_behind():
    def state() -> tuple[int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))

    def call(n: int) -> None:
        for i in range(n):
            espeak_phonemes(f"This is sentence number {i}, to be read.", "en-us")

    call(2000)
    memory, files = state()
    call(10_000)
    after, files_after = state()
    assert after - memory < 2**21  # 200 bytes a call would be seen
    assert files_after <= files
