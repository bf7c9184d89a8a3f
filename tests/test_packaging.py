"""Installing with and without a compiler, and which module may import which."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = ["train", "finetune", "infer"]
SEARCH = """
import logging, torch
logging.basicConfig(level=logging.INFO)
from vits import alignment
print(alignment.__file__)
print(alignment.search(torch.zeros(1, 5, 2), torch.tensor([2]), torch.tensor([5])).tolist())
"""


def install(tmp_path: Path, **environment: str) -> Path:
    """Installs a copy of the checkout, as `pip install .` does but with no download.

    Returns the folder with the installed packages.
    """
    source, site = tmp_path / "source", tmp_path / "site"
    for name in ("pyproject.toml", "setup.py", "LICENSE"):
        source.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source)
    for name in ("vits", "hifigan"):
        unbuilt = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=unbuilt)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-build-isolation",
            "--no-deps",
            "--no-index",
            "--target",
            site,
            source,
        ],
        check=True,
        env=os.environ | environment,
    )
    return site


def run_search(site: Path, where: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(site)}
    environment.pop("VITS_ALIGNMENT", None)
    return subprocess.run(
        [sys.executable, "-c", SEARCH],
        cwd=where,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_install_without_a_compiler_works_and_searches_with_the_reference(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    nowhere = str(empty / "compiler")
    site = install(tmp_path, PATH=str(empty), CC=nowhere, CXX=nowhere)
    assert not list(site.rglob("*.so"))
    run = run_search(site, tmp_path)
    assert run.stdout.splitlines() == [str(site / "vits/alignment/__init__.py"), "[[1, 4]]"]
    assert "alignment backend: reference, because the compiled library is not there" in run.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
def test_install_with_a_compiler_builds_the_library_and_uses_it(tmp_path):
    site = install(tmp_path)
    assert (site / "vits/alignment/_search.so").exists()
    assert (site / "vits/alignment/search.cpp").exists()
    run = run_search(site, tmp_path)
    assert run.stdout.splitlines() == [str(site / "vits/alignment/__init__.py"), "[[1, 4]]"]
    assert "alignment backend: cpu, because the compiled library loaded" in run.stderr


def imported_by(source: Path) -> set[str]:
    """Top-level names of all that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(
                source.relative_to(ROOT).parts[0] if node.level else node.module.split(".")[0]
            )
    return names


@pytest.mark.parametrize("layer, above", [("hifigan", {"vits", *SCRIPTS}), ("vits", {*SCRIPTS})])
def test_imports_point_down_only(layer, above):
    sources = sorted((ROOT / layer).rglob("*.py"))
    assert sources
    wrong = {str(s.relative_to(ROOT)): found for s in sources if (found := imported_by(s) & above)}
    assert not wrong


def test_the_core_never_imports_what_stands_around_it():
    """Only commands do: they open other people's files, and write for their programs."""
    commands = {"train.py", "infer.py", "export_onnx.py", "extract_mel_spectrograms.py"}
    folders = ("hifigan", "hifigan/corpus", "vits", "vits/corpus", "vits/text", "vits/text/spoken")
    around = ("exchange", "export", "sources", "prepare", "doctor", "speaking", "serving")
    doors = ("vits/__init__.py", "vits/speak_only.py")  # to them, for a user
    core = [
        path
        for folder in (*folders, "vits/transfer")
        for path in sorted((ROOT / folder).glob("*.py"))
        if not (folder == "hifigan" and path.name in commands)
        and str(path.relative_to(ROOT)) not in doors
    ]
    assert len(core) > 60
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in core
        for line in path.read_text("utf-8").splitlines()
        if line.lstrip().startswith(("from ", "import "))
        and any(f".{package}" in line for package in around)
    ]
    assert not found


def test_every_file_of_the_program_is_shorter_than_300_lines():
    """So that each can be read in one sitting; one that grows past it is split by what it does."""
    folders = ("hifigan", "vits", "recipes", "benchmarks")
    sources = [*ROOT.glob("*.py"), *(s for name in folders for s in (ROOT / name).rglob("*.py"))]
    assert len(sources) > 200
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources
    }
    assert {name: n for name, n in lengths.items() if n >= 300} == {}


def test_nothing_outside_the_tests_imports_torchaudio():
    sources = [
        *(ROOT / "hifigan").rglob("*.py"),
        *(ROOT / "vits").rglob("*.py"),
        *ROOT.glob("*.py"),
    ]
    assert not [s for s in sources if "torchaudio" in imported_by(s)]


def test_building_imports_nothing_but_setuptools():
    assert imported_by(ROOT / "setup.py") <= {"setuptools", "os", "pathlib"}
