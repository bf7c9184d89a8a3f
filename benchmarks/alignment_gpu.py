"""All that the alignment kernel has to show on a GPU, in one go and under eight minutes.

    PYTHONPATH=. python benchmarks/alignment_gpu.py
    PYTHONPATH=. python benchmarks/alignment_gpu.py --only check
    timeout -s KILL 60 python benchmarks/alignment_gpu.py --only times --baseline old.cu 32

check: random shapes, kinds of scores and layouts, to the bit, each twice, against the compiled
search on the CPU, which the tests hold to the reference; where it is not, against that itself.
sanitize: some of these under compute-sanitizer's memcheck and racecheck, where it is installed.
times: benchmarks/alignment.py's table of the GPU, with the published algorithm where Triton is; the
cycles that one more frame takes; and the same of another kernel of the same arguments, --baseline.
step: the share of a training step (configs/base.json, batch 64) that the search takes, with the
kernel, and on the CPU with the copies that this takes.

Needs torch with cuda.bindings and NVRTC, which a CUDA build of torch 2.11 brings along; the step,
also the dependencies of training; the figures of our search on the CPU, its compiled library.
Writes benchmarks/results/alignment_<device>.json after each part; exit code 1 if one failed.
"""

import argparse
import functools
import importlib
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from alignment import PACKAGES, SHAPES, batch, frame_cycles, gpu_milliseconds, milliseconds, on_gpu
from alignment_batches import in_some_layout, random_batches
from torch import Tensor

from vits import alignment
from vits.alignment import cubin, cuda, reference

ROOT = Path(__file__).parent.parent
STEP_SHAPE = (64, 160, 600)  # B, T_text, T_spec
TOOLS = ("memcheck", "racecheck")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"check": check, "sanitize": sanitize, "times": times, "step": step}
    parser.add_argument("--only", choices=parts, nargs="+", default=list(parts), help="which parts")
    parser.add_argument(
        "--n_shapes",
        type=int,
        default=3000,
        metavar="N",
        help="random shapes to check, fewer if %(metavar)s take over two minutes (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--baseline",
        nargs=2,
        metavar=("FILE", "THREADS"),
        help="another kernel to time, as an earlier search.cu, with the threads of its blocks",
    )
    parser.add_argument(
        "--out_folder",
        type=Path,
        default=ROOT / "benchmarks/results",
        metavar="DIR",
        help="where the JSON goes (default: benchmarks/results)",
    )
    args = parser.parse_args()
    device = torch.device("cuda", torch.cuda.current_device())
    alignment.choose_backend("cuda", device)  # an error that says why, where it cannot be used
    name = re.sub(r"\W+", "_", torch.cuda.get_device_name(device)).lower()
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "kernel": cuda.load(device.index).reason,
    }
    failed = False
    for part in args.only:
        began = time.perf_counter()
        print(part, "begins", flush=True)  # a kernel that hangs says nothing more
        try:
            found[part] = parts[part](device, args)
        except Exception as error:  # the parts after it are wanted all the same
            failed = True
            found[part] = {"failed": f"{type(error).__name__}: {error}"}
        found[part]["minutes"] = round((time.perf_counter() - began) / 60, 2)
        print(part, json.dumps(found[part]), flush=True)
        args.out_folder.mkdir(parents=True, exist_ok=True)
        path = args.out_folder / f"alignment_{name}.json"
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(failed)


def check(device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    """Raises AssertionError at the first difference."""
    end = time.perf_counter() + 120
    n_checked = 0
    compiled = "cpu" in alignment.available_backends(torch.device("cpu"))
    for seed, (scores, *lengths) in enumerate(random_batches(args.n_shapes, device)):
        on_device = [n.to(device) for n in lengths]
        if compiled:
            expected = alignment.search(scores.cpu(), *lengths, "cpu").to(device)
        else:
            expected = reference.search(scores, *on_device)
        there = in_some_layout(scores, seed)
        before = there.clone()
        for _ in range(2):
            same = torch.equal(alignment.search(there, *on_device, "cuda"), expected)
            what = f"seed {seed}: {list(scores.shape)}, {scores.dtype}, strides {there.stride()}"
            assert same, f"{what}: other durations than expected"
        unchanged = torch.equal(before.nan_to_num(0.25), there.nan_to_num(0.25))
        assert unchanged, f"{what}: the scores were written to"
        n_checked += 1
        if time.perf_counter() > end:
            break
    impossible = alignment.search(
        torch.zeros(3, 9, 4, device=device),
        torch.tensor([4, 4, 0], device=device),
        torch.tensor([9, 3, 9], device=device),
        "cuda",
    )
    assert impossible.tolist() == [[1, 1, 1, 6], [-1] * 4, [-1] * 4], impossible.tolist()
    return {"equal_shapes": n_checked, "held_against": "cpu" if compiled else "reference"}


def sanitize(device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    """Raises AssertionError where a tool finds anything."""
    places = [shutil.which("compute-sanitizer"), *Path("/usr/local").glob("cuda*/bin/compute-san*")]
    program = next((str(place) for place in places if place), None)
    if program is None:
        return {"skipped": "compute-sanitizer is not installed"}
    found = {}
    for tool in TOOLS:
        command = [program, "--tool", tool, "--error-exitcode", "9"]
        if tool == "memcheck":  # torch asks the driver for functions that it may not have
            command += ["--report-api-errors", "no"]
        command += [sys.executable, __file__, "--only", "check", "--n_shapes", "20"]
        command += ["--out_folder", str(args.out_folder / "sanitized")]
        run = subprocess.run(
            command,
            # Else torch hands out pieces of large allocations, and what is outside a piece is
            # still inside the allocation.
            env=os.environ | {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"},
            capture_output=True,
            text=True,
            timeout=100,
        )
        shutil.rmtree(args.out_folder / "sanitized", ignore_errors=True)
        assert run.returncode == 0, f"{tool}: {(run.stdout + run.stderr)[:3000]}"
        summary = [line for line in run.stdout.splitlines() if "SUMMARY" in line]
        found[tool] = summary[-1].strip("= ")
    return found


def times(device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    shapes = [one for one in SHAPES if one not in ((32, 512, 2048), (64, 200, 800))]
    found: dict[str, Any] = frame_cycles(device)
    print(json.dumps(found), flush=True)
    if args.baseline:
        path, threads = args.baseline
        with other_kernel(Path(path), int(threads)):
            found["baseline"] = {"ms": milliseconds(shapes, device)} | frame_cycles(device)
        print("baseline", json.dumps(found["baseline"]), flush=True)
    return found | on_gpu(shapes)


@contextmanager
def other_kernel(path: Path, threads: int) -> Iterator[None]:
    ours = cubin.SOURCES, cuda.THREADS
    cubin.SOURCES, cuda.THREADS = (path,), threads
    cuda.load.cache_clear()
    try:
        yield
    finally:
        cubin.SOURCES, cuda.THREADS = ours
        cuda.load.cache_clear()


def step(device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of a step, of its phase "alignment" and of the search alone, by backend.

    And, where they are installed, what the search takes with the packages that other trainers use:
    the scores go to the CPU, the path comes back.
    """
    from hifigan.distributed import Ranks
    from hifigan.json_config import read_config
    from hifigan.phases import Phases
    from vits.config import VitsConfig
    from vits.data import Batch
    from vits.training import VitsTraining

    config = read_config(VitsConfig, ROOT / "configs/base.json")
    n_items, n_symbols, n_frames = STEP_SHAPE
    n_samples = n_frames * config.audio.hop_length
    made_up = Batch(
        tokens=torch.randint(config.n_symbols, (n_items, n_symbols)),
        token_lengths=torch.full((n_items,), n_symbols),
        wav=0.1 * torch.randn(n_items, 1, n_samples),
        wav_lengths=torch.full((n_items,), n_samples),
        speakers=torch.zeros(n_items, dtype=torch.long),
        languages=torch.zeros(n_items, dtype=torch.long),
        ids=[str(i) for i in range(n_items)],
    )
    training = VitsTraining(config, Ranks(0, 1, device), valid=[], shown=[])
    scores, *lengths = batch(*STEP_SHAPE, device)
    found = {}
    for backend in alignment.available_backends(device)[:2]:
        os.environ[alignment.VARIABLE] = backend
        seconds = []
        with Phases(device) as phases:
            for n in range(9):
                if n == 3:  # those before warmed up
                    phases.seconds()
                torch.cuda.synchronize()
                start = time.perf_counter()
                training.train_step(made_up)
                torch.cuda.synchronize()
                seconds.append(time.perf_counter() - start)
            phase = phases.seconds()["alignment"] / 6
        whole = statistics.median(seconds[3:])
        alone = gpu_milliseconds(lambda: alignment.search(scores, *lengths)) / 1e3
        found[backend] = {
            "step_ms": whole * 1e3,
            "phase_ms": phase * 1e3,
            "search_ms": alone * 1e3,
            "phase_percent": 100 * phase / whole,
            "search_percent": 100 * alone / whole,
        }
    del os.environ[alignment.VARIABLE]
    rest = found["cuda"]["step_ms"] - found["cuda"]["search_ms"]
    for name in filter(importlib.util.find_spec, PACKAGES):
        alone = gpu_milliseconds(functools.partial(by_package, name, scores))
        percent = 100 * alone / (rest + alone)
        found[name] = {"search_ms": alone, "search_percent": percent}
    return found


def by_package(name: str, scores: Tensor) -> Tensor:
    """The path [B, T_spec, T_text] of full items on the scores' device."""
    maximum_path = importlib.import_module(name).maximum_path
    if name == "monotonic_alignment_search":  # [B, T_text, T_spec]
        across = scores.mT.contiguous().cpu()
        return maximum_path(across, torch.ones(across.shape)).mT.to(scores.device)
    return maximum_path(scores.cpu(), torch.ones(scores.shape)).to(scores.device)


if __name__ == "__main__":
    sys.exit(main())
