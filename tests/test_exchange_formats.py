"""Ours, Coqui's and bshall's vocoders are read, and every other file is refused by its name."""

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor

from hifigan.checkpoint import write_checkpoint
from hifigan.discriminators import HifiganDiscriminators
from hifigan.errors import UserError
from hifigan.exchange.configs import from_values
from hifigan.exchange.defaults import bshall_values
from hifigan.exchange.recogniser import open_vocoder
from hifigan.exchange.weights import discriminator_layout
from hifigan.generator import Generator
from hifigan.json_config import config_to_dict
from hifigan.vocoder_config import VocoderConfig
from tests.checkpoint_contents import assert_same
from tests.exchange_original import (
    NARROW_1,
    NARROW_2,
    OriginalGenerator,
    OriginalRun,
    give_gradients,
    narrow,
    over_ddp,
    saved,
)
from tests.test_exchange_configs import COQUI

COQUI_NARROW = COQUI | {
    "generator_model_params": {
        "upsample_factors": [16, 16],
        "upsample_kernel_sizes": [32, 32],
        "upsample_initial_channel": 8,
        "resblock_kernel_sizes": [3, 5],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 2, 4]],
        "resblock_type": "1",
    },
    "audio": COQUI["audio"] | {"num_mels": 6},
}


def coqui() -> dict[str, Any]:
    run = OriginalRun(narrow(NARROW_1))
    weights = {f"model_g.{k}": v for k, v in run.g()["generator"].items()}
    for part, network in (("mpd", run.mpd), ("msd", run.msd)):
        weights |= {f"model_d.{part}.{k}": v for k, v in network.state_dict().items()}
    return {"model": weights, "optimizer": [{}, {}], "scheduler": [], "step": 4, "epoch": 2}


def test_coquis_is_read_with_its_discriminators(tmp_path) -> None:
    config = narrow(NARROW_1)
    path = saved(tmp_path / "best_model.pth", coqui(), COQUI_NARROW)
    opened = open_vocoder(path, config)
    assert (opened.format, opened.step, opened.epoch) == ("Coqui", 4, 2)
    assert opened.optimizers is None and "centred" in opened.foreign_mel
    assert opened.config.mel.magnitude_floor == 0
    run = OriginalRun(config)
    assert torch.equal(opened.generator["output.bias"], run.generator.conv_post.bias)
    last = "multi_scale.members.0.output.parametrizations.weight.0._v"
    vectors = dict(run.msd.named_buffers())
    assert torch.equal(opened.discriminator[last], vectors["discriminators.0.conv_post.weight_v"])
    inside = saved(tmp_path / "inside" / "model.pth", coqui() | {"config": COQUI_NARROW})
    assert_same(open_vocoder(inside, config).generator, opened.generator)
    alone = saved(tmp_path / "alone" / "model.pth", coqui())
    assert "is unknown" in open_vocoder(alone, config).foreign_mel


def test_coquis_first_versions_are_read(tmp_path) -> None:
    run = OriginalRun(narrow(NARROW_1))
    judge = {f"mpd.{k}": v for k, v in run.mpd.state_dict().items()}
    judge |= {f"msd.{k}": v for k, v in run.msd.state_dict().items()}
    old = {"model": run.g()["generator"], "model_disc": judge, "step": 1, "epoch": 0}
    path = saved(tmp_path / "checkpoint_1.pth.tar", old, COQUI_NARROW)
    opened = open_vocoder(path, narrow(NARROW_1))
    assert opened.format == "Coqui" and opened.discriminator is not None
    path = saved(tmp_path / "checkpoint_1.pth.tar", old | {"model_disc": None})
    assert open_vocoder(path).discriminator is None


def bshall_weights() -> dict[str, Tensor]:
    config, _ = from_values(bshall_values(), "bshall")
    torch.manual_seed(0)
    return dict(OriginalGenerator(128, config.generator).state_dict())


@pytest.mark.slow
def test_bshalls_release_is_known_by_its_shapes(tmp_path) -> None:
    weights = bshall_weights()
    opened = open_vocoder(saved(tmp_path / "hifigan-67926ec6.pt", over_ddp(weights)))
    assert (opened.format, opened.foreign_mel) == ("bshall", None)
    assert opened.config.audio.hop_length == 160
    assert torch.equal(opened.generator["input.bias"], weights["conv_pre.bias"])


def test_bshalls_training_checkpoints_are_read(tmp_path) -> None:
    """Its discriminators' optimizer counts mpd first."""
    config, run = narrow(NARROW_1), OriginalRun(narrow(NARROW_1))
    both = [*run.mpd.parameters(), *run.msd.parameters()]
    optimizer = torch.optim.AdamW(both, lr=2e-4, betas=(0.8, 0.99), weight_decay=1e-5)
    run.step(1)
    give_gradients({str(i): p for i, p in enumerate(both)}, 2)
    optimizer.step()
    judge = {f"module.mpd.{k}": v for k, v in run.mpd.state_dict().items()}
    judge |= {f"module.msd.{k}": v for k, v in run.msd.state_dict().items()}
    part = {"optimizer": run.optim_g.state_dict(), "scheduler": {"last_epoch": 6, "gamma": 0.999}}
    contents = {
        "generator": {"model": over_ddp(run.g()["generator"])} | part,
        "discriminator": {"model": judge, "optimizer": optimizer.state_dict(), "scheduler": {}},
        "step": 11,
        "loss": 0.25,
    }
    opened = open_vocoder(saved(tmp_path / "model-11.pt", contents), config)
    assert (opened.format, opened.step, opened.epoch) == ("bshall", 11, 6)
    names = discriminator_layout(config).parameters
    place = names.index("multi_scale.members.2.output.bias")
    moment = optimizer.state[run.msd.discriminators[2].conv_post.bias]["exp_avg"]
    assert torch.equal(opened.optimizers[1]["state"][place]["exp_avg"], moment)
    assert opened.optimizers[1]["param_groups"][0]["weight_decay"] == 1e-5


def our_contents(config: VocoderConfig) -> dict[str, Any]:
    generator = Generator(config.audio.n_mels, config.generator)
    judge = HifiganDiscriminators(config.discriminator)
    return {
        "config": config_to_dict(config),
        "step": 3,
        "epoch": 1,
        "generator": dict(generator.state_dict()),
        "discriminator": dict(judge.state_dict()),
        "generator_optimizer": {"state": {}, "param_groups": []},
        "discriminator_optimizer": {"state": {}, "param_groups": []},
    }


def test_ours_is_read_from_file_and_run_folder(tmp_path) -> None:
    config = narrow(NARROW_1)
    contents = our_contents(config)
    path = tmp_path / "checkpoints" / "step_00000003.pt"
    write_checkpoint(path, contents)
    for place in (path, path.parent, tmp_path):
        opened = open_vocoder(place)
        assert (opened.path, opened.format, opened.config) == (path, "ours", config)
        assert_same(opened.contents, contents)
        assert_same(opened.generator, contents["generator"])
        assert (opened.step, opened.epoch, opened.foreign_mel) == (3, 1, None)
    with pytest.raises(UserError, match="generator.resblock is 1 by its own config"):
        open_vocoder(path, narrow(NARROW_2))


def test_a_file_of_ours_that_only_speaks_is_read(tmp_path) -> None:
    config = narrow(NARROW_1)
    contents = our_contents(config)
    wanted = contents["generator"]
    folds = {}
    for name, weight in wanted.items():
        if name.endswith("original1"):
            layer = name.removesuffix(".parametrizations.weight.original1")
            norm = wanted[name.removesuffix("1") + "0"]
            folds[f"{layer}.weight"] = norm * weight / weight.norm(dim=(1, 2), keepdim=True)
        elif not name.endswith("original0"):
            folds[name] = weight
    speaks = {"config": contents["config"], "step": 3, "speak_only": "trained", "generator": folds}
    path = tmp_path / "voice.pt"
    write_checkpoint(path, speaks)
    opened = open_vocoder(path)
    assert (opened.discriminator, opened.optimizers, opened.epoch) == (None, None, 0)
    generator = Generator(6, config.generator)
    generator.load_state_dict(opened.generator)
    folds = {name: w for name, w in folds.items() if name == "stages.0.upsample.weight"}
    torch.testing.assert_close(generator.stages[0].upsample.weight.detach(), *folds.values())


def a(*names: str) -> dict[str, Tensor]:
    return {name: torch.zeros(2, 2, 2) for name in names}


VITS = a("enc_p.emb.weight", "dec.conv_pre.weight")
OTHERS = {  # what is in the file, what the refusal calls it
    "VITS G": ({"model": VITS, "iteration": 1, "learning_rate": 1.0}, "the generator of VITS"),
    "VITS D": ({"model": a("discriminators.0.convs.0.bias")}, "the discriminators of VITS"),
    "MB-iSTFT": ({"model": VITS | a("dec.subband_conv_post.weight_v")}, "MB-iSTFT-VITS"),
    "our VITS": ({"config": {"text": {}}, "step": 1, "generator": a("x")}, "a VITS voice"),
    "Piper": ({"state_dict": a("model_g.dec.conv_pre.weight")}, "a Piper model"),
    "Lightning": ({"state_dict": a("generator.conv_pre.weight")}, "a Lightning checkpoint"),
    "Coqui VITS": ({"model": a("text_encoder.emb.w", "waveform_decoder.x")}, "VITS model of Coqui"),
    "Coqui MelGAN": ({"model": a("model_g.layers.1.bias")}, "unknown network"),
    "HF": (a("text_encoder.embed_tokens.weight"), "Hugging Face VitsModel"),
    "ESPnet": (a("tts.generator.decoder.x"), "an ESPnet model"),
    "ESPnet whole": ({"model": a("tts.generator.decoder.x"), "optimizers": []}, "an ESPnet model"),
    "icefall": ({"model": a("generator.decoder.upsamples.0.1.bias")}, "an icefall model"),
    "StyleTTS2": ({"net": {"decoder": a("x")}, "iters": 1}, "a StyleTTS2 model"),
    "ParallelWaveGAN": ({"model": {"generator": a("input_conv.bias")}}, "a ParallelWaveGAN"),
    "its generator": (a("input_conv.bias"), "a generator of ParallelWaveGAN"),
    "unknown": (a("layers.0.bias"), "unknown network (layers.0.bias)"),
    "unknown dict": ({"weights": 1}, "unknown kind of checkpoint, with weights"),
    "empty dict": ({}, "with nothing"),
    "a list": ([1, 2], "holds a list"),
    "a tensor": (torch.zeros(3), "holds a Tensor"),
    "do": ({"mpd": a("x"), "msd": a("x")}, "discriminators and optimizers (a do_*), but no"),
    "speakers": ({"generator": a("conv_pre.bias", "cond.weight")}, "multi-speaker decoder"),
    "Coqui's": ({"model": a("model_g.conv_pre.bias", "model_g.cond_layer.bias")}, "multi-speaker"),
    "sub-bands": ({"generator": a("conv_pre.bias", "subband_conv_post.bias")}, "MB-iSTFT"),
    "spectra": ({"generator": a("conv_pre.bias", "conv_post.weight_v")}, "iSTFTNet"),
    "half a Coqui": ({"model": {"model_g.conv_pre.bias": 3}}, "holds more than weights"),
    "step": ({"model": a("model_g.conv_pre.bias"), "step": "many"}, "step is 'many'"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_called_by_their_names(tmp_path, kind) -> None:
    contents, message = OTHERS[kind]
    path = saved(tmp_path / "model.pth", contents, NARROW_1)
    with pytest.raises(UserError) as caught:
        open_vocoder(path)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_do_file_stands_for_its_pair(tmp_path) -> None:
    run = OriginalRun(narrow(NARROW_1))
    saved(tmp_path / "g_00000001", run.g(), NARROW_1)
    path = saved(tmp_path / "do_00000001", run.do(), NARROW_1)
    opened = open_vocoder(path, narrow(NARROW_1))
    assert opened.path.name == "g_00000001" and opened.discriminator is not None


def test_a_do_file_that_is_none_is_refused(tmp_path) -> None:
    path = saved(tmp_path / "g_00000001", OriginalRun(narrow(NARROW_1)).g(), NARROW_1)
    saved(tmp_path / "do_00000001", OrderedDict(x=1))
    with pytest.raises(UserError, match="do_00000001: has no mpd and msd"):
        open_vocoder(path)
