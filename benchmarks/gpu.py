"""Everything that needs a GPU, in one go: the tests marked `gpu`, then benchmarks/train_step.py in
every precision at batch 16, 32 and 64, and benchmarks/vocoder.py.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --only steps

Writes benchmarks/results/gpu_<device>.json after each part, so that a machine that is taken away
leaves what was measured, and ends with a table. Takes 29 minutes at most; exit code 1 if a part
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
VOCODER = ("benchmarks/vocoder.py", "--device", "cuda", "--seconds", "30", "--json")
TEST_MINUTES, STEP_MINUTES, VOCODER_MINUTES = 9, 5, 5  # at most, the steps' per batch size
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
        "--only", choices=("tests", "steps", "vocoder"), help="one part of it (default: all)"
    )
    args = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch sees no CUDA device; run this where nvidia-smi shows one")

    device = torch.cuda.get_device_name()
    path = args.out_folder / f"gpu_{'_'.join(re.findall('[a-z0-9]+', device.lower()))}.json"
    args.out_folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"parts": {}}
    results |= {"device": device, "torch": torch.__version__, "cuda": torch.version.cuda}
    plans = {
        "tests": {"tests": (TESTS, TEST_MINUTES)},
        "steps": {f"batch {n}": ((*STEPS, str(n)), STEP_MINUTES) for n in BATCH_SIZES},
        "vocoder": {"vocoder": (VOCODER, VOCODER_MINUTES)},
    }
    chosen = [args.only] if args.only else list(plans)
    plan = {name: part for choice in chosen for name, part in plans[choice].items()}
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
    """The tests' summary, a line per batch size and precision, and one per vocoder and backend."""
    lines = [f"{name}: exit code {part['exit_code']}" for name, part in parts.items()]
    if "tests" in parts:
        lines.append(f"tests: {parts['tests']['result']}")
    lines.append("".join(f"{head:>11}" for head in ("batch", "precision", "steps/s", "GiB")))
    vocoders = ["".join(f"{head:>11}" for head in ("vocoder", "backend", "s per s", "fraction"))]
    for name, part in parts.items():
        runs = part["result"]["runs"] if isinstance(part["result"], dict) else []
        if name == "vocoder":
            vocoders += [
                f"{run['version']:>11}{run['backend']:>11}"
                f"{run['seconds_per_second']:11.1f}{run['fraction']:11.3f}"
                for run in runs
            ]
        else:
            lines += [
                f"{run['batch_size']:11d}{run['precision']:>11}"
                f"{run['steps_per_second']:11.2f}{run['peak_gib']:11.2f}"
                for run in runs
            ]
    lines += vocoders
    return "\n".join(lines)


if __name__ == "__main__":
    main()
