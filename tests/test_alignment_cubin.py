"""Compiling the CUDA kernel and falling back from it, without a GPU."""

import logging
import multiprocessing
import os
import sys
import types
from pathlib import Path

import pytest
import torch

from vits import alignment
from vits.alignment import cpu, cubin, cuda, search

ELF = b"\x7fELF"
# One of each generation; those that the NVRTC here does not know are left out.
ARCHITECTURES = (70, 75, 80, 86, 89, 90, 100, 120)


def known_architectures() -> list[int]:
    """What the installed NVRTC compiles for; nothing if there is none."""
    try:
        from cuda.bindings import nvrtc

        return [a for a in ARCHITECTURES if a in nvrtc.nvrtcGetSupportedArchs()[1]]
    except (ImportError, RuntimeError):
        return []


needs_nvrtc = pytest.mark.skipif(not known_architectures(), reason="no NVRTC")


@pytest.fixture
def on_gpu(monkeypatch, tmp_path):
    """Makes torch believe in an H100, and keeps cubins in tmp_path."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(cuda, "cache_folder", lambda: tmp_path)
    cuda.load.cache_clear()
    yield
    cuda.load.cache_clear()


def fake(monkeypatch, **modules: types.ModuleType) -> None:
    """Puts modules in place of those of cuda.bindings; what is not given is not there."""
    package = types.ModuleType("cuda.bindings")
    for name in ("driver", "nvrtc"):
        monkeypatch.delitem(sys.modules, f"cuda.bindings.{name}", raising=False)
        if name in modules:
            setattr(package, name, modules[name])
    monkeypatch.setitem(sys.modules, "cuda.bindings", package)


class Compiler(types.ModuleType):
    """An NVRTC that compiles everything to its own options, or refuses with a message."""

    nvrtcResult = types.SimpleNamespace(NVRTC_SUCCESS=types.SimpleNamespace(name="NVRTC_SUCCESS"))

    def __init__(self, refusal: str = "", version: tuple[int, int] = (13, 0)) -> None:
        super().__init__("nvrtc")
        self.refusal = refusal
        self.version = version
        self.n_compiled = 0
        self.ok = self.nvrtcResult.NVRTC_SUCCESS

    def nvrtcVersion(self):
        return self.ok, *self.version

    def nvrtcCreateProgram(self, source, name, n_headers, headers, names):
        return self.ok, object()

    def nvrtcCompileProgram(self, program, n_options, options):
        self.image = ELF + b" ".join(options)
        self.n_compiled += 1
        return (
            (types.SimpleNamespace(name="NVRTC_ERROR_COMPILATION") if self.refusal else self.ok),
        )

    def nvrtcGetProgramLogSize(self, program):
        return self.ok, len(self.refusal) + 1

    def nvrtcGetProgramLog(self, program, log):
        log[:] = self.refusal.encode() + b"\0"

    def nvrtcGetCUBINSize(self, program):
        return self.ok, len(self.image)

    def nvrtcGetCUBIN(self, program, image):
        image[:] = self.image
        return (self.ok,)

    def nvrtcDestroyProgram(self, program):
        pass


@needs_nvrtc
@pytest.mark.parametrize("architecture", known_architectures())
def test_the_kernel_compiles_for_every_generation_of_gpus(tmp_path, architecture):
    assert cubin.cubin(f"sm_{architecture}", torch.float32, True, tmp_path).startswith(ELF)


@needs_nvrtc
@pytest.mark.parametrize("dtype, symbols_adjoin", [(torch.float16, True), (torch.bfloat16, False)])
def test_the_kernel_compiles_for_every_kind_of_scores(tmp_path, dtype, symbols_adjoin):
    assert cubin.cubin("sm_90", dtype, symbols_adjoin, tmp_path).startswith(ELF)


@needs_nvrtc
def test_an_architecture_that_nvrtc_does_not_know_is_one_line(tmp_path):
    with pytest.raises(cubin.CompileError, match="^NVRTC: .*architecture.*$") as raised:
        cubin.cubin("sm_999", torch.float32, True, tmp_path)
    assert "\n" not in str(raised.value) and not list(tmp_path.iterdir())


def test_what_was_compiled_once_is_read_after_that(monkeypatch, tmp_path, caplog):
    compiler = Compiler()
    fake(monkeypatch, nvrtc=compiler)
    with caplog.at_level(logging.INFO):
        first, again = (cubin.cubin("sm_90", torch.float32, True, tmp_path) for _ in range(2))
    assert first == again == compiler.image and compiler.n_compiled == 1
    assert [r.message for r in caplog.records] == [
        "compiling the alignment search for sm_90; this is done once"
    ]


def test_whatever_the_code_depends_on_has_a_cubin_of_its_own(monkeypatch, tmp_path):
    compiler = Compiler()
    fake(monkeypatch, nvrtc=compiler)
    asked = [
        ("sm_90", torch.float32, True),
        ("sm_80", torch.float32, True),
        ("sm_90", torch.float16, True),
        ("sm_90", torch.float32, False),
    ]
    for one in asked:
        cubin.cubin(*one, tmp_path)
    compiler.version = (13, 1)
    cubin.cubin(*asked[0], tmp_path)
    other = tmp_path / "search.cu"
    other.write_bytes(cubin.SOURCES[-1].read_bytes() + b"\n")
    monkeypatch.setattr(cubin, "SOURCES", (*cubin.SOURCES[:-1], other))
    cubin.cubin(*asked[0], tmp_path)
    assert compiler.n_compiled == len(list(tmp_path.glob("*.cubin"))) == 6


@pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[:-1], lambda c: c + b"\0"])
def test_a_damaged_cubin_is_compiled_anew(monkeypatch, tmp_path, damage):
    compiler = Compiler()
    fake(monkeypatch, nvrtc=compiler)
    cubin.cubin("sm_90", torch.float32, True, tmp_path)
    (kept,) = tmp_path.glob("*.cubin")
    kept.write_bytes(damage(kept.read_bytes()))
    assert cubin.cubin("sm_90", torch.float32, True, tmp_path) == compiler.image
    assert cubin.cubin("sm_90", torch.float32, True, tmp_path) == compiler.image
    assert compiler.n_compiled == 2


def test_a_folder_that_cannot_be_written_to_costs_a_compilation_and_no_more(
    monkeypatch, tmp_path, caplog
):
    compiler = Compiler()
    fake(monkeypatch, nvrtc=compiler)
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            image = cubin.cubin("sm_90", torch.float32, True, in_the_way / "folder")
            assert image == compiler.image
    assert compiler.n_compiled == 2
    assert "the compiled alignment search is not kept" in caplog.text


def compile_at_once(folder: Path, start) -> None:
    sys.modules["cuda.bindings"] = types.ModuleType("cuda.bindings")
    sys.modules["cuda.bindings"].nvrtc = Compiler()
    for round_number in range(40):
        start.wait()
        image = cubin.cubin(f"sm_{round_number}", torch.float32, True, folder)
        assert image.startswith(ELF + f"--gpu-architecture=sm_{round_number} ".encode())


def test_ranks_that_start_together_do_not_wait_for_or_harm_each_other(tmp_path):
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)
    ranks = [context.Process(target=compile_at_once, args=(tmp_path, start)) for _ in range(4)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [0] * 4
    assert len(list(tmp_path.iterdir())) == 40  # and no file that one of them left half written


def broken(name: str) -> types.ModuleType:
    """A driver of which one function fails, as an old one does; the others answer with 0."""
    driver = types.ModuleType("driver")
    for function in (
        "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent", "cuCtxPopCurrent",
        "cuModuleLoadData", "cuModuleGetFunction",
    ):  # fmt: skip
        setattr(driver, function, lambda *arguments: (0, "result"))

    class Refusal(int):
        name = "CUDA_ERROR_NO_BINARY_FOR_GPU"

    setattr(driver, name, lambda *arguments: (Refusal(209), None))
    return driver


def drivers_and_reasons():
    missing = RuntimeError("Failure finding libnvrtc.so:\nnot here\nnor there")

    class NoLibrary(types.ModuleType):
        def nvrtcVersion(self):
            raise missing

    no_code = broken("cuModuleLoadData")
    return {
        "no bindings": ({}, "cuda.bindings"),
        "no NVRTC": ({"driver": no_code, "nvrtc": NoLibrary("nvrtc")}, "libnvrtc.so: not here"),
        "does not compile": (
            {"driver": no_code, "nvrtc": Compiler("search.cu(1): error: no\nmore")},
            "NVRTC_ERROR_COMPILATION: search.cu(1): error: no)",
        ),
        "does not load": (
            {"driver": no_code, "nvrtc": Compiler()},
            "the CUDA driver says CUDA_ERROR_NO_BINARY_FOR_GPU",
        ),
        "no context": (
            {"driver": broken("cuDevicePrimaryCtxRetain"), "nvrtc": Compiler()},
            "the CUDA driver says",
        ),
    }


@pytest.mark.parametrize("problem", drivers_and_reasons())
def test_whatever_fails_the_next_backend_is_taken_and_one_line_says_why(
    monkeypatch, on_gpu, problem
):
    modules, reason = drivers_and_reasons()[problem]
    fake(monkeypatch, **modules)
    monkeypatch.delenv(alignment.VARIABLE, raising=False)
    chosen = alignment.choose_backend(device=torch.device("cuda", 0))
    expected = "cpu" if cpu.load().functions is not None else "reference"
    assert chosen.name == expected
    assert chosen.reason.startswith("the CUDA kernel cannot be used (")
    assert reason in chosen.reason and "\n" not in chosen.reason
    with pytest.raises(alignment.UserError, match='"cuda" is not available .*cannot be used'):
        alignment.choose_backend("cuda", torch.device("cuda", 0))


def test_where_the_driver_takes_the_code_the_gpu_searches(monkeypatch, on_gpu):
    fake(monkeypatch, driver=broken("none of them"), nvrtc=Compiler())
    monkeypatch.delenv(alignment.VARIABLE, raising=False)
    chosen = alignment.choose_backend(device=torch.device("cuda", 0))
    assert (chosen.name, chosen.reason) == ("cuda", "the CUDA kernel loaded (sm_90)")
    assert alignment.available_backends(torch.device("cuda", 0))[0] == "cuda"


def test_scores_on_a_cpu_never_look_for_a_gpu(monkeypatch):
    monkeypatch.setattr(cuda, "load", lambda *arguments: pytest.fail("looked"))
    monkeypatch.delenv(alignment.VARIABLE, raising=False)
    assert alignment.choose_backend(device=torch.device("cpu")).name != "cuda"
    with pytest.raises(alignment.UserError, match="the scores are on the device cpu"):
        search(torch.zeros(1, 3, 2), torch.tensor([2]), torch.tensor([3]), "cuda")


@pytest.mark.parametrize(
    "environment, expected", [({"XDG_CACHE_HOME": "/x"}, "/x"), ({}, "/h/.cache")]
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has a place of its own")
def test_cubins_are_kept_where_a_user_keeps_caches(monkeypatch, environment, expected):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/h")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cubin.cache_folder() == Path(expected) / "vits-trainer"
