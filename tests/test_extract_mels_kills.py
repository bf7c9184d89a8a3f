"""The command that makes mels is killed, or runs twice at a time, and loses nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hifigan.mels_on_disk import list_mels, read_mel
from tests.processes import MARK, marked, wait_until_gone
from tests.small_run import ENVIRONMENT
from tests.test_extract_mels_script import CONFIG, STATE, contents, inodes, noted, write_wav


def begin(wavs: Path, mels: Path, mark: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "hifigan.extract_mel_spectrograms", "-c", str(CONFIG)]
    command += ["--input_dir", str(wavs), "--output_dir", str(mels), "--num_workers", "2"]
    environment = ENVIRONMENT | {MARK: mark}
    return subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell's background job, as the tests may be, ignores interrupts, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_mels(mels: Path, n_mels: int) -> None:
    """Until so many are noted, or a minute has passed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (mels / STATE).exists() and (mels / STATE).read_bytes().count(b"\n") >= n_mels:
            return
        time.sleep(0.01)


def write_linked(wavs: Path, n_wavs: int, n_different: int) -> None:
    """So many recordings that a busy machine does not get through them before it is stopped."""
    for i in range(n_wavs):
        path, first = (wavs / f"{n % n_different}/{n}.wav" for n in (i, i % n_different))
        if i < n_different:
            write_wav(path, seconds=10, rate=44100, seed=i)
        else:
            os.link(first, path)


@pytest.mark.slow
@pytest.mark.parametrize("whom, code", [("worker", 2), ("interrupt", 130)])
def test_an_end_in_the_middle_is_one_line_and_what_was_made_stays(
    tmp_path: Path, whom: str, code: int
) -> None:
    wavs, mels = tmp_path / "wavs", tmp_path / "mels"
    write_linked(wavs, n_wavs=100, n_different=1)
    process = begin(wavs, mels, tmp_path.name)
    wait_for_mels(mels, 3)
    if whom == "worker":
        os.kill(max(set(marked(tmp_path.name)) - {process.pid}), signal.SIGKILL)
    else:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    lines = [line for line in err.splitlines() if "making mels" not in line]
    assert process.returncode == code and len(lines) == 1, err
    assert "was killed" in lines[0] if whom == "worker" else lines == ["interrupted"]
    assert 3 <= len(noted(mels)) < 100
    assert not wait_until_gone(tmp_path.name, timeout=20)


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(tmp_path: Path) -> None:
    """None of the mels that were noted is made again, and there are no half ones."""
    wavs, mels, whole = (tmp_path / name for name in ("wavs", "mels", "whole"))
    write_linked(wavs, n_wavs=60, n_different=10)
    process = begin(wavs, mels, tmp_path.name)
    wait_for_mels(mels, 5)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    finished = set(noted(mels))
    assert 5 <= len(finished) < 60
    for path in list_mels(mels).values():
        assert read_mel(path, 80).shape == (80, 10 * 22050 // 256)
    before = inodes(mels)
    again = begin(wavs, mels, tmp_path.name)
    out, err = again.communicate(timeout=100)
    assert again.returncode == 0, err
    assert out.startswith(f"{60 - len(finished)} mels made") and f"{len(finished)} skipped" in out
    after = inodes(mels)
    assert {id_ for id_ in finished if after[id_] != before[id_]} == set()
    assert not wait_until_gone(tmp_path.name, timeout=20)
    unbroken = begin(wavs, whole, tmp_path.name)
    _, err = unbroken.communicate(timeout=100)
    assert unbroken.returncode == 0, err
    assert contents(mels) == contents(whole) and len(contents(whole)) == 61
    assert noted(mels) == noted(whole)


@pytest.mark.slow
def test_a_second_command_in_the_same_folder_is_refused_or_waits(tmp_path: Path) -> None:
    wavs, mels = tmp_path / "wavs", tmp_path / "mels"
    for i in range(6):
        write_wav(wavs / f"{i}.wav", seconds=10, seed=i)
    both = [begin(wavs, mels, tmp_path.name) for _ in range(2)]
    outs = sorted(process.communicate(timeout=100)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert outs[0].startswith("0 mels made") and outs[1].startswith("6 mels made")
    assert len(list_mels(mels)) == 6
