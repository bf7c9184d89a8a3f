"""The packages beside the trainer's own: which are here, whether they load, and what needs them."""

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass

from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding, Table


@dataclass(frozen=True)
class Package:
    module: str
    name: str  # for pip
    use: str  # what it is for
    without: str  # what works all the same; "" for what nothing works without


ALL = "everything"
REQUIRED = (
    Package("numpy", "numpy", "numbers", ""),
    Package("scipy", "scipy", "signal processing", ""),
    Package("soundfile", "soundfile", "reading and writing recordings", ""),
    Package("soxr", "soxr", "changing the sample rate", ""),
    Package("safetensors", "safetensors", "voices of Hugging Face", ""),
    Package("PIL", "pillow", "pictures of mels and alignments", ""),
    Package("tqdm", "tqdm", "progress bars", ""),
    Package("tensorboard", "tensorboard", "curves for TensorBoard", ""),
)
OPTIONAL = (
    Package(
        "espeakng_loader",
        "espeakng-loader",
        'text.front_end "phonemes"',
        'training on letters: text.front_end "characters"',
    ),
    Package(
        "num2words",
        "num2words",
        "numbers in words in most languages",
        "texts whose numbers are written in words; English and Bulgarian",
    ),
    Package(
        "pyloudnorm",
        "pyloudnorm",
        "python -m vits.prepare --loudness",
        "python -m vits.prepare without --loudness",
    ),
    Package("onnx", "onnx", "export to ONNX and Piper", "training and speaking with infer.py"),
    Package(
        "onnxruntime",
        "onnxruntime",
        "checking and speaking exported voices",
        "training and speaking with infer.py",
    ),
    Package("starlette", "starlette", "python -m vits.serving", "speaking with infer.py"),
    Package("uvicorn", "uvicorn", "python -m vits.serving", "speaking with infer.py"),
    Package("torchaudio", "torchaudio", "a second opinion in the project's tests", ALL),
)
CUDA_COMPILER = (  # on a machine with a GPU
    Package(
        "cuda.bindings",
        "cuda-bindings",
        "the fast alignment search on a GPU",
        "training, with the alignment searched on the CPU",
    ),
)


@dataclass(frozen=True)
class State:
    package: Package
    version: str  # "" where it is not installed
    fault: str  # why it does not load; "" where it does


def look_at(packages: tuple[Package, ...]) -> list[State]:
    """Import each one: a package can be installed and not load."""
    return [_look(package) for package in packages]


def package_findings(required: list[State], optional: list[State]) -> list[Finding]:
    """What is missing, and what is there and does not load."""
    findings = []
    lost = [state for state in required if not state.version or state.fault]
    if lost:
        names = " ".join(state.package.name for state in lost)
        findings.append(
            Finding(
                "package_missing",
                ERROR,
                f"{len(lost)} needed {_packages(len(lost))} missing or broken",
                "The trainer does not work without them.",
                f"pip install --force-reinstall {names}",
                [_case(state) for state in lost],
                len(lost),
            )
        )
    broken = [state for state in optional if state.version and state.fault]
    if broken:
        names = " ".join(state.package.name for state in broken)
        findings.append(
            Finding(
                "package_broken",
                WARNING,
                f"{len(broken)} {_packages(len(broken))} installed, but not loading",
                "What needs them fails, although they seem to be there.",
                f"pip install --force-reinstall {names}; or remove them, if you do not need them",
                [_case(state) for state in broken],
                len(broken),
            )
        )
    absent = [s for s in optional if not s.version and s.package.without != ALL]
    if absent:
        names = " ".join(state.package.name for state in absent)
        findings.append(
            Finding(
                "package_optional",
                NOTE,
                f"{len(absent)} optional {_packages(len(absent))} not installed",
                "Only what is named here needs them; all else works.",
                f"if you need them: pip install {names}",
                [_case(state) for state in absent],
                len(absent),
            )
        )
    return findings


def package_table(states: list[State]) -> Table:
    """Every package with its version and its use."""
    rows = [
        (
            state.package.name,
            state.version or "not installed",
            state.package.use,
            state.package.without or "nothing",
        )
        for state in states
    ]
    return Table("Packages", ("package", "version", "for", "works without it"), rows)


def is_there(module: str) -> bool:
    """Whether a module is installed, without loading it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that would hold it
        return False


def _look(package: Package) -> State:
    if not is_there(package.module):
        return State(package, "", "")
    try:
        version = importlib.metadata.version(package.name)
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    try:
        importlib.import_module(package.module)
    except Exception as error:  # a broken package can raise anything while it loads
        return State(package, version, " ".join(f"{type(error).__name__}: {error}".split())[:200])
    return State(package, version, "")


def _packages(n: int) -> str:
    return "package is" if n == 1 else "packages are"


def _case(state: State) -> Case:
    package = state.package
    detail = state.fault or f"for {package.use}"
    if package.without and not state.fault:
        detail += f"; without it works: {package.without}"
    return Case(package.name, "", detail, 1.0)
