"""What a run runs on, told at its start: devices, versions, cores, precision, disk, batch.

Everything comes from torch and the system; no other program is called.
"""

import logging
import os
import platform
import re
import shutil
import socket
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from hifigan.distributed import Ranks, usable_cores
from hifigan.precision import autocast_dtype
from hifigan.training_config import TrainConfig

logger = logging.getLogger(__name__)

SMALLEST_BATCH = 8  # utterances a step: below, the two networks' gradients are mostly noise
DRIVER = Path("/proc/driver/nvidia/version")  # on Linux


def log_environment(ranks: Ranks, config: TrainConfig, loader: DataLoader, folder: Path) -> None:
    """Tell on rank 0 what all ranks run on. folder: the run's, where the disk is looked at."""
    devices = ranks.gather(describe_device(ranks.device))
    if not ranks.is_first:
        return
    for rank, device in enumerate(devices):
        logger.info(
            "process %d of %d: torch %s on %s", rank + 1, ranks.n_ranks, torch.__version__, device
        )
    logger.info("versions: %s", ", ".join(versions(ranks.device)))
    logger.info(
        "%d cores, %d usable; per process %d threads of torch and %d loader processes; "
        "%.1f GiB free on the disk of %s",
        os.cpu_count() or 1,
        usable_cores(),
        torch.get_num_threads(),
        loader.num_workers,
        shutil.disk_usage(folder).free / 2**30,
        folder,
    )
    logger.info("precision: %s", describe_precision(config, ranks.device))
    warn_of_device(ranks.device)
    warn_of_small_batch(config, ranks.n_ranks)


def describe_device(device: torch.device) -> str:
    """This process's machine and device, a GPU with its memory."""
    host = socket.gethostname()
    if device.type == "cpu":
        return f"CPU of {host} ({platform.machine()})"
    facts = torch.cuda.get_device_properties(device)
    return (
        f"{device} of {host}: {facts.name}, {facts.total_memory / 2**30:.1f} GiB, "
        f"compute capability {facts.major}.{facts.minor}"
    )


def versions(device: torch.device) -> list[str]:
    """Of Python, torch and the system; on a GPU of CUDA, its libraries and the driver, too."""
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPUs alone"
    found = [
        f"torch {torch.__version__} (for {build})",
        f"Python {platform.python_version()}",
        platform.platform(),
    ]
    if device.type == "cuda":
        found.append(f"cuDNN {torch.backends.cudnn.version()}")
        if torch.distributed.is_nccl_available():
            found.append(f"NCCL {'.'.join(map(str, torch.cuda.nccl.version()))}")
        found.append(f"driver {driver_version() or 'unknown'}")
    return found


def driver_version() -> str | None:
    """The NVIDIA driver's version, such as "535.104.05"; None where no driver is loaded."""
    if not DRIVER.exists():
        return None
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", DRIVER.read_text(encoding="utf-8"))
    return found[0] if found else None


def describe_precision(config: TrainConfig, device: torch.device) -> str:
    dtype = autocast_dtype(config, device)
    name = "float32" if dtype is None else f"autocast to {str(dtype).removeprefix('torch.')}"
    if device.type == "cpu":
        return name
    return f"{name}; float32 products in {'TF32' if config.tf32 else 'full'}"


def warn_of_device(device: torch.device) -> None:
    """What to know of a CPU where a GPU may be meant, and of a GPU's memory."""
    if device.type == "cuda":
        settings = [os.environ.get(f"PYTORCH_{name}ALLOC_CONF", "") for name in ("CUDA_", "")]
        if not any("expandable_segments:True" in setting for setting in settings):
            logger.info(
                "if memory runs out after hours although less was used before: start with "
                "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
            )
        return
    logger.warning("training on the CPU: fine for tests and small models, very slow for a full one")
    driver = driver_version()
    if torch.version.cuda is None and driver is not None:
        logger.warning(
            "this machine has an NVIDIA driver (%s), but this torch is a build without CUDA: "
            "install a CUDA build of torch to train on the GPU",
            driver,
        )
    elif torch.version.cuda is not None and not torch.cuda.is_available():
        logger.warning(
            "this torch is built for CUDA %s, but sees no GPU: %s",
            torch.version.cuda,
            "no NVIDIA driver is loaded"
            if driver is None
            else f"driver {driver} may be too old, or CUDA_VISIBLE_DEVICES hides the GPU",
        )


def warn_of_small_batch(config: TrainConfig, n_ranks: int) -> None:
    n_utterances = config.batch_size * config.accumulate * n_ranks
    if n_utterances < SMALLEST_BATCH:
        logger.warning(
            "a step of %d utterances is smaller than %d: losses will jump; raise train.batch_size, "
            "or train.accumulate where memory is short",
            n_utterances,
            SMALLEST_BATCH,
        )
