"""The loader's batches do not depend on who reads them or how they travel."""

import os
import subprocess
import sys

import pytest
import soundfile
import torch
from torch.utils.data import get_worker_info

from hifigan import loader as loader_module
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.loader import choose_workers
from tests.conftest import REPOSITORY, SAMPLE_RATE, tone_with_noise
from vits.data import Utterance
from vits.loader import make_loader

RANKS = Ranks(0, 1, torch.device("cpu"))
HOP_LENGTH = 64


@pytest.fixture
def utterances(data_folder):
    made = []
    for i, path in enumerate(sorted((data_folder / "wavs").iterdir())):
        n_samples = soundfile.info(path).frames
        tokens = tuple(range(i + 1))
        made.append(
            Utterance(f"{i}", str(path), "a", None, 0, tokens, n_samples, n_samples // HOP_LENGTH)
        )
    return made


@pytest.fixture
def load(utterances, smallest, tmp_path):
    """A loader with "section.key=value" settings; two utterances to a batch, five batches."""
    return lambda *settings: make_loader(utterances, smallest(*settings), RANKS, tmp_path / "runs")


def epochs(loader, n_epochs=2):
    batches = []
    for epoch in range(n_epochs):
        loader.batch_sampler.set_epoch(epoch)
        batches += list(loader)
    return batches


def assert_equal(left, right):
    assert [batch.ids for batch in left] == [batch.ids for batch in right]
    for one, other in zip(left, right):
        assert torch.equal(one.wav.view(torch.int32), other.wav.view(torch.int32))
        assert torch.equal(one.tokens, other.tokens)
        assert torch.equal(one.token_lengths, other.token_lengths)
        assert torch.equal(one.wav_lengths, other.wav_lengths)
        assert torch.equal(one.speakers, other.speakers)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_packed_cache_and_loader_processes_change_no_bit(load, tmp_path, num_workers):
    alone = epochs(load("train.num_workers=0"))
    packed = load(f"train.num_workers={num_workers}", "data.packed_cache=true")
    assert_equal(epochs(packed), alone)
    assert len(list((tmp_path / "runs/packed_cache").iterdir())) == 1
    assert_equal(epochs(packed), alone)


def test_loader_processes_that_share_no_memory_use_the_cache_too(load, tmp_path):
    loader = load("train.num_workers=1", "data.packed_cache=true")
    loader.multiprocessing_context = "spawn"  # what macOS and Windows do
    assert_equal(epochs(loader), epochs(load("train.num_workers=0")))
    assert next((tmp_path / "runs/packed_cache").iterdir()).stat().st_blocks > 0


def test_batches_through_pipes_are_the_same_and_touch_no_shared_memory(load, monkeypatch, caplog):
    alone = epochs(load("train.num_workers=0"))
    monkeypatch.setattr(loader_module, "fits_shared_memory", lambda n_bytes: False)
    piped = epochs(load("train.num_workers=2"))
    assert_equal(piped, alone)
    assert not any(batch.wav.is_shared() for batch in piped)


def test_the_batches_go_on_in_mid_epoch_with_the_same_processes(load):
    loader = load("train.num_workers=2")
    whole = epochs(loader, 1)
    workers = loader._iterator._workers
    for start in (3, 1):
        loader.batch_sampler.set_epoch(0)
        for batch in loader:  # left while batches are under way, as a run that goes back does
            break
        loader.batch_sampler.set_start(start)
        assert_equal(list(loader), whole[start:])
    loader.batch_sampler.set_epoch(0, order=1)
    other = list(loader)
    assert [batch.ids for batch in other] != [batch.ids for batch in whole]
    assert sorted(id for batch in other for id in batch.ids) == sorted(map(str, range(10)))
    assert loader._iterator._workers is workers


def test_a_list_holds_all_micro_batches_and_keeps_to_the_budget(load):
    assert {len(batch.ids) for batch in load("train.accumulate=5")} == {10}
    for batch in load("train.batch_size=9", "train.max_batch_frames=300"):
        assert batch.wav.shape[0] * batch.wav.shape[2] // HOP_LENGTH <= 300


def test_an_utterance_over_the_budget_is_named_before_training(load):
    message = "train.max_batch_frames is 100, but 9 alone takes 131 frames; raise it to 131 or more"
    with pytest.raises(UserError, match=message):
        load("train.max_batch_frames=100")
    load("train.max_batch_frames=131")


class Threads:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.get_num_threads(), get_worker_info().id


def test_loader_processes_have_one_thread_each(load):
    loader = load("train.num_workers=2")
    probe = torch.utils.data.DataLoader(
        Threads(), num_workers=loader.num_workers, worker_init_fn=loader.worker_init_fn
    )
    assert {int(n_threads) for n_threads, _ in probe} == {1}


@pytest.mark.parametrize(
    "n_cores, n_processes, n_workers",
    [(1, 1, 0), (2, 1, 1), (2, 2, 0), (2, 4, 0), (16, 4, 3), (64, 2, 8)],
)
def test_loader_processes_follow_the_cores_of_each_process(
    monkeypatch, n_cores, n_processes, n_workers
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(n_cores), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(n_processes))
    assert choose_workers(None) == n_workers
    assert choose_workers(5) == 5


IN_SMALL_MEMORY = """
import logging, sys
from pathlib import Path
import torch
from hifigan.distributed import Ranks
from hifigan.interrupts import ended
from hifigan.json_config import config_from_dict, override, read_json
from tests.conftest import SMALLEST
from vits.config import VitsConfig
from vits.data import Utterance
from vits.loader import make_loader

logging.basicConfig()
values = override(read_json(Path("configs/tiny.json")), [*SMALLEST, "train.num_workers=2"])
config = config_from_dict(VitsConfig, values, "smallest")
utterance = Utterance("u", sys.argv[1], "a", None, 0, (0, 1), 800_000, 12_500)
loader = make_loader(20 * [utterance], config, Ranks(0, 1, torch.device("cpu")), Path("unused"))
held = []
with ended(loader):
    for batch in loader:
        held = [*held[-1:], batch]  # as long as the trainer holds them
        print(len(batch.ids), float(batch.wav.abs().max()) > 0.1)
"""


def in_small_memory(megabytes, *arguments):
    """A Python process of its own, with so much shared memory as root of its own little world."""
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm && exec "$@"'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", sys.executable, "-c", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("megabytes, warns", [(10, True), (200, False)])
def test_too_little_shared_memory_is_told_and_costs_no_batch(tmp_path, megabytes, warns):
    try:
        can_mount = in_small_memory(1, "").returncode == 0
    except FileNotFoundError:
        can_mount = False
    if not can_mount:
        pytest.skip("needs Linux, and leave to mount a file system")
    soundfile.write(tmp_path / "a.wav", tone_with_noise(100, 100, 0), SAMPLE_RATE)
    done = in_small_memory(megabytes, IN_SMALL_MEMORY, str(tmp_path / "a.wav"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 True\n" * 10
    told = [line for line in done.stderr.splitlines() if "/dev/shm has" in line]
    assert len(told) == warns
    assert not warns or "has 10 MB free" in told[0] and "--shm-size" in told[0]


def test_batches_of_few_shapes_keep_to_the_budget_of_frames(load, monkeypatch):
    monkeypatch.setattr("vits.loader.records_steps", lambda *_: True)
    for budget in range(150, 600, 25):
        loader = load("train.batch_size=8", f"train.max_batch_frames={budget}")
        for batch in epochs(loader):
            assert len(batch.wav) * batch.wav.shape[2] <= budget * HOP_LENGTH
