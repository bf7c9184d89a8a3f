"""python -m vits.prepare makes the same bytes whatever happens on the way."""

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.prepare_runs import LONG, RATE, contents, run, start, write_source
from tests.small_disk import on_small_disk
from vits.prepare import locks


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path):
    source = write_source(tmp_path / "in", 150)
    run(source, tmp_path / "whole")
    draw, n_kills = random.Random(0), 0
    for trial in range(3):
        process = start(source, tmp_path / "out", "--jobs", "2")
        made = tmp_path / "out/work/audio.1_of_1.jsonl"
        goal, ends = draw.randrange(20, 45) * (trial + 1), time.monotonic() + LONG
        while process.poll() is None and time.monotonic() < ends:
            if made.exists() and made.read_bytes().count(b"\n") >= goal:
                os.killpg(process.pid, signal.SIGKILL)
                n_kills += 1
                break
            time.sleep(0.002)
        process.wait()
    assert n_kills >= 2
    assert run(source, tmp_path / "out")[0] == 0
    assert not list((tmp_path / "out").rglob("*.part"))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_shards_that_start_together_do_not_disturb_each_other(tmp_path):
    source = write_source(tmp_path / "in", 10)
    run(source, tmp_path / "whole")
    out = tmp_path / "out"
    started = [start(source, out, "--jobs", "1", "--shard", f"{i}/2") for i in (1, 2)]
    assert [process.wait(LONG) for process in started] == [0, 0]
    assert run(source, out, "--stage", "split")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_a_full_disk_ends_in_one_line_and_what_was_made_stays(tmp_path):
    source, disk, left = write_source(tmp_path / "in", 40), tmp_path / "disk", tmp_path / "left"
    rate = ["--sample_rate", str(RATE), "--format", "wav"]
    run(source, tmp_path / "whole", *rate)
    disk.mkdir()
    out = ["--input", str(source), "--output", str(disk / "out"), "--jobs", "2", *rate]
    made = shlex.join([sys.executable, "-m", "vits.prepare", *out])
    script = (
        f"{made} 2> {tmp_path}/first; echo $? >> {tmp_path}/first; "
        f"mount -o remount,size=50m {disk}; {made} 2> {tmp_path}/second; cp -r {disk}/out {left}"
    )
    subprocess.run(on_small_disk(disk, 1000, ["sh", "-c", script]), check=True, timeout=LONG)
    *_, told, code = (tmp_path / "first").read_text("utf-8").splitlines()
    assert code == "2" and told.startswith("error: ") and "make room on the disk" in told
    assert "Traceback" not in (tmp_path / "first").read_text("utf-8")
    kept = re.search(r"(\d+) as before", (tmp_path / "second").read_text("utf-8"))
    assert int(kept[1]) > 3
    assert contents(left) == contents(tmp_path / "whole")


@pytest.mark.parametrize("mine, others", [((), False), ((), True), (("--shard", "1/2"), False)])
def test_two_of_them_on_one_data_set_are_refused(tmp_path, monkeypatch, mine, others):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    source = write_source(tmp_path / "in", 2)
    with locks.locked(tmp_path / "out", "run", is_shared=others):
        code, err = run(source, tmp_path / "out", *mine)
    assert code == 2 and "another prepare works on it" in err


def test_the_same_shard_twice_at_once_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    source = write_source(tmp_path / "in", 2)
    with (
        locks.locked(tmp_path / "out", "run", is_shared=True),
        locks.locked(tmp_path / "out", "shard.1_of_2"),
    ):
        assert run(source, tmp_path / "out", "--shard", "1/2")[0] == 2
        assert run(source, tmp_path / "out", "--shard", "2/2")[0] == 0


@pytest.mark.slow
def test_when_its_leader_alone_is_killed_its_processes_end_and_free_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", LONG)
    source, out = write_source(tmp_path / "in", 200), tmp_path / "out"
    process = start(source, out, "--jobs", "2")
    made, ends = out / "work/audio.1_of_1.jsonl", time.monotonic() + LONG
    while not (made.exists() and made.stat().st_size) and time.monotonic() < ends:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert run(source, out)[0] == 0
    run(source, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")
    with pytest.raises(ProcessLookupError):  # nobody of its group is left
        while time.monotonic() < ends:
            os.killpg(process.pid, 0)
            time.sleep(0.01)


def test_what_a_killed_run_had_begun_counts_for_nothing(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    asked = ("--format", "wav", "--sample_rate", RATE)  # with and without a gain of one size
    run(source, out, *asked)
    notes = out / "work/audio.1_of_1.jsonl"
    run(source, out, *asked, "--loudness", -40, "--redo")
    # As if that run had been killed before it noted its last recording, which stands there whole.
    notes.write_text("".join(notes.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    code, told = run(source, out, *asked, "--loudness", -40, "--stage", "split")
    assert code == 2 and "not made yet: 1 recording; run --stage audio first" in told
    assert run(source, out, *asked, "--redo")[0] == 0
    run(source, tmp_path / "fresh", *asked)
    assert contents(out) == contents(tmp_path / "fresh")


def test_what_a_killed_run_left_behind_is_removed_though_its_source_is_gone(tmp_path):
    source, out = write_source(tmp_path / "in", 3), tmp_path / "out"
    run(source, out)
    notes = out / "work/audio.1_of_1.jsonl"
    notes.write_text("".join(notes.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    kept = (source / "metadata.csv").read_text("utf-8").splitlines(keepends=True)[:2]
    (source / "metadata.csv").write_text("".join(kept), "utf-8")
    (out / "audio/wavs/.u2.flac.part").write_bytes(b"fLaC")
    assert run(source, out)[0] == 0
    assert sorted(path.name for path in (out / "audio/wavs").iterdir()) == ["u0.flac", "u1.flac"]


def test_an_interrupt_while_its_parts_are_loaded_leaves_no_traceback(tmp_path):
    """Loading takes seconds, in which a mistyped command is often stopped."""
    loading = tmp_path / "torch.py"
    loading.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n", "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    done = subprocess.run(
        [sys.executable, "-m", "vits.prepare", "--help"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=LONG,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_note_that_was_cut_off_costs_one_recording_at_most(tmp_path):
    source, out = write_source(tmp_path / "in", 4), tmp_path / "out"
    run(source, out)
    notes = out / "work/audio.1_of_1.jsonl"
    notes.write_bytes(notes.read_bytes()[:-30])
    assert "1 made, 3 as before" in run(source, out)[1]
    assert "0 made, 4 as before" in run(source, out)[1]
