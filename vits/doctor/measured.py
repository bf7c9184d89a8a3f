"""What this computer says to a message: room on the disk, memory, GPUs, a package.

A log can come from elsewhere, so each line says that it was measured here.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from vits.doctor.packages import is_there

GIB = 2**30
MODULE = re.compile(r"No module named ['\"]?([A-Za-z_]\w*)")


def measured_here(kind: str, line: str) -> str:
    """In a few words, what was measured for a message of this kind; "": nothing."""
    measure = MEASURES.get(kind)
    return measure(line) if measure else ""


def _disk(line: str) -> str:
    folder = Path.cwd()
    return f"{shutil.disk_usage(folder).free / GIB:.1f} GiB are free on the disk of {folder}"


def _shared_memory(line: str) -> str:
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return ""
    return f"{shutil.disk_usage(folder).total / 1e6:,.0f} MB of shared memory"


def _memory(line: str) -> str:
    from vits.doctor.machine import memory  # torch takes seconds to load

    found = memory()
    return f"{found / GIB:.1f} GiB of memory" if found else ""


def _gpus(line: str) -> str:
    from vits.doctor.machine import look

    machine = look()
    build = f"CUDA {machine.torch_cuda}" if machine.torch_cuda else "CPUs alone"
    gpus = [
        f"{gpu.name} with {gpu.free_bytes / GIB:.1f} of {gpu.total_bytes / GIB:.1f} GiB free"
        for gpu in machine.gpus
    ]
    return f"torch {machine.torch} for {build}; " + ("; ".join(gpus) or "it sees no GPU")


def _module(line: str) -> str:
    found = MODULE.search(line)
    if not found:
        return ""
    return f"{found[1]} is {'' if is_there(found[1]) else 'not '}installed"


MEASURES: dict[str, Callable[[str], str]] = {
    "disk_full": _disk,
    "shared_memory": _shared_memory,
    "host_out_of_memory": _memory,
    "cuda_out_of_memory": _gpus,
    "cuda_unavailable": _gpus,
    "no_kernel_image": _gpus,
    "cudnn": _gpus,
    "module_missing": _module,
    "tensorboard_missing": _module,
}
