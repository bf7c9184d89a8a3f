"""The CUDA kernel without a GPU: its very source on the CPU, lane by lane, against the reference.

What only a GPU can show (the driver, the clock, racecheck) benchmarks/alignment_gpu.py shows.
"""

import ctypes
import itertools
import math
import sys
import types
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from tests.cuda_emulator import COMPILER, Emulator
from tests.test_alignment import every_alignment, lengths, ragged_batch
from vits.alignment import cubin, cuda, path_from_durations, reference, search

KINDS = ("plain", "late", "early", "tied", "odd", "rare", "huge")
SHAPES = (  # T_text, T_spec: around one strip of 128 symbols, and around tiles of 32 frames
    (1, 1), (1, 33), (2, 2), (5, 32), (31, 65), (33, 33), (127, 129), (128, 128), (128, 161),
    (129, 129), (130, 300), (200, 223), (256, 289), (257, 258), (300, 421), (385, 400),
)  # fmt: skip


@pytest.fixture(scope="session")
def emulator(tmp_path_factory) -> Emulator:
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    return Emulator(tmp_path_factory.mktemp("emulator"))


def batch(seed: int, n_symbols: int, n_frames: int, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """Two items, one of them full; garbage in the padding. kind: what the scores are like."""
    scores, text_lengths, spec_lengths = ragged_batch(6 * seed + 1, 2, n_frames, n_symbols)
    draw = torch.Generator().manual_seed(seed)
    text_lengths[1], spec_lengths[1] = n_symbols, n_frames
    scores[1] = torch.randn(n_frames, n_symbols, generator=draw) * 30 - 80
    if kind == "tied":
        scores[1] = (scores[1] / 40).round()
    if kind in ("late", "early"):  # the best path runs along a border of what can be reached
        favoured = torch.arange(n_symbols) * torch.arange(n_frames)[:, None].float()
        scores[1] += favoured * (9 if kind == "late" else -9)
    if kind == "huge":  # sums of these overflow after some frames
        scores *= 1e26 * 10 ** torch.linspace(0, 10, n_frames)[:, None]
    if kind in ("odd", "rare"):  # rare: most tiles have none, but values that come of one
        share = 0.01 if kind == "odd" else min(0.01, 1 / scores[0].numel())
        odd = torch.rand(2, n_frames, n_symbols, generator=draw)
        for i, value in enumerate([math.nan, math.inf, -math.inf, 3e38, -3e38]):
            scores[(odd > i / 5) & (odd < i / 5 + share)] = value
    return scores, text_lengths, spec_lengths


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_equals_the_reference_whatever_the_order_of_threads(emulator, kind):
    for seed, (n_symbols, n_frames) in enumerate(SHAPES):
        made = batch(seed, n_symbols, n_frames, kind)
        found = emulator.search(*made, seed, n_resident=1 + seed % 4)
        assert torch.equal(found, reference.search(*made)), (n_symbols, n_frames)


def test_random_shapes_equal_the_reference(emulator):
    draw = torch.Generator().manual_seed(0)
    for seed in range(60):
        n_symbols, more = (torch.rand(2, generator=draw) * torch.tensor([200, 150])).long().tolist()
        made = ragged_batch(seed, 3, 1 + n_symbols + more, 1 + n_symbols)
        found = emulator.search(*made, seed)
        assert torch.equal(found, reference.search(*made)), (seed, n_symbols, more)


def test_every_small_grid_gets_the_path_of_greatest_score(emulator):
    for n_frames, n_symbols in itertools.product(range(1, 8), range(1, 8)):
        if n_symbols > n_frames:
            continue
        candidates = torch.tensor(every_alignment(n_frames, n_symbols)).reshape(-1, n_symbols)
        scores = torch.randn(4, n_frames, n_symbols, generator=torch.Generator().manual_seed(0))
        paths = path_from_durations(candidates, n_frames).double()
        best = torch.einsum("btx,ptx->bp", scores.double(), paths).argmax(1)
        every = torch.full((4,), n_symbols), torch.full((4,), n_frames)
        assert torch.equal(emulator.search(scores, *every), candidates[best])


@pytest.mark.parametrize("dtype", (torch.float32, torch.float16, torch.bfloat16))
@pytest.mark.parametrize("transposed", (False, True))
def test_any_type_and_stride_is_read_where_it_lies(emulator, dtype, transposed):
    scores, text_lengths, spec_lengths = ragged_batch(4, 3, 180, 150)
    scores[0, :3, :3] = torch.tensor([1e-7, -6e-8, 7e4])  # float16: subnormal numbers and infinity
    scores = scores.to(dtype)
    expected = reference.search(scores.float(), text_lengths, spec_lengths)
    wide = scores.new_full((3, 2, 180, 151), math.nan)  # items, frames or symbols lie apart
    wide[:, 1, :, 1:] = scores
    if transposed:
        wide = wide.mT.contiguous().mT
    before = wide.clone()
    found = emulator.search(wide[:, 1, :, 1:], text_lengths, spec_lengths)
    assert torch.equal(found, expected)
    torch.testing.assert_close(wide, before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("transposed", (False, True))
def test_one_odd_score_on_the_path_counts_wherever_it_stands_in_a_tile(emulator, transposed):
    n_frames, n_symbols = 64, 24
    draw = torch.Generator().manual_seed(0)
    scores = torch.randn(1, n_frames, n_symbols, generator=draw).expand(n_frames, -1, -1).clone()
    every = torch.full((n_frames,), n_symbols), torch.full((n_frames,), n_frames)
    path = path_from_durations(reference.search(scores, *every), n_frames)[0]
    for value in (math.nan, math.inf, -math.inf, 3e38):
        odd = scores.clone()
        for t in range(n_frames):  # item t has it in frame t
            odd[t, t, path[t].argmax()] = value
        found = emulator.search(odd.mT.contiguous().mT if transposed else odd, *every)
        assert torch.equal(found, reference.search(odd, *every)), value


@pytest.mark.parametrize("n_text, n_spec", ((0, 5), (5, 0), (6, 5), (201, 201), (3, 231), (-1, -1)))
def test_an_item_that_cannot_be_aligned_gets_minus_one_and_harms_no_other(emulator, n_text, n_spec):
    scores = torch.randn(3, 230, 200, generator=torch.Generator().manual_seed(0))
    found = emulator.search(scores, lengths(200, n_text, 7), lengths(230, n_spec, 9))
    fine = reference.search(scores[::2], lengths(200, 7), lengths(230, 9))
    assert torch.equal(found[::2], fine)
    assert (found[1] == -1).all()


@pytest.mark.parametrize(
    "there, instead",
    [
        ("  MEET();\n  for (int at", "  for (int at"),  # a tile is computed before it is there
        (
            "    MEET();\n  }\n  MEET();\n  MEET();",
            "  }\n  MEET();\n  MEET();",
        ),  # it is written over
        ("tile;\n    MEET();", "tile;\n    if (lane) MEET();"),  # a lane does not come
        ("small = __all_sync(kAll, small);", "small = true;"),  # a large value was missed
        ("struct __align__(16) Shared", "struct Shared"),  # vectors of 16 bytes lie anywhere
        ("__threadfence();  //", "//"),  # the walk back misses the last words
        ("while (!__all_sync(kAll, edge >= kStamp))", "while (false)"),  # edges have not come
        ("if (n_strips > 1) {\n    if (thr", "if (false) {\n    if (thr"),  # blocks out of order
    ],
)
def test_what_only_some_gpus_would_get_wrong_shows_in_the_emulator(tmp_path, there, instead):
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    source = cubin.joined(cubin.SOURCES).decode()
    assert source.count(there) == 1
    emulator = Emulator(tmp_path, source.replace(there, instead))
    with pytest.raises(AssertionError):
        for seed in range(20):
            made = batch(seed, 200, 223, ("plain", "rare")[seed % 2])
            found = emulator.search(*made, seed, n_resident=1 + seed % 2)
            assert torch.equal(found, reference.search(*made))


class EmulatedDriver(types.ModuleType):
    """The driver's functions that a search calls; a launch runs the emulator."""

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__("driver")
        self.library = library
        self.calls = []

    def cuCtxPushCurrent(self, context):
        self.calls.append(f"push {context}")
        return (0,)

    def cuCtxPopCurrent(self):
        self.calls.append("pop")
        return 0, "context"

    def cuLaunchKernel(self, function, x, y, z, block_x, block_y, block_z, shared, stream, *rest):
        self.calls.append(f"launch {function} on {stream}")
        assert (y, z, block_x, block_y, block_z, shared) == (1, 1, cuda.THREADS, 1, 1, 0)
        table, extra = rest
        assert extra == 0 and not self.library.emulate(ctypes.c_void_p(table), x, block_x, 4, 0)
        return (0,)


def test_a_search_launches_the_kernel_on_the_stream_of_torch(emulator, monkeypatch):
    driver = EmulatedDriver(emulator.library(torch.float32, True))
    package = types.ModuleType("cuda.bindings")
    package.driver = driver
    monkeypatch.setitem(sys.modules, "cuda.bindings", package)
    kernel = cuda.Kernel("search", "torch's", "")
    asked = []
    monkeypatch.setattr(cuda, "load", lambda *arguments: asked.append(arguments) or kernel)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    stream = types.SimpleNamespace(cuda_stream=7)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    made = ragged_batch(2, 3, 200, 150)
    assert torch.equal(cuda.search(*made), reference.search(*made))
    assert driver.calls == ["push torch's", "launch search on 7", "pop"]
    assert asked == [(None, torch.float32, True)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_on_a_gpu_the_kernel_equals_the_reference_and_nobody_waits(kind):
    for seed, (n_symbols, n_frames) in enumerate((*SHAPES, (2100, 4000))):
        made = batch(seed, n_symbols, n_frames, kind)
        there = [tensor.cuda() for tensor in made]
        search(*there, "cuda")  # the first call compiles and loads
        torch.cuda.set_sync_debug_mode("error")
        try:
            found = search(*there, "cuda")
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert torch.equal(found.cpu(), reference.search(*made)), (n_symbols, n_frames)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_lengths_that_allow_no_path_are_refused_where_they_can_be_read():
    scores = torch.zeros(2, 5, 4, device="cuda")
    with pytest.raises(UserError, match="item 1: 4 symbols but only 3 frames"):
        search(scores, lengths(4, 4), lengths(5, 3), "cuda")
    found = search(scores, lengths(4, 4).cuda(), lengths(5, 3).cuda(), "cuda")
    assert found.tolist() == [[1, 1, 1, 2], [-1] * 4]
