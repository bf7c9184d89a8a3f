"""Measures how quickly recordings are read, and what a training run loses by waiting for them.

First one process with one thread reads the training utterances of a data set round and round, by
decoding them and from the packed cache (all files being in memory by then). Seconds are those of its
core, so that other work on the machine and waiting for disks do not count. Then train.py itself
trains, with and without loader processes and the packed cache, and tells in its scalars how long its
steps waited for a batch.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from hifigan.distributed import pick_device
from hifigan.json_config import read_config
from hifigan.loader import choose_workers
from hifigan.packed_cache import open_packed_cache
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.corpus.utterance_table import sample_counts
from vits.data import UtteranceDataset

REPOSITORY = Path(__file__).parent.parent
SMALL = REPOSITORY / "configs" / "small.json"
DATA = REPOSITORY / "data" / "ljspeech-mini"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "-c",
        "--config_path",
        type=Path,
        default=SMALL,
        metavar="FILE",
        help="the config to train with (default: configs/small.json)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        metavar="DIR",
        help="data set folder (default: data/ljspeech-mini)",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="where to train (default: %(default)s, CUDA where there is any)",
    )
    parser.add_argument(
        "--n_reads",
        type=int,
        default=1000,
        metavar="N",
        help="utterances to read for each figure (default: %(default)s)",
    )
    parser.add_argument(
        "--n_steps",
        type=int,
        default=40,
        metavar="N",
        help="training steps of each run, half of them to warm up (default: %(default)s)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    args = parser.parse_args()
    settings = [f"data.folder={args.data.resolve()}"]
    config = read_config(VitsConfig, args.config_path, settings)

    with tempfile.TemporaryDirectory() as folder:
        rates = reading_rates(config, args.n_reads, Path(folder))
        for name, rate in rates.items():
            print(f"{name:>30}: {rate:8.0f} utterances per second and core", flush=True)
        runs = []
        for n_workers in sorted({0, choose_workers(None)}):
            for packed in (False, True):
                settings_of_run = settings + [
                    f"train.num_workers={n_workers}",
                    f"data.packed_cache={str(packed).lower()}",
                ]
                figures = train(args, settings_of_run, Path(folder))
                name = f"{n_workers} loader processes, {'packed' if packed else 'decoding'}"
                runs.append({"num_workers": n_workers, "packed_cache": packed} | figures)
                print(
                    f"{name:>30}: {100 * figures['waiting_share']:.2f} % of the step time waits, "
                    f"{figures['utterances_per_second']:.1f} utterances per second",
                    flush=True,
                )
    if args.json:
        device = pick_device(args.device)
        on_cuda = device.type == "cuda"
        print(
            json.dumps(
                {
                    "device": torch.cuda.get_device_name(device) if on_cuda else "cpu",
                    "n_cores": os.cpu_count(),
                    "torch": torch.__version__,
                    "config": args.config_path.stem,
                    "data": args.data.name,
                    "utterances_per_second_and_core": rates,
                    "runs": runs,
                }
            )
        )


def reading_rates(config: VitsConfig, n_reads: int, folder: Path) -> dict[str, float]:
    """Utterances per second of a core, decoded and from a packed cache made in `folder`."""
    torch.set_num_threads(1)
    utterances = check_data(config).train
    rate, n_samples = config.audio.sample_rate, sample_counts(utterances)
    cache = open_packed_cache(folder, Path(config.data.folder), n_samples, rate)
    datasets = {
        "decoding": UtteranceDataset(utterances, rate),
        "packed": UtteranceDataset(utterances, rate, cache),
    }
    rates = {}
    for name, dataset in datasets.items():
        for i in range(len(dataset)):
            dataset[i]
        start = time.process_time()
        for i in range(n_reads):
            dataset[i % len(dataset)]
        rates[name] = round(n_reads / (time.process_time() - start), 1)
    return rates


def train(args: argparse.Namespace, settings: list[str], folder: Path) -> dict[str, float]:
    """What the second half of a run of train.py in `folder` tells of its pace and its waiting."""
    log_every = args.n_steps // 2
    name = "_".join(setting.partition("=")[2] for setting in settings[1:])
    command = [sys.executable, str(REPOSITORY / "train.py"), "-c", str(args.config_path.resolve())]
    command += ["-m", name, "--device", args.device, "--max_steps", str(2 * log_every)]
    settings = settings + [f"train.log_every={log_every}", "train.validate_every=1000000"]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run(command, cwd=folder, check=True, stderr=subprocess.DEVNULL)
    lines = (folder / "runs" / name / "scalars.jsonl").read_text(encoding="utf-8").splitlines()
    values = [v for v in map(json.loads, lines) if v["step"] == 2 * log_every and "time/data" in v]
    return {
        "waiting_share": round(values[0]["time/data"] * values[0]["train/steps_per_second"], 5),
        "utterances_per_second": round(values[0]["train/samples_per_second"], 2),
    }


if __name__ == "__main__":
    main()
