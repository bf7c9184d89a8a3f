"""What a machine is, seen once: cores, memory, disks, limits, and its GPUs as torch sees them.

Nothing is changed, no other program is called, and what cannot be seen is None.
"""

import codecs
import locale
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from hifigan.diagnosis.environment import driver_version
from hifigan.distributed import usable_cores
from hifigan.loader import SHARED_MEMORY
from vits.alignment import VARIABLE, choose_backend

MEMORY = Path("/proc/meminfo")
MEMORY_LIMITS = (  # of a container: control groups of version 2 and 1
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class Gpu:
    name: str
    capability: tuple[int, int]
    total_bytes: int
    free_bytes: int
    is_built_for: bool  # whether this torch has code for it
    has_bf16: bool  # and TF32, which came with it


@dataclass(frozen=True)
class Machine:
    system: str
    python: str
    torch: str
    torch_cuda: str | None  # the CUDA that this torch was built for; None: for CPUs alone
    driver: str | None  # NVIDIA's; None: none is loaded
    gpus: tuple[Gpu, ...]
    backend: str  # of the alignment search
    backend_reason: str
    backend_is_forced: bool
    n_cores: int
    n_usable_cores: int
    n_threads: int  # of torch
    omp: str | None  # OMP_NUM_THREADS
    memory_bytes: int | None  # of the machine, or what its container may use
    shared_bytes: int | None  # free in /dev/shm
    disk_bytes: int  # free where the command was started
    n_open_files: int | None  # at once, per process
    encoding: str  # of files and names, by the locale

    @property
    def is_utf8(self) -> bool:
        return codecs.lookup(self.encoding).name == "utf-8"


def look(folder: Path = Path(".")) -> Machine:
    """This machine. folder: on the disk that is looked at."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backend = choose_backend(device=device)
    return Machine(
        system=platform.platform(),
        python=platform.python_version(),
        torch=torch.__version__,
        torch_cuda=torch.version.cuda,
        driver=driver_version(),
        gpus=tuple(map(_gpu, range(torch.cuda.device_count()))) if device.type == "cuda" else (),
        backend=backend.name,
        backend_reason=backend.reason,
        backend_is_forced=bool(os.environ.get(VARIABLE)),
        n_cores=os.cpu_count() or 1,
        n_usable_cores=usable_cores(),
        n_threads=torch.get_num_threads(),
        omp=os.environ.get("OMP_NUM_THREADS"),
        memory_bytes=memory(),
        shared_bytes=shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None,
        disk_bytes=shutil.disk_usage(folder).free,
        n_open_files=_open_files(),
        encoding=locale.getpreferredencoding(False),
    )


def memory() -> int | None:
    """Bytes that programs may use: the machine's, or less where a container limits them."""
    found = []
    if MEMORY.exists():
        lines = MEMORY.read_text(encoding="ascii").splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemTotal:")]
    for limit in MEMORY_LIMITS:
        if limit.exists() and (text := limit.read_text(encoding="ascii").strip()).isdigit():
            found.append(int(text))
    return min(found, default=None)


def _gpu(index: int) -> Gpu:
    facts = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    return Gpu(
        facts.name,
        (facts.major, facts.minor),
        total,
        free,
        has_code_for((facts.major, facts.minor), torch.cuda.get_arch_list()),
        facts.major >= 8,
    )


def has_code_for(capability: tuple[int, int], architectures: list[str]) -> bool:
    """Whether code of these architectures runs there: sm_80 on 8.x from 8.0 on, compute_80 on all
    later ones, too. No list: nothing is known against it.
    """
    major, minor = capability
    for architecture in architectures:
        kind, _, version = architecture.partition("_")
        digits = "".join(c for c in version if c.isdigit())
        if not digits:
            return True
        built = int(digits[:-1]), int(digits[-1])
        if kind == "compute" and built <= capability:
            return True
        if built[0] == major and built[1] <= minor:
            return True
    return not architectures


def _open_files() -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # only systems like Unix have it

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
