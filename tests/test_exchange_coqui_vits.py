"""Coqui's VITS is read whole: names, symbols in its order, speakers; or refused in one line."""

import json
import logging
import os
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from tests.exchange_original_vits import CONFIG as ORIGINAL
from tests.exchange_original_vits import FEW, d_weights, g_weights, with_speakers
from vits.exchange.coqui_config import vocabulary_of
from vits.exchange.original import original_discriminator, original_weights
from vits.exchange.recogniser import OpenedVoice, open_voice
from vits.model import make_model
from vits.text import SymbolTable
from vits.text.published import LETTERS

WIDTH = {"inter_channels": 8}  # as wide as the text's hidden states, as always in Coqui's
CONFIG = ORIGINAL | {"model": ORIGINAL["model"] | WIDTH}
CHARACTERS = {
    "characters_class": "TTS.tts.models.vits.VitsCharacters",
    "vocab_dict": None,
    "pad": "_",
    "eos": "",
    "bos": "",
    "blank": None,
    "characters": "abcd",
    "punctuations": "!, ",
    "phonemes": "ɑɐɒ",
    "is_unique": False,
    "is_sorted": True,
}
VALUES = {
    "model": "vits",
    "characters": CHARACTERS,
    "use_phonemes": True,
    "phonemizer": "espeak",
    "phoneme_language": "bg",
    "text_cleaner": "phoneme_cleaners",
    "add_blank": True,
    "enable_eos_bos_chars": False,
    "lr_gen": 0.0004,
    "lr_disc": 0.0003,
    "batch_size": 6,
    "mel_loss_alpha": 30.0,
    "feat_loss_alpha": 0.5,
    "optimizer": "AdamW",
    "optimizer_params": {"betas": [0.8, 0.9], "eps": 1e-9, "weight_decay": 0.02},
    "lr_scheduler_gen": "ExponentialLR",
    "lr_scheduler_gen_params": {"gamma": 0.99, "last_epoch": -1},
    "audio": {
        "sample_rate": 8000,
        "fft_size": 64,
        "hop_length": 16,
        "win_length": 48,
        "num_mels": 10,
        "mel_fmin": 0,
        "mel_fmax": None,
    },
    "model_args": {
        "num_chars": 12,
        "spec_segment_size": 6,
        "hidden_channels": 8,
        "hidden_channels_ffn_text_encoder": 12,
        "num_heads_text_encoder": 2,
        "num_layers_text_encoder": 2,
        "kernel_size_text_encoder": 3,
        "dropout_p_text_encoder": 0.3,
        "num_layers_posterior_encoder": FEW.posterior,
        "num_layers_flow": FEW.flow_layers,
        "dilation_rate_flow": 1,
        "resblock_type_decoder": "1",
        "resblock_kernel_sizes_decoder": [3, 5],
        "resblock_dilation_sizes_decoder": [[1, 3, 5], [1, 2, 4]],
        "upsample_rates_decoder": [4, 4],
        "upsample_kernel_sizes_decoder": [8, 8],
        "upsample_initial_channel_decoder": 8,
        "use_language_embedding": False,
        "use_d_vector_file": False,
    },
}
SYMBOLS = "_!, abcdɑɐɒ"  # and the blank behind them


def coqui_name(name: str) -> str:
    """Coqui's name of an original one."""
    for start, theirs in (
        ("enc_p.", "text_encoder."),
        ("enc_q.", "posterior_encoder."),
        ("dec.cond.", "waveform_decoder.cond_layer."),
        ("dec.", "waveform_decoder."),
        ("dp.", "duration_predictor."),
        ("discriminators.", "disc.nets."),
    ):
        if name.startswith(start):
            name = theirs + name.removeprefix(start)
    if name.startswith("flow."):
        return re.sub(r"flows\.(\d+)", lambda m: f"flows.{int(m[1]) // 2}", name)
    name = re.sub(r"flows\.(\d+)\.", lambda m: f"flows.{(int(m[1]) + 1) // 2}.", name)
    return re.sub(r"(flows\.0)\.m$", r"\1.translation", name).replace("0.logs", "0.log_scale")


def coqui_weights(
    config: dict[str, Any] = CONFIG, stochastic: bool = True, judge: bool = False
) -> dict[str, Tensor]:
    weights = g_weights(config, n_symbols=12, stochastic=stochastic) | (
        d_weights() if judge else {}
    )
    return {
        coqui_name(name): w.view(1, -1, 1) if name.startswith("dp.norm") else w
        for name, w in weights.items()
    }


def spoken_by(n_speakers: int) -> dict[str, Any]:
    config = with_speakers(n_speakers)
    return config | {"model": config["model"] | WIDTH}


def write(
    folder: Path,
    weights: dict[str, Tensor] | None = None,
    values: dict[str, Any] | None = VALUES,
    name: str = "best_model.pth",
    **contents: Any,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    weights = coqui_weights() if weights is None else weights
    torch.save({"config": {}, "model": weights, "step": 42, "epoch": 2} | contents, folder / name)
    if values is not None:
        (folder / "config.json").write_text(json.dumps(values))
    return folder / name


def changed(section: str, **values: Any) -> dict[str, Any]:
    return VALUES | {section: VALUES[section] | values}


def back(opened: OpenedVoice) -> dict[str, Tensor]:
    weights = original_weights(opened.config, opened.generator)
    if opened.discriminator is not None:
        weights |= original_discriminator(opened.config, opened.discriminator)
    return {coqui_name(name): weight for name, weight in weights.items()}


@pytest.mark.parametrize("stochastic", [True, False])
@pytest.mark.parametrize("n_speakers", [0, 2])
def test_what_comes_in_goes_out_equal_to_the_bit(tmp_path, stochastic, n_speakers) -> None:
    weights = coqui_weights(spoken_by(n_speakers) if n_speakers else CONFIG, stochastic, judge=True)
    opened = open_voice(write(tmp_path, weights))
    assert (opened.format, opened.step, opened.absent) == ("Coqui", 42, ())
    found = back(opened)
    assert set(found) == set(weights)
    for name, weight in weights.items():
        assert torch.equal(found[name].view(weight.shape), weight), name
    make_model(opened.config).load_state_dict(opened.generator)


def test_newer_spelling_of_weight_norm_is_the_same_voice(tmp_path) -> None:
    weights = coqui_weights(judge=True)
    newer = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): weight
        for name, weight in weights.items()
    }
    one, other = (
        open_voice(write(tmp_path / "a", weights)),
        open_voice(write(tmp_path / "b", newer)),
    )
    for name, weight in one.generator.items():
        assert torch.equal(other.generator[name], weight)


def test_symbols_stand_in_coquis_order_and_the_blank_is_the_last(tmp_path) -> None:
    text = open_voice(write(tmp_path)).config.text
    assert text.symbols == (*SYMBOLS, "<BLNK>")
    assert (text.front_end, text.language, text.blank) == ("phonemes", "bg", "<BLNK>")
    assert SymbolTable(text).encode(["a", "!"]) == [11, 4, 11, 1, 11]


def vocabulary(values: dict[str, Any]) -> str:
    return "".join(vocabulary_of("config.json", values)[0])


def test_each_class_of_characters_has_an_order_of_its_own() -> None:
    """The orders of TTS/tts/utils/text/characters.py and TTS/tts/models/vits.py."""
    told = CHARACTERS | {"characters_class": None, "characters": "cbad", "phonemes": None}
    for change, wanted in (
        ({"pad": "_", "eos": "~", "bos": "^", "blank": "#"}, "_~^#abcd!, "),
        ({"pad": "_", "eos": "~", "bos": None, "blank": ""}, "_~abcd!, "),
        ({"is_sorted": False}, "_cbad!, "),
        ({"characters": "abba", "is_unique": True}, "_ab!, "),
        ({"phonemes": "ɑ"}, "_ɑ!, "),
        ({"vocab_dict": ["x", "_", "y"]}, "x_y"),
        ({"characters_class": "TTS.tts.models.vits.VitsCharacters"}, "_!, cbad<BLNK>"),
        ({"characters_class": "a.Graphemes", "phonemes": "ɑ"}, "_abcd!, "),
    ):
        assert vocabulary({"characters": told | change, "use_phonemes": True}) == wanted, change
    letters, _ = vocabulary_of("config.json", {"use_phonemes": False})
    assert "".join(letters) == "<PAD><EOS><BOS><BLNK>" + LETTERS + "!'(),-.:;? "
    phonemes, _ = vocabulary_of("config.json", {"use_phonemes": True})
    assert phonemes[:6] == ["<PAD>", "<EOS>", "<BOS>", "<BLNK>", "a", "b"] and len(phonemes) == 132


def test_start_and_end_go_around_the_blanks_where_they_are_enabled(tmp_path) -> None:
    told = CHARACTERS | {
        "characters_class": "TTS.tts.utils.text.characters.IPAPhonemes",
        "characters": "abcde",
        "phonemes": None,
        "eos": "&",
        "bos": "*",
        "blank": "<BLNK>",
    }
    values = VALUES | {"characters": told, "enable_eos_bos_chars": True}
    text = open_voice(write(tmp_path, values=values)).config.text
    assert text.symbols == ("_", "&", "*", "<BLNK>", *"abcde!, ")
    assert (text.start, text.end, text.blank) == ("*", "&", "<BLNK>")
    assert SymbolTable(text).encode(["a"]) == [2, 3, 4, 3, 1]


def test_audio_training_and_losses_travel(tmp_path) -> None:
    config = open_voice(write(tmp_path)).config
    assert (config.audio.sample_rate, config.audio.n_fft, config.audio.win_length) == (8000, 64, 48)
    train = config.train
    assert (train.lr, train.discriminator_lr, train.batch_size) == (0.0004, 0.0003, 6)
    assert train.segment_samples == 6 * 16
    assert train.optimizer_options["weight_decay"] == 0.02
    assert (train.lr_schedule_options, train.lr_schedule_per) == ({"gamma": 0.99}, "epoch")
    assert (config.loss.mel, config.loss.feature_matching, config.loss.kl) == (30.0, 1.0, 1.0)
    assert config.model.text_encoder.dropout == 0.3


def test_speakers_are_named_by_the_table_beside_or_the_config(tmp_path, caplog) -> None:
    path = write(tmp_path, coqui_weights(spoken_by(2)))
    assert open_voice(path).config.data.speakers == ("0", "1")
    assert "no speakers.pth beside it" in caplog.text
    torch.save({"мария": 1, "anna": 0}, tmp_path / "speakers.pth")
    assert open_voice(path).config.data.speakers == ("anna", "мария")
    listed = write(tmp_path / "b", coqui_weights(spoken_by(2)), VALUES | {"speakers": ["p", "q"]})
    assert open_voice(listed).config.data.speakers == ("p", "q")


@pytest.mark.parametrize(
    "table, message",
    [
        ({"a": 0}, "does not name each of the voice's 2 speakers once"),
        ({"a": 0, "b": 5}, "does not name each"),
        ({"a": 0, "b": "1"}, "does not name each"),
        ({"x.wav": {"name": "a", "embedding": [0.1]}}, "holds d-vectors"),
        ([1, 2], "does not name each"),
    ],
)
def test_a_table_of_other_speakers_is_refused(tmp_path, table, message) -> None:
    path = write(tmp_path, coqui_weights(spoken_by(2)))
    torch.save(table, tmp_path / "speakers.pth")
    with pytest.raises(UserError, match=f"speakers.pth: {message}"):
        open_voice(path)


def test_the_network_that_judged_speakers_is_passed_over(tmp_path) -> None:
    more = {"speaker_encoder.layer.weight": torch.ones(3), "audio_transform.kernel": torch.ones(2)}
    wanted = open_voice(write(tmp_path / "a")).generator
    found = open_voice(write(tmp_path / "b", coqui_weights() | more)).generator
    assert list(found) == list(wanted)


def test_a_folder_gives_its_newest_checkpoint(tmp_path) -> None:
    write(tmp_path, name="best_model.pth")
    assert open_voice(tmp_path).path.name == "best_model.pth"
    for step in (900, 1000):
        write(tmp_path, name=f"checkpoint_{step}.pth", step=step)
    torch.save({"a": 0}, tmp_path / "speakers.pth")
    assert open_voice(tmp_path).step == 1000


def test_a_download_is_found_beside_its_speakers(tmp_path) -> None:
    write(tmp_path, coqui_weights(spoken_by(2)), name="model_file.pth")
    torch.save({"a": 0, "b": 1}, tmp_path / "speakers.pth")
    assert open_voice(tmp_path).config.data.speakers == ("a", "b")


def test_the_config_in_the_file_serves_without_one_beside(tmp_path) -> None:
    path = write(tmp_path, values=None, config=VALUES)
    assert open_voice(path).config.text.language == "bg"
    with pytest.raises(UserError, match="has no config inside and no config.json beside it"):
        open_voice(write(tmp_path / "b", values=None))


@pytest.mark.parametrize(
    "values, message",
    [
        (VALUES | {"model": "glow_tts"}, "model is 'glow_tts', another model"),
        (changed("model_args", use_language_embedding=True), "has embeddings of languages"),
        (changed("model_args", use_d_vector_file=True), "takes its speakers from d-vectors"),
        (changed("model_args", encoder_sample_rate=16000), "at another sample rate"),
        (changed("model_args", dilation_rate_flow=2), "has dilated WaveNets"),
        (changed("model_args", use_spectral_norm_disriminator=True), "spectral norm"),
        (changed("model_args", hidden_channels=192), "hidden_channels is 192, but there it is 8"),
        (changed("model_args", num_layers_flow=4), "num_layers_flow is 4, but there it is 1"),
        (changed("model_args", upsample_rates_decoder=[1, 16]), "kernel size 8"),
        (changed("model_args", upsample_rates_decoder=None), "expected a list of whole numbers"),
        (changed("characters", characters="abc"), "lists 11 symbols, but the voice has 12"),
        (changed("characters", characters=5), "characters.characters is 5, expected a text"),
        (changed("characters", characters_class="my.Own"), "order of symbols is not known"),
        (
            changed("characters", characters_class=None, is_unique=True, is_sorted=False),
            "by chance",
        ),
        (VALUES | {"phonemizer": "ja_jp_phonemizer"}, "made by 'ja_jp_phonemizer' for 'bg'"),
        (VALUES | {"enable_eos_bos_chars": True}, "characters.bos names no symbol"),
        (VALUES | {"audio": 3}, 'has no section "audio"'),
        (VALUES | {"lr_gen": "fast"}, "lr"),
        ([], "no config of Coqui"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path, values, message) -> None:
    path = write(tmp_path, values=values)
    with pytest.raises(UserError, match=message) as caught:
        open_voice(path)
    assert str(caught.value).isprintable()


def test_voices_of_several_languages_are_refused(tmp_path) -> None:
    weights = coqui_weights() | {"emb_l.weight": torch.ones(2, 4)}
    with pytest.raises(UserError, match="has embeddings of languages"):
        open_voice(write(tmp_path, weights))


def test_the_given_config_says_how_to_read_texts_that_only_others_could(tmp_path) -> None:
    given = open_voice(write(tmp_path / "a")).config
    path = write(tmp_path / "b", values=VALUES | {"phonemizer": "ja_jp_phonemizer"})
    assert open_voice(path, given).config.text.language == "bg"


def test_phonemes_of_gruut_are_told(tmp_path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        open_voice(write(tmp_path, values=VALUES | {"phonemizer": "gruut"}))
    assert "gruut" in caplog.text


class Stored(dict):
    """As a config of Coqui's, which went into its files as an object."""

    __qualname__ = "VitsConfig"

    def __setstate__(self, state: Any) -> None:
        os.environ["VITS_TEST_EXECUTED"] = "yes"


def test_a_config_object_in_the_file_is_passed_over_unopened(tmp_path, monkeypatch) -> None:
    name = "TTS.tts.configs.vits_config"
    module = types.ModuleType(name)
    module.VitsConfig = Stored
    for parent in ("TTS", "TTS.tts", "TTS.tts.configs"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Stored, "__module__", name)
    stored = Stored(model="vits")
    stored.a_state = True  # so that it is built with one
    path = write(tmp_path, config=stored)
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.delenv("VITS_TEST_EXECUTED", raising=False)
    assert open_voice(path).step == 42
    assert "VITS_TEST_EXECUTED" not in os.environ and name not in sys.modules
