"""A run with faults: its listening page names what it leaves out, and stops no training."""

import re
from pathlib import Path

import pytest

from hifigan.errors import UserError
from hifigan.listening import update_page, write_page
from hifigan.listening.run_folder import read_run
from tests.listening_run import (  # noqa: F401 (fixtures)
    page_data,
    run,
    step_folder,
    untouched_run,
    write_run,
    write_step,
)


def test_values_that_are_not_finite_are_counted(run):
    with (run / "scalars.jsonl").open("a") as file:
        file.write('{"step": 60, "train/mel": NaN}\n')
        file.write('{"step": 60, "valid/mel": Infinity}\n')
    write_step(run, 60)
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    mel = data["curves"][0]
    assert mel["series"]["train"]["not_finite"] == 1 and len(mel["series"]["train"]["points"]) == 5
    assert data["steps"][0]["losses"] == {}


def test_lines_of_a_run_that_went_back_replace_what_came_after(run):
    with (run / "scalars.jsonl").open("a") as file:
        file.write('{"step": 30, "train/mel": 7.0}\n')
    curves = read_run(run).curves
    assert [step for step, _ in curves["train/mel"]] == [10, 20, 30]
    assert curves["train/mel"][-1][1] == 7.0
    assert [step for step, _ in curves["valid/mel"]] == [20]


def test_a_torn_last_line_is_skipped_and_named(run, caplog):
    with (run / "scalars.jsonl").open("a") as file:
        file.write('{"step": 60, "train/m')
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert data["newest_step"] == 50
    assert data["notes"] == ["scalars.jsonl: skipped, not a whole record: line 8"]
    assert data["notes"][0] in caplog.text


TORN_OR_OTHER = (None, '[{"id": "a17"', '[{"id": "a17"}]', "{}", "[]", '["a17"]')


@pytest.mark.parametrize("contents", TORN_OR_OTHER)
def test_samples_still_being_written_are_skipped_and_named(run, contents):
    folder = run / "samples" / "step_00000060"
    folder.mkdir()
    if contents is not None:
        (folder / "samples.json").write_text(contents)
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert [checkpoint["step"] for checkpoint in data["steps"]] == [40, 20]
    [note] = data["notes"]
    assert "step_00000060" in note and "skipped" in note


def remove_samples(run: Path) -> None:
    for path in (run / "samples").glob("*/samples.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "config.json").unlink(), r"config\.json: no such file"),
        (lambda run: (run / "config.json").write_text("{"), r"config\.json: not JSON"),
        (lambda run: (run / "config.json").write_text("[]"), r"config\.json: not sections"),
        (lambda run: (run / "config.json").write_text("{}"), r"audio\.sample_rate: found None"),
        (remove_samples, r"samples: no samples to listen to"),
    ],
)
def test_a_run_that_gives_no_page_is_one_clear_line(run, spoil, message):
    spoil(run)
    with pytest.raises(UserError, match=message) as caught:
        write_page(run)
    assert "\n" not in str(caught.value)
    assert not (run / "listen.html").exists()


def test_paths_that_cannot_be_used_are_named(run, tmp_path):
    with pytest.raises(UserError, match="nowhere: no such run folder"):
        write_page(tmp_path / "nowhere")
    with pytest.raises(UserError, match="config.json: not a folder"):
        write_page(run / "config.json")
    with pytest.raises(UserError, match="page.html: not saved"):
        write_page(run, run / "config.json" / "page.html")


def replace_by_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def spoil_record(run: Path) -> None:
    index = step_folder(run, 40) / "samples.json"
    index.write_text(index.read_text().replace('"scores": {', '"scores": [1], "x": {'))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "UserError: .*config.json: no such file"),
        (lambda run: replace_by_folder(run / "listen.html"), "NotSaved: .*not saved"),
        (lambda run: replace_by_folder(step_folder(run, 40) / "samples.json"), "IsADir"),
        (spoil_record, "IndexError: "),  # as a fault of our own would be
    ],
)
def test_a_failing_update_costs_one_line_and_not_the_training(run, caplog, spoil, message):
    spoil(run)
    update_page(run)
    [record] = caplog.records
    assert re.match(f"the listening page is not updated: {message}", record.getMessage())
    assert "\n" not in record.getMessage() and not list(run.glob("*.part"))
