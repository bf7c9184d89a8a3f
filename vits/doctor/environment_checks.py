"""What the trainer runs on here: versions, devices, kernels, missing parts, room, self-tests."""

from collections.abc import Iterator
from pathlib import Path

import soundfile

from hifigan.errors import UserError
from vits.config import TextConfig
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Examination, Finding, Table
from vits.doctor.machine import Gpu, Machine, look
from vits.doctor.packages import (
    CUDA_COMPILER,
    OPTIONAL,
    REQUIRED,
    is_there,
    look_at,
    package_findings,
    package_table,
)
from vits.doctor.self_tests import Outcome, run_self_tests
from vits.text import describe_front_end

GIB = 2**30
LITTLE_DISK, NO_DISK = 20 * GIB, 2 * GIB  # a full-size checkpoint has about 1 GiB
LITTLE_SHARED = GIB  # less is what containers have by default
LITTLE_MEMORY = 6 * GIB
LITTLE_GPU = 6 * GIB
FREE_SHARE = 0.7  # of a GPU's memory; with less free, another program uses it
FEW_FILES = 1024


def examine_environment(folder: Path = Path(".")) -> Examination:
    """This machine and installation. folder: where runs are to be written."""
    machine = look(folder)
    required = look_at(REQUIRED)
    optional = look_at(OPTIONAL + (CUDA_COMPILER if machine.gpus else ()))
    outcomes = run_self_tests(("cpu", "cuda") if machine.gpus else ("cpu",))
    espeak, espeak_fault = _espeak()
    findings = [
        *self_test_findings(outcomes),
        *package_findings(required, optional),
        *espeak_findings(espeak_fault),
        *device_findings(machine),
        *room_findings(machine),
    ]
    tables = [
        _self_test_table(outcomes),
        package_table([*required, *optional]),
    ]
    return Examination(
        str(folder.resolve()), "environment", _facts(machine, espeak), findings, tables=tables
    )


def device_findings(machine: Machine) -> Iterator[Finding]:
    """About torch, its devices and the alignment search."""
    if machine.torch_cuda is None and machine.driver is not None:
        yield Finding(
            "torch_without_cuda",
            ERROR,
            f"this torch is for CPUs alone, but the machine has an NVIDIA driver "
            f"({machine.driver})",
            "Training would run on the CPU, many times slower than on the GPU.",
            "install a CUDA build of torch: see https://pytorch.org/get-started/locally",
        )
    elif machine.torch_cuda is not None and not machine.gpus:
        yield Finding(
            "no_gpu_seen",
            WARNING,
            f"this torch is built for CUDA {machine.torch_cuda}, but sees no GPU",
            "Training would run on the CPU, many times slower than on a GPU.",
            "load an NVIDIA driver, and start a container with --gpus all"
            if machine.driver is None
            else f"renew the driver ({machine.driver}), or look at CUDA_VISIBLE_DEVICES",
        )
    elif not machine.gpus:
        yield Finding(
            "cpu_only",
            NOTE,
            "there is no GPU: training runs on the CPU",
            "That is well for tests and small voices, and very slow for a full one.",
            "train configs/small.json here, or use a machine with an NVIDIA GPU for base.json",
        )
    for index, gpu in enumerate(machine.gpus):
        yield from _gpu_findings(index, gpu)
    yield from _alignment_findings(machine)


def _gpu_findings(index: int, gpu: Gpu) -> Iterator[Finding]:
    name = f"GPU {index} ({gpu.name})"
    if not gpu.is_built_for:
        yield Finding(
            "gpu_not_supported",
            ERROR,
            f"this torch has no code for {name}, capability {gpu.capability[0]}."
            f"{gpu.capability[1]}",
            'Every step would fail with "no kernel image is available".',
            "install another build of torch: see https://pytorch.org/get-started/locally",
        )
    if gpu.free_bytes < FREE_SHARE * gpu.total_bytes:
        yield Finding(
            "gpu_in_use",
            WARNING,
            f"of {gpu.total_bytes / GIB:.1f} GiB of {name} {gpu.free_bytes / GIB:.1f} are free",
            "Another program holds the rest, so that memory runs out early.",
            "end that program (nvidia-smi names it), or lower train.batch_size",
        )
    if gpu.total_bytes < LITTLE_GPU:
        yield Finding(
            "gpu_is_small",
            WARNING,
            f"{name} has {gpu.total_bytes / GIB:.1f} GiB of memory",
            "That is little for the full model.",
            "--set train.batch_size=4 --set train.accumulate=4 --set train.grad_checkpoint=true",
        )
    if not gpu.has_bf16:
        yield Finding(
            "no_bf16",
            NOTE,
            f"{name} has no bfloat16 and no TF32",
            "Mixed precision runs in fp16 there, which now and then skips a step.",
            'train.mixed_precision "fp16" works; "bf16" does not',
        )


def _alignment_findings(machine: Machine) -> Iterator[Finding]:
    best = "cuda" if machine.gpus else "cpu"
    if machine.backend == best:
        return
    if machine.backend_is_forced:
        fix = "take VITS_ALIGNMENT out of the environment, unless you mean it"
    elif best == "cuda":
        fix = "pip install cuda-bindings nvidia-cuda-nvrtc-cu12"
    else:
        fix = (
            "install a C++ compiler (such as: apt install g++), then the trainer again: "
            "pip install --force-reinstall --no-deps ."
        )
    yield Finding(
        "slow_alignment",
        WARNING,
        f'the alignment search runs as "{machine.backend}", not as "{best}"',
        f"It gives the same result more slowly, because {machine.backend_reason}.",
        fix,
    )


def room_findings(machine: Machine) -> Iterator[Finding]:
    """About disk, memory, threads, limits and the locale."""
    if machine.disk_bytes < LITTLE_DISK:
        yield Finding(
            "little_disk",
            ERROR if machine.disk_bytes < NO_DISK else WARNING,
            f"{machine.disk_bytes / GIB:.1f} GiB are free on this disk",
            "A full-size run keeps several checkpoints of about 1 GiB, and its samples.",
            "make room, or start where there is more; train.keep_last says how many are kept",
        )
    if machine.shared_bytes is not None and machine.shared_bytes < LITTLE_SHARED:
        yield Finding(
            "little_shared_memory",
            WARNING,
            f"{machine.shared_bytes / 1e6:.0f} MB of shared memory are free",
            "Loader processes hand batches over through it; without room they use slower pipes.",
            "start the container with --shm-size=8g, or --set train.num_workers=0",
        )
    if machine.memory_bytes is not None and machine.memory_bytes < LITTLE_MEMORY:
        yield Finding(
            "little_memory",
            WARNING,
            f"there are {machine.memory_bytes / GIB:.1f} GiB of memory",
            "The system may kill the training when it runs out.",
            "close other programs; --set train.num_workers=0 and a smaller train.batch_size help",
        )
    if machine.n_open_files is not None and machine.n_open_files < FEW_FILES:
        yield Finding(
            "few_open_files",
            WARNING,
            f"a process may open {machine.n_open_files} files at once",
            'Loading may end with "Too many open files".',
            "ulimit -n 4096",
        )
    if machine.n_threads == 1 and machine.n_usable_cores > 2 and not machine.gpus:
        yield Finding(
            "one_thread",
            NOTE,
            f"torch uses 1 thread of {machine.n_usable_cores} usable cores",
            "Training on the CPU is slower than it need be.",
            f"OMP_NUM_THREADS={machine.n_usable_cores}"
            if machine.omp
            else "see what limits it: OMP_NUM_THREADS and MKL_NUM_THREADS are not set",
        )
    if not machine.is_utf8:
        yield Finding(
            "locale_not_utf8",
            WARNING,
            f"the locale's encoding is {machine.encoding}, not UTF-8",
            "Names of files and texts with letters beyond English may be misread by programs.",
            "export LANG=C.UTF-8 (on Windows: set PYTHONUTF8=1)",
        )


def self_test_findings(outcomes: list[Outcome]) -> Iterator[Finding]:
    """Parts that do not run, or give what they should not."""
    failed = [outcome for outcome in outcomes if outcome.fault]
    if not failed:
        return
    yield Finding(
        "self_test",
        ERROR,
        f"{len(failed)} of {len(outcomes)} self-tests failed",
        "A part of the model does not work with what is installed here.",
        "install torch again, in the version of constraints.txt; if it stays, report this output",
        [
            Case(outcome.part, "", f"on {outcome.device}: {outcome.fault}", 1.0)
            for outcome in failed
        ],
        len(failed),
    )


def espeak_findings(fault: str) -> Iterator[Finding]:
    """Where its packages are installed, espeak itself may not load."""
    if fault:
        yield Finding(
            "espeak",
            WARNING,
            "espeak-ng does not load",
            'The front end "phonemes" cannot be used.',
            fault,
        )


def _espeak() -> tuple[str, str]:
    """What espeak says of itself, and what is wrong with it; both "" where it is not installed."""
    if not is_there("espeakng_loader"):
        return "", ""
    try:
        return describe_front_end(TextConfig("phonemes", "en-us", ("_",), True)), ""
    except UserError as error:
        return "", str(error)


def _self_test_table(outcomes: list[Outcome]) -> Table:
    rows = [
        (
            outcome.part,
            outcome.device,
            "failed" if outcome.fault else "passed",
            f"{1000 * outcome.seconds:.0f}",
        )
        for outcome in outcomes
    ]
    return Table("Self-tests", ("part", "device", "result", "milliseconds"), rows)


def _facts(machine: Machine, espeak: str) -> list[tuple[str, str]]:
    build = f"CUDA {machine.torch_cuda}" if machine.torch_cuda else "CPUs alone"
    devices = [
        f"GPU {i}: {gpu.name}, {gpu.total_bytes / GIB:.1f} GiB ({gpu.free_bytes / GIB:.1f} free), "
        f"capability {gpu.capability[0]}.{gpu.capability[1]}, "
        f"{'bf16 and TF32' if gpu.has_bf16 else 'fp16'}"
        for i, gpu in enumerate(machine.gpus)
    ]
    memory = f"{machine.memory_bytes / GIB:.1f} GiB" if machine.memory_bytes else "unknown"
    return [
        ("system", machine.system),
        ("Python", machine.python),
        ("torch", f"{machine.torch}, for {build}"),
        ("NVIDIA driver", machine.driver or "none"),
        ("devices", "; ".join(devices) or "the CPU"),
        ("alignment search", f"{machine.backend}, because {machine.backend_reason}"),
        ("cores", f"{machine.n_usable_cores} usable of {machine.n_cores}"),
        ("threads of torch", f"{machine.n_threads} (OMP_NUM_THREADS {machine.omp or 'not set'})"),
        ("memory", memory),
        ("free disk", f"{machine.disk_bytes / GIB:.1f} GiB"),
        ("libsndfile", soundfile.__libsndfile_version__),
        ("phonemes", espeak.removeprefix("phonemes by ") or "not installed"),
        ("encoding", machine.encoding),
    ]
