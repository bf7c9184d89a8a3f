"""Times the start of a run on a list of a million utterances, and weighs its memory.

The data set is made up: as many files as utterances, each its own (a copy of one of some short FLAC
recordings, spread over folders of a thousand), each with a text of its own. The first start decodes
all of them and keeps what it finds; the second start is the one that counts. Both are what
vits/run.py does before it builds the model, in several processes joined by gloo on this machine:
"prepare" until every rank has its data, "loader" until every rank has its loader, and "first batch"
until every rank has read one. Files that were just made or read are in the system's page cache.

Memory is PSS, which counts a page that N processes share as 1/N in each, summed over the ranks and
their loader processes: "ready" with the first batch at hand, "peak" the highest of samples taken
all along, "all read" when every rank has looked at every utterance. The same processes with nothing
but torch imported are "torch alone".
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import numpy as np
import soundfile

from hifigan.distributed import Ranks, joined_ranks
from hifigan.json_config import read_config
from hifigan.start import RANDOM
from vits.config import VitsConfig
from vits.loader import make_loader
from vits.run import prepare

REPOSITORY = Path(__file__).parent.parent
TINY = REPOSITORY / "configs/tiny.json"
N_SOURCES, FILES_PER_FOLDER, FILE_RATE = 16, 1000, 8000
SAMPLING_SECONDS = 0.2
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def make_data(folder: Path, n_utterances: int) -> None:
    """train.csv and as many recordings in folders; texts have 60 to 100 characters."""
    draws = random.Random(0)
    words = ["".join(draws.choices(LETTERS, k=draws.randint(2, 9))) for _ in range(20_000)]
    sources = []
    for i in range(N_SOURCES):
        path = folder / f"source{i}.flac"
        wav = np.zeros(round((2.4 + 0.04 * i) * FILE_RATE), np.float32)
        wav[: FILE_RATE // 8] = 0.3 * np.sin(np.arange(FILE_RATE // 8) / 4)
        soundfile.write(path, wav, FILE_RATE)
        sources.append(path.read_bytes())
        path.unlink()
    with (folder / "train.csv").open("w", encoding="utf-8") as rows:
        for i in range(n_utterances):
            name = f"speaker_{i // FILES_PER_FOLDER:04}/utterance_{i % FILES_PER_FOLDER:04}.flac"
            if i % FILES_PER_FOLDER == 0:
                (folder / name).parent.mkdir()
            (folder / name).write_bytes(sources[i % N_SOURCES])
            text = f"{i} {' '.join(draws.choices(words, k=16))}"[: draws.randint(60, 100)]
            rows.write(f"{name}|{text}\n")


def start_rank(folder: Path, n_workers: int) -> None:
    """What one rank does; prints its figures when its parent has weighed all ranks."""
    settings = [
        f"data.folder={folder / 'data'}",
        "data.n_valid=100",
        f"train.num_workers={n_workers}",
    ]
    config = read_config(VitsConfig, TINY, settings)
    with joined_ranks("cpu") as ranks:
        marks = {}

        def mark(name: str) -> None:
            ranks.gather(None)  # until all have come here
            marks[name] = time.monotonic()

        mark("begin")
        _, data = ranks.first(lambda: prepare(config, folder / "runs/voice", RANDOM, []))
        mark("prepare")
        loader = make_loader(data.train, data.config, ranks, folder / "runs")
        mark("loader")
        batches = iter(loader)
        next(batches)
        mark("first batch")
        wait_for_parent(ranks, "ready")
        n_tokens = sum(len(utterance.tokens) for utterance in data.train)
        wait_for_parent(ranks, "all read")
        names = list(marks)
        seconds = {b: round(marks[b] - marks[a], 2) for a, b in zip(names, names[1:])}
        seconds["all"] = round(marks["first batch"] - marks["begin"], 2)
        if ranks.is_first:
            facts = {"n_train": len(data.train), "mean_tokens": round(n_tokens / len(data.train))}
            print(json.dumps({"seconds": seconds, **facts}), flush=True)


def wait_for_parent(ranks: Ranks, name: str) -> None:
    """Let the parent weigh all ranks as they are."""
    ranks.gather(None)
    if ranks.is_first:
        print(name, flush=True)
        sys.stdin.readline()
    ranks.gather(None)


def run_ranks(command: list[str], n_ranks: int) -> dict[str, Any]:
    """Run a command as torchrun would, weighing it; returns what rank 0 printed last, as JSON."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": n_ranks, "LOCAL_WORLD_SIZE": n_ranks, "MASTER_PORT": port}
    environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONPATH": str(REPOSITORY)} | {k: str(v) for k, v in group.items()}
    ranks = [
        subprocess.Popen(
            command,
            env=environment | {"RANK": str(i), "LOCAL_RANK": str(i)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(n_ranks)
    ]
    printed: Queue[str] = Queue()
    Thread(target=lambda: [printed.put(row) for row in ranks[0].stdout], daemon=True).start()
    told, memory = {}, {"peak": 0.0}
    while any(rank.poll() is None for rank in ranks):
        weight = sum(map(proportional_mebibytes, ranks))
        memory["peak"] = max(memory["peak"], weight)
        try:
            row = printed.get(timeout=SAMPLING_SECONDS).strip()
        except Empty:
            continue
        if row.startswith("{"):
            told = json.loads(row)
            continue
        memory[row] = sum(map(proportional_mebibytes, ranks))
        for rank in ranks:
            print("", file=rank.stdin, flush=True)
    if any(rank.returncode for rank in ranks):
        raise RuntimeError("a rank has failed; its message stands above")
    return told | {"mebibytes": {name: round(weight) for name, weight in memory.items()}}


def proportional_mebibytes(process: subprocess.Popen) -> float:
    """PSS of a process and of all that it has started."""
    total, waiting = 0, [process.pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        try:
            rollup = (folder / "smaps_rollup").read_text().split()
            children = [path.read_text().split() for path in folder.glob("task/*/children")]
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        total += int(rollup[rollup.index("Pss:") + 1])
        waiting += [int(pid) for pids in children for pid in pids]
    return total / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--n_utterances",
        type=int,
        default=1_000_000,
        metavar="N",
        help="lines of the list, each with a file of 4 KiB (default: %(default)s)",
    )
    parser.add_argument(
        "--n_ranks", type=int, default=2, metavar="N", help="processes (default: %(default)s)"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="where to make the data set, or where it has been made (default: a folder that is "
        "removed at the end)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    parser.add_argument("--rank_of", type=Path, help=argparse.SUPPRESS)  # what the ranks are told
    parser.add_argument("--num_workers", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rank_of:
        start_rank(args.rank_of, args.num_workers)
        return

    folder = args.folder or Path(tempfile.mkdtemp(prefix="startup-"))
    try:
        figures = measure(folder, args.n_utterances, args.n_ranks)
    finally:
        if not args.folder:
            shutil.rmtree(folder)
    print(f"{figures['n_utterances']} utterances, {args.n_ranks} ranks")
    for name, figure in figures["starts"].items():
        cells = [f"{k} {v} s" for k, v in figure["seconds"].items()]
        cells += [f"{k} {v} MiB" for k, v in figure["mebibytes"].items()]
        print(f"{name:>24}: {', '.join(cells)}")
    if args.json:
        print(json.dumps(figures))


def measure(folder: Path, n_utterances: int, n_ranks: int) -> dict[str, Any]:
    """The first start and the second, and the second with two loader processes a rank."""
    if not (folder / "data").is_dir():
        (folder / "data").mkdir(parents=True)
        make_data(folder / "data", n_utterances)
    shutil.rmtree(folder / "runs", ignore_errors=True)
    alone = "import time, torch; time.sleep(3); print('ready', flush=True); input(); print('{}')"
    rank = [sys.executable, __file__, "--rank_of", str(folder)]
    return {
        "n_utterances": n_utterances,
        "n_ranks": n_ranks,
        "torch_alone": run_ranks([sys.executable, "-c", alone], n_ranks)["mebibytes"]["ready"],
        "starts": {
            "first": run_ranks(rank, n_ranks),
            "second": run_ranks(rank, n_ranks),
            "second, 2 workers a rank": run_ranks([*rank, "--num_workers", "2"], n_ranks),
        },
    }


if __name__ == "__main__":
    main()
