"""The few lines that the package's docstring promises do what they say."""

import doctest
from pathlib import Path

import pytest

import vits
from hifigan.checkpoint import write_checkpoint
from tests.small_voice import small_voice
from vits.speak_only import speak_only

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
