"""The recipe of the voice that comes with the software, run as a user runs it, on a tiny voice."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import soundfile

from hifigan.json_config import read_config
from tests.conftest import REPOSITORY
from tests.small_run import (  # noqa: F401 (call is a fixture)
    ENVIRONMENT,
    call,
    error_line,
    run_script,
    write_config,
    write_data,
)
from vits.config import VitsConfig
from vits.exchange.voice_folder import TRAINING, VOICE, shipped_voices

RECIPE = REPOSITORY / "recipes/kathleen"
TEXTS = ("The old man was five.", "It's late, he said.", "No more of it.", "It's late, he said.")
# Hears what a file beside it says, for every sound: Whisper's model is no part of the tests.
EARS = """
import json
from pathlib import Path
from types import SimpleNamespace

HEARD = json.loads((Path(__file__).parent / "heard.json").read_text())

class WhisperModel:
    def __init__(self, name, device, compute_type):
        if name != "tiny":
            raise ValueError("no such model")
    def transcribe(self, path, language, temperature, condition_on_previous_text):
        assert Path(path).stat().st_size > 44
        return [SimpleNamespace(text=HEARD[Path(path).stem])], None
"""


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Imports a file of the recipe, which are no package."""
    monkeypatch.syspath_prepend(str(RECIPE))
    names = {path.stem for path in RECIPE.glob("*.py")}

    def imported(name: str) -> ModuleType:
        return import_module(name)

    yield imported
    for name in names & sys.modules.keys():
        del sys.modules[name]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/ with test.jsonl, runs/voice of 3 steps, each kept, and ears/ to hear with."""
    folder = tmp_path_factory.mktemp("recipe")
    write_data(folder / "data", TEXTS)
    rows = [
        {"id": f"a/{i}", "audio": f"wavs/{i}.wav", "text": text, "split": "test"}
        for i, text in enumerate(TEXTS)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "data/test.jsonl").write_text(lines, encoding="utf-8")
    write_config(folder / "small.json", "train.save_every=1", "train.keep_every=1")
    run_script(folder, "train.py", "-c", "small.json", "-m", "voice", "--max_steps", 3)
    (folder / "ears").mkdir()
    (folder / "ears/faster_whisper.py").write_text(EARS)
    heard = {"a_0": "the old man was 5", "a_1": "Its late he said", "a_2": "no more"}
    (folder / "ears/heard.json").write_text(json.dumps(heard))
    return folder


def run(place: Path, script: str, *arguments: object, deaf: bool = False, expect: int = 0):
    path = os.pathsep.join([str(REPOSITORY), *([] if deaf else [str(place / "ears")])])
    made = subprocess.run(
        [sys.executable, str(RECIPE / script), *map(str, arguments)],
        cwd=place,
        env=ENVIRONMENT | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert made.returncode == expect, made.stderr
    return made


@pytest.fixture(scope="module")
def evaluated(place: Path) -> tuple[Path, str]:
    """The folder of an evaluation, and the table that was printed."""
    judged = {"summary": {"wer": 0.01, "speaker": 0.9, "seconds": 12.0}, "files": []}
    (place / "judge.json").write_text(json.dumps(judged))
    arguments = ("runs/voice", "--data", "data", "--out_path", "evaluation", "--whisper", "tiny")
    made = run(place, "evaluate.py", *arguments, "--natural_scores", "judge.json")
    return place / "evaluation", made.stdout


def test_edits_by_hand(part) -> None:
    edits = part("hearing").edits
    for said, heard, n in (
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "", 3),
        ("", "ab", 2),
        ("kitten", "sitting", 3),
        (["the", "old", "man"], ["old", "men"], 2),
    ):
        assert edits(said, heard) == edits(heard, said) == n


def test_what_is_written_otherwise_is_heard_the_same(part) -> None:
    normalised = part("hearing").normalised
    assert normalised("It's 21, “Mr. Smith” said—'No!'") == "it's twenty one mister smith said no"
    rates = part("hearing").error_rates({"a": "one two", "b": "three"}, {"a": "1, 2!", "b": "tree"})
    assert rates == {"wer": 1 / 3, "cer": 1 / 12}


def test_both_sides_are_written_judged_and_told(evaluated) -> None:
    folder, table = evaluated
    lines = (folder / "texts.csv").read_text("utf-8").splitlines()
    assert lines == [f"a_{i}|{text}" for i, text in enumerate(TEXTS[:3])]  # a text once
    for side in ("natural", "synthesised"):
        assert {path.name for path in (folder / side).iterdir()} == {f"a_{i}.wav" for i in range(3)}
    natural, rate = soundfile.read(folder / "natural/a_1.wav")
    source, _ = soundfile.read(folder.parent / "data/wavs/1.wav")
    assert rate == 8000 and natural == pytest.approx(source, abs=1e-4)
    scores = json.loads((folder / "scores.json").read_text("utf-8"))
    assert (scores["step"], scores["sentences"]) == (3, 3)
    # "it's" as "its", and "of it" unheard: 3 of 13 words
    assert scores["synthesised"]["wer"] == pytest.approx(3 / 13)
    assert scores["natural"]["wer"] == 0.01 and scores["natural"]["speaker"] == 0.9
    assert "seconds" not in scores["natural"] and scores["natural"]["cer"] > 0
    assert "| word errors (Whisper) | 1.0% | 23.1% |" in table
    assert "| speaker similarity (Resemblyzer, cosine) | 0.900 |  |" in table


def test_the_speaking_rate_counts_from_where_speech_begins_to_where_it_ends(evaluated) -> None:
    found = json.loads((evaluated[0] / "scores.json").read_text("utf-8"))["natural"]
    whole = sum(soundfile.info(p).duration for p in (evaluated[0] / "natural").iterdir())
    assert 13 / whole < found["words_per_second"] < 13 / (0.5 * whole)
    n_letters = sum(map(str.isalpha, "".join(TEXTS[:3])))
    ratio = found["symbols_per_second"] / found["words_per_second"]
    assert ratio == pytest.approx(n_letters / 13)


def test_what_is_missing_is_told_in_a_line(place, part, call, monkeypatch) -> None:  # noqa: F811
    monkeypatch.syspath_prepend(str(place / "ears"))
    (place / "null.json").write_text('{"summary": {"wer": null}}')
    common = ("runs/voice", "--out_path", "no")
    for script, arguments, told in (
        ("evaluate.py", (*common, "--data", "data", "--whisper", "x"), "--whisper x: cannot be"),
        ("evaluate.py", (*common, "--data", "nowhere"), "nowhere/test.jsonl: no such file"),
        (
            "evaluate.py",
            (*common, "--data", "data", "--natural_scores", "small.json"),
            'has no "summary"',
        ),
        (
            "evaluate.py",
            (*common, "--data", "data", "--natural_scores", "null.json"),
            "null.json: wer is None, expected a number",
        ),
        ("curve.py", ("--points", "points.json", "--out_path", "a.json"), "ends in .svg"),
        ("curve.py", ("--run", "runs/voice", "--out_path", "no/a.svg"), "no folder no"),
        ("curve.py", ("--run", "runs/voice", "--out_path", "a.svg"), "needs --data and --whisper"),
        ("curve.py", ("--points", "small.json", "--out_path", "a.svg"), "expected [[steps, min"),
        ("ship.py", (*common, "--scores", "no.json", "--hardware", "x"), "no.json: no such file"),
    ):
        code, err = call(place, part(script.removesuffix(".py")).main, *arguments)
        assert code == 2 and told in error_line(err)
    assert not (place / "no").exists() and not (place / "a.svg").exists()


def test_without_whisper_one_line_says_how_to_get_it(part, monkeypatch) -> None:
    hearing = part("hearing")
    monkeypatch.setattr(hearing, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install faster-whisper"):
        hearing.Whisper("base.en")


def texts_of(path: Path) -> list[str]:
    return [element.text for element in ElementTree.parse(path).iter() if element.text]


def test_the_curve_has_a_point_of_every_checkpoint(place) -> None:
    run(place, "curve.py", "--run", "runs/voice", "--data", "data", "--whisper", "tiny",
        "--out_path", "curve.svg")  # fmt: skip
    points = json.loads((place / "curve.json").read_text())
    assert [point[0] for point in points] == [1, 2, 3]
    assert {point[2] for point in points} == {3 / 13}
    assert sorted(point[1] for point in points) == [point[1] for point in points]
    assert {"word errors, %, by steps", "word errors, %, by minutes"} <= {
        *texts_of(place / "curve.svg")
    }


def test_a_curve_is_drawn_of_points_as_they_are_measured(place) -> None:
    points = [[4000, 12.5, 0.08], [1000, 3.0, 1.2], [2000, 6.0, 0.3]]
    (place / "points.json").write_text(json.dumps(points))
    run(place, "curve.py", "--points", "points.json", "--out_path", "drawn.svg")
    charts = ElementTree.parse(place / "drawn.svg").getroot().findall("{*}svg")
    labels = [chart.get("aria-label") for chart in charts]
    assert labels == [
        "word errors: word errors, % from 120 at step 1000 to 8 at step 4000",
        "word errors: word errors, % from 120 at step 3.0 to 8 at step 12.5",
    ]
    for chart in charts:
        [line] = chart.findall("{*}path")
        assert len(re.findall(r"[ML]", line.get("d"))) == 3


def test_pauses_of_a_run_are_no_minutes_of_training(part, tmp_path) -> None:
    times = {1: 0.0, 10: 60.0, 20: 120.0, 21: 4000.0, 30: 4060.0}
    lines = (json.dumps({"step": step, "time": time}) for step, time in times.items())
    (tmp_path / "scalars.jsonl").write_text("\n".join(lines))
    found = part("curve").minutes_of_steps(tmp_path / "scalars.jsonl", [10, 20, 30])
    assert found == {10: 1.0, 20: 2.0, 30: 3.0}


@pytest.mark.parametrize(
    "lines, told",
    [("", "has no lines"), ('{"step": 1, "time": 0.0}\n{"st', "line 2: no whole record")],
)
def test_a_log_that_a_kill_has_torn_is_told(part, tmp_path, lines, told) -> None:
    (tmp_path / "scalars.jsonl").write_text(lines)
    with pytest.raises(ValueError, match=f"scalars.jsonl: {told}"):
        part("curve").minutes_of_steps(tmp_path / "scalars.jsonl", [1])


def test_a_voice_is_shipped_with_its_card_and_sentences(place, evaluated) -> None:
    scores = json.loads((evaluated[0] / "scores.json").read_text("utf-8"))
    arguments = ("runs/voice", "--hardware", "two old cores", "--out_path", "voices/small")
    bad = run(place, "ship.py", *arguments, "--scores", "evaluation/scores.json", expect=2)
    assert "word errors 23%, expected 20% at most" in error_line(bad.stderr)
    assert not (place / "voices").exists()
    scores["synthesised"]["wer"] = 0.0625
    (evaluated[0] / "good.json").write_text(json.dumps(scores | {"step": None}))
    bad = run(place, "ship.py", *arguments, "--scores", "evaluation/good.json", expect=2)
    assert "good.json: step is None, expected a whole number" in error_line(bad.stderr)
    (evaluated[0] / "good.json").write_text(json.dumps(scores | {"step": 2}))
    bad = run(place, "ship.py", *arguments, "--scores", "evaluation/good.json", expect=2)
    assert "of step 2, but runs/voice is of step 3" in error_line(bad.stderr)

    (evaluated[0] / "good.json").write_text(json.dumps(scores))
    run(place, "ship.py", *arguments, "--scores", "evaluation/good.json")
    assert shipped_voices(place / "voices") == ["small"]
    folder = place / "voices/small"
    assert {path.name for path in folder.iterdir()} == {VOICE, TRAINING, "samples", "README.md"}
    card = (folder / "README.md").read_text("utf-8")
    for line in (
        "| steps | 3 |",
        "| minutes of training | 0 |",
        "| hardware | two old cores |",
        "| word errors (Whisper) | 1.0% | 6.2% |",
        f"- `a_0.wav`: {TEXTS[0]}",
    ):
        assert line in card.splitlines()
    assert {path.name for path in (folder / "samples").iterdir()} == {
        f"a_{i}.wav" for i in range(3)
    }


def test_its_config_and_lists_fit_the_present_code() -> None:
    config = read_config(VitsConfig, RECIPE / "config.json")
    assert config.data.speakers is None and config.text.language == "en-us"
    sides = {}
    for side in ("train", "valid", "test"):
        rows = (RECIPE / f"lists/{side}.csv").read_text("utf-8").splitlines()
        sides[side] = [row.split("|") for row in rows]
    assert [len(rows) for rows in sides.values()] == [1474, 74, 72]
    texts = [{text for _, text in rows} for rows in sides.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


def test_the_recipe_ends_before_the_training_if_its_voice_is_there_or_whisper_is_not(
    tmp_path,
) -> None:
    (tmp_path / "recipes/kathleen").mkdir(parents=True)
    script = shutil.copy(RECIPE / "run.sh", tmp_path / "recipes/kathleen")
    (tmp_path / "bin").mkdir()  # a python that has nothing installed
    (tmp_path / "bin/python").write_text("#!/bin/sh\necho ran $* >&2; exit 1\n")
    (tmp_path / "bin/python").chmod(0o755)
    (tmp_path / "recordings").mkdir()

    def run_it() -> str:
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        made = subprocess.run(
            ["sh", str(script), tmp_path / "recordings", "a CPU", "3"],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert made.returncode == 2 and "vits.prepare" not in made.stderr
        return error_line(made.stderr)

    assert "pip install faster-whisper" in run_it()
    (tmp_path / "voices/kathleen").mkdir(parents=True)
    assert "voices/kathleen: is there already" in run_it()


def test_the_recipe_says_what_it_wants() -> None:
    made = subprocess.run(["sh", str(RECIPE / "run.sh")], capture_output=True, text=True)
    assert made.returncode == 2 and "RECORDINGS HARDWARE STEPS" in made.stderr
