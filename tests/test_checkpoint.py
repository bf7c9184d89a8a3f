"""A checkpoint is whole or not there, says when it is damaged, and can run no code."""

import ast
import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from hifigan import checkpoint
from hifigan.checkpoint import CheckpointFolder, open_checkpoint, read_checkpoint, write_checkpoint
from hifigan.errors import UserError

REPOSITORY = Path(__file__).parent.parent


def contents(step: int) -> dict[str, Any]:
    draw = torch.Generator().manual_seed(step)
    return {
        "config": {"train": {"lr": 0.1}},
        "step": step,
        "best": None,
        "generator": {"weight": torch.randn(40, 50, generator=draw)},
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys() and found["step"] == expected["step"]
    assert torch.equal(found["generator"]["weight"], expected["generator"]["weight"])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_weight(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def turn_into_another_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights in here")


def turn_into_a_foreign_checkpoint(path: Path) -> None:
    torch.save({"model": torch.ones(1)}, path)


DAMAGES = [
    cut,
    empty,
    flip_a_weight,
    fill_with_zeros,
    turn_into_another_zip,
    turn_into_a_foreign_checkpoint,
]


# Writing


def test_what_is_written_is_read(tmp_path) -> None:
    write_checkpoint(tmp_path / "new folder" / "step_1.pt", contents(1))
    assert_same(read_checkpoint(tmp_path / "new folder" / "step_1.pt"), contents(1))
    assert names(tmp_path / "new folder") == ["step_1.pt"]


@pytest.mark.parametrize(
    "failure", [OSError("No space left on device"), KeyboardInterrupt()], ids=repr
)
def test_a_crash_in_the_middle_of_writing_leaves_the_old_file_alone(
    tmp_path, monkeypatch, failure
) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    folder.write(1, contents(1))

    def crash(contents: dict[str, Any], file: Any) -> None:
        file.write(b"PK half of it")
        raise failure

    monkeypatch.setattr(torch, "save", crash)
    for step in (1, 2):
        with pytest.raises(type(failure)):
            folder.write(step, contents(99))
    assert names(tmp_path) == ["step_00000001.pt"]
    path, found = folder.read_newest()
    assert_same(found, contents(1))


def test_half_a_file_of_a_killed_process_is_passed_over_and_written_over(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    folder.write(1, contents(1))
    (tmp_path / "step_00000002.part").write_bytes(b"PK half of it")
    assert folder.read_newest()[0].name == "step_00000001.pt"
    folder.write(2, contents(2))
    assert names(tmp_path) == ["step_00000001.pt", "step_00000002.pt"]


# Keeping


def test_the_last_few_are_kept_over_twenty_writes(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=3)
    for step in range(5, 105, 5):
        folder.write(step, contents(step))
        assert names(tmp_path) == [
            f"step_{kept:08d}.pt" for kept in (step - 10, step - 5, step) if kept > 0
        ]


def test_steps_are_sorted_as_numbers(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in (99_999_999, 100_000_000, 100_000_001):
        folder.write(step, contents(step))
    assert names(tmp_path) == ["step_100000000.pt", "step_100000001.pt"]


def test_the_best_is_kept_apart_and_only_one_of_it(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in range(1, 9):
        path = folder.write(step, contents(step))
        if step in (1, 3):
            folder.mark_best(path)
    assert names(tmp_path) == ["best_step_00000003.pt", "step_00000007.pt", "step_00000008.pt"]
    assert_same(read_checkpoint(tmp_path / "best_step_00000003.pt"), contents(3))


def test_the_best_is_copied_where_there_are_no_links(tmp_path, monkeypatch) -> None:
    def refuse(*_: Path) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(checkpoint.os, "link", refuse)
    folder = CheckpointFolder(tmp_path, keep_last=2)
    folder.mark_best(folder.write(1, contents(1)))
    assert names(tmp_path) == ["best_step_00000001.pt", "step_00000001.pt"]
    assert_same(read_checkpoint(tmp_path / "best_step_00000001.pt"), contents(1))


def test_foreign_files_in_the_folder_are_left_alone(tmp_path) -> None:
    for name in ("notes.txt", "step_1.pt.bak", "my_step_00000001.pt", "step_final.pt"):
        (tmp_path / name).touch()
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in (1, 2, 3):
        folder.write(step, contents(step))
    assert names(tmp_path) == [
        "my_step_00000001.pt",
        "notes.txt",
        "step_00000002.pt",
        "step_00000003.pt",
        "step_1.pt.bak",
        "step_final.pt",
    ]


# Damage


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_the_good_one_before_it_is_used(
    tmp_path, caplog, damage
) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=3)
    for step in (1, 2):
        folder.write(step, contents(step))
    damage(tmp_path / "step_00000002.pt")
    with pytest.raises(UserError, match="step_00000002.pt: ") as caught:
        read_checkpoint(tmp_path / "step_00000002.pt")
    assert str(caught.value).isprintable()
    with caplog.at_level(logging.WARNING):
        path, found = folder.read_newest()
    assert path.name == "step_00000001.pt" and "step_00000002.pt" in caplog.text
    assert_same(found, contents(1))


def test_any_flipped_bit_is_noticed_or_harmless(tmp_path) -> None:
    path = tmp_path / "step_00000001.pt"
    write_checkpoint(path, contents(1))
    whole = path.read_bytes()
    refused = 0
    for position in range(0, len(whole), 61):
        content = bytearray(whole)
        content[position] ^= 1 << position % 8
        path.write_bytes(content)
        try:
            assert_same(read_checkpoint(path), contents(1))  # in the padding between parts
        except UserError as error:
            assert str(error).isprintable()
            refused += 1
    assert refused > 0.8 * len(whole) / 61  # most bytes are weights


def test_with_all_files_damaged_the_run_does_not_start_afresh(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in (1, 2):
        cut(folder.write(step, contents(step)))
    with pytest.raises(UserError, match="none of 2 checkpoints can be read; move the folder away"):
        folder.read_newest()
    assert names(tmp_path) == ["step_00000001.pt", "step_00000002.pt"]


def test_the_best_stands_in_when_all_the_newest_are_damaged(tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    folder.mark_best(folder.write(1, contents(1)))
    for step in (2, 3):
        cut(folder.write(step, contents(step)))
    path, found = folder.read_newest()
    assert path.name == "best_step_00000001.pt"
    assert_same(found, contents(1))


def test_damaged_files_of_later_steps_do_not_push_out_the_good_ones_of_a_resumed_run(
    tmp_path,
) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    folder.mark_best(folder.write(1, contents(1)))
    for step in (20, 30):
        cut(folder.write(step, contents(step)))
    for step in (11, 12, 13):  # resumed from the best
        folder.write(step, contents(step))
        assert (tmp_path / f"step_{step:08d}.pt").exists()
    assert names(tmp_path) == [
        "best_step_00000001.pt",
        "step_00000012.pt",
        "step_00000013.pt",
        "step_00000020.pt",
        "step_00000030.pt",
    ]
    assert folder.read_newest()[0].name == "step_00000013.pt"


def test_a_folder_without_checkpoints_is_a_fresh_start(tmp_path) -> None:
    assert CheckpointFolder(tmp_path, keep_last=2).read_newest() is None
    assert CheckpointFolder(tmp_path / "not there", keep_last=2).read_newest() is None


# Strangers' files


class Malicious:
    """Unpickled freely, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.folder,)


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_malicious_file_is_refused_and_executes_nothing(tmp_path, as_zip) -> None:
    path, trace = tmp_path / "voice.pt", tmp_path / "executed"
    stranger = {**contents(1), "extra": Malicious(trace)}
    if as_zip:
        torch.save(stranger, path)
    else:
        path.write_bytes(pickle.dumps({"extra": Malicious(trace)}))
    with pytest.raises(UserError, match="voice.pt: ") as caught:
        read_checkpoint(path)
    assert str(caught.value).isprintable() and not trace.exists()
    if as_zip:
        assert "holds more than tensors, numbers and texts" in str(caught.value)
        torch.load(path, weights_only=False)
        assert trace.exists(), "the file was harmless, so the test says nothing"


def test_everything_in_the_code_is_loaded_with_weights_only() -> None:
    loads = [
        (path, call)
        for path in REPOSITORY.rglob("*.py")
        if path.relative_to(REPOSITORY).parts[0] not in (".venv", "build", "tests")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func)
        in ("torch.load", "pickle.load", "pickle.loads", "torch.jit.load", "joblib.load")
    ]
    assert loads, "no load found: the test looks at nothing"
    for path, call in loads:
        assert "weights_only=True" in map(ast.unparse, call.keywords), f"{path}:{call.lineno}"


# Finding


def test_a_checkpoint_is_found_by_file_checkpoints_folder_and_run_folder(tmp_path) -> None:
    run = tmp_path / "runs/voice"
    folder = CheckpointFolder(run / "checkpoints", keep_last=2)
    for step in (1, 2):
        newest = folder.write(step, contents(step))
    assert open_checkpoint(newest)[0] == newest
    assert open_checkpoint(run)[0] == newest
    assert open_checkpoint(run / "checkpoints")[0] == newest


def test_a_folder_without_checkpoints_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="no checkpoints inside; expected a run folder"):
        open_checkpoint(tmp_path)


def test_a_missing_file_names_those_that_are_there(tmp_path) -> None:
    CheckpointFolder(tmp_path, keep_last=2).write(1, contents(1))
    with pytest.raises(UserError, match="no such checkpoint; there are: .*step_00000001.pt"):
        open_checkpoint(tmp_path / "step_00000009.pt")
    with pytest.raises(UserError, match="no such checkpoint; check the path"):
        read_checkpoint(tmp_path / "no/step_00000009.pt")
