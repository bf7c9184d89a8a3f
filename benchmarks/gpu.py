"""Everything that needs a GPU, in one go: the tests marked `gpu`, then benchmarks/train_step.py in
every precision at batch 16, 32 and 64.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --only steps

Writes benchmarks/results/gpu_<device>.json after each part, so that a machine that is taken away
leaves what was measured, and ends with a table. Takes 25 minutes at most; exit code 1 if a part
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
TEST_MINUTES, STEP_MINUTES = 9, 5  # at most, the latter per batch size
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
    parser.add_argument("--only", choices=("tests", "steps"), help="one part of it (default: both)")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch sees no CUDA device; run this where nvidia-smi shows one")

    device = torch.cuda.get_device_name()
    path = args.out_folder / f"gpu_{'_'.join(re.findall('[a-z0-9]+', device.lower()))}.json"
    args.out_folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"parts": {}}
    results |= {"device": device, "torch": torch.__version__, "cuda": torch.version.cuda}
    plan = {"tests": (TESTS, TEST_MINUTES)} if args.only != "steps" else {}
    if args.only != "tests":
        plan |= {f"batch {n}": ((*STEPS, str(n)), STEP_MINUTES) for n in BATCH_SIZES}
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
    """The tests' summary, then one line per batch size and precision."""
    lines = [f"{name}: exit code {part['exit_code']}" for name, part in parts.items()]
    if "tests" in parts:
        lines.append(f"tests: {parts['tests']['result']}")
    lines.append("".join(f"{head:>11}" for head in ("batch", "precision", "steps/s", "GiB")))
    for part in parts.values():
        runs = part["result"]["runs"] if isinstance(part["result"], dict) else []
        for run in runs:
            lines.append(
                f"{run['batch_size']:11d}{run['precision']:>11}"
                f"{run['steps_per_second']:11.2f}{run['peak_gib']:11.2f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
