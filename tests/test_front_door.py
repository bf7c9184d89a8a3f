"""The few lines that the package's docstring promises do what they say."""

import doctest
from pathlib import Path

import pytest

import vits
from hifigan.checkpoint import write_checkpoint
from hifigan.precision import cpu_has_bfloat16
from tests.small_voice import small_voice
from vits.speak_only import speak_only
from vits.speaking import anything

LETTERS = ", ".join(f'"{letter}"' for letter in "_ .abcdefghijklmnopqrstuvwxyz")


def test_the_lines_of_the_docstring_work(
    smallest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my_voice.pt"
    voice = small_voice(smallest(f"text.symbols=[{LETTERS}]"))
    write_checkpoint(path, speak_only(voice, False, path))
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(vits)
    assert (failed, tried) == (0, 9)


def test_bfloat16_on_a_cpu_without_it_is_told(
    smallest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "v.pt"
    write_checkpoint(
        path, speak_only(small_voice(smallest(f"text.symbols=[{LETTERS}]")), False, path)
    )
    for has, n_told in ((True, 0), (False, 1)):
        monkeypatch.setattr(anything, "cpu_has_bfloat16", lambda: has)
        assert vits.load(path, device="cpu", precision="bfloat16").speak("a test").isfinite().all()
        assert caplog.text.count("slower than float32") == n_told
    vits.load(path, device="cpu")
    assert caplog.text.count("slower than float32") == 1


def test_what_linux_says_of_the_cpu_is_read_by_whole_words(tmp_path: Path) -> None:
    for told, has in (
        ("flags\t\t: fpu avx512f avx512_bf16 sse\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("flags\t\t: fpu avx512f avx512_vnni\n", False),
    ):
        (tmp_path / "cpuinfo").write_text(told)
        assert cpu_has_bfloat16(tmp_path / "cpuinfo") is has
    assert cpu_has_bfloat16(tmp_path / "nowhere") is False
