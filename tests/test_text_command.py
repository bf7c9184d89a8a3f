"""python -m vits.text shows what becomes of a text, for people and for programs."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from hifigan.checkpoint import write_checkpoint
from hifigan.json_config import config_to_dict
from vits.config import VitsConfig
from vits.text import __main__ as command


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["vits.text", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        try:
            command.main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_each_step_is_shown_that_did_something(run):
    pytest.importorskip("espeakng_loader")
    code, out, _ = run("--language", "bg", "--symbols", "original", "Струва 5 лв.")
    steps = dict(line.split(maxsplit=1) for line in out.splitlines() if line)
    assert code == 0 and steps["text"] == "Струва 5 лв."
    assert out.splitlines()[1] == "written out  Струва пет лева."
    assert steps["phonemes"] == "strˈuvɐ pˈet lˈevɐ."
    ids = list(map(int, steps["ids"].split()))
    assert len(ids) == 2 * len(steps["phonemes"]) + 1 and not any(ids[::2]) and all(ids[1::2])


def test_programs_get_an_object_a_text_from_a_file_or_standard_input(run, tmp_path):
    (tmp_path / "words.txt").write_text("cat|kitty\n", "utf-8")
    content = "A cat.\n\nДа 5\n".encode()
    (tmp_path / "texts.txt").write_bytes(content)
    asked = ("--json", "--front_end", "characters", "--lexicon", tmp_path / "words.txt")
    code, from_file, _ = run(*asked, "--text_file", tmp_path / "texts.txt")
    assert code == 0 and run(*asked, stdin=content)[1] == from_file
    first, second = map(json.loads, from_file.splitlines())
    assert first["characters"] == "a kitty." and first["lexicon"] == [["cat", "kitty"]]
    assert second["text"] == "Да 5" and "ids" not in second


def test_a_configs_table_and_settings_count_and_unknown_symbols_are_named(run):
    code, out, _ = run("-c", "configs/base.json", "--front_end", "characters", "aц")
    assert code == 0
    assert "unknown      'ц' (U+0446 CYRILLIC SMALL LETTER TSE), left out of the ids\n" in out


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("a [[b",), "'[[' without ']]'"),
        (("--language", "xx", "a"), "espeak has no such voice"),
        (("--lexicon", "none.txt", "a"), "none.txt: lexicon not readable"),
        (("--text_file", "none.txt"), "none.txt: not readable"),
        (("--text_file", "none.txt", "a"), "leave one of them out"),
        (
            ("--symbols", "other", "a"),
            "other: no such file or folder; expected one of original, pip",
        ),
    ],
)
def test_a_mistake_ends_in_one_line_and_code_2(run, arguments, told):
    pytest.importorskip("espeakng_loader")
    code, out, err = run(*arguments)
    assert code == 2 and out == "" and told in err.splitlines()[-1]


def test_bytes_that_are_no_utf8_are_told_by_line(run):
    code, _, err = run("--front_end", "characters", stdin=b"a\ncaf\xe9\n")
    assert code == 2 and "standard input: line 2: not UTF-8" in err


@pytest.mark.slow
def test_it_runs_as_a_module():
    made = subprocess.run(
        [sys.executable, "-m", "vits.text", "--front_end", "characters", "Да"],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert made.returncode == 0 and "characters   да" in made.stdout


def test_a_voice_is_a_checkpoint_or_a_run_folder_as_well(
    run: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    smallest: Callable[..., VitsConfig],
) -> None:
    letters = 'text.symbols=["_", " ", "a", "b", "ɡ"]'
    config = smallest(letters, 'text.lexicon=[["abc", "ab"]]', "text.front_end=characters")
    path = tmp_path / "run/checkpoints/step_1.pt"
    path.parent.mkdir(parents=True)
    write_checkpoint(path, {"config": config_to_dict(config), "generator": {}, "step": 1})
    for voice in (path, tmp_path / "run"):
        code, out, _ = run("-c", voice, "--json", "ABC bag")
        shown = json.loads(out)
        assert code == 0 and shown["characters"] == "ab bag"
        assert shown["lexicon"] == [["ABC", "ab"]] and len(shown["ids"]) == 2 * 5 + 1
        assert [(u["symbol"], u["near"]) for u in shown["unknown"]] == [("g", "ɡ")]
    code, out, _ = run("--symbols", path, "--front_end", "characters", "cab")
    assert "'c' (U+0063 LATIN SMALL LETTER C), left out of the ids" in out
    assert "ids          0 2 0 3 0\n" in out
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, err = run("-c", empty, "a")
    assert code == 2 and "no checkpoints inside" in err.splitlines()[-1]
