"""Every vocoder that is recognised loads whole, and every other file is refused by its name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.exchange.configs import from_values, official_config
from hifigan.exchange.names import generator_table, multi_period_table, multi_scale_table
from hifigan.exchange.recogniser import open_vocoder
from hifigan.exchange.weights import discriminator_layout, generator_layout
from hifigan.generator import Generator
from hifigan.json_config import read_config
from hifigan.vocoder_config import VocoderConfig
from tests.checkpoint_contents import assert_same
from tests.conftest import REPOSITORY
from tests.exchange_original import (
    NARROW_1,
    NARROW_2,
    V1,
    V3,
    OriginalGenerator,
    OriginalRun,
    narrow,
    over_ddp,
    saved,
)
from tests.recorded import assert_close, recording


def newer(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Under the names of torch's parametrizations."""
    ends = {"weight_g": "original0", "weight_v": "original1"}
    return {
        f"{layer}.parametrizations.weight.{ends[end]}" if end in ends else f"{layer}.{end}": w
        for name, w in weights.items()
        for layer, _, end in [name.rpartition(".")]
    }


def folded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """As after remove_weight_norm()."""
    made = {name: w for name, w in weights.items() if name.endswith("bias")}
    for name in weights:
        if name.endswith("weight_v"):
            layer, v = name.removesuffix(".weight_v"), weights[name]
            made[f"{layer}.weight"] = (
                weights[f"{layer}.weight_g"] * v / v.norm(dim=(1, 2), keepdim=True)
            )
    return made


def same(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return weights


def vocode(opened: Any, mel: Tensor) -> Tensor:
    generator = Generator(opened.config.audio.n_mels, opened.config.generator)
    generator.load_state_dict(opened.generator)
    with torch.no_grad():
        return generator(mel)


@pytest.mark.parametrize("way", [same, newer, folded, over_ddp])
@pytest.mark.parametrize("version", ["generator_v1", "generator_v2", "generator_v3"])
def test_the_recorded_generators_sound_as_recorded(tmp_path, version, way) -> None:
    original = recording("original_hifigan")
    numbers = original[version]
    config = (V3 if version == "generator_v3" else V1) | numbers["config"]
    weights = {"generator": way(numbers["state_dict"])}
    opened = open_vocoder(saved(tmp_path / version, weights, config))
    assert (opened.format, opened.step, opened.epoch) == ("HiFi-GAN", 0, 0)
    assert (opened.discriminator, opened.optimizers, opened.foreign_mel) == (None, None, None)
    assert_close(vocode(opened, original["mel"]["fmax_8000"]), numbers["wav_hat"])


def test_a_channel_of_zeros_stays_zero_where_weight_norm_was_removed(tmp_path) -> None:
    config = narrow(NARROW_1)
    weights = folded(OriginalRun(config).generator.state_dict())
    weights["ups.1.weight"][2] = 0
    weights = {name: w.detach() for name, w in weights.items()}
    opened = open_vocoder(saved(tmp_path / "g_00000001", {"generator": weights}, NARROW_1))
    generator = Generator(6, config.generator)
    generator.load_state_dict(opened.generator)
    torch.testing.assert_close(
        generator.stages[1].upsample.weight.detach(), weights["ups.1.weight"]
    )


def test_a_file_of_torch_before_1_6_and_one_of_half_the_size_are_read(tmp_path) -> None:
    weights = OriginalRun(narrow(NARROW_1)).g()
    new = open_vocoder(saved(tmp_path / "g_00000001", weights, NARROW_1)).generator
    path = saved(tmp_path / "g_00000002", weights, _use_new_zipfile_serialization=False)
    assert_same(open_vocoder(path).generator, new)
    halves = {name: w.half() for name, w in weights["generator"].items()}
    half = open_vocoder(saved(tmp_path / "g_00000003", {"generator": halves})).generator
    assert_same(half, {name: w.half().float() for name, w in new.items()})


@pytest.mark.parametrize("values", [NARROW_1, NARROW_2])
def test_the_tables_name_each_tensor_of_our_networks_once(values) -> None:
    config = narrow(values)
    generator = generator_table(config.generator).values()
    assert sorted(generator) == sorted(generator_layout(config).shapes)
    mpd, msd = multi_period_table(config.discriminator), multi_scale_table(config.discriminator)
    ours = discriminator_layout(config).shapes
    assert sorted([*mpd.values(), *msd.values()]) == sorted(ours)


def test_opening_draws_no_random_numbers(tmp_path) -> None:
    run = OriginalRun(narrow(NARROW_1))
    saved(tmp_path / "do_00000001", run.do())
    path = saved(tmp_path / "g_00000001", run.g(), NARROW_1)
    before = torch.get_rng_state()
    open_vocoder(path, narrow(NARROW_1))
    assert torch.equal(torch.get_rng_state(), before)


def pair(folder: Path, number: int, seed: int = 0, do: bool = True) -> OriginalRun:
    run = OriginalRun(narrow(NARROW_1), seed)
    run.step(1)
    saved(folder / f"g_{number:08d}", run.g(), NARROW_1)
    if do:
        saved(folder / f"do_{number:08d}", run.do(steps=number, epoch=1))
    return run


def test_the_newest_pair_of_a_folder_by_number_is_taken(tmp_path) -> None:
    config = narrow(NARROW_1)
    pair(tmp_path, 900000000)
    run = pair(tmp_path, 1000000000, seed=1)
    opened = open_vocoder(tmp_path, config)
    assert opened.path == tmp_path / "g_1000000000"
    assert (opened.step, opened.epoch) == (1000000000, 1)
    assert torch.equal(opened.generator["input.bias"], run.generator.conv_pre.bias)
    assert opened.discriminator and opened.optimizers


def test_a_generator_alone_is_fine(tmp_path) -> None:
    pair(tmp_path, 5, do=False)
    opened = open_vocoder(tmp_path)
    assert (opened.step, opened.discriminator, opened.optimizers) == (5, None, None)


def test_a_newer_generator_without_its_do_is_told_and_passed_over(tmp_path, caplog) -> None:
    pair(tmp_path, 5)
    pair(tmp_path, 9, do=False)
    assert open_vocoder(tmp_path, narrow(NARROW_1)).step == 5
    assert "g_00000009: has no do_* beside it" in caplog.text
    assert open_vocoder(tmp_path / "g_00000009").step == 9


def test_for_synthesis_the_discriminators_stay_closed(tmp_path) -> None:
    pair(tmp_path, 5)
    (tmp_path / "do_00000005").write_bytes(b"damaged")
    opened = open_vocoder(tmp_path, for_synthesis=True)
    assert (opened.step, opened.discriminator) == (5, None)
    with pytest.raises(UserError, match="do_00000005: damaged"):
        open_vocoder(tmp_path)


def test_a_download_of_the_original_is_found_in_its_folder(tmp_path) -> None:
    saved(tmp_path / "generator_v1", OriginalRun(narrow(NARROW_1)).g(), NARROW_1)
    assert open_vocoder(tmp_path).path == tmp_path / "generator_v1"


def test_without_weight_norm_the_optimizers_are_left_out_and_it_is_told(tmp_path, caplog) -> None:
    run = pair(tmp_path, 5)
    saved(tmp_path / "g_00000005", {"generator": folded(run.g()["generator"])})
    opened = open_vocoder(tmp_path, narrow(NARROW_1))
    assert opened.discriminator is not None and opened.optimizers is None
    assert "weight norm was removed" in caplog.text


def test_a_folder_without_a_vocoder_says_what_it_has(tmp_path) -> None:
    for name, message in (
        ("do_00000005", "do_*), but no generator"),
        ("readme.txt", "of those there: do_00000005, readme.txt"),
    ):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(UserError) as caught:
            open_vocoder(tmp_path)
        assert message in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="the folder has no files"):
        open_vocoder(tmp_path / "empty")


def test_a_config_is_looked_for_beside_and_then_among_the_arguments(tmp_path) -> None:
    config = narrow(NARROW_1)
    path = saved(tmp_path / "g_00000001", OriginalRun(config).g())
    with pytest.raises(UserError, match="no config.json beside it; .* pass it with -c"):
        open_vocoder(path)
    assert open_vocoder(path, config).config == config
    (tmp_path / "config_v1.json").write_text(json.dumps(NARROW_1))
    assert open_vocoder(path).config == from_values(NARROW_1, "")[0]
    (tmp_path / "config_v2.json").write_text(json.dumps(V1))
    with pytest.raises(UserError, match="several configs .*config_v1.json, config_v2.json"):
        open_vocoder(path)
    assert open_vocoder(path, config).config == config


def test_the_first_setting_in_which_two_configs_differ_is_named(tmp_path) -> None:
    path = saved(tmp_path / "g_00000001", OriginalRun(narrow(NARROW_1)).g(), NARROW_1)
    with pytest.raises(UserError) as caught:
        open_vocoder(path, narrow(NARROW_2))
    assert "generator.resblock is 1 by its own config, but 2 in the one given" in str(caught.value)
    more_mels = narrow(NARROW_1 | {"num_mels": 7})
    with pytest.raises(UserError, match="audio.n_mels is 6 by its own config, but 7"):
        open_vocoder(path, more_mels)


def test_weights_that_do_not_fit_are_named(tmp_path) -> None:
    weights = OriginalRun(narrow(NARROW_1)).g()["generator"]

    def refused(change: dict[str, Tensor | None], *told: str) -> None:
        changed = {k: v for k, v in (weights | change).items() if v is not None}
        path = saved(tmp_path / "g_00000001", {"generator": changed}, NARROW_1)
        with pytest.raises(UserError) as caught:
            open_vocoder(path)
        for text in (f"{path}: ", "generator", *told):
            assert text in str(caught.value)
        assert str(caught.value).isprintable()

    refused({"conv_post.bias": None}, "lacks output.bias")
    refused({"conv_past.bias": torch.zeros(1)}, "has unknown conv_past.bias")
    refused({"conv_past\n.bias": torch.zeros(1)}, r"has unknown 'conv_past\n.bias'")
    refused({"ups.0.bias": torch.zeros(3)}, "misfits: ups.0.bias [3] for [4]")
    refused({"ups.0.bias": torch.zeros(4).double()}, "is no float32: ups.0.bias")
    refused({"ups.0.bias": torch.zeros(4).to_sparse()}, "is no float32: ups.0.bias")
    refused(
        {"ups.0.parametrizations.weight.original0": weights["ups.0.weight_g"]},
        "ups.0.weight_g and ups.0.parametrizations.weight.original0 are the same weight",
    )
    path = saved(tmp_path / "g_00000001", {"generator": weights}, NARROW_2)
    with pytest.raises(UserError, match="has unknown resblocks.0.convs1.2.bias, .* and 45 more"):
        open_vocoder(path)


def test_the_shipped_configs_fit_the_originals_networks() -> None:
    """V1 to V3 in full width: each weight has the original's name and shape."""
    for version in (1, 2, 3):
        config = read_config(VocoderConfig, REPOSITORY / f"configs/hifigan_v{version}.json")
        original = OriginalGenerator(config.audio.n_mels, config.generator).state_dict()
        table, ours = generator_table(config.generator), generator_layout(config).shapes
        assert list(original) == list(table)
        assert {table[name]: w.shape for name, w in original.items()} == ours
        assert official_config(config)["num_mels"] == 80
