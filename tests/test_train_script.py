"""train.py as a user runs it: what a run leaves behind, how it goes on, how it stops."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hifigan.audio import read_header
from hifigan.checkpoint import read_checkpoint
from hifigan.json_config import read_config
from tests.conftest import REPOSITORY
from tests.small_run import (
    ENVIRONMENT,
    SENTENCE,
    assert_no_warnings,
    command,
    run_script,
    scalars,
    write_config,
    write_data,
)
from vits.config import VitsConfig

LOSSES = {"discriminator", "mel", "kl", "duration", "adversarial", "feature_matching", "total"}
TRAIN_NAMES = {
    f"train/{name}"
    for name in LOSSES
    | {
        "generator_gradient_norm",
        "discriminator_gradient_norm",
        "learning_rate",
        "steps_per_second",
        "samples_per_second",
        "audio_seconds_per_second",
        "padding_share",
    }
}
VALID_NAMES = {f"valid/{name}" for name in LOSSES}
ALIGNMENT_NAMES = {
    "alignment/share_of_symbols_with_at_most_one_frame",
    "alignment/longest_symbol_frames",
    "alignment/share_of_silence",
}
TIMES = {
    f"time/{name}" for name in ("data", "alignment", "generator", "discriminator", "optimizer")
}
SCALARS = TRAIN_NAMES | VALID_NAMES | ALIGNMENT_NAMES | TIMES
WAVS = ("target", "reconstruction", "synthesis")
PICTURES = ("target_mel", "reconstruction_mel", "synthesis_mel", "alignment")


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """tiny.json trained for 2 steps with a validation, stopped and taken up again for one more."""
    folder = tmp_path_factory.mktemp("tiny")
    write_data(folder / "voices")
    arguments = (
        "-c",
        REPOSITORY / "configs/tiny.json",
        "--data",
        "voices",
        "--set",
        "train.batch_size=3",
        "--set",
        "train.log_every=1",
        "--set",
        "train.validate_every=2",
    )
    first = run_script(folder, "train.py", *arguments, "--max_steps", 2)
    second = run_script(folder, "train.py", *arguments, "--max_steps", 3)
    return folder, first, second


@pytest.fixture(scope="module")
def board(tiny_run):
    everything = {"images": 0, "audio": 0}
    return EventAccumulator(str(tiny_run[0] / "runs/tiny/tensorboard"), everything).Reload()


def test_without_a_name_the_run_is_called_like_its_config_and_holds_all_there_is_to_see(tiny_run):
    run = tiny_run[0] / "runs/tiny"
    present = {path.name for path in run.iterdir()}
    assert present == {
        "beginning.json",
        "config.json",
        "data_report.txt",
        "log.txt",
        "scalars.jsonl",
        "tensorboard",
        "checkpoints",
        "samples",
        "listen.html",
    }
    assert {p.name for p in (run / "checkpoints").iterdir()} == {
        "step_00000002.pt",
        "step_00000003.pt",
        "best_step_00000002.pt",
    }
    shown = sorted(p.name for p in (run / "samples").iterdir())
    assert shown == ["recordings", "step_00000002", "step_00000003"]


def test_the_saved_config_reads_back_with_what_the_command_line_changed(tiny_run):
    config = read_config(VitsConfig, tiny_run[0] / "runs/tiny/config.json")
    assert config.data.folder == "voices"
    assert config.train.batch_size == 3
    assert set("това е тестово изречение.") < set(config.text.symbols)
    saved = read_checkpoint(tiny_run[0] / "runs/tiny/checkpoints/step_00000003.pt")["config"]
    assert tuple(saved["text"]["symbols"]) == config.text.symbols


def test_the_report_and_the_log_tell_the_data_the_machine_and_the_start(tiny_run):
    run = tiny_run[0] / "runs/tiny"
    report = (run / "data_report.txt").read_text(encoding="utf-8")
    assert re.search(r"used +6 +2\n", report) and "resampled to 22050 Hz: 8 from 8000 Hz" in report
    assert report.splitlines()[1] in tiny_run[1].stderr
    log = (run / "log.txt").read_text(encoding="utf-8")
    for told in (
        f"torch {torch.__version__} on CPU",
        "training on the CPU",
        "generator 893,",
        "6 utterances in batches of 3 x 1",
        "new run at step 0 with random weights",
        "step 2: validation: mel ",
        "finished at step 2",
    ):
        assert told in log, told
    assert log.count("alignment backend: ") == 2  # once a start


def test_every_loss_rate_and_norm_is_in_the_json_lines(tiny_run):
    lines = scalars(tiny_run[0] / "runs/tiny")
    train = [line for line in lines if "train/mel" in line]
    valid = [line for line in lines if "valid/mel" in line]
    assert [line["step"] for line in train] == [1, 2, 3]
    assert [line["step"] for line in valid] == [2, 3]
    for line in train:
        assert set(line) == {"step", "epoch", "time"} | TRAIN_NAMES | TIMES
        assert all(0 < line[name] < 1e4 for name in TRAIN_NAMES - {"train/padding_share"})
        assert 0 <= line["train/padding_share"] < 1
        seconds = sum(line[name] for name in TIMES)
        assert 0.5 < seconds * line["train/steps_per_second"] <= 1, "the phases make up a step"
    assert set(valid[0]) == {"step", "epoch", "time"} | VALID_NAMES


def test_tensorboard_has_the_same_scalars_and_the_pictures_and_sound(tiny_run, board):
    written = {}
    for line in scalars(tiny_run[0] / "runs/tiny"):
        for name in set(line) & SCALARS:
            written.setdefault(name, []).append((line["step"], pytest.approx(line[name], rel=1e-6)))
    assert set(board.Tags()["scalars"]) == SCALARS == set(written)
    for name, points in written.items():
        assert [(event.step, event.value) for event in board.Scalars(name)] == points, name
    assert set(board.Tags()["images"]) == {f"00{i}/{name}" for i in (0, 1) for name in PICTURES}
    assert set(board.Tags()["audio"]) == {f"00{i}/{name}" for i in (0, 1) for name in WAVS}
    assert board.Audio("000/target")[0].sample_rate == 22050
    assert board.Images("000/alignment")[0].step == 2


def test_a_validation_leaves_sound_and_pictures_of_the_sentences(tiny_run):
    folder = tiny_run[0] / "runs/tiny/samples/step_00000002"
    shown = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
    assert [item["text"] for item in shown] == ["един час", "още един"]
    for item in shown:
        files = {path.name for path in (folder / item["folder"]).iterdir()}
        made = {f"{name}.wav" for name in WAVS[1:]} | {f"{name}.png" for name in PICTURES[1:]}
        assert files == made
        recording = folder.parent / "recordings" / item["recording"]
        assert recording.with_suffix(".png").exists()
        target = read_header(recording.with_suffix(".wav"))
        again = read_header(folder / item["folder"] / "reconstruction.wav")
        assert again.n_samples == 256 * item["frames"] == target.n_samples // 256 * 256


def test_the_same_command_again_goes_on_and_says_so(tiny_run):
    _, first, second = tiny_run
    assert "step 1 of 2" in first.stderr and "resuming" not in first.stderr
    assert (
        "resuming from runs/tiny/checkpoints/step_00000002.pt: step 2, epoch 1, batch 0"
        in second.stderr
    )
    assert "step 3 of 3" in second.stderr and "step 2 of 3" not in second.stderr


def test_no_terminal_gets_log_lines_with_losses_and_pace_and_no_bar(tiny_run):
    line = next(line for line in tiny_run[1].stderr.splitlines() if line.startswith("step 1 of 2"))
    assert re.fullmatch(
        r"step 1 of 2 \(\d+\.\d h to go\), epoch 0: \d+\.\d samples/s, ms a step: "
        r"data \d+ alignment \d+ generator \d+ discriminator \d+ optimizer \d+, \d+ % padding, "
        + " ".join(
            rf"{name} \d+\.\d{{3}}"
            for name in (
                "discriminator",
                "mel",
                "kl",
                "duration",
                "adversarial",
                "feature_matching",
                "total",
            )
        ),
        line,
    )
    assert "\r" not in tiny_run[1].stderr and "it/s" not in tiny_run[1].stderr


def test_what_tiny_trained_speaks(tiny_run):
    folder = tiny_run[0]
    run_script(
        folder,
        "infer.py",
        "--text",
        SENTENCE,
        "--model_path",
        "runs/tiny",
        "--out_path",
        "test.wav",
    )
    assert read_header(folder / "test.wav").seconds > 0.2


def small_command(*arguments):
    return command("train.py", "-c", "small.json", "-m", "voice", *arguments)


@pytest.mark.slow
def test_signals_save_and_end_with_code_0_and_the_run_goes_on(tmp_path):
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    steps = 0
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            small_command(),
            cwd=tmp_path,
            env=ENVIRONMENT,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            wait_for_step(tmp_path / "runs/voice", steps + 1)
            process.send_signal(number)
            err = process.communicate(timeout=30)[1]
        finally:
            process.kill()
        assert process.returncode == 0, err
        assert_no_warnings(err)
        newest = max((tmp_path / "runs/voice/checkpoints").glob("step_*.pt"))
        assert (f"step {steps}, epoch" in err) == (steps > 0)
        steps = read_checkpoint(newest)["step"]
        assert f"interrupted at step {steps}; the same command goes on from there" in err
        assert [line["step"] for line in scalars(tmp_path / "runs/voice")] == list(
            range(1, steps + 1)
        )


def wait_for_step(run: Path, step: int, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if (run / "scalars.jsonl").exists() and f'"step": {step},' in (
            run / "scalars.jsonl"
        ).read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"{run} did not reach step {step} in {timeout} s")


def test_a_terminal_gets_a_bar_with_losses_pace_and_remaining_time(tmp_path):
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    shown = in_terminal(small_command("--max_steps", 12), tmp_path)
    bars = [part for part in re.split(r"[\r\n]", shown) if "/12 [" in part]
    assert re.search(r"\d+\.\d samples/s, .*mel \d+\.\d+", bars[-1]), bars[-1]
    assert any(re.search(r"\[\d\d:\d\d<\d\d:\d\d", bar) for bar in bars)  # elapsed<remaining
    assert "step 5 of 12" not in shown  # no log line beside the bar
    assert "finished at step 12" in shown


def in_terminal(arguments: list[str], cwd: Path, timeout: float = 60) -> str:
    """What a program shows on a terminal 200 columns wide."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 50, 200, 0, 0))
    process = subprocess.Popen(
        arguments, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=terminal
    )
    os.close(terminal)
    shown, deadline = b"", time.monotonic() + timeout
    try:
        while time.monotonic() < deadline and select.select([controller], [], [], timeout)[0]:
            shown += os.read(controller, 65536)
    except OSError:  # the other end is closed: the program is over
        pass
    finally:
        os.close(controller)
        if time.monotonic() >= deadline:
            process.kill()
    assert process.wait(10) == 0, shown.decode()
    return shown.decode()
