"""tile.cu and search.cu compiled for a GPU: by NVRTC, at first use, kept on disk for the next time.

NVRTC is a library that a CUDA build of torch brings along, as it does cuda.bindings; neither a
CUDA toolkit nor a compiler nor a GPU is needed. What is kept is named after all that it was made
from, so nothing in the folder is ever out of date, and appears under its name whole, so ranks that
start together each compile or find it, and never wait for each other.
"""

import hashlib
import logging
import os
import sys
import tempfile
from pathlib import Path

import torch

logger = logging.getLogger(__name__)

SOURCES = tuple(Path(__file__).with_name(name) for name in ("tile.cu", "search.cu"))
SCORE_TYPES = {torch.float32: "float", torch.float16: "float16", torch.bfloat16: "bfloat16"}


class CompileError(RuntimeError):
    """NVRTC refused; the message is one line, to go after "because"."""


def cubin(architecture: str, dtype: torch.dtype, symbols_adjoin: bool, folder: Path) -> bytes:
    """The kernel's machine code, from `folder` if it is there, else compiled and kept there.

    architecture: as "sm_90"; dtype: of the scores; symbols_adjoin: a frame's symbols lie side by
    side. Raises CompileError, or ImportError or RuntimeError without a usable NVRTC.
    A folder that cannot be written to is no error: the next process compiles again.
    """
    options = [
        f"--gpu-architecture={architecture}",
        "--std=c++17",
        "--fmad=false",  # there is nothing to fuse, and there must not be
        f"-DSCORE={SCORE_TYPES[dtype]}",
        f"-DSYMBOLS_ADJOIN={int(symbols_adjoin)}",
    ]
    source = joined(SOURCES)
    made_from = repr((source, options, nvrtc_version())).encode()
    path = folder / f"alignment-{hashlib.sha256(made_from).hexdigest()[:32]}.cubin"
    image = _read(path)
    if image is None:
        logger.info("compiling the alignment search for %s; this is done once", architecture)
        image = _compile(source, options)
        _keep(image, path)
    return image


def joined(sources: tuple[Path, ...]) -> bytes:
    """One source of several, whose messages name the files and lines that they come from."""
    return b"".join(b'#line 1 "%b"\n%b' % (s.name.encode(), s.read_bytes()) for s in sources)


def cache_folder() -> Path:
    """Where a user's programs keep what they can make again."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "vits-trainer"


def nvrtc_version() -> tuple[int, int]:
    from cuda.bindings import nvrtc

    result, major, minor = nvrtc.nvrtcVersion()
    _require(result, nvrtc)
    return major, minor


def _compile(source: bytes, options: list[str]) -> bytes:
    from cuda.bindings import nvrtc

    result, program = nvrtc.nvrtcCreateProgram(source, SOURCES[-1].name.encode(), 0, [], [])
    _require(result, nvrtc)
    (result,) = nvrtc.nvrtcCompileProgram(program, len(options), [o.encode() for o in options])
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = bytearray(size)
    nvrtc.nvrtcGetProgramLog(program, log)
    _require(result, nvrtc, log.decode(errors="replace").strip("\0\n "))
    result, size = nvrtc.nvrtcGetCUBINSize(program)
    _require(result, nvrtc)
    image = bytearray(size)
    _require(nvrtc.nvrtcGetCUBIN(program, image)[0], nvrtc)
    nvrtc.nvrtcDestroyProgram(program)
    return bytes(image)


def _require(result, nvrtc, log: str = "") -> None:
    if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        first = log.splitlines()[0] if log else ""
        raise CompileError(f"NVRTC: {result.name}{': ' if first else ''}{first}")


def _read(path: Path) -> bytes | None:
    """What `_keep` kept, if it is all there: a crash of the machine can leave a file empty."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, image = content[:32], content[32:]
    return image if hashlib.sha256(image).digest() == digest else None


def _keep(image: bytes, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not appearing_whole: other ranks write the same file now, each under a name of its own.
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            file.write(hashlib.sha256(image).digest() + image)
        os.replace(file.name, path)
    except OSError as error:
        logger.info("the compiled alignment search is not kept: %s", error)
