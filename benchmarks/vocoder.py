"""Times synthesis: seconds of audio that a second makes, for V1, V2 and V3.

The generators are those of configs/hifigan_v*.json with random weights, weight norm folded; the mel
is made up. Backends: PyTorch as it is ("eager"), torch.compile ("compiled"), and on CPUs the ONNX
file of hifigan/vocoding/onnx_export.py in onnxruntime ("onnx").

Each speed stands beside its arithmetic bound. A second of audio takes a known number of
multiplications and additions, all in convolutions; the machine does as many a second as in a
product of two 2048 x 2048 matrices, which is timed before and after every run with as many threads.
1 would be a generator that computes as well as that product and does nothing else.

What keeps the ONNX backend from it is told by the shares of its time: of the convolutions by their
channels, with their own rate, and of all that is no convolution.

    python benchmarks/vocoder.py --json
    python benchmarks/vocoder.py --device cuda --seconds 30 --json
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from hifigan.distributed import pick_device
from hifigan.generator import Generator
from hifigan.json_config import read_config
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoding.onnx_backend import load_onnx
from hifigan.vocoding.onnx_export import export_onnx
from hifigan.weight_norm import fold_weight_norm

CONFIGS = Path(__file__).parent.parent / "configs"
VERSIONS = ("v1", "v2", "v3")
N_MATRIX = 2048
N_PRODUCTS = 5  # per timing of the matrix product
N_WARM_RUNS = 2
HEADS = (
    "version",
    "threads",
    "backend",
    "s per s",
    "lowest",
    "highest",
    "GFLOP/s",
    "bound",
    "fraction",
    "lowest",
    "highest",
)
TOLERANCE = 1e-4  # of full scale, between every backend and eager


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="cpu",
        help="where to compute (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="on CPUs (default: 1 2); the fractions in the JSON are of the last",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=4.0,
        metavar="S",
        help="of audio in one run (default: %(default)s, a sentence)",
    )
    parser.add_argument(
        "--n_runs", type=int, default=9, metavar="N", help="to time (default: %(default)s)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    args = parser.parse_args()

    device = pick_device(args.device)
    torch.backends.cudnn.allow_tf32 = False  # float32 for convolutions, as for the product
    torch.set_grad_enabled(False)
    figures = describe(device) | {"seconds_of_audio": args.seconds, "n_runs": args.n_runs}
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    threads = args.threads if device.type == "cpu" else args.threads[-1:]
    figures |= measure(device, threads, args.seconds, args.n_runs)
    if args.json:
        print(json.dumps(figures))


def describe(device: torch.device) -> dict[str, str]:
    if device.type == "cuda":
        return {"device": torch.cuda.get_device_name(device), "torch": torch.__version__}
    import onnxruntime

    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "device": names[0] if names else platform.processor(),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def measure(
    device: torch.device, threads: list[int], seconds: float, n_runs: int
) -> dict[str, object]:
    """All backends at all numbers of threads; the best fraction of each version at the last."""
    gflop_per_second, runs, shares, best = {}, [], {}, {}
    print("".join(f"{head:>11}" for head in HEADS))
    for version in VERSIONS:
        config, generator = make_generator(version, device)
        frame_rate = config.audio.sample_rate / config.audio.hop_length
        n_frames = round(seconds * frame_rate)
        mel = torch.randn(1, config.audio.n_mels, n_frames).to(device)
        gflop = count_gflop(generator, mel)
        gflop_per_second[version] = round(gflop * frame_rate / n_frames, 2)
        for n_threads in threads:
            torch.set_num_threads(n_threads)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "vocoder.onnx"
                for backend, call in make_backends(config, generator, path).items():
                    require_same(call(mel), generator(mel), f"{version} {backend}")
                    figures = measure_backend(call, mel, gflop, n_frames / frame_rate, n_runs)
                    run = {"version": version, "threads": n_threads, "backend": backend} | figures
                    runs.append(run)
                    print("".join(f"{value:>11}" for value in run.values()), flush=True)
                if device.type == "cpu":
                    shares[version] = shares_of_time(path, mel, n_runs)
        last = [run for run in runs if (run["version"], run["threads"]) == (version, threads[-1])]
        best[version] = max(last, key=lambda run: run["fraction"])
    for name, parts in shares.items():
        print(f"time of onnx, {name}: {parts}")
    return {
        "gflop_per_second_of_audio": gflop_per_second,
        "runs": runs,
        "onnx_shares_of_time": shares,
        "best_backend": {version: run["backend"] for version, run in best.items()},
        "fraction_of_bound": {version: run["fraction"] for version, run in best.items()},
    }


def make_generator(version: str, device: torch.device) -> tuple[VocoderConfig, Generator]:
    config = read_config(VocoderConfig, CONFIGS / f"hifigan_{version}.json")
    torch.manual_seed(0)
    generator = Generator(config.audio.n_mels, config.generator)
    fold_weight_norm(generator)
    return config, generator.eval().requires_grad_(False).to(device)


def count_gflop(generator: Generator, mel: Tensor) -> float:
    """Multiplications and additions of all convolutions, those with padding included, in 1e9."""
    counts = []

    def count(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        # Every weight meets every sample: of the input where that is stretched, else of the output.
        samples = inputs[0] if isinstance(layer, nn.ConvTranspose1d) else output
        counts.append(2 * layer.weight.numel() * samples.shape[-1])

    convolutions = [
        m for m in generator.modules() if isinstance(m, (nn.Conv1d, nn.ConvTranspose1d))
    ]
    hooks = [layer.register_forward_hook(count) for layer in convolutions]
    generator(mel)
    for hook in hooks:
        hook.remove()
    return sum(counts) / 1e9


def make_backends(
    config: VocoderConfig, generator: Generator, path: Path
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Names to [B, n_mels, T] to [B, 1, T_wav], with as many threads as torch has now.

    path: where the ONNX file goes, on CPUs.
    """
    torch.compiler.reset()  # what was compiled for another number of threads
    backends = {"eager": generator, "compiled": torch.compile(generator)}
    if generator.input.weight.device.type == "cpu":
        export_onnx(generator, config, path)
        backends["onnx"] = load_onnx(path)
    return backends


def require_same(wav_hat: Tensor, expected: Tensor, name: str) -> None:
    difference = float((wav_hat - expected).abs().max())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"{name} differs from eager by {difference:.2g}")


def measure_backend(
    call: Callable[[Tensor], Tensor], mel: Tensor, gflop: float, seconds: float, n_runs: int
) -> dict[str, float]:
    """Seconds of audio per second, the product's rate around it, the bound that follows from that
    rate, and the speed as a fraction of the bound. gflop, seconds: of one run's audio.
    """
    for _ in range(N_WARM_RUNS):
        call(mel)
    a, b = torch.randn(2, N_MATRIX, N_MATRIX, device=mel.device)
    speeds, rates, fractions = [], [], []
    before = product_rate(a, b)
    for _ in range(n_runs):
        speeds.append(seconds / seconds_of(partial(call, mel), mel.device))
        after = product_rate(a, b)
        rates.append((before + after) / 2)
        fractions.append(speeds[-1] * gflop / seconds / rates[-1])
        before = after
    rate = statistics.median(rates)
    return {
        "seconds_per_second": round(statistics.median(speeds), 2),
        "lowest": round(min(speeds), 2),
        "highest": round(max(speeds), 2),
        "sgemm_gflop_per_second": round(rate, 1),
        "bound": round(rate * seconds / gflop, 2),
        "fraction": round(statistics.median(fractions), 3),
        "lowest_fraction": round(min(fractions), 3),
        "highest_fraction": round(max(fractions), 3),
    }


def product_rate(a: Tensor, b: Tensor) -> float:
    """GFLOP per second of a @ b: the median of a few products."""
    seconds = [seconds_of(partial(torch.matmul, a, b), a.device) for _ in range(N_PRODUCTS)]
    return 2 * N_MATRIX**3 / statistics.median(seconds) / 1e9


def seconds_of(call: Callable[[], Tensor], device: torch.device) -> float:
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def shares_of_time(path: Path, mel: Tensor, n_runs: int) -> dict[str, str]:
    """What part of a thread's time onnxruntime spends in which kind of node, and the rate of
    convolutions by the number of channels that they make.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(path.with_suffix(""))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for _ in range(n_runs):
        session.run(None, {"mel": mel.numpy()})
    seconds, gflop = defaultdict(float), defaultdict(float)
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if event["cat"] != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        kind = event["args"]["op_name"]
        if kind == "Conv":
            ((_, n_channels, _, n_samples),) = event["args"]["output_type_shape"][0].values()
            kind = f"Conv to {n_channels}"
            # Of its parameters, in bytes, the few biases do not multiply.
            n_weights = int(event["args"]["parameter_size"]) / 4 - n_channels
            gflop[kind] += 2 * n_weights * n_samples / 1e9
        seconds[kind] += event["dur"] / 1e6
    total = sum(seconds.values())
    ordered = sorted(seconds, key=seconds.get, reverse=True)
    return {
        kind: f"{seconds[kind] / total:.1%}"
        + (f" at {gflop[kind] / seconds[kind]:.0f} GFLOP/s" if kind in gflop else "")
        for kind in ordered
        if seconds[kind] > 0.002 * total
    }


if __name__ == "__main__":
    main()
