"""Damaged and malicious vocoder files end in one line, and run nothing."""

import json
import os
import random
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from hifigan.errors import UserError
from hifigan.exchange.recogniser import open_vocoder
from tests.checkpoint_contents import assert_same
from tests.exchange_original import NARROW_2, OriginalRun, narrow
from tests.test_malicious_checkpoints import CONTAINERS, PAYLOADS

N_FLIPS = 100


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory) -> Path:
    """A folder with a g_* and its config."""
    folder = tmp_path_factory.mktemp("vocoder")
    (folder / "config.json").write_text(json.dumps(NARROW_2))
    torch.save(OriginalRun(narrow(NARROW_2)).g(), folder / "g_00000001")
    return folder


def opened_or_refused(path: Path) -> Any:
    """The weights, or None where a UserError of one line says that there are none."""
    try:
        return open_vocoder(path).generator
    except UserError as error:
        assert str(error).startswith(f"{path}: ") and str(error).isprintable(), str(error)
        return None


def test_flipped_bytes_never_give_wrong_weights(vocoder) -> None:
    whole = (vocoder / "g_00000001").read_bytes()
    wanted, path = open_vocoder(vocoder / "g_00000001").generator, vocoder / "generator"
    draw, n_refused = random.Random(0), 0
    for _ in range(N_FLIPS):
        place = draw.randrange(len(whole))
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :]
        )
        found = opened_or_refused(path)
        n_refused += found is None
        if found is not None:
            assert_same(found, wanted)
    assert n_refused > N_FLIPS / 2


def test_cut_files_are_refused(vocoder) -> None:
    whole = (vocoder / "g_00000001").read_bytes()
    path, draw = vocoder / "generator", random.Random(1)
    for length in (
        0,
        1,
        3,
        4,
        30,
        *(draw.randrange(len(whole)) for _ in range(40)),
        len(whole) - 1,
    ):
        path.write_bytes(whole[:length])
        assert opened_or_refused(path) is None, length


def test_damage_of_files_without_checksums_ends_in_one_line(vocoder) -> None:
    """Their numbers may be wrong, as nothing tells; their names and shapes may not."""
    path = vocoder / "generator"
    contents = OriginalRun(narrow(NARROW_2)).g()
    torch.save(contents, path, _use_new_zipfile_serialization=False)
    whole, draw, n_refused = path.read_bytes(), random.Random(2), 0
    pickled = whole.index(b"conv_pre.bias"), whole.rindex(b"cpuq")
    places = [draw.randrange(len(whole)) for _ in range(30)]
    places += [draw.randrange(*sorted(pickled)) for _ in range(N_FLIPS)]
    for place in places:
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :]
        )
        n_refused += opened_or_refused(path) is None
    for _ in range(20):
        path.write_bytes(whole[: draw.randrange(len(whole))])
        assert opened_or_refused(path) is None
    assert n_refused > N_FLIPS / 4


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_malicious_file_is_refused_and_executes_nothing(tmp_path, payload, container) -> None:
    path, trace = tmp_path / "g_00000001", tmp_path / "executed"
    path.write_bytes(CONTAINERS[container](PAYLOADS[payload](trace)))
    assert opened_or_refused(path) is None and not trace.exists()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_malicious_do_beside_a_good_g_executes_nothing(vocoder, tmp_path, payload) -> None:
    for name in ("g_00000001", "config.json"):
        (tmp_path / name).write_bytes((vocoder / name).read_bytes())
    (tmp_path / "do_00000001").write_bytes(CONTAINERS["zip"](PAYLOADS[payload](tmp_path / "trace")))
    with pytest.raises(UserError, match="do_00000001: holds more than tensors"):
        open_vocoder(tmp_path)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("g_00000001", b"", "is empty"),
        ("g_00000001", b"to be or not to be, that is the question", "damaged, or no torch file"),
        ("voice.onnx", b"\x08\x07", "of the kind .onnx, expected"),
        ("model.safetensors", b"{}", "of the kind .safetensors, expected"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        open_vocoder(tmp_path / name)


def test_a_missing_file_is_told(tmp_path) -> None:
    with pytest.raises(UserError, match="no such checkpoint"):
        open_vocoder(tmp_path / "g_00000001")


class AttrDict(dict):
    """As the class of Coqui's first versions, whose configs went into their files."""

    def __setstate__(self, state: Any) -> None:
        os.environ["HIFIGAN_TEST_EXECUTED"] = "yes"


@pytest.mark.parametrize("name", ["TTS.utils.io", "TTS.utils.generic_utils"])
def test_coquis_pickled_config_is_passed_over_unopened(tmp_path, monkeypatch, name) -> None:
    weights = OriginalRun(narrow(NARROW_2)).g()["generator"]
    config = AttrDict(model="hifigan", audio=AttrDict(num_mels=6))
    config.a_state = True  # so that it is built with one
    module = types.ModuleType(name)
    module.AttrDict = AttrDict
    for parent in ("TTS", "TTS.utils"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(AttrDict, "__module__", name)
    contents = {"model": weights, "config": config, "step": 5, "epoch": 1}
    torch.save(contents, tmp_path / "model.pth")
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.delenv("HIFIGAN_TEST_EXECUTED", raising=False)
    (tmp_path / "config.json").write_text(json.dumps(NARROW_2))
    opened = open_vocoder(tmp_path / "model.pth")
    assert opened.format == "Coqui" and opened.step == 5
    assert "HIFIGAN_TEST_EXECUTED" not in os.environ and name not in sys.modules


def test_piper_is_recognised_through_its_paths(tmp_path) -> None:
    contents = {
        "state_dict": {"model_g.dec.conv_pre.bias": torch.zeros(2)},
        "hyper_parameters": {"dataset": [Path("/data/voice")]},
    }
    torch.save(contents, tmp_path / "epoch=1.ckpt")
    with pytest.raises(UserError, match="a Piper model"):
        open_vocoder(tmp_path / "epoch=1.ckpt")
