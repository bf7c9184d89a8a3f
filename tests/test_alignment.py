"""The alignment search against brute force, itself, and two packages that others use."""

import itertools
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from vits import alignment
from vits.alignment import cpu, path_from_durations, reference, search

CPU = torch.device("cpu")
BACKENDS = alignment.available_backends(CPU)
# Sums under -1e9, the "never" of the original: symbol 0 costs -3e10 in frame 1 and -1e10 elsewhere.
FAR_BELOW = torch.tensor([[[-1e10, -1e10], [-3e10, -1e10], [-1e10, -1e10], [-1e10, -1e10]]])
MISSING = cpu.Library(None, "no library today")


def lengths(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)


def ragged_batch(
    seed: int, n_items: int, max_frames: int, max_symbols: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Random scores, some seeds full of ties, with random lengths; garbage in the padding.

    Returns scores [n_items, max_frames, max_symbols], text_lengths and spec_lengths [n_items].
    """
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(n_items, max_frames, max_symbols, generator=draw) * 30 - 80
    if seed % 3 == 0:
        scores = (scores / 40).round()
    text_lengths = torch.randint(1, max_symbols + 1, (n_items,), generator=draw)
    spread = torch.rand(n_items, generator=draw)
    spec_lengths = text_lengths + (spread * (max_frames - text_lengths + 1)).long()
    for item, n_text, n_spec in zip(scores, text_lengths, spec_lengths):
        item[n_spec:] = float("nan")
        item[:, n_text:] = float("inf")
    return scores, text_lengths, spec_lengths


def every_alignment(n_frames: int, n_symbols: int) -> list[list[int]]:
    """Durations of every path: all ways to cut n_frames into n_symbols parts of at least one."""
    all_cuts = itertools.combinations(range(1, n_frames), n_symbols - 1)
    return [[b - a for a, b in zip((0, *cuts), (*cuts, n_frames))] for cuts in all_cuts]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_frames, n_symbols", [(1, 1), (4, 1), (4, 4), (5, 2), (7, 3), (9, 5)])
def test_the_path_has_the_greatest_score_of_all_paths(backend, n_frames, n_symbols):
    candidates = torch.tensor(every_alignment(n_frames, n_symbols))
    paths = path_from_durations(candidates, n_frames)
    draw = torch.Generator().manual_seed(n_frames)
    scores = torch.randn(20, n_frames, n_symbols, generator=draw)
    sums = torch.einsum("btx,ptx->bp", scores.double(), paths.double())
    found = search(scores, torch.full((20,), n_symbols), torch.full((20,), n_frames), backend)
    assert torch.equal(found, candidates[sums.argmax(1)])


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_by_hand_give_the_durations_by_hand(backend):
    scores = torch.tensor([[[0.0, 9], [5, 1], [1, 2], [0, 7]]])  # frame 0 must take symbol 0
    assert search(scores, lengths(2), lengths(4), backend).tolist() == [[2, 2]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_on_a_tie_the_path_stays_at_its_symbol(backend):
    # Going back, to stay as long as one can gives the last symbol all frames that are not needed.
    found = search(torch.zeros(2, 7, 4), lengths(4, 3), lengths(7, 5), backend)
    assert found.tolist() == [[1, 1, 1, 4], [1, 1, 3, 0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_symbol_takes_every_frame_and_a_full_text_one_frame_each(backend):
    scores = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(0))
    found = search(scores, lengths(1, 6), lengths(6, 6), backend)
    assert found.tolist() == [[6, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_never_is_below_every_sum_that_real_scores_reach(backend):
    assert search(FAR_BELOW, lengths(2), lengths(4), backend).tolist() == [[1, 3]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(6))
def test_durations_cover_every_frame_and_symbol_and_nothing_else(backend, seed):
    scores, text_lengths, spec_lengths = ragged_batch(seed, 16, 40, 25)
    found = search(scores, text_lengths, spec_lengths, backend)
    valid = torch.arange(25) < text_lengths[:, None]
    assert found.dtype == torch.int64 and found.shape == (16, 25)
    assert torch.equal(found.sum(1), spec_lengths)
    assert torch.equal(found > 0, valid)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_item_alone_is_aligned_as_in_its_batch(backend):
    scores, text_lengths, spec_lengths = ragged_batch(1, 8, 60, 30)
    together = search(scores, text_lengths, spec_lengths, backend)
    for i, (n_text, n_spec) in enumerate(zip(text_lengths, spec_lengths)):
        cut = scores[i : i + 1, :n_spec, :n_text]
        alone = search(cut, text_lengths[i : i + 1], spec_lengths[i : i + 1], backend)
        assert torch.equal(alone[0], together[i, :n_text])


@pytest.mark.skipif("cpu" not in BACKENDS, reason=cpu.load().reason)
@pytest.mark.parametrize("instructions", cpu.INSTRUCTIONS)
def test_every_kernel_equals_the_reference_to_the_bit(instructions):
    if instructions not in cpu.available_instructions():
        pytest.skip(f"this processor has no {instructions}")
    shapes = [(9, 1, 1), (9, 12, 8), (7, 33, 16), (5, 40, 17), (5, 70, 64), (3, 150, 131)]
    for seed, shape in itertools.product(range(6), shapes):
        batch = ragged_batch(seed, *shape)
        found = cpu.search(*batch, instructions)
        assert torch.equal(found, reference.search(*batch)), (seed, shape)


@pytest.mark.skipif("cpu" not in BACKENDS, reason=cpu.load().reason)
@pytest.mark.parametrize("instructions", cpu.INSTRUCTIONS)
def test_nan_and_infinite_scores_still_give_one_path_everywhere(instructions):
    if instructions not in cpu.available_instructions():
        pytest.skip(f"this processor has no {instructions}")
    for seed in range(30):
        scores, text_lengths, spec_lengths = ragged_batch(seed, 6, 45, 35)
        odd = torch.rand(scores.shape, generator=torch.Generator().manual_seed(seed))
        for i, value in enumerate([float("nan"), float("inf"), -float("inf")]):
            scores[(odd > i * 0.3) & (odd < i * 0.3 + 0.01 * seed)] = value
        found = cpu.search(scores, text_lengths, spec_lengths, instructions)
        assert torch.equal(found, reference.search(scores, text_lengths, spec_lengths)), seed
        assert torch.equal(found.sum(1), spec_lengths)


@pytest.mark.skipif("cpu" not in BACKENDS, reason=cpu.load().reason)
def test_the_number_of_threads_changes_nothing():
    batch = ragged_batch(2, 24, 400, 250)  # enough cells for several threads
    n_threads = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2, 5):
            torch.set_num_threads(n)
            found.append(search(*batch, "cpu"))
    finally:
        torch.set_num_threads(n_threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert torch.equal(found[0], reference.search(*batch))


@pytest.mark.skipif("cpu" not in BACKENDS, reason=cpu.load().reason)
def test_without_torch_in_the_process_the_library_starts_threads_of_its_own(tmp_path):
    scores, text_lengths, spec_lengths = ragged_batch(0, 24, 400, 250)
    code = f"""
import ctypes, numpy
c = ctypes.c_int64
pointers = [numpy.load(name) for name in ("scores.npy", "text.npy", "spec.npy")]
pointers.append(numpy.full((24, 250), -1))
library = ctypes.CDLL({str(cpu.LIBRARY)!r})
status = library.alignment_search_v1(*[ctypes.c_void_p(p.ctypes.data) for p in pointers],
                                     c(24), c(400), c(250), 4, 0)
numpy.save("durations.npy", pointers[-1])
raise SystemExit(status)
"""
    for name, tensor in (("scores", scores), ("text", text_lengths), ("spec", spec_lengths)):
        numpy.save(tmp_path / f"{name}.npy", tensor.numpy())
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    found = torch.from_numpy(numpy.load(tmp_path / "durations.npy"))
    assert torch.equal(found, reference.search(scores, text_lengths, spec_lengths))


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_are_left_as_they_are_and_need_not_be_contiguous(backend):
    scores, text_lengths, spec_lengths = ragged_batch(4, 6, 30, 20)
    before = [scores.clone(), text_lengths.clone(), spec_lengths.clone()]
    found = search(scores, text_lengths, spec_lengths, backend)
    for now, then in zip((scores, text_lengths, spec_lengths), before):
        torch.testing.assert_close(now, then, rtol=0, atol=0, equal_nan=True)
    transposed = scores.transpose(1, 2).contiguous().transpose(1, 2)
    strided = text_lengths.repeat_interleave(2)[::2]
    assert torch.equal(search(transposed, strided, spec_lengths, backend), found)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", (torch.float16, torch.bfloat16))
def test_halves_count_as_the_numbers_that_they_are(backend, dtype):
    scores, text_lengths, spec_lengths = ragged_batch(5, 6, 60, 40)
    scores = scores.to(dtype)
    expected = search(scores.float(), text_lengths, spec_lengths, backend)
    assert torch.equal(search(scores, text_lengths, spec_lengths, backend), expected)


def test_a_compiled_model_keeps_the_search_as_one_step():
    def durations_of_squares(scores: Tensor, text_lengths: Tensor, spec_lengths: Tensor) -> Tensor:
        return search(-scores.square(), text_lengths, spec_lengths) * 2

    batch = ragged_batch(7, 4, 30, 20)
    compiled = torch.compile(durations_of_squares, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(*batch), durations_of_squares(*batch))


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_gradient_goes_through_the_search(backend):
    scores = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert not search(scores, lengths(3), lengths(5), backend).requires_grad


def test_a_path_holds_one_symbol_per_frame_and_none_in_the_padding():
    path = path_from_durations(torch.tensor([[2, 1, 3], [1, 1, 0]]), 6)
    assert path.shape == (2, 6, 3)
    assert path[0].argmax(1).tolist() == [0, 0, 1, 2, 2, 2]
    assert path.sum(2).tolist() == [[1] * 6, [1, 1, 0, 0, 0, 0]]


def test_more_symbols_than_frames_is_refused_naming_the_item():
    with pytest.raises(UserError, match="item 1: 4 symbols but only 3 frames"):
        search(torch.zeros(2, 5, 4), lengths(4, 4), lengths(5, 3))


@pytest.mark.parametrize(
    "scores, text_lengths, spec_lengths, message",
    [
        (torch.zeros(5, 4), lengths(4), lengths(5), r"expected \[B, T_spec, T_text\]"),
        (torch.zeros(1, 5, 4).double(), lengths(4), lengths(5), "float64"),
        (torch.zeros(2, 5, 4), lengths(4), lengths(5, 5), r"text_lengths: expected \[2\]"),
        (torch.zeros(1, 5, 4), lengths(4), lengths(5).int(), "spec_lengths: .*torch.int32"),
        (torch.zeros(1, 5, 4), lengths(0), lengths(5), "item 0: 0 symbols"),
        (torch.zeros(1, 5, 4), lengths(4), lengths(0), "and 0 frames"),
        (torch.zeros(2, 5, 4), lengths(4, 5), lengths(5, 5), "item 1: 5 symbols"),
        (torch.zeros(1, 5, 4), lengths(4), lengths(6), "6 frames"),
    ],
)
def test_wrong_arguments_end_in_a_clear_message(scores, text_lengths, spec_lengths, message):
    with pytest.raises(ValueError, match=message):
        search(scores, text_lengths, spec_lengths)


def test_a_forced_backend_is_taken_by_argument_before_environment(monkeypatch):
    monkeypatch.setenv(alignment.VARIABLE, "reference")
    chosen = alignment.choose_backend(device=CPU)
    assert (chosen.name, chosen.reason) == ("reference", "VITS_ALIGNMENT asks for it")
    for name in BACKENDS:
        assert alignment.choose_backend(name, CPU).name == name


def test_without_the_library_the_reference_is_used_and_the_log_says_so_once(monkeypatch, caplog):
    monkeypatch.setattr(cpu, "load", lambda: MISSING)
    monkeypatch.delenv(alignment.VARIABLE, raising=False)
    alignment._announce.cache_clear()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert search(torch.zeros(1, 3, 2), lengths(2), lengths(3)).tolist() == [[1, 2]]
    assert [r.message for r in caplog.records] == [
        "alignment backend: reference, because no library today"
    ]
    assert alignment.available_backends(CPU) == ["reference"]


@pytest.mark.parametrize("name, message", [("cpu", "no library today"), ("cuda9", "known names")])
def test_a_forced_backend_that_cannot_be_had_is_an_error(monkeypatch, name, message):
    monkeypatch.setattr(cpu, "load", lambda: MISSING)
    monkeypatch.setenv(alignment.VARIABLE, name)
    with pytest.raises(UserError, match=message):
        search(torch.zeros(1, 3, 2), lengths(2), lengths(3))


def test_a_missing_or_broken_library_is_a_reason_and_not_an_exception(tmp_path):
    broken = tmp_path / "_search.so"
    assert cpu.load(broken).functions is None
    broken.write_bytes(b"this is no library")
    cpu.load.cache_clear()
    assert cpu.load(broken).functions is None
    assert "cannot be used" in cpu.load(broken).reason


# The two packages differ from our rule in one thing: their "never" is -1e9. Wherever no sum falls
# below that, their borders and ties are ours, and the paths are equal.


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(12))
def test_paths_equal_those_of_monotonic_align(backend, seed):
    package = pytest.importorskip("monotonic_align")
    scores, text_lengths, spec_lengths, mask = finite_batch(seed)
    theirs = package.maximum_path(scores, mask)  # [B, T_spec, T_text], as VITS has it
    ours = search(scores, text_lengths, spec_lengths, backend)
    assert torch.equal(path_from_durations(ours, scores.shape[1]), theirs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(12))
def test_paths_equal_those_of_monotonic_alignment_search(backend, seed):
    package = pytest.importorskip("monotonic_alignment_search")
    scores, text_lengths, spec_lengths, mask = finite_batch(seed)
    theirs = package.maximum_path(scores.mT.contiguous(), mask.mT)  # [B, T_text, T_spec]
    ours = search(scores, text_lengths, spec_lengths, backend)
    assert torch.equal(path_from_durations(ours, scores.shape[1]), theirs.mT)


def test_below_minus_1e9_monotonic_alignment_search_takes_another_path():
    package = pytest.importorskip("monotonic_alignment_search")
    theirs = package.maximum_path(FAR_BELOW.mT.contiguous(), torch.ones(1, 2, 4))
    assert theirs.sum(2).tolist() == [[3, 1]]  # -6e10 in all, against -4e10 for [1, 3]


@pytest.mark.slow
def test_the_benchmark_ends_with_its_figures_as_json():
    pytest.importorskip("monotonic_alignment_search")
    root = Path(__file__).parent.parent
    shapes = ("2x10x40", "1x300x700")
    run = subprocess.run(
        [
            sys.executable,
            "benchmarks/alignment.py",
            "--json",
            "--device",
            "cpu",
            "--shapes",
            *shapes,
        ],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    figures = json.loads(run.stdout.splitlines()[-1])
    assert all(set(figures[key]) == set(shapes) for key in ("cpu_ratio", "cpu_read_ratio"))


def finite_batch(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `ragged_batch`, zero in the padding, with the mask [B, T_spec, T_text]."""
    scores, text_lengths, spec_lengths = ragged_batch(seed, 12, 90, 60)
    in_text = torch.arange(60) < text_lengths[:, None, None]
    in_spec = torch.arange(90)[:, None] < spec_lengths[:, None, None]
    mask = (in_text & in_spec).float()
    return scores.nan_to_num(0, 0, 0) * mask, text_lengths, spec_lengths, mask
