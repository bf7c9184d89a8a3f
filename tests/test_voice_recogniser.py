"""Any voice is opened by one function, and all else ends in one line and executes nothing."""

import copy
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from hifigan.checkpoint import write_checkpoint
from hifigan.config import DiscriminatorConfig
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, config_to_dict
from hifigan.weight_norm import fold_weight_norm
from tests.exchange_original import NARROW_2, OriginalRun, narrow
from tests.exchange_original_vits import CONFIG, checkpoint, d_weights, g_weights, write_voice
from tests.test_exchange_coqui_vits import write as write_coqui
from tests.test_malicious_checkpoints import CONTAINERS, PAYLOADS
from vits.config import VitsConfig
from vits.exchange import found, hugging_face
from vits.exchange.hugging_face import hugging_face_weights
from vits.exchange.hugging_face_config import hugging_face_config, hugging_face_tokenizer
from vits.exchange.recogniser import OpenedVoice, as_checkpoint, open_for_training, open_voice
from vits.model import make_model
from vits.speak_only import speak_only
from vits.speaking.loading import load_voice

LETTERS = CONFIG | {"data": CONFIG["data"] | {"text_cleaners": ["basic_cleaners"]}}
PIPER_SETTINGS = {
    "audio": {"sample_rate": 8000},
    "espeak": {"voice": "bg"},
    "phoneme_id_map": {symbol: [i] for i, symbol in enumerate("_^$ abcdefgh")},
    "num_symbols": 12,
    "hop_length": 16,
}


@pytest.fixture(scope="module")
def voice(tmp_path_factory) -> OpenedVoice:
    """A small voice with discriminators."""
    folder = tmp_path_factory.mktemp("original")
    return open_voice(write_voice(folder, g_weights(), LETTERS, d_weights()))


def ours(folder: Path, voice: OpenedVoice) -> Path:
    path = folder / "step_00000009.pt"
    write_checkpoint(path, as_checkpoint(voice) | {"step": 9, "ema": voice.generator})
    return path


def spoken(folder: Path, voice: OpenedVoice, half: bool = False) -> Path:
    whole = ours(folder, voice)
    path = folder / "voice.pt"
    write_checkpoint(path, speak_only(load_voice(whole, torch.device("cpu")), half, path))
    whole.unlink()
    return path


def mms(folder: Path, voice: OpenedVoice) -> Path:
    config = {key: value for key, value in LETTERS.items() if key != "symbols"}
    (folder / "vocab.txt").write_text("".join(f"{s}\n" for s in "ka' b-cdefgh"))
    return write_voice(folder, g_weights(), config)


def piper(folder: Path, voice: OpenedVoice) -> Path:
    model = CONFIG["model"]
    contents = {
        "state_dict": {f"model_g.{name}": weight for name, weight in g_weights().items()},
        "hyper_parameters": {
            "upsample_rates": model["upsample_rates"],
            "resblock_dilation_sizes": model["resblock_dilation_sizes"],
            "filter_length": 64,
            "mel_channels": 10,
            "win_length": 48,
        },
        "global_step": 24,
    }
    (folder / "config.json").write_text(json.dumps(PIPER_SETTINGS))
    torch.save(contents, folder / "epoch=1-step=24.ckpt")
    return folder / "epoch=1-step=24.ckpt"


def of_hugging_face(folder: Path, voice: OpenedVoice) -> Path:
    audio = replace(voice.config.audio, win_length=voice.config.audio.n_fft)
    config = replace(voice.config, audio=audio)
    save_file(hugging_face_weights(config, voice.generator), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(hugging_face_config(config)))
    for name, values in hugging_face_tokenizer(config).items():
        (folder / name).write_text(json.dumps(values))
    return folder


def hifigan(folder: Path, voice: OpenedVoice) -> Path:
    torch.save(OriginalRun(narrow(NARROW_2)).g(), folder / "g_00000001")
    (folder / "config.json").write_text(json.dumps(NARROW_2))
    return folder / "g_00000001"


def with_decoder_of(voice: OpenedVoice) -> VitsConfig:
    """A config whose decoder is NARROW_2's."""
    vocoder = config_to_dict(narrow(NARROW_2))
    sections = config_to_dict(voice.config)
    sections["model"]["decoder"] = vocoder["generator"]
    sections["audio"] = vocoder["audio"] | {"n_mels": 10}
    sections["train"]["segment_samples"] = 8192
    return config_from_dict(VitsConfig, sections, "decoder")


KINDS: dict[str, Callable[[Path, OpenedVoice], Path]] = {
    "original VITS": lambda folder, _: write_voice(folder, g_weights(), LETTERS, d_weights()),
    "MMS": mms,
    "Coqui": lambda folder, _: write_coqui(folder),
    "Piper": piper,
    "Hugging Face": of_hugging_face,
    "HiFi-GAN": hifigan,
    "ours": ours,
    "speak-only": spoken,
}


def assert_same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(wanted)
    for name in wanted:
        assert torch.equal(found[name], wanted[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_opens_from_its_file_and_its_folder(tmp_path, voice, kind) -> None:
    path = KINDS[kind](tmp_path, voice)
    config = with_decoder_of(voice) if kind == "HiFi-GAN" else None
    opened = open_voice(path, config)
    assert opened.format == {"speak-only": "ours"}.get(kind, kind)
    if kind != "speak-only":  # which has any name
        assert_same(open_voice(tmp_path, config).generator, opened.generator)
    assert all(weight.dtype is torch.float32 for weight in opened.generator.values())
    if kind in ("ours", "Hugging Face"):
        loaded = make_model(opened.config)
        loaded.load_state_dict(opened.generator)
        expected = make_model(voice.config)
        expected.load_state_dict(voice.generator)
        for model in (loaded, expected):
            fold_weight_norm(model)
        for name, weight in expected.state_dict().items():
            torch.testing.assert_close(loaded.state_dict()[name], weight)


def test_our_checkpoint_passes_through_unchanged(tmp_path, voice) -> None:
    path = ours(tmp_path, voice)
    opened = open_voice(path)
    place, contents = open_for_training(None)(tmp_path)
    assert (place, opened.step, contents["step"]) == (path, 9, 9)
    names = {"config", "generator", "discriminator", "step", "epoch", "ema"}
    assert set(contents) == names  # but for what a file has no say in
    assert_same(contents["generator"], voice.generator)
    assert_same(opened.discriminator, voice.discriminator)


def test_a_run_is_opened_by_its_folder(tmp_path, voice) -> None:
    (tmp_path / "checkpoints").mkdir()
    path = ours(tmp_path / "checkpoints", voice)
    assert open_voice(tmp_path).path == path


@pytest.mark.parametrize("half", [False, True])
def test_a_speak_only_file_lacks_what_only_training_uses(tmp_path, voice, half) -> None:
    opened = open_voice(spoken(tmp_path, voice, half))
    absent = {name for name in voice.generator if name not in opened.generator}
    assert absent and set(as_checkpoint(opened)["generator"]) == set(opened.generator)
    starts = ("posterior_encoder.", "duration_predictor.posterior_")
    assert all(
        name.startswith((*starts, "duration_predictor.flows.couplings.0.")) for name in absent
    )
    model, whole = make_model(opened.config), make_model(voice.config)
    whole.load_state_dict(voice.generator)
    model.load_state_dict(opened.generator, strict=False)
    close = {"atol": 2e-3, "rtol": 2e-3} if half else {}
    for one, other in zip(model.decoder.stages, whole.decoder.stages, strict=True):
        torch.testing.assert_close(one.upsample.weight, other.upsample.weight, **close)
    contents = as_checkpoint(opened)
    assert contents["absent"] == list(opened.absent) and "discriminator" not in contents


def test_a_vocoder_gives_its_decoder_but_for_the_input(tmp_path, voice) -> None:
    config = with_decoder_of(voice)
    run = OriginalRun(narrow(NARROW_2))
    path = hifigan(tmp_path, voice)
    torch.save(run.g(), path)
    opened = open_voice(path, config)
    model = make_model(config)
    missing, unknown = model.load_state_dict(opened.generator, strict=False)
    assert not unknown
    assert {name for name in missing if name.startswith("decoder.")} == {
        "decoder.input.weight",
        "decoder.input.bias",
    }
    torch.testing.assert_close(
        model.decoder.output.weight.data, run.generator.conv_post.weight.data
    )
    assert (opened.config, opened.absent, opened.discriminator) == (config, (), None)


def test_a_vocoder_gives_its_period_discriminators_where_they_fit(tmp_path, voice) -> None:
    run, config = OriginalRun(narrow(NARROW_2)), with_decoder_of(voice)
    widths = {"periods": (2, 3, 5, 7, 11), "period_channels": (4, 6)}
    judged = replace(
        narrow(NARROW_2), discriminator=replace(narrow(NARROW_2).discriminator, **widths)
    )
    contents = {
        "config": config_to_dict(judged),
        "generator": open_vocoder_of(run, tmp_path),
        "discriminator": whole_discriminators(judged.discriminator),
        "step": 5,
        "epoch": 1,
    }
    write_checkpoint(tmp_path / "step_00000005.pt", contents)
    opened = open_voice(tmp_path / "step_00000005.pt", config)
    wanted = contents["discriminator"]
    assert config.discriminator.period_channels == (4, 6)
    assert opened.discriminator and opened.step == 5
    for name, weight in opened.discriminator.items():
        _, index, rest = name.split(".", 2)
        assert torch.equal(weight, wanted[f"multi_period.members.{int(index) - 1}.{rest}"])
    other = replace(config, discriminator=replace(config.discriminator, period_channels=(4, 8)))
    assert open_voice(tmp_path / "step_00000005.pt", other).discriminator is None


def open_vocoder_of(run: OriginalRun, folder: Path) -> dict[str, torch.Tensor]:
    from hifigan.exchange.recogniser import open_vocoder

    torch.save(run.g(), folder / "g_00000001")
    (folder / "config.json").write_text(json.dumps(NARROW_2))
    return open_vocoder(folder / "g_00000001").generator


def whole_discriminators(config: DiscriminatorConfig) -> dict[str, torch.Tensor]:
    from hifigan.discriminators import HifiganDiscriminators

    return dict(HifiganDiscriminators(config).state_dict())


def test_a_vocoder_without_a_config_of_the_voice_is_refused(tmp_path, voice) -> None:
    path = hifigan(tmp_path, voice)
    with pytest.raises(UserError, match="a HiFi-GAN vocoder, .* pass the config"):
        open_voice(path)
    with pytest.raises(
        UserError, match="its upsample_rates is .* but model.decoder.upsample_rates"
    ):
        open_voice(path, voice.config)
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match="misfits|lacks"):
        open_voice(path, voice.config)


def bearing(*names: str) -> dict[str, torch.Tensor]:
    """Weights of a VITS and of more."""
    return {"enc_p.emb.weight": torch.ones(2, 2), "dec.conv_pre.weight": torch.ones(2, 2, 7)} | {
        name: torch.ones(2) for name in names
    }


REFUSED: dict[str, tuple[Any, str]] = {
    "MB-iSTFT": (checkpoint(bearing("dec.subband_conv_post.weight_g")), "MB-iSTFT-VITS"),
    "MS-iSTFT": (checkpoint(bearing("dec.multistream_conv_post.weight_v")), "MS-iSTFT-VITS"),
    "iSTFT": (checkpoint(bearing("dec.conv_post.weight_v")), "iSTFT-VITS"),
    "iSTFT, folded": (
        checkpoint(bearing() | {"dec.conv_post.weight": torch.ones(18, 2, 7)}),
        "makes spectra",
    ),
    "VITS2": (
        checkpoint(bearing("flow.flows.0.pre_transformer.attn_layers.0.conv_q.bias")),
        "VITS2",
    ),
    "VITS2, speakers": (checkpoint(bearing("enc_p.encoder.spk_emb_linear.weight")), "VITS2"),
    "DUR": (checkpoint({"pre_out_conv_1.weight": torch.ones(2)}), "discriminator of durations"),
    "Bert-VITS2": (checkpoint(bearing("enc_p.bert_proj.weight")), "Bert-VITS2"),
    "Bert-VITS2, tones": (checkpoint(bearing("enc_p.tone_emb.weight")), "Bert-VITS2"),
    "so-vits-svc": (checkpoint(bearing("enc_p.f0_emb.weight")), "so-vits-svc"),
    "RVC": ({"weight": bearing("enc_p.emb_phone.weight"), "config": [1]}, "RVC"),
    "GPT-SoVITS": ({"weight": bearing("enc_p.ssl_proj.weight"), "info": "x"}, "GPT-SoVITS"),
    "StyleTTS2": ({"net": {"bert": {}}, "iters": 3}, "StyleTTS2"),
    "ESPnet": ({"tts.generator.text_encoder.emb.weight": torch.ones(2)}, "ESPnet"),
    "icefall": ({"model": {"generator.decoder.input_conv.bias": torch.ones(2)}}, "icefall"),
    "ParallelWaveGAN": ({"model": {"generator": {}, "discriminator": {}}}, "ParallelWaveGAN"),
    "EveryVoice": (
        {"state_dict": {"generator.conv_pre.bias": torch.ones(2)}, "global_step": 1},
        "EveryVoice",
    ),
    "D": (checkpoint({"discriminators.0.convs.0.bias": torch.ones(2)}), "discriminators alone"),
    "do": ({"mpd": {}, "msd": {}, "steps": 1}, "but no generator"),
    "Hugging Face alone": ({"text_encoder.embed_tokens.weight": torch.ones(2)}, "Hugging Face"),
    "no layer of ours": (checkpoint({"layers.0.weight": torch.ones(2)}), "unknown network"),
    "numbers": ({"a": 1, "b": 2}, "unknown kind of checkpoint, with a, b"),
    "empty dict": ({}, "unknown kind of checkpoint, with nothing"),
    "empty model": ({"model": {}}, "holds more than weights, or none"),
    "model of lists": ({"model": {"enc_p.emb.weight": [1.0]}}, "holds more than weights"),
    "list": ([1, 2], "holds a list"),
    "tensor": (torch.ones(3), "holds a Tensor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_models_are_refused_by_name(tmp_path, name) -> None:
    contents, message = REFUSED[name]
    path = tmp_path / "G_10.pth"
    torch.save(contents, path)
    with pytest.raises(UserError, match=message) as caught:
        open_voice(path)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("G_10.pth", b"", "is empty"),
        ("G_10.pth", b"to be or not to be, that is the question", "damaged, or no torch file"),
        ("voice.onnx", b"\x08\x07", "voice.onnx"),
        ("voice.safetensors", b"{}", "damaged, or no safetensors"),
        ("config.json", b"{}", "of the kind .json, expected"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        open_voice(tmp_path / name)


def test_folders_without_a_voice_and_missing_files_are_told(tmp_path) -> None:
    with pytest.raises(UserError, match="has no voice; .*the folder has no files"):
        open_voice(tmp_path)
    with pytest.raises(UserError, match="no such checkpoint"):
        open_voice(tmp_path / "G_1.pth")
    for name in ("a.pth", "b.pth"):
        torch.save({}, tmp_path / name)
    with pytest.raises(UserError, match="of those there: a.pth, b.pth"):
        open_voice(tmp_path)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_malicious_file_is_refused_and_executes_nothing(tmp_path, payload, container) -> None:
    path, trace = tmp_path / "G_10.pth", tmp_path / "executed"
    path.write_bytes(CONTAINERS[container](PAYLOADS[payload](trace)))
    with pytest.raises(UserError, match="G_10.pth: "):
        open_voice(path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["D_1200.pth", "speakers.pth"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_malicious_file_beside_a_good_one_executes_nothing(tmp_path, payload, name) -> None:
    if name == "D_1200.pth":
        path = write_voice(tmp_path, g_weights(), LETTERS)
    else:
        from tests.test_exchange_coqui_vits import coqui_weights, spoken_by

        path = write_coqui(tmp_path, coqui_weights(spoken_by(2)))
    (tmp_path / name).write_bytes(CONTAINERS["zip"](PAYLOADS[payload](tmp_path / "trace")))
    with pytest.raises(UserError, match=f"{name}: holds more than tensors"):
        open_voice(path)
    assert not (tmp_path / "trace").exists()


STRANGE = (None, True, -1, 0, 1.5, 10**12, "x", "", [], {}, [[]], ["x"], float("nan"))


def strange(draw: random.Random, values: Any, tensors: bool) -> None:
    """Put something of another kind somewhere into nested dicts and lists."""
    place = values
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw.choice(keys)
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or draw.random() < 0.2:
            break
        place = inner
    if draw.random() < 0.2 and isinstance(place, dict):
        del place[key]
    elif isinstance(inner, torch.Tensor) and tensors and draw.random() < 0.7:
        place[key] = draw.choice([inner[:0], inner.flatten(), inner.int(), torch.tensor(1.0)])
    else:
        place[key] = draw.choice(STRANGE)


def damaged(draw: random.Random, path: Path, whole: bytes, contents: Any) -> None:
    """Write the file anew: cut, with a flipped bit, or, half of the time, with strange contents."""
    kind = draw.random()
    if contents is not None and kind < 0.5:
        changed = copy.deepcopy(contents)
        strange(draw, changed, path.suffix != ".json")
        if path.suffix == ".json":
            path.write_text(json.dumps(changed))
        else:
            torch.save(changed, path)
    elif kind < 0.7:
        path.write_bytes(whole[: draw.randrange(len(whole))])
    else:
        place = draw.randrange(len(whole))
        flipped = bytes([whole[place] ^ 1 << draw.randrange(8)])
        path.write_bytes(whole[:place] + flipped + whole[place + 1 :])


@pytest.fixture
def quick_layouts(monkeypatch) -> None:
    """Layouts are made once for each network, or most of the time would go into that."""
    make, known = found.generator_layout, {}

    def layout(config: VitsConfig, absent: tuple[str, ...] = ()) -> Any:
        key = repr((config.model, config.n_symbols, config.n_speakers, config.audio.n_bins, absent))
        if key not in known:
            known[key] = make(config, absent)
        return known[key]

    monkeypatch.setattr(found, "generator_layout", layout)
    monkeypatch.setattr(hugging_face, "generator_layout", layout)


@pytest.mark.parametrize("n_times", [12, pytest.param(80, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_ends_in_one_line_or_in_a_whole_voice(
    tmp_path, voice, quick_layouts, kind, n_times
) -> None:
    path = KINDS[kind](tmp_path, voice)
    config = with_decoder_of(voice) if kind == "HiFi-GAN" else None
    wanted = open_voice(path, config)
    files = [file for file in sorted(tmp_path.iterdir()) if not file.name.startswith("D_")]
    kept = {file: file.read_bytes() for file in files}
    contents = {
        file: json.loads(whole) if file.suffix == ".json" else torch.load(file, weights_only=True)
        for file, whole in kept.items()
        if file.suffix not in (".safetensors", ".txt")
    }
    draw, n_refused = random.Random(n_times), 0
    for _ in range(n_times):
        file = draw.choice(files)
        damaged(draw, file, kept[file], contents.get(file))
        try:
            opened = open_voice(path, config)
        except UserError as error:
            assert len(str(error).splitlines()) == 1 and str(tmp_path) in str(error), str(error)
            n_refused += 1
        else:
            assert list(opened.generator) == list(wanted.generator)
            for name, weight in wanted.generator.items():
                assert opened.generator[name].shape == weight.shape
                if file.suffix == ".json":
                    assert torch.equal(opened.generator[name], weight)
        file.write_bytes(kept[file])
    assert n_refused > n_times / 4
