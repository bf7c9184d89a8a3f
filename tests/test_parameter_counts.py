"""The sizes of all networks, to the unit, and which of their layers are weight-normed."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from hifigan.discriminators import (
    Discriminators,
    HifiganDiscriminators,
    PeriodDiscriminator,
    ScaleDiscriminator,
    vits_discriminators,
)
from hifigan.generator import Generator
from hifigan.json_config import read_config
from hifigan.vocoder_config import VocoderConfig
from hifigan.weight_norm import fold_weight_norm
from tests.conftest import REPOSITORY
from tests.tiny_model import TINY_DECODER, tiny_model
from vits.config import VitsConfig
from vits.model import VitsModel, make_model

BASE = REPOSITORY / "configs/base.json"


def n_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def weight_normed(module: nn.Module) -> set[str]:
    return {
        name
        for name, layer in module.named_modules()
        if parametrize.is_parametrized(layer, "weight")
    }


@pytest.fixture(scope="module")
def base() -> VitsConfig:
    return read_config(VitsConfig, BASE)


def base_model(config: VitsConfig) -> VitsModel:
    with torch.device("meta"):
        return make_model(config)


def test_generator_of_the_paper(base: VitsConfig) -> None:
    assert base.n_symbols == 178
    model = base_model(base)
    assert n_parameters(model) == 36_321_072
    fold_weight_norm(model)
    assert n_parameters(model) == 36_287_856


def test_discriminator_of_the_paper(base: VitsConfig) -> None:
    with torch.device("meta"):
        discriminators = vits_discriminators(base.discriminator)
    assert n_parameters(discriminators) == 46_747_132
    fold_weight_norm(discriminators)
    assert n_parameters(discriminators) == 46_730_118


@pytest.mark.parametrize("version, count", [("v1", 13_926_017), ("v2", 925_985), ("v3", 1_462_273)])
def test_generators_of_hifigan(version: str, count: int) -> None:
    config = read_config(VocoderConfig, REPOSITORY / f"configs/hifigan_{version}.json")
    with torch.device("meta"):
        generator = Generator(80, config.generator)
    fold_weight_norm(generator)
    assert n_parameters(generator) == count


def test_discriminators_of_hifigan() -> None:
    config = read_config(VocoderConfig, REPOSITORY / "configs/hifigan_v1.json")
    with torch.device("meta"):
        discriminators = HifiganDiscriminators(config.discriminator)
    fold_weight_norm(discriminators)
    assert round(n_parameters(discriminators.multi_period) / 1e6, 2) == 41.09
    assert round(n_parameters(discriminators.multi_scale) / 1e6, 2) == 29.61


def test_weight_norm_is_where_the_original_has_it(base: VitsConfig) -> None:
    model = base_model(base)
    wavenets = {"posterior_encoder.wavenet": 16} | {
        f"flow.couplings.{i}.wavenet": 4 for i in range(4)
    }
    expected = {
        f"{wavenet}.{layer}.{i}"
        for wavenet, n_layers in wavenets.items()
        for layer in ("gated", "residual_skip")
        for i in range(n_layers)
    }
    expected |= {f"decoder.stages.{stage}.upsample" for stage in range(4)}
    expected |= {
        f"decoder.stages.{stage}.resblocks.{resblock}.{layer}.{i}"
        for stage in range(4)
        for resblock in range(3)
        for layer in ("dilated", "plain")
        for i in range(3)
    }
    assert weight_normed(model) == expected


def test_weight_norm_of_speaker_conditions() -> None:
    conditions = {name for name in weight_normed(tiny_model(n_speakers=2)) if "condition" in name}
    assert conditions == {
        f"{part}.wavenet.condition"
        for part in ("posterior_encoder", "flow.couplings.0", "flow.couplings.1")
    }


def test_every_layer_of_the_discriminators_is_weight_normed(base: VitsConfig) -> None:
    with torch.device("meta"):
        discriminators = vits_discriminators(base.discriminator)
    layers = {
        name
        for name, layer in discriminators.named_modules()
        if isinstance(layer, (nn.Conv1d, nn.Conv2d))
    }
    assert weight_normed(discriminators) == layers and len(layers) == 7 + 5 * 6


def test_ends_of_the_generator_are_weight_normed_in_hifigan_only() -> None:
    assert {"input", "output"} <= weight_normed(Generator(8, TINY_DECODER))
    plain = Generator(8, TINY_DECODER, weight_norm_ends=False)
    assert not {"input", "output"} & weight_normed(plain)


@pytest.mark.parametrize("n_speakers", [0, 2])
def test_folding_keeps_the_output_and_is_idempotent(n_speakers: int) -> None:
    model = tiny_model(n_speakers)
    spec, lengths = torch.rand(2, 33, 20), torch.tensor([20, 15])
    speakers = torch.tensor([0, 1]) if n_speakers else None
    before = model.reconstruct(spec, lengths, speakers)
    fold_weight_norm(model)
    torch.testing.assert_close(
        model.reconstruct(spec, lengths, speakers), before, atol=1e-5, rtol=0
    )
    folded = {name: weight.clone() for name, weight in model.state_dict().items()}
    fold_weight_norm(model)
    assert not weight_normed(model)
    assert all(torch.equal(weight, folded[name]) for name, weight in model.state_dict().items())


def test_folding_discriminators_keeps_their_judgement() -> None:
    table = ((8, 15, 1, 1), (16, 41, 4, 4))
    discriminators = Discriminators(
        [
            PeriodDiscriminator(3, (8, 16, 32)),
            ScaleDiscriminator(table),
            ScaleDiscriminator(table, spectral_norm=True),
        ]
    ).eval()
    wav = torch.randn(2, 1, 1024)
    before = discriminators(wav)
    fold_weight_norm(discriminators)
    assert not weight_normed(discriminators)
    for judgement, expected in zip(discriminators(wav), before, strict=True):
        torch.testing.assert_close(judgement.scores, expected.scores, atol=1e-5, rtol=0)
