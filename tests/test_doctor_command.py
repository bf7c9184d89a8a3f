"""The doctor's command: what it takes its subject for, what it prints, and its JSON."""

import io
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from hifigan.errors import UserError
from vits.doctor.__main__ import main
from vits.doctor.as_json import as_dict, as_json
from vits.doctor.findings import Case, Curve, Examination, Finding, Histogram, Table
from vits.doctor.log_file import read_log
from vits.doctor.subject import kind_of
from vits.doctor.terminal import (
    Screen,
    columns,
    last_line,
    printable,
    report_lines,
    screen_of,
    sentence,
    shortened,
)

REPOSITORY = Path(__file__).parent.parent
LONG_TEXT = "A sentence that is much too long to stand in one line of a terminal, " * 3
CASES = [
    Case(f"train.csv:{i}", f"a{i}", f"{i} samples", 9.0 - i, None, LONG_TEXT) for i in range(7)
]
EXAMINATION = Examination(
    "data/голос",
    "data",
    [("layout", "ljspeech"), ("utterances", "1,620")],
    [
        Finding("odd", "note", "2 texts are odd", "It may be meant.", "look at them"),
        Finding(
            "clipped", "warning", "7 are clipped", "It sounds harsh.", "use less gain", CASES, 9
        ),
        Finding(
            "gone", "error", "1 is missing", "It cannot be read.", "put it there", CASES[:1], 1
        ),
    ],
    [Histogram("length", "seconds", (0.0, 1.0, 2.0), (3, 4), (0.5,))],
    [Curve("train/mel", (0, 10), (30.0, math.nan))],
    [Table("Speakers", ("name", "hours"), [("anna", "1.2")])],
)


def run_doctor(*arguments: str, folder: Path, **named) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "vits.doctor", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        **named,
    )


@dataclass(frozen=True)
class Told:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def told(monkeypatch, capfdbinary, tmp_path) -> Callable[..., Told]:
    """The command in this process and in tmp_path, which loads torch once for all tests."""

    def call(*arguments: str) -> Told:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["doctor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = (stream.decode("utf-8") for stream in capfdbinary.readouterr())
        return Told(int(ended.value.code), out, err)

    return call


# What a subject is taken for.


def written(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


FILES = [
    ("list.csv", "a|one\nb|two\n", "list"),
    ("list.txt", "wavs/a.wav|it is an ERROR|anna\n", "list"),
    ("list.jsonl", '{"path": "a.wav", "text": "one"}\n', "list"),
    ("kaldi/text", "a one\n", "list"),
    ("my.json", "{}", "config"),
    ("train.log", "step 1\n", "log"),
    (
        "out.txt",
        "Traceback (most recent call last)\n  File \"train.py\", line 3\nKeyError: 'x'",
        "log",
    ),
    (
        "log.txt",
        "2026-01-02 10:11:12 INFO step 3 of 10 | mel 20\n2026-01-02 10:12 WARNING x\n",
        "log",
    ),
    ("nohup.out", "anything", "log"),
    ("bars.txt", "10%|##  | 3/30\n20%|###  | 6/30\nTraceback (most recent call last)\nx", "log"),
    ("plain.txt", "a one\nb two\n", "list"),
]


@pytest.mark.parametrize("name, text, kind", FILES, ids=[name for name, _, _ in FILES])
def test_files_are_told_apart_by_what_is_in_them(tmp_path, name, text, kind):
    path = written(tmp_path / name, text)
    subject = kind_of(str(path))
    assert (subject.kind, subject.path) == (kind, path)
    assert str(path) in subject.told() or "..." in subject.told()


def test_folders_are_data_or_runs(tmp_path):
    (tmp_path / "wavs").mkdir()
    written(tmp_path / "metadata.csv", "a|b\n")
    assert kind_of(str(tmp_path)).kind == "data"
    run = written(tmp_path / "run" / "config.json", "{}").parent
    assert kind_of(str(run)).kind == "data"  # a config alone is no run
    written(run / "log.txt")
    assert kind_of(str(run)).kind == "run"
    written(tmp_path / "other" / "checkpoints" / "step_1.pt")
    assert kind_of(str(tmp_path / "other")).kind == "run"


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "KeyError: 'speaker_id'",
        "NaN",
        "FileNotFoundError: [Errno 2] No such file or directory: 'wavs/a.wav'",
        "expected scalar type Float but found Double\n" * 200,
    ],
)
def test_words_are_a_message(message):
    subject = kind_of(message)
    assert subject.kind == "message" and "\n" not in subject.told() and len(subject.told()) < 120


def test_nothing_is_this_computer_and_a_dash_is_standard_input():
    assert kind_of(None).kind == "environment"
    assert kind_of("-").kind == "log" and kind_of("-").path is None


def test_a_file_that_is_not_there_is_a_mistake_with_a_guess(tmp_path):
    written(tmp_path / "metadata.csv")
    with pytest.raises(UserError, match=r"no such file.*did you mean .*metadata\.csv"):
        kind_of(str(tmp_path / "metdata.csv"))
    with pytest.raises(UserError, match="no such file"):
        kind_of("my_voice")
    (tmp_path / "other").symlink_to("nothing")
    with pytest.raises(UserError, match=r"other: no such file or folder; name a"):
        kind_of(str(tmp_path / "other"))


@pytest.mark.parametrize("words", ["buzzing", "loss=nan", "loss nan", "noisy voice"])
def test_short_words_that_are_explained_are_a_message(words):
    assert kind_of(words).kind == "message"


def test_an_empty_name_and_a_word_like_a_name_are_mistakes():
    for name in ("", " ", "noise_data", "robotic.csv"):
        with pytest.raises(UserError, match="empty|no such file"):
            kind_of(name)


def test_what_is_beside_or_inside_a_run_leads_to_it(tmp_path):
    run = written(tmp_path / "runs" / "one" / "checkpoints" / "step_1.pt").parent.parent
    written(run / "config.json", "{}")
    assert (kind_of(str(run / "checkpoints")).kind, kind_of(str(run)).path) == ("run", run)
    assert kind_of(str(run / "checkpoints")).path == run
    with pytest.raises(UserError, match=f"holds 1 run folders; name one, such as {run}"):
        kind_of(str(run.parent))
    with pytest.raises(UserError, match=f"name its folder {run}"):
        kind_of(str(written(run / "scalars.jsonl", '{"step": 1}\n')))


def test_recordings_and_checkpoints_name_what_to_give_instead(tmp_path):
    with pytest.raises(UserError, match="folder of its data set"):
        kind_of(str(written(tmp_path / "a.wav")))
    with pytest.raises(UserError, match="its run folder"):
        kind_of(str(written(tmp_path / "a.pt")))


# What the terminal shows.


def test_findings_stand_worst_first_with_their_fixes():
    lines = report_lines(EXAMINATION, Screen(100), "doctor.html")
    told = [line.strip() for line in lines]
    titles = [told.index(f"{mark} {title}") for mark, title in (
        ("✗", "1 is missing"), ("!", "7 are clipped"), ("•", "2 texts are odd"))]  # fmt: skip
    assert titles == sorted(titles)
    assert "Fix: use less gain" in told and "and 6 more in doctor.html" in told
    assert told.index("train.csv:0  a0  0 samples") < told.index("train.csv:1  a1  1 samples")
    assert "train.csv:3  a3  3 samples" not in told


@pytest.mark.parametrize("width", [30, 40, 60, 100])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(columns, report_lines(EXAMINATION, Screen(width), "doctor.html"))) <= width


def test_cells_of_a_table_are_wrapped_and_lose_nothing():
    row = ("onnxruntime", "checking and speaking exported voices", LONG_TEXT)
    table = Table("Packages", ("package", "for", "without"), [row])
    lines = report_lines(Examination("s", "environment", [], [], tables=[table]), Screen(60))
    assert max(map(columns, lines)) <= 60 and "..." not in "".join(lines)
    assert set(" ".join(row).split()) <= set(" ".join(lines).split())


def test_a_sentence_has_a_capital_but_no_name_gets_one():
    assert sentence("the voice is odd") == "The voice is odd."
    assert sentence("finetune.py takes the rest") == "finetune.py takes the rest."
    assert sentence("--set x") == "--set x."


def test_colours_are_for_people_alone(monkeypatch):
    assert "\x1b" not in "".join(report_lines(EXAMINATION, Screen(80)))
    assert "\x1b[1;31m" in "".join(report_lines(EXAMINATION, Screen(80, has_colours=True)))

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    terminal = Terminal(io.BytesIO(), encoding="utf-8")
    assert screen_of(terminal, {}).has_colours
    assert not screen_of(terminal, {"NO_COLOR": "1"}).has_colours
    assert not screen_of(terminal, {"TERM": "dumb"}).has_colours
    assert not screen_of(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), {}).has_colours


def test_a_terminal_without_unicode_gets_plain_marks_and_escapes():
    text = "\n".join(report_lines(EXAMINATION, Screen(80, encoding="ascii")))
    assert text.isascii() and "x 1 is missing" in text and r"data/\u0433" in text


def test_data_cannot_steer_the_terminal():
    case = Case("a.csv:1", "a", "odd \x1b[2J bell \x07 \u202e", 1.0, None, "line\nbreak")
    finding = Finding("k", "note", "t", "w.", "f", [case], 1)
    text = "".join(report_lines(Examination("s", "data", [], [finding]), Screen(80)))
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text and "\n" not in text
    assert r"\x1b[2J" in text and r"\u202e" in text


def test_wide_letters_count_twice():
    assert columns("漢字") == 4 and columns("e\u0301") == 1
    assert columns(shortened("漢字" * 20, 21)) <= 21 and shortened("short", 21) == "short"
    assert printable("a\nb") == r"a\nb"


def test_the_last_line_sums_up():
    assert last_line(EXAMINATION.findings, {"page": "doctor.html"}) == (
        "1 error, 1 warning, 1 note; page: doctor.html"
    )
    assert last_line([], {}) == "nothing found"


# The JSON.


def test_json_has_the_keys_that_programs_rely_on():
    found = json.loads(as_json(EXAMINATION))
    assert list(found) == [
        "version", "subject", "kind", "facts", "counts", "findings", "histograms", "curves",
        "tables",
    ]  # fmt: skip
    assert found["version"] == 1 and found["subject"] == "data/голос" and found["kind"] == "data"
    assert found["facts"][0] == {"name": "layout", "value": "ljspeech"}
    assert found["counts"] == {"error": 1, "warning": 1, "note": 1}
    assert [finding["kind"] for finding in found["findings"]] == ["gone", "clipped", "odd"]
    clipped = found["findings"][1]
    assert list(clipped) == ["kind", "severity", "title", "why", "fix", "cases", "n_cases"]
    assert clipped["n_cases"] == 9 and len(clipped["cases"]) == 7
    assert clipped["cases"][0] == {
        "place": "train.csv:0", "id": "a0", "detail": "0 samples", "badness": 9.0, "path": None,
        "text": LONG_TEXT,
    }  # fmt: skip
    assert found["histograms"] == [
        {"name": "length", "unit": "seconds", "edges": [0, 1, 2], "counts": [3, 4], "limits": [0.5]}
    ]
    assert found["curves"] == [{"name": "train/mel", "steps": [0, 10], "values": [30.0, None]}]
    assert found["tables"] == [
        {"title": "Speakers", "head": ["name", "hours"], "rows": [["anna", "1.2"]]}
    ]


def test_json_takes_numbers_of_numpy_and_names_that_are_no_utf8():
    np = pytest.importorskip("numpy")
    histogram = Histogram("n", "u", np.array([0.0, 1.0]), np.array([3]), np.array([np.inf]))
    odd = Examination("\udcff.wav", "data", [], [], [histogram])
    found = json.loads(as_json(odd).encode("utf-8"))
    assert found["subject"] == "\udcff.wav" and found["histograms"][0]["limits"] == [None]
    assert as_dict(odd)["histograms"][0]["counts"] == [3]


# The command.


def test_help_tells_every_way_to_call_it(tmp_path):
    told = run_doctor("--help", folder=tmp_path).stdout
    for word in ("SUBJECT", "--json", "--html", "--list_only", "--max_players", "--quiet", "-c"):
        assert word in told


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("no/such/folder",), "no such file or folder"),
        (("--jobs", "0", "x.csv"), "--jobs 0: expected 1 or more"),
        (("--set", "train.lr=1"), "there is no config to change"),
        (("--write_clean_list", "a.csv"), "is not a run folder"),
        (("--html", "a", "--no_html"), "not allowed with"),
    ],
)
def test_a_mistake_in_the_command_is_one_line_and_exit_code_2(tmp_path, arguments, message):
    done = run_doctor(*arguments, folder=tmp_path)
    assert done.returncode == 2 and message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_this_computer_is_told_as_json_alone_on_standard_output(tmp_path, told):
    done = told("--json", "-")
    found = json.loads(done.stdout)
    assert found["kind"] == "environment"
    assert done.returncode == (1 if found["counts"]["error"] else 0), done.stderr
    assert list(tmp_path.iterdir()) == []  # no page, where nobody asked for one


def test_a_data_set_is_told_with_its_page_and_json(tmp_path):
    shutil.copytree(REPOSITORY / "data" / "ljspeech-mini", tmp_path / "data")
    arguments = ("data", "--json", "found.json", "--jobs", "1", "--no_cache")
    done = run_doctor(*arguments, folder=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.splitlines()[0].startswith("Data set")
    assert done.stdout.splitlines()[-1].endswith("; page: doctor.html; JSON: found.json")
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["kind"], found["histograms"] != []) == ("data", True)
    assert "</html>" in (tmp_path / "doctor.html").read_text(encoding="utf-8")
    assert done.returncode == (1 if found["counts"]["error"] else 0)


def test_a_file_that_cannot_be_read_is_an_error_and_exit_code_1(tmp_path, told):
    data = shutil.copytree(REPOSITORY / "data" / "ljspeech-mini", tmp_path / "data")
    next((data / "flac").glob("*.flac")).write_bytes(b"no sound")
    done = told("data", "--json", "-", "--no_html", "--jobs", "1", "--no_cache")
    kinds = [finding["kind"] for finding in json.loads(done.stdout)["findings"]]
    assert done.returncode == 1 and "unreadable" in kinds


def test_a_link_that_leads_back_to_itself_ends_in_one_line(tmp_path, told):
    data = shutil.copytree(REPOSITORY / "data" / "ljspeech-mini", tmp_path / "data")
    (data / "flac" / "more").symlink_to("more")
    done = told("data", "--no_html", "--list_only")
    assert done.returncode == 2 and done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: data/flac/more: ") and "remove the link" in line
    assert "Traceback" not in done.stderr


def test_a_list_is_looked_at_without_its_recordings(tmp_path, told):
    shutil.copy(REPOSITORY / "data" / "ljspeech-mini" / "metadata.csv", tmp_path / "metadata.csv")
    done = told("metadata.csv", "--list_only", "--no_html", "--quiet")
    assert len(done.stdout.splitlines()) == 1 and "page" not in done.stdout
    assert "listening" not in done.stderr
    found = json.loads(told("metadata.csv", "--list_only", "--no_html", "--json", "-").stdout)
    missing = found["findings"][0]
    assert (missing["kind"], missing["n_cases"], done.returncode) == ("missing", 49, 1)
    assert missing["title"] == "49 of 49 recordings are missing"


def test_what_was_measured_is_kept_for_the_next_time(tmp_path, told, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(REPOSITORY / "data" / "ljspeech-mini", tmp_path / "data")
    first = told("data", "--no_html", "--jobs", "1")
    monkeypatch.setattr("vits.doctor.sound_table.measure", None)  # nothing is decoded again
    again = told("data", "--no_html", "--jobs", "1")
    assert again.stdout == first.stdout and "recordings" in again.stdout


def test_a_config_is_told_with_its_data(told):
    config = REPOSITORY / "configs" / "tiny.json"
    data = REPOSITORY / "data" / "ljspeech-mini"
    arguments = ("-c", str(config), str(data), "--list_only", "--no_html", "--json", "-")
    found = json.loads(told(*arguments, "--set", "train.lr=0.5").stdout)
    assert "unusual_lr" in [finding["kind"] for finding in found["findings"]]
    facts = {fact["name"]: fact["value"] for fact in found["facts"]}
    assert "steps of the run" in facts and facts["config"] == str(config)


@pytest.mark.parametrize("how", ["argument", "file"])
def test_a_message_is_explained(tmp_path, told, how):
    message = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
    log = written(tmp_path / "train.log", f"step 1\n{message}\n")
    done = told(message if how == "argument" else str(log))
    assert "batch_size" in done.stdout, done.stderr
    assert not (tmp_path / "doctor.html").exists()


def test_nothing_is_found_in_the_log_of_a_run_that_went_well(tmp_path, told):
    log = (
        "2026-11-26 18:38:48,767 step 5 of 30: mel 20.1\n2026-11-26 18:39:18 finished at step 30\n"
    )
    done = told(str(written(tmp_path / "log.txt", log)))
    assert done.stdout.splitlines()[-1] == "nothing found" and done.returncode == 0
    assert str(tmp_path) in done.stdout.replace("\n         ", "")


def test_a_log_is_read_from_standard_input(tmp_path):
    done = run_doctor("-", folder=tmp_path, input="RuntimeError: CUDA out of memory\n")
    assert "batch_size" in done.stdout, done.stderr


def test_a_log_may_hold_any_bytes(tmp_path):
    (tmp_path / "a.log").write_bytes(b"\xff\xfe caf\xe9\nRuntimeError: CUDA out of memory"[2:])
    with (tmp_path / "a.log").open("rb") as file:
        done = run_doctor("-", folder=tmp_path, stdin=file)
    assert "batch_size" in done.stdout and "Traceback" not in done.stderr, done.stderr


def test_a_log_of_powershell_is_read(tmp_path, told):
    log = tmp_path / "out.txt"
    log.write_bytes("step 1\nRuntimeError: CUDA out of memory\n".encode("utf-16"))
    assert "batch_size" in told(str(log)).stdout


def test_of_a_long_log_the_end_is_read_from_a_file_and_from_a_pipe(tmp_path, monkeypatch):
    monkeypatch.setattr("vits.doctor.log_file.LOG_BYTES", 100)
    log = written(tmp_path / "a.log", "one more line of it\n" * 40 + "Killed\n")
    expected = ("one more line of it\n" * 4 + "Killed\n", "the last 0 MB of 0 MB")
    assert read_log(log) == expected
    with log.open("rb", buffering=0) as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        assert read_log(None) == expected
    assert read_log(written(tmp_path / "b.log", "short\n")) == ("short\n", "")


def test_a_package_that_does_not_load_is_named_in_one_line(tmp_path, told, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    for name in ("vits.doctor.page", "vits.doctor.players"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    done = told("CUDA out of memory: a message", "--html", "p.html")
    assert done.returncode == 2 and "pip install soundfile" in done.stderr
