"""How many hours of audio python -m vits.prepare makes ready in an hour, and what memory it takes.

    PYTHONPATH=. python benchmarks/prepare.py FOLDER_OF_RECORDINGS --json benchmarks/results/prepare_cpu.json

The recordings (FLAC, 22.05 kHz, of real speech) are copied under other names until there are about
--hours of them; for the run with resampling they are brought to 48 kHz first. A list of a million
lines is read and examined as python -m vits.doctor --list_only does. Load of other programs is
reported: the figures are those of a quiet machine only where it is near 0.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import soundfile
import soxr
from tqdm import tqdm

RATES = {"without resampling": 22050, "with resampling from 48 kHz": 48000}
N_LINES = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--hours", type=float, default=2.0, help="of audio for each run")
    parser.add_argument("--lines", type=int, default=N_LINES, help="of the long list")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    found: dict[str, Any] = {
        "device": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "load_before": os.getloadavg()[0],
    }
    with tempfile.TemporaryDirectory() as temporary:
        for name, rate in RATES.items():
            source = copies(args.recordings, Path(temporary) / f"source_{rate}", args.hours, rate)
            for extra in ([], ["--trim", "--loudness", "-23"]):
                key = name + (", trimmed and levelled" if extra else "")
                found[key] = timed(source, Path(temporary) / "out", extra)
                print(key, found[key], flush=True)
                shutil.rmtree(Path(temporary) / "out")
            shutil.rmtree(source)
        found["list"] = timed_list(Path(temporary), args.lines)
        print("list", found["list"])
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def copies(recordings: Path, folder: Path, hours: float, rate: int) -> Path:
    """A data set of about so many hours of the recordings, each under several names."""
    (folder / "flac").mkdir(parents=True)
    paths = sorted(recordings.rglob("*.flac"))
    seconds, rows = 0.0, []
    with tqdm(None, f"copies at {rate} Hz", round(hours * 3600), disable=None) as bar:
        for i in range(10**9):
            path, name = paths[i % len(paths)], f"r{i:06d}"
            wav, found = soundfile.read(path)
            target = folder / f"flac/{name}.flac"
            if found == rate:
                shutil.copyfile(path, target)
            else:
                soundfile.write(target, soxr.resample(wav, found, rate), rate)
            rows.append(f"{name}|Sentence number {i} of the many.\n")
            seconds += len(wav) / found
            bar.update(min(round(len(wav) / found), bar.total - bar.n))
            if seconds > 3600 * hours:
                break
    (folder / "metadata.csv").write_text("".join(rows), "utf-8")
    return folder


def timed(source: Path, out: Path, extra: list[str]) -> dict[str, float]:
    """One run of the command with all cores, in processes of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = ["-m", "vits.prepare", "--input", str(source), "--output", str(out), *extra]
    subprocess.run([sys.executable, *command], check=True, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads((out / "report.json").read_text("utf-8"))
    return {
        "hours_of_audio": round(report["hours"], 3),
        "wall_seconds": round(wall, 2),
        "hours_an_hour": round(report["hours"] * 3600 / wall, 1),
        "cpu_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2
        ),
        "largest_process_mib": round(after.ru_maxrss / 1024),
    }


def timed_list(folder: Path, n_lines: int) -> dict[str, float]:
    """Reading and examining a long list without its recordings."""
    path = folder / "long"
    path.mkdir()
    with (path / "manifest.jsonl").open("w", encoding="utf-8") as file:
        for i in range(n_lines):
            row = {
                "audio": f"audio/{i:07d}.flac",
                "text": f"This is the sentence {i} of a long list.",
            }
            file.write(json.dumps(row) + "\n")
    start = time.perf_counter()
    command = ["-m", "vits.doctor", str(path), "--list_only", "--no_html", "--quiet"]
    subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "lines": n_lines,
        "wall_seconds": round(time.perf_counter() - start, 1),
        "peak_mib_or_less": round(peak),
    }


if __name__ == "__main__":
    main()
