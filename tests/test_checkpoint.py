"""A checkpoint is whole or not there, and says when it is damaged."""

import os
import random
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from hifigan.atomic_file import NotSaved
from hifigan.checkpoint import read_checkpoint, stored_bytes, write_checkpoint
from hifigan.errors import UserError
from tests.checkpoint_contents import assert_same, contents, names

# Writing


def test_what_is_written_is_read(tmp_path) -> None:
    write_checkpoint(tmp_path / "new folder" / "step_1.pt", contents(1))
    assert_same(read_checkpoint(tmp_path / "new folder" / "step_1.pt"), contents(1))
    assert names(tmp_path / "new folder") == ["step_1.pt"]


@pytest.mark.parametrize(
    "failure, expected",
    [
        (OSError(28, "No space left on device"), NotSaved),
        (OSError(5, "Input/output error"), NotSaved),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
    ],
    ids=repr,
)
def test_a_failure_in_the_middle_of_writing_leaves_the_old_file_alone(
    tmp_path, monkeypatch, failure, expected
) -> None:
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))

    def fail(contents: dict[str, Any], file: Any) -> None:
        file.write(b"PK half of it")
        raise failure

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(expected):
        write_checkpoint(path, contents(99))
    assert names(tmp_path) == ["step_1.pt"]
    assert_same(read_checkpoint(path), contents(1))


def test_contents_and_then_the_name_are_brought_to_the_disk(tmp_path, monkeypatch) -> None:
    """In this order, or a power failure leaves a name without contents, or none at all."""
    done = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        kind = "folder" if stat.S_ISDIR(status.st_mode) else f"file of {status.st_size} bytes"
        done.append(f"fsync {kind}")
        fsync(descriptor)

    def note_replace(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))
    assert done == [f"fsync file of {path.stat().st_size} bytes", "rename", "fsync folder"]


def test_a_file_that_comes_back_damaged_is_not_taken(tmp_path, monkeypatch) -> None:
    path, save = tmp_path / "step_1.pt", torch.save
    write_checkpoint(path, contents(1))

    def save_with_a_fault(contents: dict[str, Any], file: Any) -> None:
        save(contents, file)
        file.seek(file.tell() // 2)
        file.write(b"\x00\xff\x00\xff")

    monkeypatch.setattr(torch, "save", save_with_a_fault)
    with pytest.raises(NotSaved, match="step_1.pt: not saved: it came back damaged"):
        write_checkpoint(path, contents(2))
    assert names(tmp_path) == ["step_1.pt"]
    assert_same(read_checkpoint(path), contents(1))


def test_a_leftover_that_is_a_second_name_of_a_good_file_does_it_no_harm(tmp_path) -> None:
    """As a process leaves it that was killed while it marked the best checkpoint."""
    write_checkpoint(tmp_path / "step_1.pt", contents(1))
    os.link(tmp_path / "step_1.pt", tmp_path / "step_2.part")
    write_checkpoint(tmp_path / "step_2.pt", contents(2))
    assert names(tmp_path) == ["step_1.pt", "step_2.pt"]
    assert_same(read_checkpoint(tmp_path / "step_1.pt"), contents(1))


def test_the_size_is_known_before_writing(tmp_path) -> None:
    large = torch.zeros(3, 2**20)
    for saved in (
        contents(1),
        {"config": {}, "views": [large[0], large[1]]},  # of one storage, which is stored whole
        {"config": {}, "many": {str(i): torch.zeros(1) for i in range(3000)}},
    ):
        path = tmp_path / "step_1.pt"
        write_checkpoint(path, saved)
        size = path.stat().st_size
        assert size <= stored_bytes(saved) < 1.2 * size + 2**21


# Damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def turn_into_another_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights in here")


def turn_into_a_foreign_checkpoint(path: Path) -> None:
    torch.save({"model": torch.ones(1)}, path)


def turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [
    cut,
    empty,
    fill_with_zeros,
    turn_into_another_zip,
    turn_into_a_foreign_checkpoint,
    turn_into_a_folder,
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("for_synthesis", [False, True])
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path, damage, for_synthesis) -> None:
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))
    damage(path)
    with pytest.raises(UserError, match="step_1.pt: ") as caught:
        read_checkpoint(path, for_synthesis)
    assert str(caught.value).isprintable()


def test_a_file_that_ends_early_is_noticed_wherever_it_ends(tmp_path) -> None:
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 97), *range(len(whole) - 30, len(whole))]:
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="damaged or not a checkpoint"):
            read_checkpoint(path)


@pytest.mark.parametrize("for_synthesis", [False, True])
def test_any_flipped_bit_is_noticed_or_harmless(tmp_path, for_synthesis) -> None:
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))
    whole = path.read_bytes()
    n_flips, n_refused = 1000, 0
    for position in random.Random(for_synthesis).sample(range(8 * len(whole)), n_flips):
        content = bytearray(whole)
        content[position // 8] ^= 1 << position % 8
        path.write_bytes(content)
        try:
            assert_same(read_checkpoint(path, for_synthesis), contents(1))  # padding, or a date
        except UserError as error:
            assert str(error).isprintable()
            n_refused += 1
    assert n_refused > 0.7 * n_flips  # most bytes are weights


def test_a_tensor_marked_as_a_folder_is_refused(tmp_path) -> None:
    """One bit in the file's table of contents, for which torch reads nothing and says nothing."""
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))
    with zipfile.ZipFile(path, "a") as archive:
        archive.getinfo("archive/data/0").external_attr |= 0x10
        archive.comment = b"or the table is not written again"
    torch.load(path, weights_only=True)
    with pytest.raises(UserError, match="data/0 is marked as a folder"):
        read_checkpoint(path)


def test_a_mapped_file_may_be_replaced_and_deleted(tmp_path) -> None:
    path = tmp_path / "step_1.pt"
    write_checkpoint(path, contents(1))
    found = read_checkpoint(path, for_synthesis=True)
    write_checkpoint(path, contents(2))
    path.unlink()
    assert_same(found, contents(1))
