"""A run's folder of checkpoints keeps what it should, passes over what is damaged, and is found."""

import logging
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from hifigan import checkpoint
from hifigan.atomic_file import NotSaved
from hifigan.checkpoint import CheckpointFolder, open_checkpoint, read_checkpoint
from hifigan.errors import UserError
from tests.checkpoint_contents import assert_same, contents, names


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def folder_with(path: Path, *steps: int, keep_last: int = 3) -> CheckpointFolder:
    folder = CheckpointFolder(path, keep_last)
    for step in steps:
        folder.write(step, contents(step))
    return folder


def refuse_links(*_: Path) -> None:
    raise OSError(95, "no links on this file system")


# Keeping


def test_fifty_saves_leave_the_last_three_the_best_and_every_tenth(tmp_path, caplog) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=3, keep_every=100)
    with caplog.at_level(logging.INFO):
        for step in range(10, 510, 10):
            path = folder.write(step, contents(step))
            if step in (30, 250, 100, 270):
                folder.mark_best(path)
    kept = (100, 200, 300, 400, 480, 490, 500)
    assert names(tmp_path) == [
        "best_step_00000270.pt",
        *(f"step_{step:08d}.pt" for step in kept),
    ]
    for step in kept:
        assert_same(read_checkpoint(tmp_path / f"step_{step:08d}.pt"), contents(step))
    assert_same(read_checkpoint(tmp_path / "best_step_00000270.pt"), contents(270))
    deleted = [record.args[0].name for record in caplog.records if "deleted" in record.message]
    assert len(deleted) == 50 - len(kept) + 3 and not set(deleted) & set(names(tmp_path))


def test_at_least_two_are_kept_whatever_the_setting(tmp_path) -> None:
    folder_with(tmp_path, 1, 2, 3, keep_last=1)
    assert names(tmp_path) == ["step_00000002.pt", "step_00000003.pt"]


def test_nothing_is_deleted_before_the_newer_file_is_on_the_disk_and_proved(
    tmp_path, monkeypatch
) -> None:
    done = []

    def noting(module, name: str, note: str) -> None:
        function = getattr(module, name)

        def noted(*arguments, **options):
            done.append(note)
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, noted)

    folder = folder_with(tmp_path, 1, 2, keep_last=2)
    noting(os, "fsync", "fsync")
    noting(os, "replace", "rename")
    noting(checkpoint, "require_checksums", "proved")
    noting(folder, "_delete", "delete")
    folder.write(3, contents(3))
    assert done == ["fsync", "proved", "rename", "fsync", "delete"]


def test_when_a_save_fails_all_files_stay_and_the_next_one_succeeds(tmp_path, monkeypatch) -> None:
    folder = folder_with(tmp_path, 1, 2, keep_last=2)
    before = names(tmp_path)

    def find_damage(path: Path) -> None:
        raise ValueError("made up")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "require_checksums", find_damage)
        with pytest.raises(NotSaved, match="step_00000003.pt: not saved: it came back damaged"):
            folder.write(3, contents(3))
    assert names(tmp_path) == before
    folder.write(4, contents(4))
    assert names(tmp_path) == ["step_00000002.pt", "step_00000004.pt"]


def test_what_cannot_be_deleted_is_told_and_does_not_stop_the_run(
    tmp_path, monkeypatch, caplog
) -> None:
    folder = folder_with(tmp_path, 1, 2, keep_last=2)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "step_00000001.pt":
            raise PermissionError(13, "somebody is reading it")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        folder.write(3, contents(3))
    assert "could not delete" in caplog.text and "step_00000001.pt" in caplog.text
    folder.write(4, contents(4))
    assert names(tmp_path) == ["step_00000003.pt", "step_00000004.pt"]


def test_steps_are_sorted_as_numbers(tmp_path) -> None:
    folder_with(tmp_path, 99_999_999, 100_000_000, 100_000_001, keep_last=2)
    assert names(tmp_path) == ["step_100000000.pt", "step_100000001.pt"]


def test_the_best_takes_no_space_of_its_own_while_it_is_among_the_newest(tmp_path) -> None:
    folder = folder_with(tmp_path, 1)
    folder.mark_best(tmp_path / "step_00000001.pt")
    assert (tmp_path / "best_step_00000001.pt").samefile(tmp_path / "step_00000001.pt")
    folder.mark_best(tmp_path / "step_00000001.pt")  # once more changes nothing
    assert names(tmp_path) == ["best_step_00000001.pt", "step_00000001.pt"]


def test_a_best_step_that_a_kill_left_unmarked_is_marked_later(tmp_path) -> None:
    folder = folder_with(tmp_path, 1, 2)
    folder.mark_best_step(2)
    assert names(tmp_path) == ["best_step_00000002.pt", "step_00000001.pt", "step_00000002.pt"]
    before = (tmp_path / "best_step_00000002.pt").stat().st_ino
    folder.mark_best_step(2)
    folder.mark_best_step(9)  # a new run may begin with the state of another one
    assert names(tmp_path)[0] == "best_step_00000002.pt"
    assert (tmp_path / "best_step_00000002.pt").stat().st_ino == before


def test_the_best_is_copied_where_there_are_no_links(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "link", refuse_links)
    folder = folder_with(tmp_path, 1)
    folder.mark_best(tmp_path / "step_00000001.pt")
    assert names(tmp_path) == ["best_step_00000001.pt", "step_00000001.pt"]
    assert_same(read_checkpoint(tmp_path / "best_step_00000001.pt"), contents(1))


def test_the_former_best_stays_when_a_new_one_cannot_be_copied(tmp_path, monkeypatch) -> None:
    folder = folder_with(tmp_path, 1, 2)
    folder.mark_best(tmp_path / "step_00000001.pt")
    monkeypatch.setattr(os, "link", refuse_links)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(NotSaved, match="best_step_00000002.pt: not saved: it takes"):
        folder.mark_best(tmp_path / "step_00000002.pt")
    assert names(tmp_path) == ["best_step_00000001.pt", "step_00000001.pt", "step_00000002.pt"]


def test_foreign_files_in_the_folder_are_left_alone(tmp_path) -> None:
    foreign = [
        "best_step_of_all.pt",
        "download.part",
        "my_step_00000001.pt",
        "notes.txt",
        "step_1.pt.bak",
        "step_final.pt",
    ]
    for name in foreign:
        (tmp_path / name).touch()
    folder = folder_with(tmp_path, 1, 2, 3, keep_last=2)
    folder.mark_best(tmp_path / "step_00000003.pt")
    ours = ["best_step_00000003.pt", "step_00000002.pt", "step_00000003.pt"]
    assert names(tmp_path) == sorted(foreign + ours)
    assert folder.read_newest()[0].name == "step_00000003.pt"


def test_half_a_file_of_a_killed_process_is_passed_over_and_cleared_away(tmp_path) -> None:
    folder = folder_with(tmp_path, 1)
    (tmp_path / "step_00000002.part").write_bytes(b"PK half of it")
    os.link(tmp_path / "step_00000001.pt", tmp_path / "best_step_00000001.part")
    assert folder.read_newest()[0].name == "step_00000001.pt"
    folder.write(3, contents(3))
    assert names(tmp_path) == ["step_00000001.pt", "step_00000003.pt"]
    assert_same(read_checkpoint(tmp_path / "step_00000001.pt"), contents(1))


def test_a_linked_folder_serves_as_the_folder_itself(tmp_path) -> None:
    (tmp_path / "other disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "other disk")
    folder = folder_with(tmp_path / "run", 1, 2, 3, keep_last=2)
    folder.mark_best(tmp_path / "run/step_00000003.pt")
    assert names(tmp_path / "other disk") == [
        "best_step_00000003.pt",
        "step_00000002.pt",
        "step_00000003.pt",
    ]
    assert_same(folder.read_newest()[1], contents(3))


# Damage


def test_damaged_files_are_named_and_the_newest_good_one_is_used(tmp_path, caplog) -> None:
    folder = folder_with(tmp_path, 1, 2, 3, 4, 5, keep_last=5)
    cut(tmp_path / "step_00000003.pt")
    (tmp_path / "step_00000004.pt").write_bytes(b"")
    (tmp_path / "step_00000005.pt").unlink()
    (tmp_path / "step_00000005.pt").mkdir()
    path, found = folder.read_newest()
    assert path.name == "step_00000002.pt"
    assert_same(found, contents(2))
    for step in (3, 4, 5):
        assert f"step_0000000{step}.pt: damaged" in caplog.text


def test_a_folder_under_the_name_of_a_checkpoint_is_neither_counted_nor_deleted(
    tmp_path, caplog
) -> None:
    (tmp_path / "step_00000002.pt").mkdir()
    folder_with(tmp_path, 1, 3, keep_last=2)
    assert names(tmp_path) == [f"step_0000000{step}.pt" for step in (1, 2, 3)]
    folder_with(tmp_path, 4, 5, keep_last=2)
    assert names(tmp_path) == [f"step_0000000{step}.pt" for step in (2, 4, 5)]
    assert "could not delete" not in caplog.text


def test_with_all_files_damaged_the_run_does_not_start_afresh(tmp_path) -> None:
    folder = folder_with(tmp_path, 1, 2)
    for path in folder.steps():
        cut(path)
    with pytest.raises(UserError, match="none of 2 checkpoints can be read; move the folder away"):
        folder.read_newest()
    assert names(tmp_path) == ["step_00000001.pt", "step_00000002.pt"]


def test_the_best_stands_in_when_it_is_the_newest_that_can_be_read(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2, keep_every=10)
    for step in (10, 11, 12, 13):
        path = folder.write(step, contents(step))
        if step == 11:
            folder.mark_best(path)
    for step in (12, 13):
        cut(tmp_path / f"step_000000{step}.pt")
    path, found = folder.read_newest()
    assert path.name == "best_step_00000011.pt"
    assert_same(found, contents(11))


def test_damaged_files_of_later_steps_do_not_push_out_the_good_ones_of_a_resumed_run(
    tmp_path,
) -> None:
    folder = folder_with(tmp_path, 1, 20, 30, keep_last=3)
    for step in (20, 30):
        cut(tmp_path / f"step_000000{step}.pt")
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in (11, 12, 13):
        folder.write(step, contents(step))
        assert (tmp_path / f"step_{step:08d}.pt").exists()
    assert names(tmp_path) == [f"step_000000{step}.pt" for step in (12, 13, 20, 30)]
    assert folder.read_newest()[0].name == "step_00000013.pt"


def test_a_folder_without_checkpoints_is_a_fresh_start(tmp_path) -> None:
    assert CheckpointFolder(tmp_path, keep_last=2).read_newest() is None
    assert CheckpointFolder(tmp_path / "not there", keep_last=2).read_newest() is None


# Finding


def test_a_checkpoint_is_found_by_file_checkpoints_folder_and_run_folder(tmp_path) -> None:
    run = tmp_path / "runs/voice"
    folder_with(run / "checkpoints", 1, 2)
    newest = run / "checkpoints/step_00000002.pt"
    for path in (newest, run, run / "checkpoints"):
        found, values = open_checkpoint(path)
        assert found == newest
        assert_same(values, contents(2))


def test_a_folder_without_checkpoints_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="no checkpoints inside; expected a run folder"):
        open_checkpoint(tmp_path)


def test_a_missing_file_names_those_that_are_there(tmp_path) -> None:
    folder_with(tmp_path, 1)
    with pytest.raises(UserError, match="no such checkpoint; there are: .*step_00000001.pt"):
        open_checkpoint(tmp_path / "step_00000009.pt")
    with pytest.raises(UserError, match="no such checkpoint; check the path"):
        read_checkpoint(tmp_path / "no/step_00000009.pt")
