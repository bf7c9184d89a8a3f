"""Builds the one compiled part, the alignment search for CPUs; pyproject.toml says all the rest.

It is a plain shared library that is loaded with ctypes: building it needs a C++ compiler and
nothing of torch, and it serves every version of Python. Without a compiler the install succeeds
all the same, and the alignment falls back to its reference in torch.
"""

import os
from pathlib import PurePath

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class BuildSharedLibrary(build_ext):
    """Builds extensions as libraries without Python's naming and without its entry point."""

    def build_extension(self, ext: Extension) -> None:
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args = ["/std:c++17", "/O2", "/EHsc"]
        else:
            ext.extra_compile_args = ["-std=c++17", "-O3", "-fvisibility=hidden", "-pthread"]
            ext.extra_link_args = ["-pthread"] + (["-ldl"] if os.name == "posix" else [])
        super().build_extension(ext)

    def get_ext_filename(self, fullname: str) -> str:
        return f"{PurePath(*fullname.split('.'))}.so"  # the name that vits/alignment/cpu.py loads

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return ext.export_symbols  # marked in the source; there is no PyInit


setup(
    ext_modules=[
        Extension(
            "vits.alignment._search", ["vits/alignment/search.cpp"], language="c++", optional=True
        )
    ],
    cmdclass={"build_ext": BuildSharedLibrary},
)
