"""Times a full training step: forward, discriminator update, generator update.

The batch is made up: recordings of 400 frames with 160 tokens each, and the networks and optimizers
are those of configs/base.json. The step is VitsTraining.train_step itself.

On CPUs a product of two 2048 x 2048 matrices is timed before and after every step; seconds per step
times that rate is the step's cost in "equivalent GFLOP", which compares across machines.

On GPUs every precision is measured at every batch size, one after the other in one process, with
rounds of steps between which alone the clock is read, as in training nobody waits for a step. A
batch that does not fit is worked through in micro-batches, as in training, and told so.

    python benchmarks/train_step.py --json
    python benchmarks/train_step.py --device cuda --batch_sizes 16 32 64 --json
"""

import argparse
import dataclasses
import gc
import json
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor

from hifigan.distributed import Ranks, pick_device
from hifigan.json_config import read_config
from hifigan.phases import Phases
from hifigan.start import set_float32_precision
from vits.config import VitsConfig
from vits.data import Batch
from vits.training import VitsTraining

N_FRAMES, N_TOKENS = 400, 160
N_MATRIX = 2048
N_PRODUCTS = 5  # per timing of the matrix product
N_WARM_STEPS = 6  # per setting on GPUs: memory, kernels, and some halvings of fp16's loss scale
N_ROUNDS = 5
BASE = Path(__file__).parent.parent / "configs" / "base.json"
PRECISIONS = {  # settings of the config's train section
    "fp32": {"mixed_precision": False, "tf32": False},
    "tf32": {"mixed_precision": False, "tf32": True},
    "bf16": {"mixed_precision": "bf16", "tf32": False},
    "fp16": {"mixed_precision": "fp16", "tf32": False},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "-c",
        "--config_path",
        type=Path,
        default=BASE,
        metavar="FILE",
        help="a config with a fixed symbol table (default: configs/base.json)",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="cpu",
        help="where to compute (default: %(default)s)",
    )
    parser.add_argument(
        "--batch_sizes",
        type=int,
        nargs="+",
        default=[4],
        metavar="N",
        help="utterances per step; several on GPUs alone (default: 4)",
    )
    parser.add_argument(
        "--precisions",
        nargs="+",
        choices=PRECISIONS,
        default=[*PRECISIONS],
        help="on GPUs (default: all); CPUs compute in fp32",
    )
    parser.add_argument(
        "--n_steps",
        type=int,
        default=9,
        metavar="N",
        help=f"steps to time on CPUs, and in each of {N_ROUNDS} rounds on GPUs (default: 9)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    args = parser.parse_args()

    config, device = read_config(VitsConfig, args.config_path), pick_device(args.device)
    on_cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_cuda else device
    print(
        f"{args.config_path.stem}, {N_FRAMES} frames x {N_TOKENS} tokens on {name}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    if on_cuda:
        figures = {
            "device": name,
            "torch": torch.__version__,
            "config": args.config_path.stem,
            "n_frames": N_FRAMES,
            "n_tokens": N_TOKENS,
            "runs": measure_settings(
                config, device, args.precisions, args.batch_sizes, args.n_steps
            ),
        }
    else:
        figures = measure_cost(config, device, args.batch_sizes[0], args.n_steps)
    if args.json:
        print(json.dumps(figures))


def make_training(
    config: VitsConfig, device: torch.device, precision: str, batch_size: int
) -> tuple[VitsTraining, Batch]:
    """An experiment with random weights and the batch for its steps."""
    config = dataclasses.replace(
        config, train=dataclasses.replace(config.train, **PRECISIONS[precision])
    )
    set_float32_precision(config.train)
    torch.manual_seed(config.train.seed)
    training = VitsTraining(config, Ranks(0, 1, device), valid=[], shown=[])
    return training, made_up_batch(config, batch_size)


def made_up_batch(config: VitsConfig, batch_size: int) -> Batch:
    """Noise for speech and random symbols for text, all items of one length, on the CPU."""
    draw = torch.Generator().manual_seed(0)
    n_samples = N_FRAMES * config.audio.hop_length
    return Batch(
        tokens=torch.randint(config.n_symbols, (batch_size, N_TOKENS), generator=draw),
        token_lengths=torch.full((batch_size,), N_TOKENS),
        wav=0.1 * torch.randn(batch_size, 1, n_samples, generator=draw),
        wav_lengths=torch.full((batch_size,), n_samples),
        speakers=torch.zeros(batch_size, dtype=torch.long),
        languages=torch.zeros(batch_size, dtype=torch.long),
        ids=[str(i) for i in range(batch_size)],
    )


# On CPUs


def measure_cost(
    config: VitsConfig, device: torch.device, batch_size: int, n_steps: int
) -> dict[str, object]:
    """Medians of a step's seconds, the machine's rate around it, and their product."""
    training, batch = make_training(config, device, "fp32", batch_size)
    for _ in range(2):
        training.train_step(batch)
    figures = {"seconds_per_step": [], "sgemm_gflop_per_second": [], "equivalent_gflop": []}
    a, b = torch.randn(2, N_MATRIX, N_MATRIX)
    before = sgemm_rate(a, b)
    for _ in range(n_steps):
        start = time.perf_counter()
        training.train_step(batch)
        seconds = time.perf_counter() - start
        after = sgemm_rate(a, b)
        rate = (before + after) / 2
        before = after
        for values, value in zip(figures.values(), (seconds, rate, seconds * rate)):
            values.append(value)
    print(f"{f'batch of {batch_size}':>28}{'median':>10}{'lowest':>10}{'highest':>10}")
    for name, values in figures.items():
        print(f"{name:>28}{statistics.median(values):10.4g}{min(values):10.4g}{max(values):10.4g}")
    medians = {name: round(statistics.median(values), 3) for name, values in figures.items()}
    return medians | {"n_steps": n_steps, "device": str(device)}


def sgemm_rate(a: Tensor, b: Tensor) -> float:
    """GFLOP per second of a @ b: the median of a few products."""
    seconds = []
    for _ in range(N_PRODUCTS):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * N_MATRIX**3 / statistics.median(seconds) / 1e9


# On GPUs


def measure_settings(
    config: VitsConfig,
    device: torch.device,
    precisions: list[str],
    batch_sizes: list[int],
    n_steps: int,
) -> list[dict[str, object]]:
    """One dict of figures for each precision at each batch size."""
    heads = ("precision", "batch", "ms a step", "lowest", "highest", "steps/s", "GiB", "alignment")
    print("".join(f"{head:>11}" for head in heads))
    runs = []
    for batch_size in batch_sizes:
        for precision in precisions:
            run = measure_speed(*make_training(config, device, precision, batch_size), n_steps)
            runs.append({"precision": precision, "batch_size": batch_size, **run})
            print(
                f"{precision:>11}{batch_size:11d}{1000 * run['seconds_per_step']:11.1f}"
                f"{1000 * run['lowest']:11.1f}{1000 * run['highest']:11.1f}"
                f"{run['steps_per_second']:11.2f}{run['peak_gib']:11.2f}"
                f"{run['alignment_share']:11.1%}",
                flush=True,
            )
    return runs


def measure_speed(training: VitsTraining, batch: Batch, n_steps: int) -> dict[str, float | int]:
    """Seconds per step as median, lowest and highest of the rounds; memory; alignment's share."""
    device = training.ranks.device
    gc.collect()  # or the last setting's networks may still stand in the memory
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(N_WARM_STEPS):
        training.train_step(batch)
    rounds = []
    with Phases(device) as phases:
        for _ in range(N_ROUNDS):
            synchronize(device)
            start = time.perf_counter()
            for _ in range(n_steps):
                training.train_step(batch)
            synchronize(device)
            rounds.append((time.perf_counter() - start) / n_steps)
        spent = phases.seconds()
    seconds = statistics.median(rounds)
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    return {
        "seconds_per_step": round(seconds, 5),
        "lowest": round(min(rounds), 5),
        "highest": round(max(rounds), 5),
        "steps_per_second": round(1 / seconds, 3),
        "peak_gib": round(peak, 3),
        "alignment_share": round(spent["alignment"] / sum(spent.values()), 4),
        "n_micro_batches": training.accumulation.n_parts,
    }


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
