"""A voice's weights in another model: the same sound where it can be, a stop where it cannot."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hifigan.discriminators import vits_discriminators
from hifigan.errors import UserError
from hifigan.json_config import config_to_dict
from tests.tiny_model import perturb
from vits.config import TextConfig, VitsConfig
from vits.model import VitsModel, make_model
from vits.transfer.relatives import TABLES, relatives
from vits.transfer.report import LoadReport
from vits.transfer.tables import NOISE, moved_rows, speaker_rows, symbol_rows
from vits.transfer.transfer import transfer

PATH = Path("voices/old.pt")
OLD_SYMBOLS = ("_", "a", "b", "c", "e", "t", ",", " ")
NEW_SYMBOLS = ("_", "é", "c", " ", "B", "a", "…", "ɾ", "t", ",", "ъ")  # lacks b and e
EMBEDDING = "text_encoder.embedding.weight"
Configure = Callable[..., VitsConfig]


@pytest.fixture
def configure(smallest: Configure, one_thread: None) -> Configure:
    """The smallest config with its symbols and speakers as given."""

    def make(
        *settings: str,
        symbols: tuple[str, ...] = OLD_SYMBOLS,
        speakers: tuple[str, ...] | None = None,
    ) -> VitsConfig:
        config = smallest(*settings)
        return dataclasses.replace(
            config,
            text=dataclasses.replace(config.text, symbols=symbols),
            data=dataclasses.replace(config.data, speakers=speakers),
        )

    return make


def modules(config: VitsConfig, seed: int) -> tuple[VitsModel, nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, discriminator = make_model(config), vits_discriminators(config.discriminator)
        perturb(model)
    return model.eval(), discriminator


def contents_of(config: VitsConfig, model: VitsModel, discriminator: nn.Module) -> dict[str, Any]:
    return {
        "config": config_to_dict(config),
        "generator": model.state_dict(),
        "discriminator": discriminator.state_dict(),
        "step": 7,
    }


def old_voice(config: VitsConfig) -> dict[str, Any]:
    return contents_of(config, *modules(config, seed=1))


def moved(
    contents: dict[str, Any], config: VitsConfig, *reinitialise: str, speaker: str | None = None
) -> tuple[VitsModel, nn.Module, LoadReport]:
    model, discriminator = modules(config, seed=2)
    report = transfer(contents, config, model, discriminator, reinitialise, speaker, path=PATH)
    return model, discriminator, report


def loaded(contents: dict[str, Any], config: VitsConfig) -> VitsModel:
    model = make_model(config).eval()
    model.load_state_dict(contents["generator"])
    return model


def spoken(model: VitsModel, speaker: int | None = None) -> Tensor:
    tokens = torch.tensor([[0, 5, 0, 2, 0, 4, 0, 6, 0]])
    who = None if speaker is None else torch.tensor([speaker])
    draw = torch.Generator().manual_seed(3)

    def noise(*shape: int, device: torch.device) -> Tensor:
        return torch.randn(*shape, generator=draw)

    return model.synthesize(tokens, torch.tensor([9]), who, draw=noise).wav_hat


def heard(model: VitsModel, speaker: int | None = None) -> Tensor:
    """What the posterior encoder and the flow make of a spectrogram: z_p."""
    spec = torch.rand(1, 65, 12, generator=torch.Generator().manual_seed(4))
    mask = torch.ones(1, 1, 12)
    who = None if speaker is None else model.speaker_embedding.weight[[speaker], :, None]
    with torch.no_grad():
        z = model.posterior_encoder(spec, mask, torch.zeros(1, 8, 12), who).z
        return model.flow(z, mask, who)


def states_equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_an_identical_config_loads_every_weight_to_the_bit(configure):
    config = configure(speakers=("anna", "boris"))
    contents = old_voice(config)
    model, discriminator, report = moved(contents, config)
    assert states_equal(model.state_dict(), contents["generator"])
    assert states_equal(discriminator.state_dict(), contents["discriminator"])
    assert report.share == 1 and not report.fresh_discriminators


def test_the_moving_average_goes_before_the_last_steps_weights(configure):
    config = configure()
    average = modules(config, seed=5)[0].state_dict()
    model, _, report = moved({**old_voice(config), "ema": average}, config)
    assert states_equal(model.state_dict(), average)
    assert "moving average" in report.text().splitlines()[0]


def test_shared_symbols_keep_their_rows_wherever_they_stand(configure):
    contents = old_voice(configure())
    model, _, report = moved(contents, configure(symbols=NEW_SYMBOLS))
    old, new = contents["generator"][EMBEDDING], model.state_dict()[EMBEDDING]
    shared = [symbol for symbol in NEW_SYMBOLS if symbol in OLD_SYMBOLS]
    assert len(shared) == 6
    for symbol in shared:
        assert torch.equal(new[NEW_SYMBOLS.index(symbol)], old[OLD_SYMBOLS.index(symbol)]), symbol
    assert report.dropped_symbols == ("b", "e")
    assert set(report.new_symbols) == {"é", "B", "…", "ɾ", "ъ"}
    rest = {name: t for name, t in model.state_dict().items() if name != EMBEDDING}
    assert all(torch.equal(tensor, contents["generator"][name]) for name, tensor in rest.items())


def test_a_new_symbol_begins_near_its_relative_but_not_on_it(configure):
    contents = old_voice(configure())
    model, _, _ = moved(contents, configure(symbols=NEW_SYMBOLS))
    old, new = contents["generator"][EMBEDDING], model.state_dict()[EMBEDDING]
    for symbol, relative in {"é": "e", "B": "b", "…": ",", "ɾ": "t", "ъ": "a"}.items():
        row = new[NEW_SYMBOLS.index(symbol)]
        away = row - old[OLD_SYMBOLS.index(relative)]
        assert 0 < away.std() < 2 * NOISE * old.std(), symbol
        assert torch.cdist(row[None], old).argmin() == OLD_SYMBOLS.index(relative), symbol


def test_a_transfer_gives_the_same_every_time(configure):
    contents, config = old_voice(configure()), configure(symbols=NEW_SYMBOLS)
    assert states_equal(*(moved(contents, config)[0].state_dict() for _ in range(2)))


@pytest.mark.parametrize(
    "symbol, known, relative",
    [
        ("ˈ", "aˌ'", "ˌ"),
        ("ˑ", "aː:", "ː"),
        ("É", "Eeé", "é"),
        ("é", "Eae", "e"),
        ("ł", "tlk", "l"),
        ("ɐ", "aəʌ", "ə"),
        ("ɫ", "ntl", "l"),
        ("ɾ", "dtn", "t"),
        ("ɡ", "kg", "g"),
        ("—", ",;.", ","),
        ("…", ",.!", "."),
        ("ж", "zʒx", "ʒ"),
        ("Ж", "zx", "z"),
    ],
)
def test_a_symbols_relative_is_the_closest_known_one(symbol, known, relative):
    assert relatives(symbol, known)[0] == [relative]


def test_without_a_relative_the_symbols_of_its_kind_stand_in_together():
    assert relatives("ʘ", "aeksb,")[0] == ["k", "s", "b"]
    assert relatives("¶", "ak,.")[0] == [",", "."]
    assert relatives("漢", "ak,")[0] == ["a", "k"]
    assert relatives("a", ",.")[0] == [",", "."]


def test_every_entry_of_the_tables_names_others_than_itself():
    entries = [entry for _, table in TABLES for entry in table.split()]
    assert all(len(entry) > 1 and len(set(entry)) == len(entry) for entry in entries)


def text_config(symbols: tuple[str, ...], **roles: str) -> TextConfig:
    return TextConfig("characters", "en", symbols, True, **roles)


def test_blank_start_and_end_are_known_by_what_they_do():
    old = text_config(("<PAD>", "a", "<BLNK>", "^"), blank="<BLNK>", start="^")
    new = text_config(("_", "[", "a", "]", "<unused 1>"), start="[", end="]")
    rows = symbol_rows(old, new).rows
    assert [row.sources for row in rows[:3]] == [(2,), (3,), (1,)]
    assert [row.why for row in rows[:3]] == ["", "", ""]
    assert rows[3].sources == (2,) and rows[3].why == "the blank"


def test_a_blank_that_becomes_text_does_not_keep_its_row():
    old = text_config(("_", "a", " "))
    rows = symbol_rows(old, text_config(("<PAD>", "_", "a", " "))).rows
    assert rows[0].sources == (0,) and rows[0].why == ""
    assert rows[1].why


def test_rows_that_no_text_reaches_come_and_go_in_silence():
    old = text_config(("_", "a", "<unused 1>", "<unused 2>"), blank="_")
    change = symbol_rows(old, text_config(("_", "<unused 9>", "a"), blank="_"))
    assert change.dropped == () and change.relatives == {}


def test_a_changed_set_of_speakers_is_matched_by_name(configure):
    contents = old_voice(configure(speakers=("anna", "boris", "carl")))
    config = configure(speakers=("dora", "carl", "anna"))
    model, _, report = moved(contents, config)
    old = contents["generator"]["speaker_embedding.weight"]
    new = model.state_dict()["speaker_embedding.weight"]
    assert torch.equal(new[1], old[2]) and torch.equal(new[2], old[0])
    away = (new[0] - old.mean(0)).abs().max()
    assert 0 < away < 5 * NOISE * old.std()
    assert report.dropped_speakers == ("boris",) and list(report.new_speakers) == ["dora"]
    before = loaded(contents, configure(speakers=("anna", "boris", "carl")))
    assert torch.equal(spoken(model, 1), spoken(before, 2))


def test_moved_speakers_are_the_mean_of_all_where_they_are_new():
    table = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    change = speaker_rows(["a", "b"], ["b", "c"])
    made = moved_rows(table, change)
    assert torch.equal(made[0], table[1])
    torch.testing.assert_close(made[1], torch.tensor([2.0, 4.0]), atol=1.0, rtol=0)


@pytest.mark.parametrize("kind", ["stochastic", "deterministic"])
def test_every_one_of_many_begins_as_the_single_voice(configure, kind):
    kind = f"model.duration_predictor.kind={kind}"
    contents = old_voice(configure(kind))
    model, _, report = moved(contents, configure(kind, speakers=("anna", "boris")))
    before = loaded(contents, configure(kind))
    for speaker in (0, 1):
        assert torch.equal(spoken(model, speaker), spoken(before))
        assert torch.equal(heard(model, speaker), heard(before))
    table = model.speaker_embedding.weight
    assert not torch.equal(table[0], table[1])
    assert report.share == 1 and "begins as the old voice" in report.text()


def test_the_many_can_learn_to_differ_from_the_single_voice(configure):
    config = configure(speakers=("anna", "boris"))
    model, _, _ = moved(old_voice(configure()), config)
    who = model.speaker_embedding(torch.tensor([0, 1]))[:, :, None]
    wavenet = model.flow.couplings[0].wavenet
    wavenet(torch.randn(2, 16, 5), torch.ones(2, 1, 5), who).square().sum().backward()
    gradient = wavenet.condition.parametrizations.weight.original0.grad
    assert gradient.isfinite().all() and gradient.abs().max() > 0


@pytest.mark.parametrize("who, speaker", [("boris", 1), (None, 2)])
def test_one_out_of_many_speaks_as_before(configure, who, speaker):
    many = configure(speakers=("anna", "boris", "mean"))
    contents = old_voice(many)
    table = contents["generator"]["speaker_embedding.weight"]
    table[2] = table[:2].mean(0)  # so that the mean of all is this row, too
    before = loaded(contents, many)
    model, _, report = moved(contents, configure(), speaker=who)
    torch.testing.assert_close(spoken(model), spoken(before, speaker), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(heard(model), heard(before, speaker), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(spoken(model), spoken(before, 0), atol=1e-4)
    assert report.share == 1 and not any(tensor.misfit for tensor in report.tensors)


def test_one_out_of_many_keeps_its_rhythm_within_a_text(configure):
    kind = "model.duration_predictor.kind=deterministic"
    many = configure(kind, speakers=("anna", "boris"))
    contents = old_voice(many)
    before, (after, _, _) = loaded(contents, many), moved(contents, configure(kind), speaker="anna")
    hidden, mask = torch.randn(1, 16, 9), torch.ones(1, 1, 9)
    who = before.speaker_embedding.weight[[0], :, None]
    with torch.no_grad():
        old = before.duration_predictor.log_durations(hidden, mask, who)
        new = after.duration_predictor.log_durations(hidden, mask)
    inside = slice(2, -2)  # two convolutions of 3 reach two symbols in from the padding
    torch.testing.assert_close(new[..., inside], old[..., inside])


def test_gates_are_folded_in_the_order_of_their_layers(configure):
    layers = "model.posterior_encoder.n_layers=12"
    many = configure(layers, speakers=("anna", "boris"))
    contents = old_voice(many)
    contents["generator"] = dict(sorted(contents["generator"].items()))  # 10 comes before 2
    model, _, _ = moved(contents, configure(layers), speaker="boris")
    before = loaded(contents, many)
    torch.testing.assert_close(heard(model), heard(before, 1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "old, new, found",
    [
        (("anna", "boris"), None, "no speaker 'bo'.*boris"),
        (None, None, "has one speaker"),
        (("anna",), ("anna", "bo"), "which keeps all"),
    ],
)
def test_a_speaker_who_cannot_be_taken_out_is_an_error(configure, old, new, found):
    with pytest.raises(UserError, match=found):
        moved(old_voice(configure(speakers=old)), configure(speakers=new), speaker="bo")


def test_a_part_to_be_reinitialised_stays_as_it_was_made(configure):
    contents, config = old_voice(configure()), configure(symbols=NEW_SYMBOLS)
    model, discriminator, report = moved(contents, config, "flow", EMBEDDING, "discriminator")
    made, judges = modules(config, seed=2)
    for name, tensor in model.state_dict().items():
        kept = name.startswith("flow.") or name == EMBEDDING
        source = made.state_dict() if kept else contents["generator"]
        assert torch.equal(tensor, source[name]), name
    assert states_equal(discriminator.state_dict(), judges.state_dict())
    assert report.fresh_discriminators and report.share == 1 and not report.new_symbols


def test_weight_norm_is_never_split(configure):
    config = configure()
    contents = old_voice(config)
    model, _, report = moved(contents, config, "decoder.stages.0.upsample.*original0")
    assert report.share == 1
    layer = "decoder.stages.0.upsample.parametrizations.weight.original"
    made = modules(config, seed=2)[0].state_dict()
    for tensor in (layer + "0", layer + "1"):
        assert torch.equal(model.state_dict()[tensor], made[tensor])


@pytest.mark.parametrize(
    "setting, parts",
    [
        ("model.text_encoder.n_heads=4", "text_encoder"),
        ("model.decoder.resblock_dilations=[[1, 3]]", "decoder"),
        ("model.decoder.upsample_initial_channels=32", "decoder"),
        ("model.duration_predictor.kind=deterministic", "duration_predictor"),
        ("model.latent_channels=16", "text_encoder posterior_encoder flow decoder"),
        ("audio.sample_rate=16000", "posterior_encoder decoder"),
        ("audio.win_length=100", "posterior_encoder"),
        ("text.add_blank=false", "duration_predictor text_encoder"),
        ("discriminator.periods=[2, 5]", "discriminator"),
        ("discriminator.period_channels=[4, 16]", "discriminator"),
    ],
)
def test_weights_of_another_meaning_stop_until_their_parts_are_named(configure, setting, parts):
    contents, config = old_voice(configure()), configure(setting)
    model, discriminator = modules(config, seed=2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(UserError) as error:
        transfer(contents, config, model, discriminator, path=PATH)
    message = str(error.value)
    assert message.startswith(f"{PATH}: its {setting.partition('=')[0]} is ")
    assert set(message.partition("--ignore_layers ")[2].split()) == set(parts.split())
    assert "\n" not in message and states_equal(before, model.state_dict())
    transfer(contents, config, model, discriminator, parts.split(), path=PATH)


def test_discriminators_of_which_a_tensor_misfits_stop_until_they_are_named(configure):
    config = configure()
    contents = old_voice(config)
    bias = "members.0.output.bias"
    contents["discriminator"] = {**contents["discriminator"], bias: torch.zeros(2)}
    with pytest.raises(UserError, match=rf"{bias} is \[2\], here \[1\]; .*layers discriminator"):
        moved(contents, config)
    assert moved(contents, config, "discriminator")[2].fresh_discriminators


def test_speakers_of_another_width_stop_until_their_layers_are_named(configure):
    contents = old_voice(configure(speakers=("anna", "boris")))
    config = configure("model.speaker_channels=6", speakers=("anna", "boris"))
    with pytest.raises(UserError, match=r"speaker_channels is 4.*'\*\.condition\.\*'"):
        moved(contents, config)
    moved(contents, config, "speaker_embedding", "*.condition.*")


def test_mels_language_and_dropout_may_change(configure):
    settings = ("audio.n_mels=30", "audio.f_min=50", "text.language=bg")
    config = configure(*settings, "model.text_encoder.dropout=0.2")
    assert moved(old_voice(configure()), config)[2].share == 1


def test_a_file_that_lacks_much_of_a_voice_stops_with_the_flag_that_allows_it(configure):
    config = configure()
    contents = old_voice(config)
    contents["generator"] = {k: v for k, v in contents["generator"].items() if "flow" not in k}
    with pytest.raises(UserError) as error:
        moved(contents, config)
    message = str(error.value)
    assert message.startswith(f"{PATH}: only ") and "expected 90% or more" in message
    flags = message.partition("--ignore_layers ")[2].split()
    predictor = {"duration_predictor.flows", "duration_predictor.posterior_flows"}
    assert set(flags) == {"flow"} | predictor  # of the latter the rest fits
    assert moved(contents, config, *flags)[2].share == 1


def test_what_a_format_never_holds_is_no_loss(configure):
    config = configure()
    contents = old_voice(config)
    contents["generator"] = {
        k: v for k, v in contents["generator"].items() if not k.startswith("posterior_encoder.")
    }
    contents["absent"] = ["posterior_encoder.*"]
    contents["format"] = "Piper ONNX"
    del contents["discriminator"]
    _, discriminator, report = moved(contents, config)
    assert report.share == 1 and report.fresh_discriminators
    assert states_equal(discriminator.state_dict(), modules(config, seed=2)[1].state_dict())
    assert "Piper ONNX" in report.text()


def test_values_of_parts_that_the_file_lacks_are_free(configure):
    contents = old_voice(configure())
    contents["generator"] = {
        k: v for k, v in contents["generator"].items() if not k.startswith("posterior_encoder.")
    }
    contents["absent"] = ["posterior_encoder"]
    settings = ("audio.n_fft=256", "audio.win_length=256", "model.posterior_encoder.n_layers=3")
    assert moved(contents, configure(*settings))[2].share == 1


@pytest.mark.parametrize("reinitialise", [(), ("*",)])
def test_a_file_of_which_nothing_is_loaded_is_an_error(configure, reinitialise):
    config = configure()
    contents = old_voice(config)
    if not reinitialise:
        contents["generator"] = {f"other.{k}": v for k, v in contents["generator"].items()}
    with pytest.raises(UserError, match=f"{PATH}: none of its weights would be loaded"):
        moved(contents, config, *reinitialise)


def test_a_table_that_its_own_config_does_not_describe_is_an_error(configure):
    contents = old_voice(configure())
    contents["config"]["text"]["symbols"].append("z")
    with pytest.raises(UserError, match="has 8 rows, but its config lists 9 symbols"):
        moved(contents, configure())


def test_half_precision_is_read_too(configure):
    contents = old_voice(configure(speakers=("anna", "boris")))
    contents["generator"] = {k: v.half() for k, v in contents["generator"].items()}
    model, _, _ = moved(contents, configure(symbols=NEW_SYMBOLS), speaker="anna")
    assert all(tensor.dtype == torch.float32 for tensor in model.state_dict().values())


def test_a_transferred_voice_can_be_transferred_again(configure):
    first = configure(symbols=NEW_SYMBOLS, speakers=("anna", "boris"))
    model, discriminator, _ = moved(old_voice(configure()), first)
    contents = contents_of(first, model, discriminator)
    again, _, _ = moved(contents, first)
    assert states_equal(again.state_dict(), model.state_dict())
    back, _, report = moved(contents, configure(), speaker="boris")
    old = old_voice(configure())["generator"]
    rows = [OLD_SYMBOLS.index(symbol) for symbol in OLD_SYMBOLS if symbol in NEW_SYMBOLS]
    assert torch.equal(back.state_dict()[EMBEDDING][rows], old[EMBEDDING][rows])
    assert report.dropped_symbols == ("é", "B", "…", "ɾ", "ъ")
