"""Scripts run as a user runs them, on a made-up Bulgarian data set and a config that starts at
once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import soundfile

from hifigan.json_config import override, read_json
from tests.conftest import REPOSITORY, SAMPLE_RATE, SMALLEST, tone_with_noise

SENTENCE = "Това е тестово изречение."
TEXTS = (
    SENTENCE,
    "добър ден",
    "как си ти",
    "ден и нощ",
    "това е добро",
    "тест е това",
    "един час",
    "още един",
)
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",  # threads wait for each other on a busy machine
    "PYTHONPATH": str(REPOSITORY),
}  # for distributed_worker.py; the scripts stand there themselves


def write_data(
    folder: Path, texts: Sequence[str] = TEXTS, speakers: Sequence[str] = (), n_valid: int = 2
) -> Path:
    """wavs/0.wav ... with train.csv and valid.csv; with `speakers` they take turns."""
    (folder / "wavs").mkdir(parents=True)
    rows = []
    for i, text in enumerate(texts):
        samples = tone_with_noise(0.6 + 0.05 * i, 90 + 20 * i, seed=i)
        soundfile.write(folder / "wavs" / f"{i}.wav", samples, SAMPLE_RATE)
        speaker = [speakers[i % len(speakers)]] if speakers else []
        rows.append("|".join([f"wavs/{i}.wav", *speaker, text]) + "\n")
    (folder / "train.csv").write_text("".join(rows[: len(rows) - n_valid]), encoding="utf-8")
    (folder / "valid.csv").write_text("".join(rows[len(rows) - n_valid :]), encoding="utf-8")
    return folder


def write_config(path: Path, *settings: str) -> Path:
    """The smallest config, with "section.key=value" settings; its data folder is "data"."""
    values = override(
        read_json(REPOSITORY / "configs/tiny.json"), [*SMALLEST, "data.folder=data", *settings]
    )
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def command(script: str, *arguments: object, n_processes: int = 1) -> list[str]:
    """The command line of a script; with torchrun's launcher for several processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={n_processes}"]
    return [
        sys.executable,
        "-W",
        "always::DeprecationWarning",
        "-W",
        "always::FutureWarning",
        *(launcher if n_processes > 1 else []),
        str(REPOSITORY / script),
        *map(str, arguments),
    ]


def run_script(
    cwd: Path,
    script: str,
    *arguments: object,
    n_processes: int = 1,
    expect: int = 0,
    timeout: float = 120,
) -> subprocess.CompletedProcess:
    """Run to the end in the folder `cwd`, and hold the exit code and that our code warns of
    nothing.
    """
    process = subprocess.Popen(
        command(script, *arguments, n_processes=n_processes),
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # torchrun's processes, too
    assert process.returncode == expect, f"exit code {process.returncode}\n{out}\n{err}"
    assert_no_warnings(err)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def assert_no_warnings(err: str) -> None:
    """That nothing in our own files warns that it will be gone one day."""
    warnings = [
        line for line in err.splitlines() if "DeprecationWarning" in line or "FutureWarning" in line
    ]
    assert not [
        line for line in warnings if str(REPOSITORY) in line and "site-packages" not in line
    ]


def error_line(err: str) -> str:
    """The one line that tells a user's mistake, the last of stderr; and no traceback."""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, err
    assert err.rstrip("\n").endswith(lines[0]), err
    assert "Traceback" not in err and "usage:" not in err, err
    return lines[0]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, and every folder with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def scalars(run: Path) -> list[dict]:
    return [
        json.loads(line)
        for line in (run / "scalars.jsonl").read_text(encoding="utf-8").splitlines()
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/, small.json and runs/voice, trained for 2 steps with a checkpoint at
    each.
    """
    folder = tmp_path_factory.mktemp("trained")
    write_data(folder / "data")
    write_config(folder / "small.json", "train.save_every=1")
    run_script(folder, "train.py", "-c", "small.json", "-m", "voice", "--max_steps", 2)
    return folder


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, one_thread: None
) -> Callable[..., tuple[int, str]]:
    """A script's main() called in this process, in a folder: the exit code and what it told on
    stderr.
    """

    def run(cwd: Path, main: Callable[[], None], *arguments: object) -> tuple[int, str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", [f"{main.__module__}.py", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        return code, capfd.readouterr().err

    return run
