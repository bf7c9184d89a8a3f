"""One process or many: torchrun starts them, torch.distributed joins them, and this says which is
which.

A single process makes no process group. Numbers that live on the CPU travel over gloo, gradients
over NCCL where there is CUDA, so that agreeing on a number never waits for the GPU.
"""

import dataclasses
import gc
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from hifigan.errors import UserError
from hifigan.meeting import meet

PATIENCE = timedelta(days=2)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ranks:
    rank: int
    n_ranks: int
    device: torch.device
    group: distributed.ProcessGroup | None = None  # of numbers on the CPU; None: torch's default

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    def sums(self, numbers: list[float]) -> list[float]:
        """Each number summed over the ranks; every rank must call this with as many numbers."""
        if self.n_ranks == 1:
            return numbers
        totals = torch.tensor(numbers, dtype=torch.float64)
        distributed.all_reduce(totals, group=self.group)
        return totals.tolist()

    def all(self, condition: bool) -> bool:
        """Whether it holds on every rank."""
        return self.sums([float(condition)])[0] == self.n_ranks

    def gather(self, value: Any) -> list[Any]:
        """What each rank brought, in order of rank."""
        if self.n_ranks == 1:
            return [value]
        values = [None] * self.n_ranks
        distributed.all_gather_object(values, value, group=self.group)
        return values

    def first(self, compute: Callable[[], Result]) -> Result:
        """What rank 0 computes, on every rank. If it fails, all ranks end and rank 0 tells why."""
        if self.n_ranks == 1:
            return compute()
        told, failure = [None, None], None
        if self.is_first:
            try:
                told = [compute(), None]
            except Exception as error:  # raised again below, once the other ranks know
                told, failure = [None, exit_code(error)], error
        distributed.broadcast_object_list(told, group=self.group)
        result, code = told
        if failure:
            raise failure
        if code:
            raise SystemExit(code)
        return result

    def each(self, compute: Callable[[], Result]) -> Result:
        """What this rank computes. If any fails, all end, and the first of those that failed
        tells why.
        """
        if self.n_ranks == 1:
            return compute()
        result, failure = None, None
        try:
            result = compute()
        except Exception as error:  # raised again below, once the other ranks know
            failure = error
        codes = self.gather(exit_code(failure) if failure else 0)
        if not any(codes):
            return result
        teller = next(rank for rank, code in enumerate(codes) if code)
        if self.rank == teller:
            raise failure
        raise SystemExit(codes[teller])


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks]:
    """This process among those that torchrun started; `device` is "auto", "cpu" or "cuda"."""
    n_ranks = int(os.environ.get("WORLD_SIZE", 1))
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    if n_ranks == 1:
        yield Ranks(0, 1, pick_device(device))
        return
    on_cuda = device != "cpu" and torch.cuda.is_available()
    on_gpu = "nccl" if distributed.is_nccl_available() else "gloo"
    backend = f"cpu:gloo,cuda:{on_gpu}" if on_cuda else "gloo"
    store, rank, n_ranks = meet()
    distributed.init_process_group(backend, store=store, rank=rank, world_size=n_ranks)
    # Rank 0 may look through recordings for hours; dead processes are noticed without a time limit.
    group = distributed.new_group(backend="gloo", timeout=PATIENCE)
    try:
        ranks = Ranks(rank, n_ranks, torch.device("cpu"), group)
        yield dataclasses.replace(ranks, device=ranks.each(lambda: pick_device(device, local_rank)))
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # they hold the networks
        raise
    finally:
        gc.collect()  # networks that average over the group go before it, not at Python's very end
        distributed.destroy_process_group()


def usable_cores() -> int:
    """The cores that a job scheduler lets this process use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def exit_code(error: Exception) -> int:
    return 2 if isinstance(error, UserError) else 1


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """The device for "auto", "cpu" or "cuda"; `local_rank` counts the processes of this machine."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError(
            "--device cuda: torch sees no CUDA device; "
            + (
                "this torch is a CPU build, install a CUDA build"
                if torch.version.cuda is None
                else "check the driver with nvidia-smi"
            )
            + ", or use --device cpu"
        )
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            f"process {local_rank} of this machine has no GPU: torch sees "
            f"{torch.cuda.device_count()}; start torchrun with at most as many processes"
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device
