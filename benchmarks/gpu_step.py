"""Steps per second on one GPU, ours and the original's way (benchmarks/original_step.py), in one
run with the same batches: lengths as in LJ Speech, 64 utterances a batch, configs/base.json.

    PYTHONPATH=. python benchmarks/gpu_step.py --json

Ours is timed as training takes it: bfloat16 with recorded steps (hifigan/captured.py), and besides
step by step without recordings, in bfloat16 and in float32. Every way takes the batches once or
twice to warm up, and then some rounds of them, between which alone the clock is read; batches come
from pinned memory. Floating-point operations are counted by torch, of the padded batches, once;
their rate is given as a share of what a large bfloat16 product reaches on this GPU.
"""

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from original_step import OriginalStep
from torch.utils.flop_counter import FlopCounterMode

from hifigan.captured import CapturedSteps
from hifigan.distributed import Ranks
from hifigan.json_config import read_config
from hifigan.start import set_float32_precision
from vits.config import VitsConfig
from vits.data import Batch, Example, collate
from vits.training import VitsTraining

BASE = Path(__file__).parent.parent / "configs" / "base.json"
SECONDS, SPREAD, SHORTEST, LONGEST = 6.57, 2.18, 1.1, 10.1  # of LJ Speech's recordings
SYMBOLS_PER_SECOND = 14.5  # phonemes of English with their stress marks, without blanks
WAYS = ("original", "float32", "bfloat16", "recorded")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-c", "--config_path", type=Path, default=BASE, metavar="FILE")
    parser.add_argument("--batch_size", type=int, default=64, metavar="N")
    parser.add_argument("--n_batches", type=int, default=6, metavar="N")
    parser.add_argument("--n_rounds", type=int, default=3, metavar="N")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    args = parser.parse_args()
    config, device = read_config(VitsConfig, args.config_path), torch.device("cuda")
    utterances = speech_like(config, args.batch_size * args.n_batches)
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "config": args.config_path.stem,
        "batch_size": args.batch_size,
    }
    for way in args.ways:
        figures[way] = measure(
            maker(way, config, device), batches(utterances, args, config, way), args.n_rounds
        )
        print(way, json.dumps(figures[way]), flush=True)
    if "original" in figures and "recorded" in figures:
        ratio = figures["recorded"]["steps_per_second"] / figures["original"]["steps_per_second"]
        figures["times_the_original"] = round(ratio, 2)
    if "recorded" in figures:
        counted = count_operations(config, device, batches(utterances, args, config, "recorded"))
        achieved = counted * figures["recorded"]["steps_per_second"]
        figures["tera_operations_per_step"] = round(counted / 1e12, 2)
        figures["share_of_the_product_rate"] = round(achieved / product_rate(device), 4)
    if args.json:
        print(json.dumps(figures))


def speech_like(config: VitsConfig, n: int) -> list[Example]:
    """Noise of the lengths that speech has, in order of length."""
    draw = torch.Generator().manual_seed(0)
    seconds = (SECONDS + SPREAD * torch.randn(n, generator=draw)).clamp(SHORTEST, LONGEST)
    examples = []
    for i, length in enumerate(seconds.sort().values.tolist()):
        wav = 0.1 * torch.randn(int(length * config.audio.sample_rate), generator=draw)
        n_symbols = 2 * round(SYMBOLS_PER_SECOND * length) + 1  # blanks between them
        tokens = torch.randint(config.n_symbols, (n_symbols,), generator=draw)
        examples.append(Example(str(i), tokens, wav, 0, 0))
    return examples


def batches(
    utterances: list[Example], args: argparse.Namespace, config: VitsConfig, way: str
) -> list[Batch]:
    """Of neighbours in length, as bucketing samplers make them; pinned, in a mixed order."""
    hop_length = config.audio.hop_length if way == "recorded" else None
    made = [
        collate(utterances[i : i + args.batch_size], hop_length).pin_memory()
        for i in range(0, len(utterances), args.batch_size)
    ]
    return made[::2] + made[1::2]


def maker(way: str, config: VitsConfig, device: torch.device) -> Callable[[Batch], dict[str, Any]]:
    """The step of a fresh experiment."""
    torch.manual_seed(0)
    if way == "original":
        torch.backends.cudnn.benchmark = torch.backends.cudnn.allow_tf32 = True
        return OriginalStep(config, device).train_step
    torch.backends.cudnn.benchmark = False
    precision = False if way == "float32" else "bf16"
    train = dataclasses.replace(config.train, mixed_precision=precision, tf32=False)
    set_float32_precision(train)
    experiment = VitsTraining(
        dataclasses.replace(config, train=train), Ranks(0, 1, device), valid=[], shown=[]
    )
    return (CapturedSteps(experiment, device) if way == "recorded" else experiment).train_step


def measure(
    step: Callable[[Batch], dict[str, Any]], made: list[Batch], n_rounds: int
) -> dict[str, float]:
    """Medians over the rounds; host_ms: until the step has been handed to the device."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    for _ in range(2):
        for batch in made:
            values = step(batch)
    torch.cuda.synchronize()
    warm_seconds = time.perf_counter() - began
    rounds, handed = [], []
    for _ in range(n_rounds):
        start = time.perf_counter()
        for batch in made:
            values = step(batch)
        handed.append((time.perf_counter() - start) / len(made))
        torch.cuda.synchronize()
        rounds.append((time.perf_counter() - start) / len(made))
    seconds = statistics.median(rounds)
    return {
        "steps_per_second": round(1 / seconds, 3),
        "ms": round(1e3 * seconds, 2),
        "lowest": round(1e3 * min(rounds), 2),
        "highest": round(1e3 * max(rounds), 2),
        "host_ms": round(1e3 * statistics.median(handed), 2),
        "warm_seconds": round(warm_seconds, 1),
        "peak_gib": round(torch.cuda.max_memory_reserved() / 2**30, 2),
        "loss": round(float(values["total"]), 3),
    }


def count_operations(config: VitsConfig, device: torch.device, made: list[Batch]) -> float:
    """Floating-point operations of a step in the mean over the batches."""
    step = maker("bfloat16", config, device)
    with FlopCounterMode(display=False) as counter:
        for batch in made:
            step(batch)
    return counter.get_total_flops() / len(made)


def product_rate(device: torch.device) -> float:
    """Operations a second of a product of two bfloat16 matrices of 8192 x 8192."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(10):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        a @ b
        stop.record()
        stop.synchronize()
        times.append(start.elapsed_time(stop) / 1e3)
    return 2 * 8192**3 / statistics.median(times)


if __name__ == "__main__":
    main()
