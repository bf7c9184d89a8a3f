"""What a run that was broken off and went on must share with an unbroken one."""

from pathlib import Path

from hifigan.checkpoint import read_checkpoint
from tests.small_run import contents
from tests.test_resume import assert_same, curves


def assert_same_run(run: Path, unbroken: Path) -> None:
    """Checkpoints with all that is in them, curves, and samples, to the bit; but for what the
    clock says.
    """
    files = names(run / "checkpoints")
    assert files == names(unbroken / "checkpoints")
    for file in files:
        found, expected = (read_checkpoint(r / "checkpoints" / file) for r in (run, unbroken))
        assert_same(found, expected, file)
    assert curves(run) == curves(unbroken)
    assert contents(run / "samples") == contents(unbroken / "samples")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
