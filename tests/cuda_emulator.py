"""Builds and calls cuda_emulator.cpp: the kernel on the CPU, a GPU's freedoms taken by chance."""

import ctypes
import functools
import shutil
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from vits.alignment import cubin, cuda

COMPILER = shutil.which("c++")


class Emulator:
    """The kernel for each kind of scores, built in `folder` when it is first asked for."""

    def __init__(self, folder: Path, source: str = "") -> None:
        """source: of a kernel other than the one that is compiled for GPUs."""
        self.folder = folder
        self.source = folder / "kernel.cu"
        self.source.write_text(source or cubin.joined(cubin.SOURCES).decode(), encoding="utf-8")
        self.library = functools.cache(self._build)

    def _build(self, dtype: torch.dtype, symbols_adjoin: bool) -> ctypes.CDLL:
        score = cubin.SCORE_TYPES[dtype]
        path = self.folder / f"emulator_{score}_{int(symbols_adjoin)}.so"
        options = ["-std=c++17", "-O1", "-shared", "-fPIC", "-w", f"-DSCORE={score}"]
        options += ["-U_FORTIFY_SOURCE"]  # it forbids to jump from one stack to another
        options += ["-fsanitize=alignment", "-Wl,-z,undefs"]  # its one handler is the emulator's
        options += [
            f"-DSYMBOLS_ADJOIN={int(symbols_adjoin)}",
            f'-DSOURCE="{self.source}"',
            "-o",
            path,
        ]
        program = Path(__file__).with_name("cuda_emulator.cpp")
        subprocess.run([COMPILER, *options, program], check=True)
        library = ctypes.CDLL(str(path))
        library.emulate.restype = ctypes.c_char_p
        return library

    def search(
        self,
        scores: Tensor,
        text_lengths: Tensor,
        spec_lengths: Tensor,
        seed: int = 0,
        n_resident: int = 8,
    ) -> Tensor:
        """What cuda.search would return. seed: the order that threads run in; n_resident: how many
        blocks run at once.
        """
        launch = cuda.prepare(scores, text_lengths, spec_lengths)
        steps = launch.tensors[3]
        steps.random_(-(2**31), 2**31, generator=torch.Generator().manual_seed(seed))
        launch.durations.fill_(-77)  # so that what is not written shows
        library = self.library(scores.dtype, cuda.symbols_adjoin(scores))
        places = [ctypes.addressof(argument) for argument in launch.arguments]
        table = (ctypes.c_void_p * len(places))(*places)
        problem = library.emulate(table, launch.n_blocks, cuda.THREADS, n_resident, seed)
        assert not problem, problem.decode()
        return launch.durations
