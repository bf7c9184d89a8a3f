"""The original VITS's and MMS's files are read whole, or refused in one line that tells why."""

import json
import logging
from typing import Any

import pytest
import torch

from hifigan.errors import UserError
from tests.exchange_original_vits import (
    CONFIG,
    FEW,
    SYMBOLS,
    Counts,
    checkpoint,
    d_weights,
    g_weights,
    with_speakers,
    write_voice,
)
from tests.recorded import recording
from tests.test_original_vits import DISCRIMINATOR
from vits.config import VitsConfig
from vits.exchange.names import judge_table
from vits.exchange.original import original_discriminator, original_weights
from vits.exchange.recogniser import OpenedVoice, as_checkpoint, open_for_training, open_voice
from vits.model import make_model
from vits.text import SymbolTable
from vits.text.published import PUBLISHED

VOICES = {
    "one speaker": (CONFIG, True),
    "many speakers": (with_speakers(3), True),
    "plain durations": (CONFIG, False),
    "plain durations of many speakers": (with_speakers(2), False),
    "resblocks of kind 2": (
        CONFIG
        | {
            "model": CONFIG["model"]
            | {"resblock": "2", "resblock_dilation_sizes": [[1, 2], [2, 6]]}
        },
        True,
    ),
}


def changed(section: str, **values: Any) -> dict[str, Any]:
    return CONFIG | {section: CONFIG[section] | values}


def assert_equal(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(wanted)
    for name in wanted:
        assert torch.equal(found[name], wanted[name]), name


@pytest.mark.parametrize("voice", VOICES)
def test_what_comes_in_goes_out_equal_to_the_bit(tmp_path, voice) -> None:
    config, stochastic = VOICES[voice]
    counts = Counts() if voice == "many speakers" else FEW
    weights, judge = g_weights(config, counts=counts, stochastic=stochastic), d_weights()
    opened = open_voice(write_voice(tmp_path, weights, config, judge))
    assert (opened.format, opened.step, opened.absent) == ("original VITS", 1200, ())
    assert_equal(original_weights(opened.config, opened.generator), weights)
    assert_equal(original_discriminator(opened.config, opened.discriminator), judge)
    make_model(opened.config).load_state_dict(opened.generator)


@pytest.mark.parametrize("name", ["original_vits_single_speaker", "original_vits_multi_speaker"])
def test_names_stand_in_the_order_of_the_originals_own_state_dict(tmp_path, name) -> None:
    recorded = recording(name)
    model = dict(recorded["config"])
    data = {
        "n_speakers": model.pop("n_speakers"),
        "sampling_rate": 22050,
        "filter_length": 1024,
        "hop_length": 256,
        "win_length": 1024,
        "n_mel_channels": 80,
    }
    config = changed("data", **data) | {"model": model}
    config |= {
        "train": {},
        "symbols": SYMBOLS + [chr(0x400 + i) for i in range(recorded["n_vocab"])],
    }
    config["symbols"] = config["symbols"][: recorded["n_vocab"]]
    opened = open_voice(write_voice(tmp_path, recorded["state_dict"], config))
    assert_equal(original_weights(opened.config, opened.generator), recorded["state_dict"])
    assert list(judge_table(DISCRIMINATOR)) == list(recorded["discriminator_keys"])


def test_audio_training_and_losses_travel(tmp_path) -> None:
    config = open_voice(write_voice(tmp_path, g_weights())).config
    audio = config.audio
    assert (audio.sample_rate, audio.n_fft, audio.hop_length, audio.win_length) == (
        8000,
        64,
        16,
        48,
    )
    assert (audio.n_mels, audio.f_min, audio.f_max) == (10, 0.0, None)
    train = config.train
    assert (train.seed, train.epochs, train.batch_size, train.lr) == (7, 100, 4, 0.0003)
    assert (train.segment_samples, train.mixed_precision) == (96, True)
    assert train.optimizer_options["betas"] == [0.8, 0.98]
    assert train.lr_schedule_options == {"gamma": 0.99}
    assert (config.loss.mel, config.loss.kl) == (40.0, 0.5)
    assert config.model.text_encoder.dropout == 0.2
    assert config.model.posterior_encoder.n_layers == FEW.posterior  # n_layers_q is nobody's


def test_a_fork_s_symbols_and_speakers_travel(tmp_path) -> None:
    config = with_speakers(2) | {"symbols": [*SYMBOLS[:-3], "ab", "a", ""], "speakers": ["x", "y"]}
    opened = open_voice(write_voice(tmp_path, g_weights(config), config))
    symbols = opened.config.text.symbols
    assert symbols[-3:] == ("<ab>", "a", f"<unused {len(SYMBOLS) - 1}>")
    assert symbols[2] == "<unused 2>"  # the row of an "a" whose id is a later one
    assert SymbolTable(opened.config.text).encode(["a"]) == [0, len(SYMBOLS) - 2, 0]
    assert opened.config.data.speakers == ("x", "y")


def test_speakers_without_names_are_called_by_numbers(tmp_path) -> None:
    config = with_speakers(3)
    opened = open_voice(write_voice(tmp_path, g_weights(config), config))
    assert opened.config.data.speakers == ("0", "1", "2")


def test_a_voice_of_178_symbols_has_the_published_table(tmp_path) -> None:
    config = {k: v for k, v in CONFIG.items() if k != "symbols"}
    opened = open_voice(write_voice(tmp_path, g_weights(n_symbols=178), config))
    table, text = SymbolTable(opened.config.text), opened.config.text
    assert (text.front_end, text.language, text.blank, len(PUBLISHED)) == (
        "phonemes",
        "en-us",
        None,
        178,
    )
    for symbol, row in {" ": 16, "A": 17, "z": 68, "ɑ": 69, "ˈ": 156, "'": 176, "ᵻ": 177}.items():
        assert table.encode([symbol]) == [0, row, 0], symbol


def test_conditions_on_speakers_that_a_voice_has_not_are_left_out(tmp_path) -> None:
    """The original makes them wherever gin_channels is set, and never calls them."""
    config = changed("model", gin_channels=5)
    weights = g_weights(config)
    assert "dec.cond.weight" in weights and "emb_g.weight" not in weights
    opened = open_voice(write_voice(tmp_path, weights, config))
    assert opened.config.data.speakers is None
    assert_equal(
        original_weights(opened.config, opened.generator),
        {name: w for name, w in weights.items() if ".cond" not in name},
    )


def mms(folder, symbols: str = "ka' b-cdefgh", **data: Any):
    config = changed("data", **data)
    del config["symbols"], config["data"]["text_cleaners"]
    write_voice(folder, g_weights(n_symbols=len(symbols)), config, step=100000)
    (folder / "vocab.txt").write_text("".join(f"{s}\n" for s in symbols), encoding="utf-8")
    return folder


def test_a_language_of_mms_has_its_vocabulary_and_a_letter_for_blank(tmp_path) -> None:
    opened = open_voice(mms(tmp_path))
    text = opened.config.text
    assert (opened.format, opened.step, opened.path.name) == ("MMS", 100000, "G_100000.pth")
    assert (text.front_end, text.blank, "".join(text.symbols)) == (
        "characters",
        "k",
        "ka' b-cdefgh",
    )
    assert SymbolTable(text).encode(["k", "a"]) == [0, 0, 0, 1, 0]


def test_a_vocabulary_of_another_length_is_refused(tmp_path) -> None:
    (mms(tmp_path) / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(UserError, match="vocab.txt: lists 2 symbols, but G_100000.pth has 12"):
        open_voice(tmp_path)


def test_romanised_languages_of_mms_are_told(tmp_path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        open_voice(mms(tmp_path / "a", training_files="train.ltr"))
        assert "uroman" not in caplog.text
        open_voice(mms(tmp_path / "b", training_files="train.uroman"))
    assert "uroman" in caplog.text


@pytest.mark.parametrize(
    "spelling", ["over DDP", "new weight norm", "no weight norm", "half", "bare"]
)
def test_all_spellings_of_the_same_weights_are_the_same_voice(tmp_path, spelling) -> None:
    weights = g_weights()
    wanted = open_voice(write_voice(tmp_path / "plain", weights)).generator
    path = write_voice(tmp_path / "other", weights)
    if spelling == "over DDP":
        weights = {f"module.{name}": w for name, w in weights.items()}
    elif spelling == "new weight norm":
        weights = {
            name.replace("weight_g", "parametrizations.weight.original0").replace(
                "weight_v", "parametrizations.weight.original1"
            ): w
            for name, w in weights.items()
        }
    elif spelling == "half":
        weights = {name: w.half() for name, w in weights.items()}
    elif spelling == "no weight norm":
        for name in [name for name in weights if name.endswith("weight_v")]:
            direction, norm = weights.pop(name), weights.pop(name[:-1] + "g")
            length = torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
            weights[name.removesuffix("_v")] = direction * norm / length
    torch.save(weights if spelling == "bare" else checkpoint(weights), path)
    found = open_voice(path).generator
    if spelling == "no weight norm":
        models = [make_model(open_voice(path).config) for _ in range(2)]
        for model, state in zip(models, (wanted, found)):
            model.load_state_dict(state)
        folded, plain = (m.decoder.stages[0].upsample.weight for m in models)
        torch.testing.assert_close(folded, plain)
        return
    for name in wanted:
        torch.testing.assert_close(
            found[name], wanted[name], atol=0, rtol=1e-3 * (spelling == "half")
        )


def test_the_newest_of_a_folder_is_taken_by_number(tmp_path) -> None:
    for step in (900, 1000, 99):
        write_voice(tmp_path, g_weights(), step=step)
    assert open_voice(tmp_path).step == 1000


def test_a_d_stands_for_the_g_beside_it(tmp_path) -> None:
    path = write_voice(tmp_path, g_weights(), judge=d_weights())
    assert open_voice(tmp_path / "D_1200.pth").path == path
    path.unlink()
    with pytest.raises(UserError, match="the discriminators alone"):
        open_voice(tmp_path / "D_1200.pth")
    with pytest.raises(UserError, match="has discriminators .D_.*but no generator"):
        open_voice(tmp_path)


def test_a_download_alone_takes_the_one_config_beside_it(tmp_path) -> None:
    torch.save(checkpoint(g_weights()), tmp_path / "pretrained_ljs.pth")
    (tmp_path / "ljs_base.json").write_text(json.dumps(CONFIG))
    assert open_voice(tmp_path).path.name == "pretrained_ljs.pth"
    (tmp_path / "vctk_base.json").write_text(json.dumps(CONFIG))
    with pytest.raises(UserError, match="several configs lie beside it"):
        open_voice(tmp_path)


def test_a_given_config_serves_where_none_is_beside(tmp_path) -> None:
    opened = open_voice(write_voice(tmp_path / "a", g_weights()))
    alone = write_voice(tmp_path / "b", g_weights(), config=None)
    again = open_voice(alone, opened.config)
    assert again.config == opened.config
    with pytest.raises(UserError, match="has no config.json beside it; .* -c"):
        open_voice(alone)


def test_the_given_config_says_how_to_read_texts_that_only_others_could(tmp_path) -> None:
    given = open_voice(write_voice(tmp_path / "a", g_weights())).config
    path = write_voice(
        tmp_path / "b", g_weights(), changed("data", text_cleaners=["cjke_cleaners2"])
    )
    with pytest.raises(
        UserError, match=r"text_cleaners is \['cjke_cleaners2'\].*pass a config .-c"
    ):
        open_voice(path)
    assert open_voice(path, given).config.text.front_end == given.text.front_end


def test_cleaners_of_letters_make_letters(tmp_path) -> None:
    for i, cleaner in enumerate(("basic_cleaners", "transliteration_cleaners")):
        config = changed("data", text_cleaners=[cleaner])
        opened = open_voice(write_voice(tmp_path / str(i), g_weights(), config))
        assert opened.config.text.front_end == "characters"


def test_keys_without_a_meaning_here_are_named_in_the_debug_log(tmp_path, caplog) -> None:
    with caplog.at_level(logging.DEBUG, "vits"):
        open_voice(write_voice(tmp_path, g_weights()))
    assert "not read: data.cleaned_text, model.n_layers_q, train.log_interval" in caplog.text


@pytest.mark.parametrize(
    "config, message",
    [
        (changed("model", hidden_channels=16), "model.hidden_channels is 16, but there it is 8"),
        (changed("model", n_heads=4, n_layers=6), "n_heads is 4.*n_layers is 6, but there it is 2"),
        (changed("model", n_layers=10**9), "is not the config of G_1200.pth"),
        (changed("model", upsample_rates=[16, 1]), "kernel size 8 is smaller"),
        (changed("model", upsample_rates=[4, 4, 2]), "upsample"),
        (changed("model", upsample_rates="4,4"), "expected a list of whole numbers"),
        (changed("model", use_spectral_norm=True), "use_spectral_norm is set"),
        (changed("model", resblock_dilation_sizes=[[1, 3], [1, 2, 4]]), "has unknown"),
        (changed("data", n_speakers=4), "n_speakers is 4, but G_1200.pth has 0 rows"),
        (changed("data", filter_length=32), "misfits|win_length|smaller"),
        (changed("data", hop_length="16"), "hop_length"),
        (changed("data", hop_length=32), "upsample_rates"),
        (changed("data", add_blank=1), "add_blank"),
        (changed("train", segment_size=100), "segment_samples 100 is not a multiple"),
        (changed("train", c_mel=None), "loss.mel|mel"),
        (CONFIG | {"symbols": SYMBOLS[:-1]}, "lists 11 symbols, but G_1200.pth has 12"),
        (CONFIG | {"symbols": 5}, 'put a list "symbols"'),
        ({k: v for k, v in CONFIG.items() if k != "symbols"}, 'put a list "symbols"'),
        ({k: v for k, v in CONFIG.items() if k != "data"}, 'has no section "data"'),
        ({"audio": {}, "text": {}}, 'has no section "train"'),
        ([], "no config of VITS"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path, config, message) -> None:
    path = write_voice(tmp_path, g_weights(), config)
    with pytest.raises(UserError, match=message) as caught:
        open_voice(path)
    assert str(caught.value).isprintable() and str(tmp_path) in str(caught.value)


def test_weights_that_are_missing_left_over_or_misshapen_are_named(tmp_path) -> None:
    for change, message in (
        (lambda w: w.pop("enc_q.proj.bias"), "lacks posterior_encoder.projection.bias"),
        (lambda w: w.update({"enc_p.more.weight": torch.ones(2)}), "has unknown enc_p.more.weight"),
        (lambda w: w.update({"enc_q.proj.bias": torch.ones(5)}), r"misfits: enc_q.proj.bias \[5\]"),
        (
            lambda w: w.update({"enc_q.proj.bias": torch.ones(12).int()}),
            "is no float32: enc_q.proj",
        ),
        (lambda w: w.update({"flow.flows.999999999.pre.bias": torch.ones(1)}), "no layer of VITS"),
        (
            lambda w: w.update({"dp.pre.weight": torch.ones(())}),
            r"dp.pre.weight has the shape \[\]",
        ),
    ):
        weights = g_weights()
        change(weights)
        with pytest.raises(UserError, match=message):
            open_voice(write_voice(tmp_path, weights))


def test_a_d_of_another_network_is_refused(tmp_path) -> None:
    judge = d_weights()
    del judge["discriminators.2.conv_post.bias"]
    path = write_voice(tmp_path, g_weights(), judge=judge)
    with pytest.raises(UserError, match="D_1200.pth: its discriminators and the config do not fit"):
        open_voice(path)
    torch.save(checkpoint(g_weights()), tmp_path / "D_1200.pth")
    with pytest.raises(UserError, match="D_1200.pth: holds no discriminators"):
        open_voice(path)


def test_it_begins_a_training_as_a_checkpoint_of_ours_does(tmp_path) -> None:
    path = write_voice(tmp_path, g_weights(), judge=d_weights())
    place, contents = open_for_training(None)(tmp_path)
    opened: OpenedVoice = open_voice(tmp_path)
    assert place == path
    assert set(contents) == {
        "config", "generator", "discriminator", "step", "epoch", "absent", "format",
    }  # fmt: skip
    assert (contents["absent"], contents["format"]) == ([], "original VITS")
    assert isinstance(opened.config, VitsConfig) and as_checkpoint(opened)["step"] == 1200
