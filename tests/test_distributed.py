"""Two and three processes under torchrun train as one does on the same data."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from hifigan.checkpoint import read_checkpoint
from hifigan.distributed import Ranks, joined_ranks
from hifigan.json_config import read_config
from tests.conftest import REPOSITORY
from tests.distributed_worker import Run, Step, share_results
from tests.small_run import TEXTS, run_script, scalars, write_config, write_data
from tests.test_resume import assert_same
from tests.vits2_settings import FLOW_TRANSFORMER, JUDGED, SPEAKER_LAYER
from vits.config import VitsConfig
from vits.model import make_model

pytestmark = pytest.mark.slow
ALONE = Ranks(0, 1, torch.device("cpu"))
COUNTS = (2, 3)  # of processes
# Steps: speakers, micro-batches, and how many utterances each of 2 and of 3 processes gets.
STEPS = {
    "even": ("null", 1, (3, 3), (2, 2, 2)),
    "uneven": ("null", 1, (3, 2), (2, 1, 2)),
    "speakers": ('["a", "b"]', 1, (1, 4), (1, 1, 3)),
    "accumulated": ("null", 2, (5, 2), (3, 1, 3)),
    "VITS2": ('["a", "b"]', 1, (3, 2), (2, 1, 2)),
}
VITS2 = (*SPEAKER_LAYER, FLOW_TRANSFORMER, "model.flow.transformer.dropout=0", *JUDGED)
# Runs: training utterances, validation utterances, and settings.
RUNS = {
    "odd": (7, 1, ()),
    "few": (3, 2, ("train.batch_size=8",)),
    "not validated": (5, 0, ("data.n_valid=0",)),
    "accumulated": (7, 1, ("train.accumulate=2",)),
    "budget": (5, 3, ("train.max_batch_frames=260", "train.batch_size=8", "train.accumulate=2")),
    "with loaders": (7, 1, ("train.num_workers=1",)),
}
N_EPOCHS = 2
ADAM = '{"betas": [0.8, 0.99], "eps": 1.0, "weight_decay": 0.01}'


def made_up_batch(config: VitsConfig, n: int) -> tuple[dict[str, torch.Tensor], Any]:
    """n utterances of different lengths with the noise of their step."""
    draw = torch.Generator().manual_seed(5)
    hop, draws = config.audio.hop_length, {"generator": draw}
    token_lengths = torch.randint(5, 12, (n,), **draws)
    frames = torch.randint(20, 40, (n,), **draws)
    tokens = torch.randint(1, config.n_symbols, (n, int(token_lengths.max())), **draws)
    wav = 0.3 * torch.randn(n, 1, int(frames.max()) * hop, **draws)
    for i in range(n):
        tokens[i, token_lengths[i] :], wav[i, :, frames[i] * hop :] = 0, 0
    spec = torch.zeros(n, config.audio.n_bins, int(frames.max()))
    noise = make_model(config).draw_noise(tokens, spec, draw)
    batch = {
        "tokens": tokens,
        "token_lengths": token_lengths,
        "wav": wav,
        "wav_lengths": frames * hop,
        "speakers": torch.arange(n) % max(1, config.n_speakers),
        "languages": torch.arange(n) % max(1, config.n_languages),
    }
    return batch, vars(noise)


def rows(batch: dict, noise: dict, chosen: slice) -> dict[str, dict[str, torch.Tensor]]:
    """Some utterances of a batch, padded no longer than they need."""
    part = {name: values[chosen] for name, values in batch.items()}
    n_tokens, n_samples = int(part["token_lengths"].max()), int(part["wav_lengths"].max())
    part["tokens"], part["wav"] = part["tokens"][:, :n_tokens], part["wav"][:, :, :n_samples]
    n_frames = n_samples // 64
    return {
        "batch": part,
        "noise": {
            "posterior": noise["posterior"][chosen][:, :, :n_frames],
            "duration": noise["duration"][chosen][:, :, :n_tokens],
            "segment": noise["segment"][chosen],
        },
    }


def make_steps(folder: Path) -> tuple[dict[str, Step], dict[int, dict[str, Step]]]:
    """By case the step on the whole batch at once, and by number of processes that on its parts."""
    whole, parted = {}, {n: {} for n in COUNTS}
    for name, (speakers, accumulate, *sizes) in STEPS.items():
        settings = (
            "model.text_encoder.dropout=0.0",
            "model.duration_predictor.dropout=0.0",
            'text.symbols=["_", "а", "б", "в", "г"]',
            f"data.speakers={speakers}",
            "train.segment_samples=512",
            # with a small eps Adam makes whole steps of gradients that are mere rounding
            f"train.optimizer_options={ADAM}",
            *(VITS2 if name == "VITS2" else ()),
        )
        path = write_config(folder / f"{name}.json", *settings)
        parts = write_config(
            folder / f"{name} parts.json", *settings, f"train.accumulate={accumulate}"
        )
        batch, noise = made_up_batch(read_config(VitsConfig, path), sum(sizes[0]))
        whole[name] = Step(str(path), [rows(batch, noise, slice(None))])
        for counts in sizes:
            ends = torch.tensor(counts).cumsum(0).tolist()
            shares = [rows(batch, noise, slice(e - n, e)) for e, n in zip(ends, counts)]
            parted[len(counts)][f"step {name}"] = Step(str(parts), shares)
    return whole, parted


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """All steps and runs, in one, two and three processes: the folder and the results by number
    of processes and name.
    """
    folder = tmp_path_factory.mktemp("distributed")
    whole, parted = make_steps(folder)
    jobs: dict[int, dict[str, Any]] = {1: {}, **parted}
    for name, (n_train, n_valid, settings) in RUNS.items():
        data = write_data(folder / "data" / name, TEXTS[: n_train + n_valid], n_valid=n_valid)
        if n_valid == 0:
            (data / "valid.csv").unlink()
        config = write_config(
            folder / f"run {name}.json",
            f"data.folder={data}",
            f"train.epochs={N_EPOCHS}",
            *settings,
        )
        for n in COUNTS:
            jobs[n][f"run {name}"] = Run(str(config), str(folder / f"runs/{n}/{name}"))
    before = threads(1)
    results = {1: {f"step {name}": [step(ALONE)] for name, step in whole.items()}}
    start = folder / "start.json"
    write_config(start, f"data.folder={folder / 'data/budget'}")
    Run(str(start), str(folder / "runs/start"), max_steps=3)(ALONE)
    weights = str(folder / "runs/start/checkpoints/step_00000003.pt")
    look = write_config(
        folder / "look.json",
        f"data.folder={folder / 'data/budget'}",
        "train.lr=1e-30",  # which changes no weight
        "train.validate_every=1",
    )
    for n in (1, *COUNTS):
        jobs[n]["look"] = Run(str(look), str(folder / f"runs/{n}/look"), 2, weights)
    results[1]["look"] = [jobs[1]["look"](ALONE)]
    threads(before)
    for n in COUNTS:
        jobs[n]["shared"] = share_results
        torch.save(jobs[n], folder / f"jobs{n}.pt")
        run_script(
            folder,
            "tests/distributed_worker.py",
            "jobs",
            folder / f"jobs{n}.pt",
            folder / f"results{n}.pt",
            n_processes=n,
        )
        results[n] = torch.load(folder / f"results{n}.pt")
    return folder, results


def threads(n: int) -> int:
    """Compute with n threads; the number before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    return before


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("name", STEPS)
def test_processes_take_the_step_of_one_on_the_whole_batch(done, name, n) -> None:
    """Every loss, and the gradients and weights of both networks."""
    (one,), several = (done[1][k][f"step {name}"] for k in (1, n))
    for rank, found in enumerate(several):
        assert found["losses"] == pytest.approx(one["losses"], rel=1e-5)
        for kind in set(one) - {"losses"}:
            assert one[kind].keys() == found[kind].keys()
            largest = max(float(tensor.abs().max()) for tensor in one[kind].values())
            for part, tensor in one[kind].items():
                # an attention key's bias has no gradient but float32's rounding
                nothing = 1e-5 * float(tensor.abs().max()) + 1e-7 * largest
                torch.testing.assert_close(
                    found[kind][part],
                    tensor,
                    rtol=1e-5,
                    atol=nothing,
                    msg=lambda told: f"rank {rank}: {kind} of {part}: {told}",
                )


@pytest.mark.parametrize("name", STEPS)
def test_every_parameter_has_a_gradient_in_its_own_update(done, name) -> None:
    """So nothing has to be looked for in vain, and nothing is."""
    for several in (results[f"step {name}"] for results in done[1].values()):
        for found in several:
            for kind in ("generator gradients", "discriminator gradients"):
                for part, gradient in found[kind].items():
                    assert gradient is not None and gradient.isfinite().all(), part
    code = [path for folder in ("hifigan", "vits") for path in (REPOSITORY / folder).rglob("*.py")]
    assert code and not [
        path for path in code if "find_unused_parameters=" in path.read_text("utf-8")
    ]


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("name", RUNS)
def test_together_they_see_every_utterance_once_an_epoch(done, name, n) -> None:
    ranks = done[1][n][f"run {name}"]
    (n_steps,) = {len(rank["seen"]) for rank in ranks}
    assert n_steps % N_EPOCHS == 0
    for epoch in range(N_EPOCHS):
        steps = slice(epoch * n_steps // N_EPOCHS, (epoch + 1) * n_steps // N_EPOCHS)
        seen = [i for rank in ranks for ids in rank["seen"][steps] for i in ids]
        assert sorted(seen) == [f"wavs/{i}" for i in range(RUNS[name][0])]
        assert all(ids for rank in ranks for ids in rank["seen"])


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("name", RUNS)
def test_all_processes_end_with_the_weights_that_are_saved(done, name, n) -> None:
    folder, results = done
    ranks = results[n][f"run {name}"]
    n_steps = len(ranks[0]["seen"])
    path = folder / f"runs/{n}/{name}/checkpoints/step_{n_steps:08d}.pt"
    saved = read_checkpoint(path)
    assert len(saved["random"]) == n
    for rank in ranks:
        assert_same(rank["weights"], {**saved["generator"], **saved["discriminator"]})


@pytest.mark.parametrize("n", COUNTS)
def test_only_the_first_process_writes(done, n) -> None:
    for name in RUNS:
        first, *others = done[1][n][f"run {name}"]
        assert any(path.endswith("scalars.jsonl") for path in first["written"])
        runs = str(done[0] / "runs")
        assert not [path for rank in others for path in rank["written"] if path.startswith(runs)]


def test_validation_does_not_depend_on_the_number_of_processes(done) -> None:
    """Three utterances for one, two or three processes: the same values to the last digit, and
    the same best step.
    """
    folder, results = done
    looks, best = [], []
    for n in (1, *COUNTS):
        run = folder / f"runs/{n}/look"
        lines = [line for line in scalars(run) if "valid/mel" in line]
        looks.append([{k: v for k, v in line.items() if "valid/" in k} for line in lines])
        best.append([path.name for path in (run / "checkpoints").glob("best_*")])
    assert len(looks[0]) == 2 and looks[1] == looks[0] and looks[2] == looks[0]
    report = (run / "data_report.txt").read_text(encoding="utf-8")
    assert re.search(r" used +5 +3\n", report)
    assert best == 3 * [["best_step_00000001.pt"]]
    assert {"valid/mel", "valid/total", "valid/discriminator"} <= looks[0][0].keys()


def test_one_process_alone_joins_no_group() -> None:
    with joined_ranks("cpu") as ranks:
        assert (ranks.rank, ranks.n_ranks, ranks.is_first) == (0, 1, True)
        assert not torch.distributed.is_initialized()
        assert ranks.sums([2.0]) == [2.0] and ranks.gather("a") == ["a"]
        assert ranks.all(True) and not ranks.all(False)
        assert ranks.first(lambda: 1) == ranks.each(lambda: 1) == 1


@pytest.mark.parametrize("n", COUNTS)
def test_what_one_process_computes_and_fails_at_reaches_the_others(done, n) -> None:
    last = f"rank {n - 1}"
    expected = {
        "from the first": [0, "a"],
        "its own": None,
        "sums": [float(n), sum(range(n))],
        "gathered": list(range(n)),
        "all but the first": False,
        "all": True,
        "the first fails": "exit code 2",
        "the last fails": "exit code 2",
    }
    for rank, found in enumerate(done[1][n]["shared"]):
        fails = {"the first fails": "rank 0"} if rank == 0 else {}
        fails |= {"the last fails": last} if rank == n - 1 else {}
        assert found == expected | {"its own": rank} | fails
