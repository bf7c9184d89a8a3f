"""Checkpoints in the original's format: written, read, and trained on from, to the bit."""

import dataclasses
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hifigan.atomic_file import NotSaved
from hifigan.checkpoint import write_checkpoint
from hifigan.discriminators import HifiganDiscriminators
from hifigan.errors import UserError
from hifigan.exchange.configs import official_config
from hifigan.exchange.names import discriminator_name, generator_name
from hifigan.exchange.official import write_official
from hifigan.exchange.recogniser import open_vocoder
from hifigan.generator import Generator
from hifigan.json_config import config_to_dict
from hifigan.optimization import make_optimizer
from hifigan.training_state import make_state
from hifigan.vocoder_config import VocoderConfig
from tests.checkpoint_contents import assert_same
from tests.conftest import REPOSITORY
from tests.exchange_original import (
    NARROW_1,
    NARROW_2,
    OriginalRun,
    give_gradients,
    narrow,
)

STEP, EPOCH = 12, 3


def networks(config: VocoderConfig, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    generator = Generator(config.audio.n_mels, config.generator)
    return generator, HifiganDiscriminators(config.discriminator)


def our_checkpoint(config: VocoderConfig) -> dict[str, Any]:
    """As training writes it, after two steps."""
    state = make_state(*networks(config), config.train, torch.device("cpu"))
    for seed in (1, 2):
        give_gradients(dict(state.generator.named_parameters()), seed)
        give_gradients(dict(state.discriminator.named_parameters()), seed)
        state.generator_optimizer.step()
        state.discriminator_optimizer.step()
    names = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer")
    parts = {name: getattr(state, name).state_dict() for name in names}
    return {"config": config_to_dict(config), "step": STEP, "epoch": EPOCH} | parts


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def save_original(folder: Path, run: OriginalRun, values: dict, steps: int = 7) -> Path:
    folder.mkdir(exist_ok=True)
    torch.save(run.g(), folder / f"g_{steps:08d}")
    torch.save(run.do(steps), folder / f"do_{steps:08d}")
    (folder / "config.json").write_text(json.dumps(values))
    return folder / f"g_{steps:08d}"


def shapes(state: dict[str, torch.Tensor]) -> list[tuple[str, torch.Size]]:
    return [(name, tensor.shape) for name, tensor in state.items()]


@pytest.mark.parametrize("values", [NARROW_1, NARROW_2])
def test_written_files_are_the_originals_in_names_orders_and_shapes(tmp_path, values) -> None:
    config = narrow(values)
    paths = write_official(tmp_path, our_checkpoint(config), config)
    assert [path.name for path in paths] == ["g_00000012", "do_00000012", "config.json"]
    g, do, original = load(paths[0]), load(paths[1]), OriginalRun(config)
    assert list(g) == ["generator"] and list(do) == list(original.do())
    assert shapes(g["generator"]) == shapes(original.generator.state_dict())
    assert shapes(do["mpd"]) == shapes(original.mpd.state_dict())
    assert shapes(do["msd"]) == shapes(original.msd.state_dict())
    assert (do["steps"], do["epoch"]) == (STEP, EPOCH)
    learning = {
        "optim_g": original.generator.parameters(),
        "optim_d": itertools.chain(original.msd.parameters(), original.mpd.parameters()),
    }
    for name, parameters in learning.items():
        state = do[name]["state"]
        assert [state[i]["exp_avg"].shape for i in state] == [p.shape for p in parameters]
        assert do[name]["param_groups"][0]["params"] == list(range(len(state)))
    described = json.loads(paths[2].read_text())
    assert (
        described
        == official_config(config)
        == values | {"discriminator": described["discriminator"]}
    )
    original.generator.load_state_dict(g["generator"])
    original.optim_g.load_state_dict(do["optim_g"])
    original.optim_d.load_state_dict(do["optim_d"])


def test_ours_comes_back_to_the_bit(tmp_path) -> None:
    config = narrow(NARROW_1)
    state = our_checkpoint(config)
    write_official(tmp_path, state, config)
    opened = open_vocoder(tmp_path, config)
    assert (opened.format, opened.step, opened.epoch) == ("HiFi-GAN", STEP, EPOCH)
    assert (opened.contents, opened.foreign_mel) == (None, None)
    assert opened.config == config
    assert_same(opened.generator, dict(state["generator"]))
    assert_same(opened.discriminator, dict(state["discriminator"]))
    for found, name in zip(
        opened.optimizers, ("generator_optimizer", "discriminator_optimizer"), strict=True
    ):
        assert_same(found["state"], state[name]["state"])
        group = state[name]["param_groups"][0]
        assert found["param_groups"] == [group | {"betas": tuple(group["betas"])}]


@pytest.mark.parametrize("values", [NARROW_1, NARROW_2])
def test_the_originals_comes_back_to_the_bit(tmp_path, values) -> None:
    config, run = narrow(values), OriginalRun(narrow(values))
    run.step(1)
    opened = open_vocoder(save_original(tmp_path / "theirs", run, values), config)
    assert (opened.step, opened.epoch) == (7, 3)
    state = {
        "step": opened.step,
        "epoch": opened.epoch,
        "generator": opened.generator,
        "discriminator": opened.discriminator,
        "generator_optimizer": opened.optimizers[0],
        "discriminator_optimizer": opened.optimizers[1],
    }
    g, do, _ = write_official(tmp_path / "again", state, config)
    assert_same(load(g), run.g())
    found, wanted = load(do), run.do()
    for name in ("mpd", "msd", "steps", "epoch"):
        assert_same(found[name], wanted[name])
    for name in ("optim_g", "optim_d"):
        for i, entry in wanted[name]["state"].items():
            assert found[name]["state"][i]["step"] == entry["step"]
            assert_same(found[name]["state"][i]["exp_avg"], entry["exp_avg"])
            assert_same(found[name]["state"][i]["exp_avg_sq"], entry["exp_avg_sq"])
        written = found[name]["param_groups"][0]
        assert {key: wanted[name]["param_groups"][0][key] for key in written} == written


def test_training_goes_on_from_the_originals_as_it_would_there(tmp_path) -> None:
    config, run = narrow(NARROW_1), OriginalRun(narrow(NARROW_1))
    run.step(1)
    run.step(2)
    opened = open_vocoder(save_original(tmp_path, run, NARROW_1), config)
    for optimizer in (run.optim_g, run.optim_d):  # ours rounds as one kernel does
        optimizer.param_groups[0] |= {"fused": True, "foreach": False}
    generator, discriminator = networks(config, seed=99)
    generator.load_state_dict(opened.generator)
    discriminator.load_state_dict(opened.discriminator)
    for network, moments in zip((generator, discriminator), opened.optimizers, strict=True):
        optimizer = make_optimizer(network.parameters(), config.train, config.train.lr)
        optimizer.load_state_dict(moments)
        give_gradients(dict(network.named_parameters()), 3)
        optimizer.step()
    run.step(3)
    ours = generator.state_dict()
    for name, weight in run.generator.state_dict().items():
        assert torch.equal(ours[generator_name(name, 2)], weight), name
    ours = discriminator.state_dict()
    for prefix, part in (("multi_period.", run.mpd), ("multi_scale.", run.msd)):
        for name, weight in part.named_parameters():
            assert torch.equal(ours[prefix + discriminator_name(name)], weight), name


def test_moments_of_torch_before_1_6_are_found_by_their_addresses(tmp_path) -> None:
    """They were counted by id(); and steps were whole numbers."""
    config, run = narrow(NARROW_1), OriginalRun(narrow(NARROW_1))
    run.step(1)
    path = save_original(tmp_path, run, NARROW_1)
    new, do = open_vocoder(path, config).optimizers, run.do()
    for name in ("optim_g", "optim_d"):
        group = do[name]["param_groups"][0]
        address = {i: 140000000000000 - 64 * i for i in group["params"]}
        do[name]["state"] = {
            address[i]: entry | {"step": int(entry["step"])}
            for i, entry in do[name]["state"].items()
        }
        kept = {k: group[k] for k in ("lr", "betas", "eps", "weight_decay", "amsgrad")}
        do[name]["param_groups"] = [kept | {"initial_lr": 0.0002, "params": list(address.values())}]
    torch.save(do, tmp_path / "do_00000007", _use_new_zipfile_serialization=False)
    assert_same(list(open_vocoder(path, config).optimizers), list(new))


def test_moments_that_belong_elsewhere_are_refused(tmp_path) -> None:
    config, run = narrow(NARROW_1), OriginalRun(narrow(NARROW_1))
    run.step(1)
    path = save_original(tmp_path, run, NARROW_1)

    def refused(change: Any, message: str) -> None:
        do = run.do()
        change(do)
        torch.save(do, tmp_path / "do_00000007")
        with pytest.raises(UserError, match=message) as caught:
            open_vocoder(path, config)
        assert str(caught.value).startswith(str(tmp_path / "do_00000007"))

    def swap(do: dict) -> None:
        do["optim_g"], do["optim_d"] = do["optim_d"], do["optim_g"]

    def cut(do: dict) -> None:
        del do["optim_g"]["state"][5]

    def reshape(do: dict) -> None:
        do["optim_d"]["state"][3]["exp_avg"] = torch.zeros(3)

    def sgd(do: dict) -> None:
        do["optim_g"]["param_groups"] = [{"params": [0], "lr": 1.0}]

    refused(swap, "weights, expected")
    refused(cut, "found nothing, expected AdamW's")
    refused(reshape, "exp_avg is not of float32")
    refused(sgd, "not the state of an AdamW")
    refused(lambda do: do.update(optim_g=None), "not the state of an AdamW")
    refused(lambda do: do.update(steps="7"), "steps is '7'")


def test_without_discriminators_the_generator_is_written_alone(tmp_path) -> None:
    config = narrow(NARROW_1)
    state = our_checkpoint(config)
    del state["discriminator"]
    paths = write_official(tmp_path, state, config)
    assert [path.name for path in paths] == ["g_00000012", "config.json"]
    opened = open_vocoder(tmp_path, config)
    assert (opened.discriminator, opened.optimizers, opened.step) == (None, None, STEP)


def test_another_optimizer_than_adamw_is_refused(tmp_path) -> None:
    config = narrow(NARROW_1)
    state = our_checkpoint(config)
    train = dataclasses.replace(config.train, optimizer="SGD", optimizer_options={})
    with pytest.raises(UserError, match="train.optimizer is SGD"):
        write_official(tmp_path, state, dataclasses.replace(config, train=train))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path) -> None:
    config = narrow(NARROW_1)
    state = our_checkpoint(config)
    first = write_official(tmp_path, state, config)
    before = [path.read_bytes() for path in first]
    with pytest.raises(UserError, match="g_00000012: is there already"):
        write_official(tmp_path, state, config)
    assert [path.read_bytes() for path in first] == before
    write_official(tmp_path, state | {"step": 13}, config)  # beside them, of the same vocoder
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="config.json: is of another vocoder"):
        write_official(tmp_path, state | {"step": 14}, config)
    assert len(list(tmp_path.iterdir())) == 5


def test_nothing_appears_that_came_back_otherwise(tmp_path, monkeypatch) -> None:
    config, save = narrow(NARROW_1), torch.save

    def save_wrongly(contents: dict, file: Any) -> None:
        if "generator" in contents:
            weights = contents["generator"]
            contents = {"generator": weights | {"conv_post.bias": weights["conv_post.bias"] + 1}}
        save(contents, file)

    monkeypatch.setattr(torch, "save", save_wrongly)
    with pytest.raises(NotSaved, match="g_00000012: not saved: it came back otherwise"):
        write_official(tmp_path, our_checkpoint(config), config)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "do_00000012"]


def export(*arguments: Path | str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "hifigan.exchange.official", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.mark.slow
def test_the_command_writes_a_run_and_refuses_a_voice(tmp_path) -> None:
    config = narrow(NARROW_1)
    state = our_checkpoint(config)
    average = {name: weight + 1 for name, weight in state["generator"].items()}
    state["ema"] = average
    run, out_dir = tmp_path / "run", tmp_path / "cp_hifigan"
    write_checkpoint(run / "checkpoints" / "step_00000012.pt", state)
    made = export(run, "--out_dir", out_dir)
    assert made.returncode == 0, made.stderr
    assert "a do_* goes on here alone" in made.stderr and "takes 80 mels alone" in made.stderr
    assert_same(open_vocoder(out_dir, config).generator, dict(state["generator"]))
    alone = export(run, "--out_dir", tmp_path / "alone", "--generator_only")
    assert alone.returncode == 0 and "moving average" not in alone.stderr
    assert_same(open_vocoder(tmp_path / "alone", config).generator, average)
    assert sorted(p.name for p in (tmp_path / "alone").iterdir()) == ["config.json", "g_00000012"]
    write_checkpoint(run / "checkpoints" / "step_00000013.pt", state | {"config": {"text": {}}})
    voice = export(run, "--out_dir", out_dir)
    assert voice.returncode == 2 and "a VITS voice" in voice.stderr
    assert voice.stderr.count("\n") == 1
