"""Times the alignment search against the package monotonic-alignment-search, in one process.

Both start from a float32 tensor on the CPU and end with their own result: ours takes
[B, T_spec, T_text] and lengths and gives durations, theirs takes [B, T_text, T_spec] and a mask and
gives the path. Each gets the same scores, contiguous in the layout that it asks for, made before
the clock starts. Theirs runs its compiled implementation, which is its default and its fastest.
Runs alternate, so that other work on the machine falls on both.

The last column is the search over torch's sum of the same scores, a plain read of the memory.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from monotonic_alignment_search import maximum_path

from vits import alignment

SIZES = [(16, 100, 400), (64, 200, 800), (32, 512, 2048)]  # B, T_text, T_spec
N_ROUNDS = 7  # one run of theirs and five of ours each


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(n_items: int, n_symbols: int, n_frames: int) -> dict[str, float]:
    """Median seconds of "ours", "theirs", and a "read" of the scores."""
    draw = torch.Generator().manual_seed(0)
    scores = torch.randn(n_items, n_frames, n_symbols, generator=draw)
    text_lengths = torch.full((n_items,), n_symbols)
    spec_lengths = torch.full((n_items,), n_frames)
    their_scores = scores.mT.contiguous()
    mask = torch.ones_like(their_scores)

    ours = alignment.search(scores, text_lengths, spec_lengths)
    if not torch.equal(maximum_path(their_scores, mask).sum(2).long(), ours):
        raise AssertionError("the two searches disagree, so their times say nothing")
    times = {"ours": [], "theirs": [], "read": []}
    for _ in range(N_ROUNDS):
        times["theirs"].append(seconds(lambda: maximum_path(their_scores, mask)))
        for _ in range(5):  # ours is over so soon that one run would measure the cold start
            times["ours"].append(
                seconds(lambda: alignment.search(scores, text_lengths, spec_lengths))
            )
            times["read"].append(seconds(lambda: scores.sum()))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object in the last line"
    )
    args = parser.parse_args()

    backend = alignment.choose_backend()
    print(f"ours: {backend.name}, because {backend.reason}; {torch.get_num_threads()} threads")
    heads = ("ours ms", "theirs ms", "ratio", "/ read")
    print(f"{'B x T_text x T_spec':>20}" + "".join(f"{head:>11}" for head in heads))
    figures = {"cpu_ratio": {}, "cpu_ms": {}, "read_ratio": {}}
    for size in SIZES:
        times = measure(*size)
        name = "x".join(map(str, size))
        figures["cpu_ratio"][name] = round(times["theirs"] / times["ours"], 1)
        figures["cpu_ms"][name] = round(times["ours"] * 1e3, 3)
        figures["read_ratio"][name] = round(times["ours"] / times["read"], 2)
        print(
            f"{name:>20}{times['ours'] * 1e3:11.3f}{times['theirs'] * 1e3:11.2f}"
            f"{figures['cpu_ratio'][name]:11.1f}{figures['read_ratio'][name]:11.2f}"
        )
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
