"""Two processes under torchrun train as one does, and end together."""

import re
import signal
import subprocess
import time

import pytest
import torch

from hifigan.checkpoint import read_checkpoint
from hifigan.distributed import Ranks, joined_ranks
from hifigan.errors import UserError
from hifigan.json_config import read_config
from tests.distributed_worker import step
from tests.small_run import (
    ENVIRONMENT,
    command,
    contents,
    run_script,
    scalars,
    write_config,
    write_data,
)
from vits.config import VitsConfig
from vits.model import make_model

WORKER = "tests/distributed_worker.py"
CASES = {"even": ("null", 2, 2), "uneven": ("null", 3, 2), "speakers": ('["a", "b"]', 3, 2)}
NO_DROPOUT = ("model.text_encoder.dropout=0.0", "model.duration_predictor.dropout=0.0")


def made_up_batch(config, n):
    """n utterances of different lengths with the noise of their step."""
    draw = torch.Generator().manual_seed(5)
    hop, draws = config.audio.hop_length, {"generator": draw}
    token_lengths = torch.randint(5, 12, (n,), **draws)
    frames = torch.randint(20, 40, (n,), **draws)
    tokens = torch.randint(1, config.n_symbols, (n, int(token_lengths.max())), **draws)
    wav = 0.3 * torch.randn(n, 1, int(frames.max()) * hop, **draws)
    for i in range(n):
        tokens[i, token_lengths[i] :], wav[i, :, frames[i] * hop :] = 0, 0
    spec = torch.zeros(n, config.audio.n_fft // 2 + 1, int(frames.max()))
    noise = make_model(config).draw_noise(tokens, spec, draw)
    return (
        {
            "tokens": tokens,
            "token_lengths": token_lengths,
            "wav": wav,
            "wav_lengths": frames * hop,
            "speakers": torch.arange(n) % max(1, config.n_speakers),
        },
        vars(noise),
    )


def rows(batch, noise, chosen):
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


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """By case the step that one process takes on a whole batch, and that two take on their
    parts of it.
    """
    folder = tmp_path_factory.mktemp("steps")
    cases = []
    for name, (speakers, n_first, n_second) in CASES.items():
        path = write_config(
            folder / f"{name}.json",
            *NO_DROPOUT,
            'text.symbols=["_", "а", "б", "в", "г"]',
            f"data.speakers={speakers}",
            "train.segment_samples=512",
            "train.eps=1",
        )  # or Adam makes whole steps of gradients that are mere rounding
        n = n_first + n_second
        batch, noise = made_up_batch(read_config(VitsConfig, path), n)
        cases.append(
            (
                str(path),
                {
                    "1 ranks": [rows(batch, noise, slice(n))],
                    "2 ranks": [
                        rows(batch, noise, slice(n_first)),
                        rows(batch, noise, slice(n_first, n)),
                    ],
                },
            )
        )
    torch.save(cases, folder / "cases.pt")
    run_script(folder, WORKER, "steps", folder / "cases.pt", folder / "two.pt", n_processes=2)
    one = [step(path, batches, Ranks(0, 1, torch.device("cpu"))) for path, batches in cases]
    return dict(zip(CASES, zip(one, torch.load(folder / "two.pt"))))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_step_of_one_on_the_whole_batch(steps, name):
    """Every loss, and the gradients and weights of both networks; a batch that divides
    unevenly, too.
    """
    one, two = steps[name]
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)
    for kind in set(one) - {"losses"}:
        assert one[kind].keys() == two[kind].keys()
        largest = max(float(tensor.abs().max()) for tensor in one[kind].values())
        for part, tensor in one[kind].items():
            # an attention key's bias has no gradient but float32's rounding, hence the second term
            nothing = 1e-5 * float(tensor.abs().max()) + 1e-7 * largest
            torch.testing.assert_close(
                two[kind][part],
                tensor,
                rtol=1e-5,
                atol=nothing,
                msg=lambda told: f"{kind} of {part}: {told}",
            )


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """train.py in two processes for an epoch and a bit, and on from there."""
    folder = tmp_path_factory.mktemp("pair")
    write_data(folder / "data", n_valid=1)
    write_config(folder / "small.json", "train.validate_every=2")
    arguments = ("-c", "small.json", "-m", "pair")
    first = run_script(folder, WORKER, "train", folder, *arguments, "--max_steps", 3, n_processes=2)
    ranks = [torch.load(folder / f"rank{rank}.pt") for rank in (0, 1)]
    ranks.append(read_checkpoint(folder / "runs/pair/checkpoints/step_00000003.pt"))
    second = run_script(folder, "train.py", *arguments, "--max_steps", 5, n_processes=2)
    return folder, ranks, first, second


@pytest.mark.slow
def test_both_processes_hold_the_same_weights_after_every_step(pair):
    first, second, saved = pair[1]
    for network in ("generator", "discriminator"):
        for name, weight in first[network].items():
            assert torch.equal(weight, second[network][name]), name
            assert torch.equal(weight, saved[network][name]), name


@pytest.mark.slow
def test_together_they_see_every_utterance_once_an_epoch(pair):
    first, second, _ = pair[1]
    assert len(first["seen"]) == len(second["seen"]) == 3  # 7 utterances in 2 steps, and one more
    epoch = [sorted(sum(rank["seen"][:2], [])) for rank in (first, second)]
    assert not set(epoch[0]) & set(epoch[1])
    assert sorted(epoch[0] + epoch[1]) == [f"wavs/{i}" for i in range(7)]


@pytest.mark.slow
def test_only_the_first_process_writes_and_the_run_goes_on(pair):
    folder, (first, *_), told, again = pair
    assert not first["joined"]  # the group is left at the end
    assert told.stderr.count("new run at step 0") == told.stderr.count("step 3 of 3") == 1
    assert told.stderr.count("alignment backend") == told.stderr.count("hours used") == 1
    assert "batches of 2 x 2 process(es)" in told.stderr
    resumed = "resuming from runs/pair/checkpoints/step_00000003.pt: step 3, epoch 1, batch 1"
    assert again.stderr.count(resumed) == 1
    lines = scalars(folder / "runs/pair")
    assert [line["step"] for line in lines if "train/mel" in line] == [1, 2, 3, 4, 5]
    assert [line["step"] for line in lines if "valid/mel" in line] == [2, 3, 4, 5]
    assert len(list((folder / "runs/pair/tensorboard").iterdir())) == 2  # a file for each start
    assert len(read_checkpoint(folder / "runs/pair/checkpoints/step_00000005.pt")["random"]) == 2


@pytest.mark.slow
def test_a_mistake_is_told_once_and_ends_all_processes_at_once(tmp_path):
    write_data(tmp_path / "data", n_valid=0)
    write_config(tmp_path / "small.json", "data.n_valid=0")
    before = contents(tmp_path)
    for arguments, says in (
        (("-c", "small.json", "--set", "train.lr=0"), "lr is 0"),
        (("-c", "small.json", "--data", "nowhere"), "nowhere: no such folder"),
        (("-c", "small.json", "--max_steps", 0), "--max_steps 0"),
    ):
        begun = time.monotonic()
        ended = run_script(
            tmp_path, "train.py", *arguments, n_processes=2, timeout=60, expect=1
        )  # torchrun's own code, whatever its processes end with
        told = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
        assert len(told) == 1 and says in told[0], ended.stderr
        assert set(re.findall(r"exitcode +: (\S+)", ended.stderr)) <= {"2", "-15"}
        assert time.monotonic() - begun < 45
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_a_signal_to_torchrun_saves_once_and_the_run_goes_on(tmp_path):
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    arguments = ("-c", "small.json", "-m", "pair")
    process = subprocess.Popen(
        command("train.py", *arguments, n_processes=2),
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "runs/pair/scalars.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    try:
        err = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    step = int(re.search(r"interrupted at step (\d+)", err)[1])
    assert read_checkpoint(tmp_path / f"runs/pair/checkpoints/step_{step:08d}.pt")["step"] == step
    told = run_script(
        tmp_path, "train.py", *arguments, "--max_steps", step + 1, n_processes=2
    ).stderr
    assert f"step_{step:08d}.pt: step {step}" in told


def test_one_process_alone_joins_no_group(tmp_path):
    with joined_ranks("cpu") as ranks:
        assert (ranks.rank, ranks.n_ranks, ranks.is_first) == (0, 1, True)
        assert not torch.distributed.is_initialized()
        network = torch.nn.Linear(1, 1)
        assert ranks.wrap(network) is network
        assert ranks.sums([2.0]) == [2.0] and ranks.gather("a") == ["a"]
        assert ranks.first(lambda: 1) == ranks.each(lambda: 1) == 1


def test_what_one_process_computes_and_fails_at_reaches_the_other(tmp_path):
    """first and each, in two processes: results come through, and a failure ends both."""
    torch.multiprocessing.spawn(share_results, args=(str(tmp_path / "meeting"),), nprocs=2)
    assert (tmp_path / "meeting.told").read_text() == "rank 1"


def share_results(rank: int, meeting: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=2
    )
    ranks = Ranks(rank, 2, torch.device("cpu"))
    assert ranks.first(lambda: [rank, "a"]) == [0, "a"]
    assert ranks.each(lambda: rank) == rank
    assert ranks.sums([1.0, rank]) == [2.0, 1.0] and ranks.gather(rank) == [0, 1]

    def fail() -> None:
        raise UserError(f"rank {rank}")

    with pytest.raises(
        UserError if rank == 0 else SystemExit, match="rank 0" if rank == 0 else "2"
    ):
        ranks.first(fail)
    expected, says = (SystemExit, "2") if rank == 0 else (UserError, "rank 1")
    with pytest.raises(expected, match=says) as caught:
        ranks.each(lambda: fail() if rank == 1 else None)
    if caught.type is UserError:
        with open(f"{meeting}.told", "w") as file:
            file.write(str(caught.value))
    torch.distributed.destroy_process_group()
