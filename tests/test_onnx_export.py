"""An exported vocoder is the vocoder: same waveforms, config and mels, or no file at all."""

import json
from dataclasses import asdict

import pytest
import torch

from hifigan.generator import Generator
from hifigan.json_config import config_to_dict
from hifigan.mel_recipe import input_recipe
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoding.onnx_backend import load_onnx
from hifigan.weight_norm import fold_weight_norm
from tests.small_vocoder import N_MELS, random_generator, refusal, small_config

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from hifigan.vocoding import onnx_export as export_module  # noqa: E402
from hifigan.vocoding.onnx_export import export_onnx  # noqa: E402

KINDS = {
    "v1": (  # its residual blocks; 16 and 8 channels, which onnxruntime keeps in blocks
        "generator.upsample_initial_channels=32",
        "generator.resblock_kernel_sizes=[3, 7, 11]",
        "generator.resblock_dilations=[[1, 3, 5], [1, 3, 5], [1, 3, 5]]",
    ),
    "v2": (  # four stages, down to 1 channel, which it does not
        "generator.upsample_rates=[4, 4, 2, 2]",
        "generator.upsample_kernel_sizes=[8, 8, 4, 4]",
        "generator.upsample_initial_channels=16",
        "generator.resblock_kernel_sizes=[3, 7]",
        "generator.resblock_dilations=[[1, 3, 5], [1, 3, 5]]",
    ),
    "v3": (
        'generator.resblock="2"',
        "generator.resblock_kernel_sizes=[3, 5, 7]",
        "generator.resblock_dilations=[[1, 2], [2, 6], [3, 12]]",
    ),
    "odd": (  # kernels that no rate divides, and one sample more on one side
        "generator.upsample_rates=[8, 8]",
        "generator.upsample_kernel_sizes=[11, 17]",
    ),
}


def mels(n_items: int, n_frames: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return -5 + 2.5 * torch.randn(n_items, N_MELS, n_frames, generator=draw)


def assert_same(path, generator: Generator, sizes: list[tuple[int, int]]) -> None:
    exported = load_onnx(path)
    for n_items, n_frames in sizes:
        mel = mels(n_items, n_frames)
        with torch.no_grad():
            expected = generator(mel)
        assert expected.abs().max() > 0.01  # or a difference of 1e-4 would mean little
        torch.testing.assert_close(exported(mel), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_generator_makes_the_same_waveforms_at_any_length_and_batch(tmp_path, kind):
    config = small_config(*KINDS[kind])
    generator = random_generator(config)
    export_onnx(generator, config, tmp_path / "v.onnx")
    lengths = [(1, n_frames) for n_frames in range(1, 51)]
    assert_same(tmp_path / "v.onnx", generator, [*lengths, (2, 13), (5, 1), (3, 50)])


def test_it_takes_a_stretch_of_a_longer_mel(tmp_path):
    config = small_config()
    export_onnx(random_generator(config), config, tmp_path / "v.onnx")
    exported, mel = load_onnx(tmp_path / "v.onnx"), mels(2, 30)
    stretch = mel[..., 7:19]
    assert not stretch.is_contiguous()
    assert torch.equal(exported(stretch), exported(stretch.contiguous()))


def test_exporting_leaves_the_generator_as_it_was(tmp_path):
    config = small_config()
    generator, mel = random_generator(config).train(), mels(2, 9)
    before = {name: values.clone() for name, values in generator.state_dict().items()}
    wav_hat = generator(mel)
    export_onnx(generator, config, tmp_path / "v.onnx")
    after = generator.state_dict()
    assert generator.training and list(after) == list(before)  # weight norm is there yet
    assert all(torch.equal(after[name], values) for name, values in before.items())
    assert torch.equal(generator(mel), wav_hat)


def test_a_generator_with_folded_weight_norm_makes_the_same_file(tmp_path):
    config = small_config()
    generator = random_generator(config)
    export_onnx(generator, config, tmp_path / "v.onnx")
    fold_weight_norm(generator)
    export_onnx(generator, config, tmp_path / "folded.onnx")
    assert (tmp_path / "v.onnx").read_bytes() == (tmp_path / "folded.onnx").read_bytes()


def test_the_file_tells_its_config_mel_recipe_and_rate(tmp_path):
    config = small_config()
    export_onnx(random_generator(config), config, tmp_path / "v.onnx")
    assert load_onnx(tmp_path / "v.onnx").config == config
    assert load_onnx(tmp_path / "v.onnx").foreign_mel is None
    model = onnx.load(tmp_path / "v.onnx")
    recipe = input_recipe(config)
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "config": json.dumps(config_to_dict(config)),
        "mel_recipe": json.dumps(asdict(recipe)),
        "mel_fingerprint": recipe.fingerprint,
        "sample_rate": str(config.audio.sample_rate),
    }


def test_the_file_names_its_inputs_and_outputs_with_free_sizes(tmp_path):
    config = small_config()
    export_onnx(random_generator(config), config, tmp_path / "v.onnx")
    graph = onnx.load(tmp_path / "v.onnx").graph
    sizes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.output]
    }
    assert sizes == {"mel": ["B", N_MELS, "T"], "wav": ["B", 1, "T_wav"]}


def test_convolutions_are_two_dimensional_for_speed(tmp_path):
    config = small_config()
    export_onnx(random_generator(config), config, tmp_path / "v.onnx")
    convolutions = [n for n in onnx.load(tmp_path / "v.onnx").graph.node if "Conv" in n.op_type]
    shapes = [a.ints for n in convolutions for a in n.attribute if a.name == "kernel_shape"]
    assert len(shapes) == len(convolutions) > 4
    assert all(len(shape) == 2 and shape[0] == 1 for shape in shapes)


def test_foreign_mels_stay_foreign(tmp_path):
    config = small_config()
    export_onnx(random_generator(config), config, tmp_path / "v.onnx", "its mels are in decibels")
    assert load_onnx(tmp_path / "v.onnx").foreign_mel == "its mels are in decibels"
    keys = {entry.key for entry in onnx.load(tmp_path / "v.onnx").metadata_props}
    assert keys == {"config", "sample_rate", "foreign_mel"}


class Offset(Generator):
    """Makes other waveforms than its layers say."""

    def forward(self, frames):
        return super().forward(frames) + 2e-4


class Longer(Generator):
    def forward(self, frames):
        return torch.nn.functional.pad(super().forward(frames), (0, 1))


def planted(kind: type[Generator], config: VocoderConfig) -> Generator:
    generator = kind(config.audio.n_mels, config.generator)
    generator.load_state_dict(random_generator(config).state_dict())
    return generator


@pytest.mark.parametrize("kind, told", [(Offset, "by 0.0002,"), (Longer, "PyTorch [1, 1, 65]")])
def test_a_file_that_differs_from_pytorch_is_not_kept(tmp_path, kind, told):
    config = small_config()
    message = refusal(export_onnx, planted(kind, config), config, tmp_path / "v.onnx")
    assert message.startswith(f"{tmp_path / 'v.onnx'}: not kept: ") and told in message
    assert not list(tmp_path.iterdir())


def test_a_wrong_graph_is_not_kept(tmp_path, monkeypatch):
    config = small_config()
    right = export_module.generator_graph

    def with_another_slope(generator, metadata):
        model = right(generator, metadata)
        rectifier = [node for node in model.graph.node if node.op_type == "LeakyRelu"][-1]
        rectifier.attribute[0].f = 0.1
        return model

    monkeypatch.setattr(export_module, "generator_graph", with_another_slope)
    message = refusal(export_onnx, random_generator(config), config, tmp_path / "v.onnx")
    assert "differs from PyTorch's" in message
    assert not list(tmp_path.iterdir())


def test_a_failed_export_leaves_an_older_file_whole(tmp_path):
    config = small_config()
    (tmp_path / "v.onnx").write_bytes(b"older")
    refusal(export_onnx, planted(Offset, config), config, tmp_path / "v.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["v.onnx"]
    assert (tmp_path / "v.onnx").read_bytes() == b"older"


def test_weights_that_diverged_are_not_exported(tmp_path):
    config = small_config()
    generator = random_generator(config)
    with torch.no_grad():
        generator.output.bias.fill_(float("nan"))
    message = refusal(export_onnx, generator, config, tmp_path / "v.onnx")
    assert "not numbers; export an earlier checkpoint" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    tmp_path, monkeypatch, missing
):
    from importlib.util import find_spec

    monkeypatch.setattr(
        "hifigan.vocoding.onnx_backend.importlib.util.find_spec",
        lambda name: None if name == missing else find_spec(name),
    )
    config = small_config()
    message = refusal(export_onnx, random_generator(config), config, tmp_path / "v.onnx")
    assert message.endswith(f"need {missing}, not installed here; run: pip install {missing}")
