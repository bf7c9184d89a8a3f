"""What a run tells at its start, and how much of its log it shows."""

import logging
import re

import pytest
import torch

from hifigan.diagnosis import environment
from hifigan.diagnosis.environment import (
    describe_precision,
    driver_version,
    warn_of_device,
    warn_of_small_batch,
)
from hifigan.distributed import Ranks
from tests.small_run import run_script, write_config, write_data
from tests.test_train_script import in_terminal, small_command
from vits.config import TextConfig
from vits.text import describe_front_end

CPU = torch.device("cpu")
DRIVER_FILE = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023"
)


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A file of the NVIDIA driver, not there yet."""
    monkeypatch.setattr(environment, "DRIVER", tmp_path / "version")
    return tmp_path / "version"


def test_the_driver_is_read_from_the_system_without_calling_a_program(driver) -> None:
    assert driver_version() is None
    driver.write_text(DRIVER_FILE + "\nGCC version:  gcc 12.3.0\n", encoding="utf-8")
    assert driver_version() == "535.104.05"


@pytest.mark.parametrize(
    "build, has_driver, told",
    [
        (None, True, "(535.104.05), but this torch is a build without CUDA"),
        ("12.8", False, "built for CUDA 12.8, but sees no GPU: no NVIDIA driver is loaded"),
        ("12.8", True, "driver 535.104.05 may be too old, or CUDA_VISIBLE_DEVICES hides the GPU"),
        (None, False, None),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_told(
    driver, monkeypatch, caplog, build, has_driver, told
) -> None:
    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if has_driver:
        driver.write_text(DRIVER_FILE, encoding="utf-8")
    warn_of_device(CPU)
    assert (told in caplog.text) if told else len(caplog.records) == 1


def test_a_small_step_is_told_with_all_its_factors_counted(smallest, caplog) -> None:
    config = smallest("train.batch_size=2", "train.accumulate=2").train
    warn_of_small_batch(config, 2)
    assert not caplog.records
    warn_of_small_batch(config, 1)
    assert "a step of 4 utterances is smaller than 8" in caplog.text


def test_precision_and_front_end_are_named(smallest) -> None:
    assert describe_precision(smallest().train, CPU) == "float32"
    mixed = smallest("train.mixed_precision=bf16", "train.tf32=true").train
    assert describe_precision(mixed, CPU) == "autocast to bfloat16"
    on_gpu = describe_precision(mixed, torch.device("cuda"))
    assert on_gpu == "autocast to bfloat16; float32 products in TF32"
    text = TextConfig(front_end="phonemes", language="en-us", symbols="from_data", add_blank=True)
    pytest.importorskip("espeakng_loader")
    assert re.fullmatch(r"phonemes by espeak-ng 1\.\d+[.\d]*, en-us", describe_front_end(text))


def test_every_process_and_the_machine_are_told_at_the_start(
    smallest, tmp_path, caplog, monkeypatch
) -> None:
    caplog.set_level(logging.INFO)
    loader = torch.utils.data.DataLoader([1])
    monkeypatch.setattr(Ranks, "gather", lambda self, device: [device, "cuda:0 of b: X, 80.0 GiB"])
    environment.log_environment(Ranks(0, 2, CPU), smallest().train, loader, tmp_path)
    assert f"process 1 of 2: torch {torch.__version__} on CPU of " in caplog.text
    assert f"process 2 of 2: torch {torch.__version__} on cuda:0 of b: X, 80.0 GiB" in caplog.text
    assert re.search(r"versions: torch \S+ \(for .+\), Python 3\.\d+\.\d+, \S+", caplog.text)
    assert re.search(
        r"\d+ cores, \d+ usable; per process \d+ threads of torch and 0 loader", caplog.text
    )
    assert "GiB free on the disk of" in caplog.text and "precision: float32" in caplog.text


def test_the_terminal_shows_what_log_level_asks_for_and_the_file_at_least_info(tmp_path) -> None:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    start = ("-c", "small.json", "--max_steps", 1, "--log_level")
    quiet = run_script(tmp_path, "train.py", *start, "WARNING", "-m", "quiet").stderr
    loud = run_script(tmp_path, "train.py", *start, "DEBUG", "-m", "loud").stderr
    assert "training on the CPU" in quiet and "step 1 of 1" not in quiet
    assert "step 1 of 1" in (tmp_path / "runs/quiet/log.txt").read_text(encoding="utf-8")
    assert "step 1 of 1" in loud and "  generator.decoder: [2, 1, 1024] float32 cpu, " in loud


def test_the_bar_counts_down_to_the_last_minute_allowed(tmp_path) -> None:
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    shown = in_terminal(small_command("--max_minutes", 0.08), tmp_path)
    bars = re.findall(r"(\d+)/(\d+) \[\d+:\d+<(\d+):(\d+)", shown)
    steps, ends, minutes, seconds = zip(*(map(int, bar) for bar in bars))
    assert ends[-1] < 1000 and 60 * minutes[-1] + seconds[-1] <= 10, bars
    assert "out of time" in shown
