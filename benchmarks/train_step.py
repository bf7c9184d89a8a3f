"""Times a full training step: forward, discriminator update, generator update.

The batch is made up: 4 recordings of 400 frames with 160 tokens each, float32, and the networks and
optimizers are those of configs/base.json. The step is VitsTraining.train_step itself. On CPUs a
product of two 2048 x 2048 matrices is timed before and after every step; seconds per step times
that rate is the step's cost in "equivalent GFLOP", which compares across machines.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor

from hifigan.distributed import Ranks, pick_device
from hifigan.json_config import read_config
from vits.config import VitsConfig
from vits.data import Batch
from vits.training import VitsTraining

BATCH_SIZE, N_FRAMES, N_TOKENS = 4, 400, 160
N_MATRIX = 2048
N_PRODUCTS = 5  # per timing of the matrix product
BASE = Path(__file__).parent.parent / "configs" / "base.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
        "--n_steps",
        type=int,
        default=9,
        metavar="N",
        help="steps to time, after two to warm up (default: %(default)s)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    args = parser.parse_args()

    config = read_config(VitsConfig, args.config_path)
    device = pick_device(args.device)
    torch.manual_seed(config.train.seed)
    training = VitsTraining(config, Ranks(0, 1, device), valid=[], shown=[])
    batch = made_up_batch(config).to(device)
    figures = measure(training, batch, args.n_steps)

    print(
        f"{args.config_path.stem}, batch {BATCH_SIZE} x {N_FRAMES} frames x {N_TOKENS} tokens on {device}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    print(f"{'':>28}{'median':>10}{'lowest':>10}{'highest':>10}")
    for name, values in figures.items():
        print(f"{name:>28}{statistics.median(values):10.4g}{min(values):10.4g}{max(values):10.4g}")
    if args.json:
        print(
            json.dumps(
                {name: round(statistics.median(values), 3) for name, values in figures.items()}
                | {"n_steps": args.n_steps, "device": str(device)}
            )
        )


def made_up_batch(config: VitsConfig) -> Batch:
    """Noise for speech and random symbols for text, all items of one length."""
    draw = torch.Generator().manual_seed(0)
    n_samples = N_FRAMES * config.audio.hop_length
    return Batch(
        tokens=torch.randint(config.n_symbols, (BATCH_SIZE, N_TOKENS), generator=draw),
        token_lengths=torch.full((BATCH_SIZE,), N_TOKENS),
        wav=0.1 * torch.randn(BATCH_SIZE, 1, n_samples, generator=draw),
        wav_lengths=torch.full((BATCH_SIZE,), n_samples),
        speakers=torch.zeros(BATCH_SIZE, dtype=torch.long),
        ids=[str(i) for i in range(BATCH_SIZE)],
    )


def measure(training: VitsTraining, batch: Batch, n_steps: int) -> dict[str, list[float]]:
    """One figure per step: its seconds, the machine's rate around it, and their product."""
    device = batch.wav.device
    for _ in range(2):
        training.train_step(batch)
    figures = {"seconds_per_step": [], "sgemm_gflop_per_second": [], "equivalent_gflop": []}
    a, b = torch.randn(2, N_MATRIX, N_MATRIX, device=device)
    before = sgemm_rate(a, b)
    for _ in range(n_steps):
        synchronize(device)
        start = time.perf_counter()
        training.train_step(batch)
        synchronize(device)
        seconds = time.perf_counter() - start
        after = sgemm_rate(a, b)
        rate = (before + after) / 2
        before = after
        for values, value in zip(figures.values(), (seconds, rate, seconds * rate)):
            values.append(value)
    return figures


def sgemm_rate(a: Tensor, b: Tensor) -> float:
    """GFLOP per second of a @ b: the median of a few products."""
    seconds = []
    for _ in range(N_PRODUCTS):
        synchronize(a.device)
        start = time.perf_counter()
        a @ b
        synchronize(a.device)
        seconds.append(time.perf_counter() - start)
    return 2 * N_MATRIX**3 / statistics.median(seconds) / 1e9


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
