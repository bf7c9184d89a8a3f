"""Everything that needs a GPU, in one go: the tests marked `gpu`; the alignment search
(benchmarks/alignment_gpu.py); steps beside the original's way (benchmarks/gpu_step.py);
benchmarks/train_step.py in every precision at batch 16, 32 and 64; and benchmarks/vocoder.py.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --only tests original

Writes benchmarks/results/gpu_<device>.json after each part, so that a machine that is taken away
leaves what was measured, and ends with a table. Takes 24 minutes at most; exit code 1 if a part
failed or ran out of time.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
TESTS = ("-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "tests")
STEPS = (
    "benchmarks/train_step.py",
    "--device",
    "cuda",
    "--json",
    "--n_steps",
    "5",
    "--batch_sizes",
)
BATCH_SIZES = (16, 32, 64)
PLANS = {  # of each choice its parts, with the most minutes that they may take
    "tests": {"tests": (TESTS, 6)},
    "alignment": {"alignment": (("benchmarks/alignment_gpu.py",), 4)},
    "original": {"original": (("benchmarks/gpu_step.py", "--json"), 5)},
    "steps": {f"batch {n}": ((*STEPS, str(n)), 2) for n in BATCH_SIZES},
    "vocoder": {
        "vocoder": (("benchmarks/vocoder.py", "--device", "cuda", "--seconds", "30", "--json"), 3)
    },
}
OUT_OF_TIME = 124


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out_folder",
        type=Path,
        default=ROOT / "benchmarks/results",
        metavar="DIR",
        help="where the JSON goes (default: benchmarks/results)",
    )
    parser.add_argument(
        "--only", choices=PLANS, nargs="+", default=list(PLANS), help="parts of it (default: all)"
    )
    args = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch sees no CUDA device; run this where nvidia-smi shows one")

    device = torch.cuda.get_device_name()
    path = args.out_folder / f"gpu_{'_'.join(re.findall('[a-z0-9]+', device.lower()))}.json"
    args.out_folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"parts": {}}
    results |= {"device": device, "torch": torch.__version__, "cuda": torch.version.cuda}
    plan = {name: part for choice in args.only for name, part in PLANS[choice].items()}
    for name, (command, minutes) in plan.items():
        results["parts"][name] = run_part(command, minutes)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\n{path}: {device}, torch {torch.__version__}\n{table(results['parts'])}")
    raise SystemExit(any(results["parts"][name]["exit_code"] for name in plan))


def run_part(command: tuple[str, ...], minutes: float) -> dict[str, Any]:
    """Exit code, minutes and the last line of what was printed, read as JSON where it is."""
    start = time.monotonic()
    try:
        ended = subprocess.run(
            (sys.executable, *command),
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},  # the checkout, installed or not
            stdout=subprocess.PIPE,
            text=True,
            timeout=60 * minutes,
        )
        code, output = ended.returncode, ended.stdout
    except subprocess.TimeoutExpired as error:
        code, output = OUT_OF_TIME, (error.stdout or b"").decode()
    print(output, flush=True)
    last = (output.splitlines() or [""])[-1]
    return {
        "exit_code": code,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "result": json.loads(last) if last.startswith("{") else last,
    }


def table(parts: dict[str, dict[str, Any]]) -> str:
    """How each part ended, then what the parts found that left JSON in their last line."""
    lines = []
    for name, part in parts.items():
        said = "" if isinstance(part["result"], dict) else f", {part['result'][:60]}"
        lines.append(f"{name}: exit code {part['exit_code']}, {part['minutes']} min{said}")
    for name, part in parts.items():
        if isinstance(part["result"], dict):
            lines += rows(name, part["result"])
    return "\n".join(lines)


def rows(name: str, result: dict[str, Any]) -> list[str]:
    if name == "original":
        ways = {way: found for way, found in result.items() if isinstance(found, dict)}
        shown = [(way, f"{found['ms']:.1f}") for way, found in ways.items()]
        shown.append(("times the original", str(result.get("times_the_original"))))
        return [line("step written as", "ms")] + [line(*row) for row in shown]
    if name == "vocoder":
        head = line("vocoder", "backend", "s per s", "fraction")
        keys = ("version", "backend", "seconds_per_second", "fraction")
    else:
        head = line(name, "precision", "steps/s", "GiB")
        keys = ("batch_size", "precision", "steps_per_second", "peak_gib")
    return [head] + [line(*(run[key] for key in keys)) for run in result["runs"]]


def line(*values: Any) -> str:
    return "".join(
        f"{value:>19.3f}" if isinstance(value, float) else f"{value:>19}" for value in values
    )


if __name__ == "__main__":
    main()
