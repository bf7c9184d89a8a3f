"""Times the alignment search: every backend here, and the packages that others use, in one process.

On CPUs ours starts from [B, T_spec, T_text] and lengths and gives durations; the packages start
from scores and a mask in the layout that they ask for and give the path. Each gets the same scores,
contiguous, made before the clock starts, and its fastest implementation. Runs alternate, so that
other work on the machine falls on all. "/ read" is ours over torch's sum of the same scores, a
plain read of the memory.

On a GPU each starts from scores there and ends with its result there; what computes on the CPU is
timed with its copies. Beside them stand two floors: what a path can reach has to be read once, at
the rate of a large copy, and T_spec frames have to be computed one after the other, each an
exchange between lanes, a choice and an addition (FRAME_CYCLES at the highest clock). The kernel
hides a part of the exchange, so the second is what a plain schedule takes, not a proof.
"""

import argparse
import functools
import importlib.util
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from vits import alignment

SHAPES = (  # B, T_text, T_spec
    (16, 100, 400),
    (64, 160, 600),
    (32, 200, 800),
    (64, 200, 800),
    (32, 512, 2048),
    (16, 128, 512),
    (16, 256, 1024),
    (16, 512, 2048),
    (16, 1024, 4096),
    (16, 2048, 8192),
)
PACKAGES = ("monotonic_alignment_search", "monotonic_align")
FRAME_CYCLES = 33  # a shuffle takes some 24 cycles, a maximum 5, an addition 4
SECONDS_PER_SHAPE = 4
Run = Callable[[], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    parser.add_argument(
        "--shapes",
        nargs="+",
        type=shape,
        default=SHAPES,
        metavar="BxT_textxT_spec",
        help="what to time (default: ten shapes from 16x100x400 to 16x2048x8192)",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="where the scores lie; auto: on both if there is a GPU (default: %(default)s)",
    )
    args = parser.parse_args()
    figures = {}
    if args.device != "cuda":
        figures |= on_cpu(args.shapes)
    if args.device == "cuda" or args.device == "auto" and torch.cuda.is_available():
        figures |= on_gpu(args.shapes)
    if args.json:
        print(json.dumps(figures))


def shape(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split("x"))


def on_cpu(shapes: list[tuple[int, ...]]) -> dict[str, dict[str, float]]:
    """Prints a table. Returns milliseconds and ratios by shape."""
    backend = alignment.choose_backend(device=torch.device("cpu"))
    packages = [name for name in PACKAGES if importlib.util.find_spec(name)]
    print(f"ours: {backend.name}, because {backend.reason}; {torch.get_num_threads()} threads")
    heads = ("ours ms", "/ read", *(f"{name} ms" for name in packages))
    print(f"{'B x T_text x T_spec':>20}" + "".join(f"{head:>31}" for head in heads))
    figures = {"cpu_ratio": {}, "cpu_ms": {}, "cpu_read_ratio": {}, "cpu_packages_ms": {}}
    for one in shapes:
        scores, *lengths = batch(*one, torch.device("cpu"))
        ours = functools.partial(alignment.search, scores, *lengths)
        times = interleaved(
            {"ours": ours, "read": scores.sum}, {name: package(name, scores) for name in packages}
        )
        name = "x".join(map(str, one))
        figures["cpu_ms"][name] = round(times["ours"] * 1e3, 3)
        figures["cpu_read_ratio"][name] = round(times["ours"] / times["read"], 2)
        theirs = {p: times[p] for p in packages}
        figures["cpu_packages_ms"][name] = {p: round(s * 1e3, 2) for p, s in theirs.items()}
        if PACKAGES[0] in theirs:
            figures["cpu_ratio"][name] = round(theirs[PACKAGES[0]] / times["ours"], 1)
        cells = [f"{times['ours'] * 1e3:.3f}", f"{figures['cpu_read_ratio'][name]:.2f}"]
        cells += [f"{s * 1e3:.2f} ({s / times['ours']:.1f} times)" for s in theirs.values()]
        print(f"{name:>20}" + "".join(f"{cell:>31}" for cell in cells), flush=True)
    return figures


def batch(n_items: int, n_symbols: int, n_frames: int, device: torch.device) -> list[Tensor]:
    """Random scores [B, T_spec, T_text] with the lengths of full items."""
    draw = torch.Generator(device).manual_seed(0)
    scores = torch.randn(n_items, n_frames, n_symbols, generator=draw, device=device)
    return [scores, *(torch.full((n_items,), n, device=device) for n in (n_symbols, n_frames))]


def package(name: str, scores: Tensor) -> Run:
    """A package's search of the same scores; checked once against ours."""
    module = importlib.import_module(name)
    if name == "monotonic_alignment_search":  # [B, T_text, T_spec]
        scores, over_frames = scores.mT.contiguous(), 2
    else:
        over_frames = 1
    run = functools.partial(module.maximum_path, scores, torch.ones_like(scores))
    ours = alignment.search(
        scores.mT if over_frames == 2 else scores,
        torch.full((len(scores),), scores.shape[3 - over_frames]),
        torch.full((len(scores),), scores.shape[over_frames]),
    )
    if not torch.equal(run().sum(over_frames).long(), ours):
        raise AssertionError(f"{name} and ours disagree, so their times say nothing")
    return run


def interleaved(quick: dict[str, Run], slow: dict[str, Run]) -> dict[str, float]:
    """Median seconds of each; a round is one run of the slow ones and five of the quick ones."""
    times = {name: [] for name in (*quick, *slow)}

    def measure(name: str, run: Run) -> None:
        start = time.perf_counter()
        run()
        times[name].append(time.perf_counter() - start)

    end = time.perf_counter() + SECONDS_PER_SHAPE
    while len(times["ours"]) < 15 or len(times["ours"]) < 100 and time.perf_counter() < end:
        for name, run in slow.items():
            measure(name, run)
        for _ in range(5):  # over so soon that one run would measure the cold start
            for name, run in quick.items():
                measure(name, run)
    return {name: statistics.median(values) for name, values in times.items()}


def on_gpu(shapes: list[tuple[int, ...]]) -> dict[str, dict[str, float]]:
    """Prints a table. Returns milliseconds and floors by shape."""
    device = torch.device("cuda", torch.cuda.current_device())
    names = ["cuda", "cpu"] if "cpu" in alignment.available_backends(device) else ["cuda"]
    triton = importlib.util.find_spec("triton") is not None
    rate, clock = bytes_per_second(device), cycles_per_second(device)
    print(f"{torch.cuda.get_device_name(device)}: {rate / 1e12:.2f} TB/s, {clock / 1e9:.2f} GHz")
    heads = ["cuda", "read", "chain", "/ floor", "half", "transposed", *names[1:]]
    heads += ["triton"] if triton else []
    print(f"{'B x T_text x T_spec':>20}" + "".join(f"{head:>12}" for head in heads) + "  (ms)")
    figures = {"cuda_ms": {}, "floor_ms": {}, "floors_ms": {}, "others_ms": {}}
    for one in shapes:
        scores, *lengths = batch(*one, device)
        runs = {n: functools.partial(alignment.search, scores, *lengths, n) for n in names}
        across = scores.mT.contiguous().mT
        runs["transposed"] = functools.partial(alignment.search, across, *lengths, "cuda")
        if triton:
            from alignment_triton import search_in_place

            values = scores.mT.clone(memory_format=torch.contiguous_format)
            runs["triton"] = functools.partial(search_in_place, values, *lengths)
        if not all(torch.equal(run(), runs["cuda"]()) for run in runs.values()):
            raise AssertionError(f"{one}: the searches disagree, so their times say nothing")
        runs["half"] = functools.partial(alignment.search, scores.half(), *lengths, "cuda")
        ms = {name: gpu_milliseconds(run) for name, run in runs.items()}
        n_items, n_symbols, n_frames = one
        n_reached = n_items * n_symbols * (n_frames - n_symbols + 1)
        floors = {
            "read": n_reached * scores.element_size() / rate * 1e3,
            "chain": n_frames * FRAME_CYCLES / clock * 1e3,
        }
        name = "x".join(map(str, one))
        figures["cuda_ms"][name] = ms["cuda"]
        figures["floor_ms"][name] = max(floors.values())
        figures["floors_ms"][name] = floors
        figures["others_ms"][name] = {n: ms[n] for n in ms if n != "cuda"}
        row = ms | floors | {"/ floor": ms["cuda"] / max(floors.values())}
        print(f"{name:>20}" + "".join(f"{row[head]:12.4f}" for head in heads), flush=True)
    return figures


def milliseconds(shapes: list[tuple[int, ...]], device: torch.device) -> dict[str, float]:
    """Of the kernel, by shape."""
    ms = {}
    for one in shapes:
        made = batch(*one, device)
        ms["x".join(map(str, one))] = gpu_milliseconds(lambda: alignment.search(*made, "cuda"))
    return ms


def frame_cycles(device: torch.device) -> dict[str, float]:
    """What a frame more takes, at the highest clock, and what is there without any frames."""
    few, many = milliseconds([(16, 128, 512), (16, 128, 4608)], device).values()
    (least,) = milliseconds([(1, 1, 1)], device).values()
    cycles = (many - few) / 1e3 / 4096 * cycles_per_second(device)
    return {"cycles_per_frame": cycles, "least_ms": least}


def gpu_milliseconds(run: Run, flush_bytes: int = 1 << 30) -> float:
    """Median time on the device from the first kernel of a run to its last, caches cold."""
    flush = torch.empty(flush_bytes, dtype=torch.int8, device="cuda")
    times = []
    run()
    end = time.perf_counter() + 1
    while len(times) < 5 or len(times) < 50 and time.perf_counter() < end:
        flush.zero_()  # the scores of the run before leave the cache; and the host gets ahead
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        stop.record()
        stop.synchronize()
        times.append(start.elapsed_time(stop))
    return statistics.median(times)


def bytes_per_second(device: torch.device) -> float:
    """Of memory, read and written, by a copy of a gigabyte."""
    source = torch.empty(1 << 30, dtype=torch.int8, device=device)
    target = torch.empty_like(source)
    return 2 * (1 << 30) / gpu_milliseconds(lambda: target.copy_(source)) * 1e3


def cycles_per_second(device: torch.device) -> float:
    """The device's highest clock."""
    from cuda.bindings import driver

    wanted = driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLOCK_RATE
    error, kilohertz = driver.cuDeviceGetAttribute(wanted, device.index)
    assert error == 0, error
    return kilohertz * 1e3


if __name__ == "__main__":
    main()
