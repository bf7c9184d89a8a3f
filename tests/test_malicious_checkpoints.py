"""A stranger's checkpoint runs no code, whatever it holds."""

import ast
import io
import os
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hifigan.checkpoint import read_checkpoint
from hifigan.errors import UserError
from tests.conftest import REPOSITORY


class Calls:
    """Unpickled freely, it calls a function."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def pickled(function: Callable, *arguments: Any) -> bytes:
    stranger = {"config": {}, "generator": {}, "extra": Calls(function, *arguments)}
    return pickle.dumps(stranger, protocol=2)


def by_way_of_torch(command: str) -> bytes:
    """os.system, by a name that begins like one of torch's own."""
    texts = [text.encode() for text in ("torch.serialization", "os.system", command)]
    module, name, argument = (b"X" + len(text).to_bytes(4, "little") + text for text in texts)
    return b"\x80\x04" + module + name + b"\x93" + argument + b"\x85R."


PAYLOADS: dict[str, Callable[[Path], bytes]] = {  # each would make the file
    "os.system": lambda trace: pickled(os.system, f"touch {trace}"),
    "subprocess": lambda trace: pickled(subprocess.call, ["touch", str(trace)]),
    "exec": lambda trace: pickled(exec, f"open({str(trace)!r}, 'w')"),
    "eval": lambda trace: pickled(eval, f"open({str(trace)!r}, 'w') and None"),
    "method": lambda trace: pickled(Path.touch, trace),
    "by way of torch": lambda trace: by_way_of_torch(f"touch {trace}"),
}


def as_zip(payload: bytes, **more: bytes) -> bytes:
    """As torch writes checkpoints."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {"data.pkl": payload, "version": b"3", **more}.items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


def as_tar(payload: bytes) -> bytes:
    """As the first versions of torch did."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            archive.addfile(member, io.BytesIO(payload))
    return file.getvalue()


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": as_zip,
    "raw": bytes,
    "tar": as_tar,
    "a zip behind a raw one": lambda payload: payload + as_zip(payload),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("for_synthesis", [False, True])
def test_a_malicious_file_is_refused_and_executes_nothing(
    tmp_path, payload, container, for_synthesis
) -> None:
    path, trace = tmp_path / "voice.pt", tmp_path / "executed"
    path.write_bytes(CONTAINERS[container](PAYLOADS[payload](trace)))
    with pytest.raises(UserError, match="voice.pt: ") as caught:
        read_checkpoint(path, for_synthesis)
    assert str(caught.value).isprintable() and not trace.exists()
    if container == "zip":
        assert "holds more than tensors, numbers and texts" in str(caught.value)
    try:
        torch.load(path, weights_only=False)
    except Exception:  # when it is too late: there is nothing behind the payload
        pass
    assert trace.exists(), "the file was harmless, so the test says nothing"


def test_a_malicious_torchscript_archive_is_refused_and_executes_nothing(tmp_path) -> None:
    path, trace = tmp_path / "voice.pt", tmp_path / "executed"
    payload = PAYLOADS["os.system"](trace)
    path.write_bytes(as_zip(payload, **{"constants.pkl": payload}))
    with pytest.raises(UserError, match="voice.pt: "):
        read_checkpoint(path)
    assert not trace.exists()


def test_everything_in_the_code_is_loaded_with_weights_only() -> None:
    loads = [
        (path, call)
        for path in REPOSITORY.rglob("*.py")
        if path.relative_to(REPOSITORY).parts[0] not in (".venv", "build", "tests")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func)
        in ("torch.load", "pickle.load", "pickle.loads", "torch.jit.load", "joblib.load")
    ]
    assert loads, "no load found: the test looks at nothing"
    for path, call in loads:
        assert "weights_only=True" in map(ast.unparse, call.keywords), f"{path}:{call.lineno}"
