"""What the packed cache gives equals decoding to the bit, whatever happens to its file."""

import logging
import multiprocessing
import os
import random
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifigan import packed_cache
from hifigan.audio import read_audio
from hifigan.packed_cache import PackedCache, open_packed_cache, pack, unpack

RATE = 16000
LENGTHS = np.array([4000, 9001, 6000, 1, 12000, 7777])


def disk_with(monkeypatch, free):
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch):
    disk_with(monkeypatch, 10**12)


@pytest.fixture
def recordings(tmp_path):
    """Noise in 16-bit mono wavs at RATE."""
    paths = [tmp_path / f"{i}.wav" for i in range(len(LENGTHS))]
    for i, path in enumerate(paths):
        write(path, LENGTHS[i], seed=i)
    return paths


def write(path, n_samples, seed, subtype="PCM_16"):
    noise = np.random.default_rng(seed).uniform(-0.9, 0.9, n_samples)
    soundfile.write(path, noise, RATE, subtype)


def decode(path):
    return read_audio(path, RATE)


def never():
    raise AssertionError("decoded again")


def same_bits(left, right):
    return torch.equal(left.view(torch.int32), right.view(torch.int32))


def fill(cache, recordings):
    cache.create()
    for i, path in enumerate(recordings):
        cache.get(i, path, lambda: decode(path))


def assert_gives_all(cache, recordings):
    for i, path in enumerate(recordings):
        assert same_bits(cache.get(i, path, lambda: decode(path)), decode(path))


@pytest.mark.parametrize(
    "subtype, n_channels, file_rate",
    [("PCM_16", 1, RATE), ("PCM_16", 2, RATE), ("PCM_24", 1, RATE), ("PCM_16", 1, 44100)],
)
def test_second_reads_decode_nothing_and_give_the_same_bits(
    tmp_path, subtype, n_channels, file_rate
):
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (5000, n_channels))
    soundfile.write(tmp_path / "a.wav", noise, file_rate, subtype)
    wav = decode(tmp_path / "a.wav")
    cache = PackedCache(tmp_path / "x.samples", np.array([len(wav)]))
    fill(cache, [tmp_path / "a.wav"])
    assert same_bits(cache.get(0, tmp_path / "a.wav", never), wav)
    again = PackedCache(tmp_path / "x.samples", np.array([len(wav)]))
    again.create()
    assert same_bits(again.get(0, tmp_path / "a.wav", never), wav)


def test_samples_are_packed_in_16_bits_only_where_no_bit_is_lost():
    whole = np.array([0, 1, -32768, 32767, 123], "f4") / 32768
    others = [0.5 / 32768, 1.0, -1.0001, -0.0, np.nan, np.inf, 1e-30, 0.1]
    assert pack(whole).dtype == "i2"
    for samples in [whole, *(np.append(whole, np.float32(other)) for other in others)]:
        assert pack(samples).dtype == ("i2" if len(samples) == 5 else "f4")
        assert np.array_equal(unpack(pack(samples)).view("i4"), samples.view("i4"))


def test_16_bit_recordings_take_half_the_room(tmp_path):
    for subtype, share in (("PCM_16", 0.5), ("PCM_24", 1)):
        write(tmp_path / "a.wav", 500_000, 0, subtype)
        cache = PackedCache(tmp_path / f"{subtype}.samples", np.array([500_000]))
        fill(cache, [tmp_path / "a.wav"])
        used = cache.path.stat().st_blocks * 512
        assert abs(used - share * 2_000_000) < 100_000


def test_a_recording_that_changed_is_decoded_again(tmp_path, recordings):
    cache = PackedCache(tmp_path / "x.samples", LENGTHS)
    fill(cache, recordings)
    size = recordings[1].stat().st_size
    write(recordings[1], LENGTHS[1], seed=77)
    assert recordings[1].stat().st_size == size
    assert_gives_all(cache, recordings)
    with pytest.raises(AssertionError, match="decoded again"):
        cache.get(1, recordings[2], never)  # another recording in the same place


def test_another_version_of_the_decoder_decodes_again(tmp_path, recordings, monkeypatch):
    cache = PackedCache(tmp_path / "x.samples", LENGTHS)
    fill(cache, recordings)
    monkeypatch.setattr(packed_cache, "DECODERS", ("9.9.9", "9.9.9"))
    with pytest.raises(AssertionError, match="decoded again"):
        cache.get(1, recordings[1], never)


def test_a_recording_that_is_gone_is_told_by_the_decoder(tmp_path, recordings):
    cache = PackedCache(tmp_path / "x.samples", LENGTHS)
    fill(cache, recordings)
    recordings[0].unlink()
    with pytest.raises(AssertionError, match="decoded again"):
        cache.get(0, recordings[0], never)


def test_whatever_is_torn_in_the_file_is_noticed_and_mended(tmp_path, recordings):
    draws = random.Random(0)
    path = tmp_path / "x.samples"
    fill(PackedCache(path, LENGTHS), recordings)
    whole = path.read_bytes()
    for trial in range(200):
        torn = bytearray(whole)
        start = draws.randrange(len(whole))
        if trial % 4 == 0:  # a power failure loses pages of the disk
            start = start // 4096 * 4096
            torn[start : start + 4096] = bytes(len(torn[start : start + 4096]))
        elif trial % 4 == 1:  # and ends of files
            del torn[start:]
        elif trial % 4 == 2:
            torn[start] ^= 1 << draws.randrange(8)
        else:  # a header of which only the first half was written
            start = int(PackedCache(path, LENGTHS).starts[trial % len(LENGTHS)])
            torn[start + 16 : start + 24] = bytes(8)
        path.write_bytes(torn)
        cache = PackedCache(path, LENGTHS)
        cache.create()
        assert_gives_all(cache, recordings)
        for i, recording in enumerate(recordings):
            cache.get(i, recording, never)


def read_all(cache, recordings, seed, barrier):
    """In a process of its own; the exit code tells whether all was right."""
    draws = random.Random(seed)
    for _ in range(20):
        barrier.wait()
        if seed == 0:
            cache.path.write_bytes(bytes(cache.starts[-1]))
        barrier.wait()
        for i in draws.sample(range(len(recordings)), len(recordings)):
            wav = cache.get(i, recordings[i], lambda: decode(recordings[i]))
            assert same_bits(wav, decode(recordings[i]))


def test_processes_fill_one_file_together(tmp_path, recordings):
    cache = PackedCache(tmp_path / "x.samples", LENGTHS)
    cache.create()
    barrier = multiprocessing.Barrier(4)
    processes = [
        multiprocessing.Process(target=read_all, args=(cache, recordings, seed, barrier))
        for seed in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    for i, path in enumerate(recordings):
        assert same_bits(cache.get(i, path, never), decode(path))


def write_again_and_again(cache, recordings):
    while True:
        for i, path in enumerate(recordings):
            cache._write(i, b"of another time.", torch.zeros(int(LENGTHS[i])))
            cache._write(i, packed_state(path), decode(path))


def packed_state(path):
    status = path.stat()
    facts = (status.st_size, status.st_mtime_ns, *packed_cache.DECODERS)
    return packed_cache._digest(os.fspath(path), *facts)


def test_a_process_killed_while_writing_costs_nothing(tmp_path, recordings):
    cache = PackedCache(tmp_path / "x.samples", LENGTHS)
    cache.create()
    draws = random.Random(0)
    for _ in range(20):
        process = multiprocessing.Process(target=write_again_and_again, args=(cache, recordings))
        process.start()
        time.sleep(draws.uniform(0.01, 0.1))
        assert_gives_all(cache, recordings)  # beside it, too
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert_gives_all(cache, recordings)


def test_a_write_that_the_system_refuses_ends_the_filling_with_one_warning(tmp_path, recordings):
    cache = PackedCache(tmp_path / "x.samples", LENGTHS)
    cache.create()
    told = multiprocessing.SimpleQueue()

    def limited():
        messages = []
        handler = logging.Handler()
        handler.emit = lambda record: messages.append(record.getMessage())
        logging.getLogger().addHandler(handler)
        limit = int(cache.starts[2]) + 100  # the third recording does not fit
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        assert_gives_all(cache, recordings)
        assert_gives_all(cache, recordings)
        told.put(messages)

    process = multiprocessing.Process(target=limited)
    process.start()
    process.join()
    assert process.exitcode == 0
    (message,) = told.get()
    assert "takes no more recordings (File too large)" in message
    for i in (0, 1):
        cache.get(i, recordings[i], never)
    assert_gives_all(cache, recordings)
    with pytest.raises(AssertionError, match="decoded again"):
        cache.get(3, recordings[3], never)  # all processes have stopped writing


def test_no_file_is_made_where_the_disk_has_no_room(tmp_path, monkeypatch, caplog):
    disk_with(monkeypatch, 3 * 10**9)
    assert open_packed_cache(tmp_path / "c", tmp_path, np.array([10**9]), RATE) is None
    assert "it takes 2.0 GB or more, and 3.0 GB are free" in caplog.text
    assert not (tmp_path / "c").exists()


def test_the_last_room_of_the_disk_is_left_to_checkpoints(
    tmp_path, recordings, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    cache = open_packed_cache(tmp_path / "c", tmp_path, LENGTHS, RATE)
    disk_with(monkeypatch, 2 * 10**9)
    fill(cache, recordings)
    assert caplog.text.count("takes no more recordings (the last 2.1 GB of the disk") == 1
    assert cache.path.stat().st_blocks == 0
    assert_gives_all(cache, recordings)


def test_a_folder_that_cannot_be_made_is_told_and_training_goes_without(tmp_path, caplog):
    (tmp_path / "c").write_text("a file")
    assert open_packed_cache(tmp_path / "c", tmp_path, LENGTHS, RATE) is None
    assert "no packed cache (" in caplog.text


def test_size_and_place_are_told_and_other_data_make_another_file(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    cache = open_packed_cache(tmp_path / "c", tmp_path, LENGTHS * 1000, RATE)
    assert f"packed cache {cache.path}: 78 MB when full" in caplog.text
    paths = {
        open_packed_cache(tmp_path / "c", data_set, lengths, rate).path
        for data_set, lengths, rate in (
            (tmp_path, LENGTHS * 1000, RATE),
            (tmp_path, LENGTHS * 1000, 22050),
            (tmp_path, LENGTHS[:-1], RATE),
            (tmp_path / "c", LENGTHS, RATE),
        )
    }
    assert len(paths | {cache.path}) == 4
