"""A full disk costs neither a good file nor the process that wanted to save."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from hifigan.checkpoint import CheckpointFolder, stored_bytes
from tests.checkpoint_contents import contents
from tests.conftest import REPOSITORY
from tests.small_disk import on_small_disk
from tests.small_run import ENVIRONMENT


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("full", "it takes 1.6 MB, but 1.2 MB are free; make room on the disk"),
        ("overestimated", "No space left on device; make room on the disk"),
        ("limited", "File too large; raise the limit (ulimit -f)"),
    ],
)
def test_a_save_that_does_not_fit_leaves_all_files_and_none_half(tmp_path, kind, reason) -> None:
    """Each file takes 0.6 MB; `limited` cuts the third, larger one off at a megabyte."""
    worker = [sys.executable, str(REPOSITORY / "tests/full_disk_worker.py"), str(tmp_path), kind]
    ended = subprocess.run(
        worker if kind == "limited" else on_small_disk(tmp_path, 2300, worker),
        env=ENVIRONMENT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    step = told["step"]
    good = {f"step_{i:08d}.pt": i for i in range(1, step)}
    assert len(good) >= 2 and told["before"] == good
    del good["step_00000001.pt"]
    assert told["after"] == good | {f"step_{step:08d}.pt": step}
    assert told["failure"].startswith(str(tmp_path / f"step_{step:08d}.pt: not saved: {reason}"))
    assert told["failure"].endswith("what was saved before is whole")


@pytest.mark.parametrize(
    "keep_every, n_files", [(None, 3 + 2), (100, 3 + 2 + 10)], ids=["last", "milestones"]
)
@pytest.mark.parametrize("n_here", [0, 3])
def test_a_run_that_will_fill_the_disk_is_warned_of_at_its_start(
    tmp_path, monkeypatch, caplog, keep_every, n_files, n_here
) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=3, keep_every=keep_every)
    for step in range(n_here):
        folder.write(step, contents(step))
    size = stored_bytes(contents(1))
    here = sum(path.stat().st_size for path in tmp_path.iterdir())
    for missing in (0, 1):
        free = n_files * size - here - missing
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
        folder.warn_of_little_room(contents(1), last_step=1000)
        warned = f"up to {n_files} checkpoints" in caplog.text
        assert warned == bool(missing)
    assert f"the disk has room for {n_files - 1}" in caplog.text
