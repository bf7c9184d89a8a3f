"""The doctor on machines: what it says of this one, and of ones that lack something."""

import dataclasses

import pytest
import torch

from vits.doctor import self_tests
from vits.doctor.environment_checks import (
    GIB,
    device_findings,
    espeak_findings,
    examine_environment,
    room_findings,
    self_test_findings,
)
from vits.doctor.machine import Gpu, Machine, has_code_for, look
from vits.doctor.packages import Package, look_at, package_findings, package_table

GPU = Gpu("NVIDIA H100", (9, 0), 80 * GIB, 79 * GIB, is_built_for=True, has_bf16=True)
GOOD = Machine(
    system="Linux",
    python="3.11.7",
    torch="2.6.0",
    torch_cuda="12.4",
    driver="550.54.15",
    gpus=(GPU,),
    backend="cuda",
    backend_reason="the CUDA kernel loaded (sm_90)",
    backend_is_forced=False,
    n_cores=16,
    n_usable_cores=16,
    n_threads=16,
    omp=None,
    memory_bytes=128 * GIB,
    shared_bytes=64 * GIB,
    disk_bytes=500 * GIB,
    n_open_files=65536,
    encoding="UTF-8",
)
LACKS = [  # what is changed of a good machine, and what is found
    ({"gpus": (), "torch_cuda": None, "backend": "cpu"}, "torch_without_cuda", "error"),
    ({"gpus": (), "backend": "cpu"}, "no_gpu_seen", "warning"),
    ({"gpus": (), "torch_cuda": None, "driver": None, "backend": "cpu"}, "cpu_only", "note"),
    ({"gpus": (dataclasses.replace(GPU, is_built_for=False),)}, "gpu_not_supported", "error"),
    ({"gpus": (GPU, dataclasses.replace(GPU, free_bytes=9 * GIB))}, "gpu_in_use", "warning"),
    (
        {"gpus": (dataclasses.replace(GPU, total_bytes=4 * GIB, free_bytes=4 * GIB),)},
        "gpu_is_small",
        "warning",
    ),
    ({"gpus": (dataclasses.replace(GPU, has_bf16=False),)}, "no_bf16", "note"),
    ({"backend": "cpu"}, "slow_alignment", "warning"),
    ({"disk_bytes": 10 * GIB}, "little_disk", "warning"),
    ({"disk_bytes": GIB}, "little_disk", "error"),
    ({"shared_bytes": 64_000_000}, "little_shared_memory", "warning"),
    ({"memory_bytes": 3 * GIB}, "little_memory", "warning"),
    ({"n_open_files": 256}, "few_open_files", "warning"),
    ({"encoding": "ANSI_X3.4-1968"}, "locale_not_utf8", "warning"),
]


def findings(machine: Machine) -> list:
    return [*device_findings(machine), *room_findings(machine)]


def test_nothing_is_found_on_a_good_machine():
    assert findings(GOOD) == []
    unknown = {"shared_bytes": None, "memory_bytes": None, "n_open_files": None}
    assert findings(dataclasses.replace(GOOD, **unknown)) == []


@pytest.mark.parametrize("changes, kind, severity", LACKS, ids=[kind for _, kind, _ in LACKS])
def test_what_a_machine_lacks_is_found_and_nothing_else(changes, kind, severity):
    [finding] = findings(dataclasses.replace(GOOD, **changes))
    assert (finding.kind, finding.severity) == (kind, severity)
    assert finding.title and finding.why.endswith(".") and finding.fix


def test_a_forced_backend_is_said_to_be_forced():
    machine = dataclasses.replace(GOOD, backend="reference", backend_is_forced=True)
    [finding] = findings(machine)
    assert "VITS_ALIGNMENT" in finding.fix


def test_one_thread_matters_without_a_gpu_alone():
    one = dataclasses.replace(GOOD, n_threads=1, omp="1")
    assert findings(one) == []
    on_cpu = dataclasses.replace(one, gpus=(), torch_cuda=None, driver=None, backend="cpu")
    assert [finding.kind for finding in findings(on_cpu)] == ["cpu_only", "one_thread"]


@pytest.mark.parametrize(
    "capability, architectures, is_built_for",
    [
        ((8, 0), ["sm_80"], True),
        ((8, 6), ["sm_80"], True),
        ((8, 0), ["sm_86"], False),
        ((9, 0), ["sm_80", "compute_80"], True),
        ((9, 0), ["sm_80"], False),
        ((9, 0), ["sm_90a"], True),
        ((12, 0), ["sm_100", "sm_120"], True),
        ((6, 1), ["sm_75", "sm_80", "compute_90"], False),
        ((7, 5), [], True),
    ],
)
def test_code_for_a_gpu_runs_on_its_generation(capability, architectures, is_built_for):
    assert has_code_for(capability, architectures) is is_built_for


def test_every_part_passes_its_self_test():
    outcomes = self_tests.run_self_tests(("cpu",))
    assert [outcome for outcome in outcomes if outcome.fault] == []
    assert len(outcomes) == len(self_tests.TESTS) >= 10
    assert list(self_test_findings(outcomes)) == []


def test_self_tests_leave_the_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    self_tests.run_self_tests(("cpu",))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "target, fault",
    [
        ("vits.doctor.self_tests.Flow.inverse", lambda self, z, mask: z + 1),
        ("vits.doctor.self_tests.reference.search", lambda *_: torch.zeros(2, 7)),
        ("torch.fft.rfft", lambda wav: torch.zeros(33)),
        ("vits.doctor.self_tests.Generator.forward", lambda self, z: z * float("nan")),
    ],
)
def test_a_part_that_is_wrong_fails_its_self_test(monkeypatch, target, fault):
    monkeypatch.setattr(target, fault)
    failed = [outcome for outcome in self_tests.run_self_tests(("cpu",)) if outcome.fault]
    assert failed
    [finding] = self_test_findings(failed)
    assert (finding.kind, finding.severity) == ("self_test", "error")
    assert finding.cases[0].detail.startswith("on cpu: ")


def test_packages_that_are_missing_or_broken_are_told_apart(tmp_path, monkeypatch):
    (tmp_path / "broken_part.py").write_text("raise OSError('no libfoo.so')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    gone = Package("no_such_part", "no-such-part", "singing", "speaking")
    broken = Package("broken_part", "broken-part", "dancing", "walking")
    states = look_at((gone, broken))
    found = {finding.kind: finding for finding in package_findings([], states)}
    assert set(found) == {"package_optional", "package_broken"}
    assert "pip install no-such-part" in found["package_optional"].fix
    assert "for singing; without it works: speaking" in found["package_optional"].cases[0].detail
    assert "no libfoo.so" in found["package_broken"].cases[0].detail
    [missing] = package_findings(states[:1], [])
    assert (missing.kind, missing.severity) == ("package_missing", "error")
    assert package_table(states).rows[0][1] == "not installed"


def test_espeak_that_does_not_load_is_found():
    assert list(espeak_findings("")) == []
    [finding] = espeak_findings("espeak-ng does not load; run: pip install it")
    assert finding.kind == "espeak"


def test_this_machine_is_told(tmp_path):
    examination = examine_environment(tmp_path)
    facts = dict(examination.facts)
    assert torch.__version__ in facts["torch"]
    assert facts["cores"].endswith(f"of {look(tmp_path).n_cores}")
    assert [table.title for table in examination.tables] == ["Self-tests", "Packages"]
    assert "self_test" not in [finding.kind for finding in examination.findings]
